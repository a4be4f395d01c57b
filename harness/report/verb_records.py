"""What verbs print as JSON beside results, matrix and behaviours. Records only.

Numbers are numbers, what is unknown is null or left out. `format` changes when a reader
of the old form would misread the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCase:
    """A case, as `list cases` has it."""

    id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGroup:
    """A group, and how many cases it has."""

    id: str
    title: str
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTarget:
    """A target, whether it can run here, and how many results it has.

    `engine` is what it takes; `why` says what is missing. `measured` is false for what
    no run of the harness's authors has tried.
    """

    id: str
    engine: str
    state: Literal["ready", "can be prepared", "not here", "results only"]
    why: str
    measured: bool
    results: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundsRecord:
    """What builds in an engine of ours may take; null is no bound."""

    processes: int | None
    memory_kib: int | None
    cpus: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedTarget:
    """A target, whether it can run here, and what to do.

    `target` is empty where the version of what is missing is not known; `remedy` is a
    command or an advice.
    """

    target: str
    engine: str
    state: Literal["ready", "can be prepared", "not here"]
    why: str
    remedy: str
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRecord:
    """What `doctor` finds: versions, bounds (null for none), targets."""

    format: int = 1
    version: str
    python: str
    packages: Mapping[str, str]
    bounds: BoundsRecord | None
    targets: tuple[SurveyedTarget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokedTarget:
    """A target, of how many small builds how many fail, and why the first does."""

    target: str
    usable: bool
    builds: int
    failing: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeRecord:
    """What `smoke` finds."""

    format: int = 1
    targets: tuple[SmokedTarget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRecord:
    """What `lint` finds: the number of cases, and the text of each mistake.

    `answers` counts the measured cells by how the case's answers fit them; it is left
    out if they were not looked at.
    """

    format: int = 1
    cases: int
    mistakes: tuple[str, ...]
    answers: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEngine:
    """An engine of ours that runs: kept until `engines stop`, or in use by a process.

    `process` is the ID of the one that started it.
    """

    address: str
    store: str
    kept: bool
    process: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteEngine:
    """An engine of ours: its version, whether its packages are here, what runs."""

    engine: str
    version: str
    unpacked: bool
    running: tuple[RunningEngine, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesRecord:
    """What `engines status` finds; `cache` is the folder of the unpacked packages."""

    format: int = 1
    cache: str
    engines: tuple[SuiteEngine, ...]
