"""Write a build request as the command line of a record: pure, words in, words out.

An option that a record has no template for is never left out in silence: it is
Unsupported, with the record's reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from harness.builders import Request
from harness.builders.record import OPTIONS, PLACEHOLDER, CommandBuilder, Limit
from harness.errors import Unsupported

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
#: Options of `POST /build` that a command line need not be told.
_PLAIN = (None, "", False, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A base as an OCI layout in a folder, for builders that take it by an option."""

    reference: str
    folder: PurePath
    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInputs:
    """Where a request's parts are, as the command sees them, and what is known of it.

    `first` says that nothing was built yet on this storage.
    """

    words: Mapping[str, str]
    secrets: Mapping[str, PurePath] = field(default_factory=dict)
    socket: PurePath | None = None
    contexts: Mapping[str, PurePath] = field(default_factory=dict)
    layouts: tuple[Layout, ...] = ()
    version: str = "0"
    first: bool = False


def filled(template: Iterable[str], words: Mapping[str, str]) -> list[str]:
    """Put words into a template; a value is never read as a template again."""
    return [
        PLACEHOLDER.sub(lambda match: words.get(match[1], match[0]), each)
        for each in template
    ]


def command(
    record: CommandBuilder, request: Request, inputs: CommandInputs
) -> list[str]:
    """Write the command of one build; raises Unsupported for what it cannot say."""
    options = [
        word
        for name, words in _wanted(record, request, inputs)
        for word in filled(_template(record, name, inputs), {**inputs.words, **words})
    ]
    found: list[str] = []
    for each in record.build:
        found += options if each == "{options}" else filled([each], inputs.words)
    return found


def _wanted(
    record: CommandBuilder, request: Request, inputs: CommandInputs
) -> Iterator[tuple[str, dict[str, str]]]:
    """List the options that a request needs, in a fixed order."""
    for layout in inputs.layouts:
        yield (
            "base",
            {
                "reference": layout.reference,
                "folder": str(layout.folder),
                "name": layout.name,
                "digest": layout.digest,
            },
        )
    yield from _cache(record, request, inputs)
    if request.target:
        yield "target", {"value": request.target}
    for key, value in sorted(request.args.items()):
        yield "arg", {"key": key, "value": value}
    for key, value in sorted(request.labels.items()):
        yield "label", {"key": key, "value": value}
    yield from _for_parts(request, inputs)
    if request.provenance:
        yield "provenance", {}
    elif "unattested" in record.options:
        yield "unattested", {}
    for name, value in sorted(request.options.items()):
        if value in _PLAIN:
            continue
        if name not in OPTIONS:
            raise Unsupported(f"{record.title} has no option for `{name}`")
        values = str(value).split(",") if name == "extrahosts" else [str(value)]
        yield from ((name, {"value": each}) for each in values)


def _cache(
    record: CommandBuilder, request: Request, inputs: CommandInputs
) -> Iterator[tuple[str, dict[str, str]]]:
    if request.cold:
        limit = _limit(record, "cold", inputs.version)
        if not (inputs.first and limit is not None and limit.first):
            yield "cold", {}
    elif "cached" in record.options or "cached" in record.cannot:
        # A tool that uses its cache without being asked has no template for it.
        yield "cached", {}


def _for_parts(
    request: Request, inputs: CommandInputs
) -> Iterator[tuple[str, dict[str, str]]]:
    """List what takes a client: secrets, ssh, named contexts."""
    for name, file in sorted(inputs.secrets.items()):
        yield "secret", {"id": name, "file": str(file)}
    if request.ssh:
        yield "ssh", {"socket": str(inputs.socket)}
    for name, folder in sorted(inputs.contexts.items()):
        yield "context", {"name": name, "folder": str(folder)}


def _template(
    record: CommandBuilder, name: str, inputs: CommandInputs
) -> tuple[str, ...]:
    if name in record.cannot:
        raise Unsupported(f"{record.title}: {record.cannot[name]}")
    limit = _limit(record, name, inputs.version)
    if limit is not None:
        raise Unsupported(f"{record.title} {inputs.version}: {limit.reason}")
    if name not in record.options:
        raise Unsupported(f"{record.title} has no option for `{name}`")
    return record.options[name]


def _limit(record: CommandBuilder, name: str, version: str) -> Limit | None:
    """Find what keeps this version from taking an option."""
    match = _NUMBER.search(version)
    for each in record.limits:
        if each.option == name and match and each.versions.contains(match[0]):
            return each
    return None
