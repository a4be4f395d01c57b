"""A rule: a pattern in Dockerfiles, and the measured behaviours that it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from harness.check.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Where a rule's pattern is: a line from 1, and what of the line it is about.

    `certain` is false where the Dockerfile alone does not tell: it may be so, depending
    on what `depends` says, such as what a script writes. `file` is another file than
    the Dockerfile, such as .dockerignore. `related` are other lines that belong to it.
    """

    line: int
    detail: str = ""
    certain: bool = True
    depends: str = ""
    file: str = ""
    related: tuple[int, ...] = ()


Match: TypeAlias = Callable[[Source], Iterator[Occurrence]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern, and the cases that say what builders do about it.

    `says` describes the pattern in one sentence. Of `behaviours`, ids of cases, the
    first whose answers differ between two targets is what a finding tells; if none
    differs there is no finding, whatever the pattern. `whole` says that targets with
    one layer for a whole stage are meant too; they say nothing of single lines.
    """

    id: str
    says: str
    behaviours: tuple[str, ...]
    match: Match
    whole: bool = False
