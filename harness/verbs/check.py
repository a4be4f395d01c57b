"""`check`: what a Dockerfile does otherwise on another target, without building it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.check.context import Context, of_folder
from harness.check.findings import IMPACTS, check
from harness.check.rules import RULES
from harness.check.source import Source
from harness.errors import UsageError
from harness.judge.behaviours_file import Behaviours, read_all
from harness.report import check as report
from harness.report.check_record import check_json
from harness.targets import names
from harness.verbs import output, places

#: Bytes of a Dockerfile that are read; builders take no more of one either.
_LARGEST = 1 << 20
_NAMES = ("Dockerfile", "Containerfile")


@click.command
@click.argument("paths", nargs=-1, metavar="[DOCKERFILE|FOLDER|-]...")
@click.option(
    "--from",
    "before",
    default="legacy@20.10.24",
    show_default=True,
    metavar="TARGET",
    help="What is left: docker@20.10, buildah@1.39, legacy@20.10.24.",
)
@click.option(
    "--to",
    "after",
    multiple=True,
    metavar="TARGET",
    help="What is moved to; repeatable.  [default: the newest BuildKit]",
)
@click.option(
    "--context",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that is the build context. Default: the folder that is named.",
)
@click.option("--target", default="", metavar="STAGE", help="As of docker build.")
@click.option(
    "--build-arg", "args", multiple=True, metavar="NAME=VALUE", help="Repeatable."
)
@click.option(
    "--fail-on",
    type=click.Choice([*IMPACTS, "never"]),
    default="image",
    show_default=True,
    help="Exit with 1 for a certain finding that is as bad or worse.",
)
@output.text_or_json
@places.cases
@places.results
def command(
    *,
    paths: tuple[str, ...],
    before: str,
    after: tuple[str, ...],
    context: Path | None,
    target: str,
    args: tuple[str, ...],
    fail_on: str,
    form: str,
    root: Path,
    results: Path | None,
) -> int:
    """Say what a Dockerfile does otherwise on another target, without building it.

    A folder is a build context with its Dockerfile; without one it is the folder here.
    Of a file the context is not known unless --context names it. Every finding stands
    on a case that was measured on both targets.

    \b
    Examples:
      layer-harness check                                what changes with BuildKit?
      layer-harness check apps/web --from docker@20.10 --to docker@28 --to buildah
      layer-harness check - --to podman < Dockerfile
    """  # noqa: D301  # click's mark
    known = _behaviours(places.results_folder(root, results))
    one = names.one(before, known.builders, known.targets)
    others = [
        names.one(each, known.builders, known.targets)
        for each in after or ("buildkit",)
    ]
    checked = [
        check(_source(path, context, target, args), RULES, known.by_case, one, others)
        for path in paths or (".",)
    ]
    if form == "json":
        output.show(check_json(checked, one, others))
    else:
        output.show(report.text(checked, one, others, output.screen()))
    if fail_on == "never":
        return 0
    counted = IMPACTS[: IMPACTS.index(fail_on) + 1]
    return int(
        any(
            finding.occurrence.certain and finding.impact in counted
            for each in checked
            for finding in each.findings
        )
    )


def _behaviours(folder: Path) -> Behaviours:
    path = folder / "behaviours.json"
    try:
        return read_all(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="`layer-harness matrix --write` writes it",
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise UsageError(
            "is no file of behaviours of this version",
            where=str(path),
            hint="`layer-harness matrix --write` writes it again",
        ) from error


def _source(
    path: str, context: Path | None, target: str, args: tuple[str, ...]
) -> Source:
    """Read a Dockerfile; UsageError where it cannot be, or is none."""
    place = Path(path)
    folder = context
    name = "Dockerfile"
    if path == "-":
        text, shown = sys.stdin.buffer.read(_LARGEST + 1), "-"
    else:
        if place.is_dir():
            folder = context or place
            found = [place / each for each in _NAMES if (place / each).is_file()]
            if not found:
                raise UsageError(
                    "has no Dockerfile", where=path, hint="name the Dockerfile itself"
                )
            place = found[0]
        text, shown = _bytes(place), str(place)
        name = place.name
        if folder is not None and place.is_relative_to(folder):
            name = place.relative_to(folder).as_posix()
    if len(text) > _LARGEST:
        raise UsageError(
            "is larger than 1 MiB", where=shown, hint="no builder takes such a file"
        )
    listed: Context | None = None if folder is None else of_folder(folder)
    return Source(
        path=shown,
        text=text.decode(errors="replace"),
        name=name,
        args=dict(map(_argument, args)),
        target=target,
        context=listed,
    )


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(
                "is no file", where=str(path), hint="name a Dockerfile, a folder or -"
            )
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(path)
        ) from error


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(
            f"`{text}` is no build argument", hint="write --build-arg NAME=VALUE"
        )
    return name, value
