"""`try`: build one's own Dockerfile on several targets, and say what differs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from harness import own_dockerfile
from harness.book.explaining import Explaining
from harness.cases.notation import Aspect
from harness.documents import regular_file
from harness.documents.document import nearest
from harness.errors import UsageError
from harness.judge.behaviour import Behaviour
from harness.judge.behaviours_file import read_behaviours
from harness.judge.facts import ASPECTS
from harness.judge.sameness import Sameness, sameness
from harness.measure.observation import Observation
from harness.own_dockerfile import BuildOptions, OwnDockerfile
from harness.provision.events import CaseMeasured, Event
from harness.provision.given_bases import AskedBases
from harness.provision.settings import Settings
from harness.report import try_record, try_text
from harness.report.try_record import TriedBase, TriedRecord
from harness.results.record import encode
from harness.session import Done, Session, opened
from harness.targets.target import Target
from harness.verbs import options, places
from harness.verbs.try_targets import chosen, named, usual_selectors

#: Seconds that a build may take: real ones take minutes.
_LIMIT = 1800.0


def _pairs(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    """Read KEY=VALUE; a KEY alone has its value from the environment, as in docker."""
    found = {}
    for each in given:
        key, sign, value = each.partition("=")
        if sign:
            found[key] = value
        elif key in os.environ:
            found[key] = os.environ[key]
    return found


def _secrets(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    """Read id=ID,src=FILE or id=ID,env=NAME, as docker does."""
    found = {}
    for each in given:
        parts = dict(word.partition("=")[::2] for word in each.split(","))
        name = parts.get("id", "")
        source = parts.get("src") or parts.get("source") or ""
        variable = parts.get("env") or name
        if not name:
            raise UsageError("a secret needs an id", where=each, hint="id=ID,src=FILE")
        if source:
            content = regular_file.read(Path(source), error=UsageError)
            found[name] = content.decode("utf-8", "replace")
        elif variable in os.environ:
            found[name] = os.environ[variable]
        else:
            raise UsageError(
                f"no file is named, and there is no variable {variable}",
                where=f"--secret {each}",
                hint="id=ID,src=FILE or id=ID,env=NAME",
            )
    return found


def _aspects(
    _context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[Aspect, ...]:
    for each in given:
        if each not in ASPECTS:
            raise UsageError(
                f"no aspect `{each}`",
                where=f"--{parameter.name}",
                hint=nearest(each, ASPECTS),
            )
    return tuple(each for each in ASPECTS if each in given)


def _archives(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    found = []
    for each in given:
        name, sign, place = each.partition("=")
        path = Path(place if sign else each)
        if not path.exists():
            raise UsageError(
                "is not there",
                where=f"--base {each}",
                hint="give NAME=ARCHIVE, where docker save NAME > ARCHIVE wrote it",
            )
        found.append((name if sign else "", path))
    return tuple(found)


@click.command
@click.argument("context", default=".")
@click.option(
    "-f", "--file", default="", help="The Dockerfile, or - for standard input."
)
@click.option(
    "-t",
    "--with",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="What to build it with, at least two. Default: legacy@20.10.24 and the newest "
    "BuildKit that can be had here.",
)
@options.engine
@click.option(
    "--build-arg", "args", multiple=True, metavar="KEY[=VALUE]", callback=_pairs
)
@click.option("--target", "stage", default="", metavar="STAGE", help="Stage to build.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="id=ID,src=FILE",
    callback=_secrets,
    help="For builders with a client.",
)
@click.option("--platform", default="", help="Platform, such as linux/amd64.")
@click.option(
    "--base",
    "archives",
    multiple=True,
    metavar="[NAME=]ARCHIVE",
    callback=_archives,
    help="Archive of a base image (docker save), or folder with an OCI layout; "
    "repeatable.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ASPECT",
    callback=_aspects,
    help=f"Compare only this: {', '.join(ASPECTS)}; repeatable.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="ASPECT",
    callback=_aspects,
    help="Leave this out; repeatable.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Do not build again to tell chance from what builders do.",
)
@click.option("--all", "everything", is_flag=True, help="Show all differences.")
@click.option(
    "--limit",
    type=click.FloatRange(1),
    default=_LIMIT,
    show_default=True,
    help="Seconds that a build may take.",
)
@places.output
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless it is the same.")
@options.builders
@options.memory
@options.bounds
@places.cases
@places.results
def command(
    *,
    context: str,
    file: str,
    targets: tuple[str, ...],
    engines: tuple[str, ...],
    args: Mapping[str, str],
    stage: str,
    secrets: Mapping[str, str],
    platform: str,
    archives: tuple[tuple[str, Path], ...],
    only: tuple[Aspect, ...],
    ignore: tuple[Aspect, ...],
    once: bool,
    everything: bool,
    limit: float,
    form: str,
    exit_code: bool,
    builders: tuple[Path, ...],
    memory: float,
    bounds: str,
    root: Path,
    results: Path | None,
) -> int:
    """Build your own Dockerfile on several targets, and say whether it is the same.

    The first line answers: same image; same image in other layers; another image;
    builds on one side only. Then each difference, with its line and with the measured
    behaviour that explains it. The exit code is 1 if it builds nowhere, and with
    --exit-code if it is not the same image.

    \b
    Examples:
      layer-harness try .
      layer-harness try -f docker/Dockerfile . -t docker@20.10 -t buildah@1.39
      layer-harness try . --base node:20=node.tar      with `docker save node:20`
    """  # noqa: D301  # click's mark
    own = own_dockerfile.read(
        context,
        file,
        BuildOptions(args=args, target=stage, platform=platform, secrets=secrets),
        sys.stdin.buffer,
    )
    settings = Settings(
        engines=engines,
        selectors=targets,
        builders=builders,
        every=not engines,
        memory=memory,
        bounds=bounds,
        limit=limit,
        jobs=2,
    )
    options.check(settings)
    texts = targets or usual_selectors(with_client=bool(secrets))
    settings = replace(settings, selectors=named(texts, settings))
    bases = AskedBases(wanted=own.wanted, archives=archives)
    with opened(settings, _hear, bases) as session:
        tried = _Trial(session, own, chosen(session.targets, settings.selectors))
        first = tried.built()
        aspects = [each for each in only or ASPECTS if each not in ignore]
        found = sameness(first, aspects=aspects)
        if not once and _may_be_chance(found, own):
            _say("there are differences below a RUN: building again, to tell chance")
            found = sameness(first, tried.built(), aspects)
        folder = places.results_folder(root, results)
        explain = Explaining(
            root,
            folder,
            own.build,
            table=found.table,
            builders=session.plan.builders,
            behaviours=_published(folder),
        )
        told = try_record.record(
            found,
            own.build,
            dockerfile=own.title,
            seconds=tried.seconds,
            bases=[
                TriedBase(name=name, origin=each.origin)
                for each in session.plan.given
                for name in each.names
            ],
            notes=own.notes,
            explain=explain,
        )
    click.echo(_written(told, own, form, everything=everything), nl=False)
    return int(told.answer == "fails" or (exit_code and told.answer != "same"))


def _published(results: Path) -> Callable[[], tuple[Behaviour, ...]] | None:
    """Give what reads the behaviours of a folder of results, if it has them at once."""
    file = results / "behaviours.json"
    return (lambda: read_behaviours(file.read_bytes())) if file.is_file() else None


class _Trial:
    """The builds of a Dockerfile on some targets."""

    def __init__(
        self, session: Session, own: OwnDockerfile, targets: Sequence[Target]
    ) -> None:
        self._session = session
        self._own = own
        self._targets = targets
        self.seconds: dict[str, float] = {}

    def built(self) -> dict[str, Observation]:
        """Build it on all targets; gives what was observed, in their order.

        Raises what keeps it from being built on one, other than its own failing.
        """
        done = {
            each.target.id: each
            for each in self._session.run((self._own.case, t) for t in self._targets)
        }
        return {each.id: self._observed(done[each.id]) for each in self._targets}

    def _observed(self, done: Done) -> Observation:
        if done.error is not None:
            raise done.error
        measured = done.measured
        if measured is None or measured.measurement is None:
            reason = measured.result.reason if measured else "it was not measured"
            raise UsageError(
                f"cannot build this: {reason}",
                where=done.target.id,
                hint="name a builder that can, with -t; buildx has a client",
            )
        self.seconds.setdefault(done.target.id, done.seconds)
        return measured.measurement.observation


def _may_be_chance(found: Sameness, own: OwnDockerfile) -> bool:
    """Say whether a command's own doing could be what differs."""
    parsed = own.parsed
    for each in found.matter:
        if each.question == "outcome" or each.difference.aspect in {
            "config",
            "history",
        }:
            continue
        at = parsed.at(each.difference.line) if each.difference.line else None
        if (at is None or at.keyword == "RUN") and each.difference.paths:
            return True
    return False


def _written(
    told: TriedRecord, own: OwnDockerfile, form: str, *, everything: bool
) -> str:
    if form == "json":
        return encode(told).decode()
    if form == "markdown":
        return try_text.markdown(told, own.lines)
    return try_text.text(told, own.lines, everything=everything)


def _hear(event: Event) -> None:
    if isinstance(event, CaseMeasured):
        _say(f"built on {event.target} in {event.seconds:.1f} s")
    else:
        _say(event.text.replace(" try/dockerfile", ""))


def _say(text: str) -> None:
    click.echo(text, err=True)
