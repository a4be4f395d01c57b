"""Builders that are a command: `harness/data/builders.toml`, and files of users' own.

A record says how a tool gets here, which commands load a base, build and export, how
its output and its images are to be read, and what it cannot do. Adding a builder is
adding a record; `command` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from harness.builders.record import NAME, CommandBuilder
from harness.builders.recordfile import Record
from harness.documents.document import MAX_SHOWN, Document, nearest
from harness.documents.mistakes import validate
from harness.documents.toml import load_toml
from harness.errors import UsageError
from harness.targets.builder import Builder
from harness.targets.conventions import BUILDKIT, LEGACY
from harness.targets.registry import Builders

#: The builders inside an engine that its own API drives.
_OF_THE_API = (
    Builder(
        name="legacy",
        title="legacy",
        family="legacy",
        conventions=LEGACY,
        api_version="1",
    ),
    Builder(
        name="buildkit",
        title="BuildKit",
        family="buildkit",
        conventions=BUILDKIT,
        api_version="2",
    ),
)


def standard_records() -> dict[str, CommandBuilder]:
    """Give the records that come with the package, by name."""
    return dict(_standard())


def load_records(path: Path) -> dict[str, CommandBuilder]:
    """Read a file of records; CaseError names the line of a mistake and what is meant.

    `like = NAME` begins a record with all that another one says, of this file above it
    or of those that come with the package; except that it was measured.
    """
    return _read(load_toml(path), dict(_models()))[0]


def known_records(files: Iterable[Path]) -> dict[str, CommandBuilder]:
    """Give the package's records and those of the user's files, by name.

    Raises CaseError for a mistake in a file, UsageError for a name that is taken.
    """
    found = standard_records()
    for path in files:
        for name, record in load_records(path).items():
            if found.setdefault(name, record) != record:
                raise UsageError(
                    f"a builder `{name}` already exists",
                    where=str(path),
                    hint="give yours another name",
                )
    return found


def builders_of(records: Iterable[CommandBuilder]) -> Builders:
    """Give what targets, selectors and reports need of builders: the API's, these."""
    return Builders((*_OF_THE_API, *map(_builder, records)))


@cache
def standard_builders() -> Builders:
    """Give the builders that are known without a file of the user's."""
    return builders_of(_standard().values())


def _builder(record: CommandBuilder) -> Builder:
    return Builder(
        name=record.name,
        title=record.title,
        family=record.family,
        conventions=record.conventions,
        place=record.place,
        stores=record.stores,
        measured=record.is_measured,
    )


@cache
def _standard() -> dict[str, CommandBuilder]:
    return _read(load_toml(_shipped()), {})[0]


@cache
def _models() -> dict[str, Record]:
    return _read(load_toml(_shipped()), {})[1]


def _shipped() -> Path:
    return Path(str(resources.files("harness") / "data" / "builders.toml"))


def _read(
    document: Document, models: dict[str, Record]
) -> tuple[dict[str, CommandBuilder], dict[str, Record]]:
    found: dict[str, CommandBuilder] = {}
    for name, value in document.value.items():
        if not NAME.fullmatch(name):
            raise document.error(
                (name,),
                f"`{name:.{MAX_SHOWN}}` is not a name for a builder",
                "small letters, digits, hyphens and dots, a letter first, 64 at most",
            )
        if not isinstance(value, dict):
            raise document.error(
                (name,), f"`{name}` is not a builder", "write [NAME], then KEY = VALUE"
            )
        model = validate(
            Record, document, _grown(name, value, document, models), (name,)
        )
        models[name] = model
        found[name] = model.record(name)
    return found, models


def _grown(
    name: str, own: Mapping[str, Any], document: Document, models: Mapping[str, Record]
) -> dict[str, Any]:
    """Add to a record's own keys what the record that it is like says."""
    parent = own.get("like")
    if parent is None:
        return dict(own)
    if not isinstance(parent, str) or parent not in models:
        raise document.error(
            (name, "like"),
            f"unknown builder `{parent!s:.{MAX_SHOWN}}`",
            nearest(str(parent), models),
        )
    grown = models[parent].model_dump(
        exclude_unset=True, exclude={"like", "measured", "note"}
    )
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(grown.get(key), dict):
            grown[key] = {**grown[key], **value}
        else:
            grown[key] = value
    return grown
