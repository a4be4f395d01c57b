"""What is kept of a measurement, as canonical JSON.

Sorted, no clock, no host, no random id: `git diff results/` shows changes of behaviour
and nothing else. What is read back is checked, and named if it is broken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.documents.whole_file import write as write
from harness.errors import ResultError
from harness.measure.observation import BuildRecord, Observation
from harness.targets.builder import Builder

#: Raised when a reader of older results could misread newer ones. 2: one file for a
#: case, with each outcome once. 3: what was measured alone, no verdicts.
FORMAT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case on one target: what was measured.

    `case_digest` identifies the case as it was then; `unstable` names the aspects that
    differed when the build was repeated; `reason` says why nothing could be built.
    `limit` is the time limit, in seconds, where a build met it. `earlier` says that the target was another than its file describes now.
    """

    case: str
    case_digest: str
    target: str
    builds: tuple[BuildRecord, ...]
    unstable: tuple[str, ...] = ()
    reason: str = ""
    limit: float | None = None
    earlier: bool = False

    @property
    def observation(self) -> Observation:
        """The measured part."""
        return Observation(case=self.case, target=self.target, builds=self.builds)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """What a case came to, and the targets where it did: a `Result` for each."""

    targets: tuple[str, ...]
    case_digest: str
    builds: tuple[BuildRecord, ...]
    unstable: tuple[str, ...] = ()
    reason: str = ""
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """`results/GROUP/CASE.json`: each outcome of a case once.

    `earlier` names the targets that have changed since, and so are to be measured
    again.
    """

    format: int = FORMAT
    case: str
    outcomes: tuple[OutcomeRecord, ...]
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """`results/targets/TARGET.json`: what engine and tool said they are; the base used.

    `tool` has the version of a command builder's command by the record's name; `api`
    and `architecture` are empty where there is no engine. `how` says how the engine, or
    the tool, came to be there: Debian's packages, an image, an address. `record`
    describes a builder that does not come with the package, so that its results are
    understood without the file that it was given in, and `command` is a digest of how
    it is run. `measuring` is the version of our own rules (`measure.rules_version`).
    """

    format: int = FORMAT
    target: str
    builder: str
    version: str
    api: str
    store: str
    architecture: str
    how: str = ""
    components: Mapping[str, str] = field(default_factory=dict)
    tool: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    record: Builder | None = None
    command: str = ""
    measuring: int = 1


_T = TypeVar("_T", CaseRecord, TargetRecord)
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def encode(value: object) -> bytes:
    """Write a record as canonical JSON; what equals its default is left out."""
    text = json.dumps(
        _plain(value), indent=1, sort_keys=True, ensure_ascii=False, default=str
    )
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _plain(inner)
            for each in fields(value)
            if (inner := getattr(value, each.name)) != _default(each)
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _default(each: Field[Any]) -> object:
    # The format is always written: it is what tells a reader what it reads.
    if each.name == "format":
        return MISSING
    return each.default if each.default_factory is MISSING else each.default_factory()


def decode(kind: type[_T], body: bytes, *, where: str) -> _T:
    """Read a record back; ResultError names the file when it is not one."""
    try:
        record: _T = _adapter(kind).validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"])) or "the file"
        raise ResultError(
            f"not a result of this harness: {at}: {first['msg']}",
            where=where,
            hint="restore the file, or remove it and run again",
        ) from error
    if record.format != FORMAT:
        raise ResultError(
            f"has format {record.format}, this version reads {FORMAT}",
            where=where,
            hint="run again with this version, or read it with the one that wrote it",
        )
    return record


def _adapter(kind: type[_T]) -> TypeAdapter[_T]:
    # Building one takes longer than reading a result with it.
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
