"""A Dockerfile of the user's, with its context, as a case that can be measured.

The text is built as it is. One thing cannot be: an image that is named by its digest is
known by it only where it was pulled, so its line gets the name that it is loaded under.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.cases.case import Case
from harness.cases.given import Given
from harness.cases.model import Build, Options
from harness.dockerfile import parser
from harness.dockerfile.context import ContextFile
from harness.dockerfile.dockerignore import IGNORE_FILE
from harness.dockerfile.images import TakenImage, taken
from harness.dockerfile.parser import Dockerfile
from harness.dockerfile.user_folder import UserFolder, read_user_folder
from harness.documents import regular_file
from harness.errors import UsageError
from harness.provision.given_bases import loaded_as

#: The name of the only build.
NAME = "build"
_REMOTE = re.compile(r"^(?:[a-z+]+://|git@|github\.com/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDockerfile:
    """A Dockerfile with all that its build takes.

    `title` is how reports call the file, `text` what it says. `wanted` are the images
    that it takes from outside, `notes` what a reader has to know of its context.
    """

    case: Case
    title: str
    text: str
    wanted: tuple[TakenImage, ...]
    notes: tuple[str, ...] = ()

    @property
    def build(self) -> Build:
        """The build that the case has."""
        return self.case.builds[NAME]

    @property
    def parsed(self) -> Dockerfile:
        """The Dockerfile's instructions."""
        return parser.parse(self.build.dockerfile, self.build.args)

    @property
    def lines(self) -> list[str]:
        """The lines of the Dockerfile, as the user has written them."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What the command line says of a build, as `docker build` takes it."""

    args: Mapping[str, str]
    target: str = ""
    platform: str = ""
    secrets: Mapping[str, str] | None = None
    network: str = ""


def read(
    context: str, file: str, options: BuildOptions, stdin: BinaryIO
) -> OwnDockerfile:
    """Read a Dockerfile and list its context, as `docker build -f FILE CONTEXT` does.

    `-` is standard input: for `file` the Dockerfile's text, for `context` the same with
    an empty context. Raises UsageError for what is not there or cannot be a context.
    """
    if context == "-":
        return _made(stdin.read(), UserFolder(files=()), None, "Dockerfile", options)
    if _REMOTE.match(context):
        raise UsageError(
            "a context is a folder of this machine",
            where=context,
            hint="clone it, and name the folder",
        )
    folder = Path(context)
    if not folder.is_dir():
        raise UsageError(
            "is no folder", where=context, hint="name the build context, such as ."
        )
    listed = read_user_folder(folder)
    if file == "-":
        return _made(stdin.read(), listed, None, "Dockerfile (standard input)", options)
    place = Path(file) if file else _usual(folder)
    content = regular_file.read(place, error=UsageError)
    inside = _inside(place, folder, listed)
    own = Path(f"{place}{IGNORE_FILE}")
    ignore = None
    if inside is None and own.is_file():
        ignore = regular_file.read(own, error=UsageError)
    return _made(content, listed, inside, str(place), options, ignore=ignore)


def _usual(folder: Path) -> Path:
    place = folder / "Dockerfile"
    if not place.is_file():
        raise UsageError(
            "there is no Dockerfile", where=str(folder), hint="name it with -f FILE"
        )
    return place


def _inside(place: Path, folder: Path, listed: UserFolder) -> str | None:
    """Give a Dockerfile's path in its context; None if it lies elsewhere."""
    path = os.path.relpath(os.path.abspath(place), os.path.abspath(folder))  # noqa: PTH100  # resolve() would follow links
    by_path = {each.path: each for each in listed.files}
    found = by_path.get(path)
    return path if found is not None and found.kind in {"file", "hardlink"} else None


def _made(
    content: bytes,
    listed: UserFolder,
    inside: str | None,
    title: str,
    options: BuildOptions,
    *,
    ignore: bytes | None = None,
) -> OwnDockerfile:
    text = content.decode("utf-8", "replace")
    args = dict(options.args)
    wanted = taken(parser.parse(text, args), options.target, args)
    built = _with_names(content, wanted)
    outside = built if inside is None or built != content else None
    build = Build(
        dockerfile=built.decode("utf-8", "replace"),
        file=inside or "Dockerfile",
        args=args,
        target=options.target,
        secrets=dict(options.secrets or {}),
        cold=True,
        options=Options(
            platform=options.platform or None, network=options.network or None
        ),
    )
    files: Sequence[ContextFile] = listed.files
    case = Case(
        id="try/dockerfile",
        path=Path(title),
        title=title,
        why="",
        refs=(),
        tags=(),
        on=(),
        builds={NAME: build},
        expect=(),
        given=Given(files=tuple(files), outside=outside, ignore=ignore),
    )
    notes = []
    if listed.sockets:
        named = ", ".join(map(ascii, listed.sockets[:3]))
        notes.append(
            f"sockets are not sent by any client, and were left out: {named}"
            + (" ..." if len(listed.sockets) > 3 else "")
        )
    return OwnDockerfile(
        case=case, title=title, text=text, wanted=wanted, notes=tuple(notes)
    )


def _with_names(content: bytes, wanted: Sequence[TakenImage]) -> bytes:
    """Put in, for names that end in a digest, those that they are loaded under."""
    lines = content.split(b"\n")
    for each in wanted:
        name = loaded_as(each.name)
        if name == each.name:
            continue
        for number in each.lines:
            for word in each.words:
                lines[number - 1] = lines[number - 1].replace(
                    word.encode(), name.encode()
                )
    return b"\n".join(lines)
