"""The one exception tree: what stops the harness, whose fault it is, what to do.

A build that fails is no exception: it is an observation. Each class owns the exit code
that the command line ends with: 2 for usage or case, 3 for engine or harness.
"""

from __future__ import annotations

from typing import ClassVar


class HarnessError(Exception):
    """Something the harness cannot go on with, said in one message of a few lines.

    `where` names the file, option or address, `hint` what to do about it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\nhint: {self.hint}" if self.hint else head


class UsageError(HarnessError):
    """An option, selector or address that the user has to change."""

    exit_code = 2


class CaseError(UsageError):
    """A mistake in a case file; `where` is `file:line:column`."""


class EngineError(HarnessError):
    """An engine that cannot be had, does not answer, or broke off."""


class Unexportable(EngineError):
    """An image that was built, and that the engine or the storage does not give out.

    The builder's doing where it says so twice: an observation, as a failing build is.
    """


class EngineGone(EngineError):
    """An engine that answered before and does not any more."""


class BoundMet(EngineError):
    """A build that met a bound of ours: what it does without is not known.

    No observation, since the bound fits the machine, and no fault of the builder's.
    """


class Unsupported(HarnessError):
    """What a builder cannot be asked for, with the reason: a verdict, no failure."""


class ArchiveError(HarnessError):
    """An image archive that is truncated, inconsistent or hostile; names the blob."""


class WriteError(HarnessError):
    """A file that cannot be written, with the reason; what was there is kept."""


class ResultError(HarnessError):
    """A stored result that cannot be read; naming it, so that it can be removed."""
