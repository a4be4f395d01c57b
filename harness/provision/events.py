"""What happens while a session prepares and measures: small records, and their words.

A client is handed each as it happens, from whichever thread it happens in; what it
makes of them (lines, a bar, nothing) is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.engines import Engine
from harness.engines.process import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something worth a line: what is fetched, unpacked, chosen, cleaned up."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An engine or a tool that cannot be had, though others can."""

    name: str
    reason: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"left out: {self.name}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStarting:
    """An engine that is being started, or reached; `title` is how it is told."""

    title: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"starting {self.title} ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReady:
    """An engine that answers and has the base images, `seconds` after its start."""

    title: str
    engine: Engine
    seconds: float

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"{self.title} is ready after {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLost:
    """An engine that could not be started, or whose record could not be written."""

    title: str
    reason: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"{self.title} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStopping:
    """An engine that is waited for at the end of a session: `title` is stopped."""

    title: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"stopping {self.title} ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStopped:
    """An engine that was stopped, or let go, after its last case."""

    title: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"stopped {self.title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStarted:
    """A case that is being built on a target."""

    case: str
    target: str

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"building {self.case} on {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMeasured:
    """A case that was measured on a target, in so many seconds."""

    case: str
    target: str
    seconds: float

    @property
    def text(self) -> str:
        """Say so in a line."""
        return f"measured {self.case} on {self.target} in {self.seconds:.1f} s"


Event = (
    Noted
    | LeftOut
    | EngineStarting
    | EngineReady
    | EngineLost
    | EngineStopping
    | EngineStopped
    | CaseStarted
    | CaseMeasured
)
Hear = Callable[[Event], None]


def unheard(event: Event) -> None:
    """Take an event and do nothing."""


def noting(hear: Hear) -> Say:
    """Give what takes a text and has it heard as an event."""
    return lambda text: hear(Noted(text=text))
