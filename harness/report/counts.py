"""What a matrix comes to, in sentences: is it the same image? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from harness.judge.matrix import Matrix
from harness.judge.row import Row, Standing
from harness.judge.statements import statements
from harness.judge.verdict import Verdict

#: Standing to what is said of so many cases, one and several.
_SAID: Mapping[Standing, tuple[str, str]] = {
    "outcome": ("does not build everywhere", "do not build everywhere"),
    "image": ("gives another image", "give another image"),
    "layering": ("gives only other layers", "give only other layers"),
    "same": ("is the same", "are the same"),
    "fails": ("fails everywhere", "fail everywhere"),
    "not built": ("was never built", "were never built"),
    "not compared": (
        "was measured on fewer than two targets",
        "were measured on fewer than two targets",
    ),
}


def count(number: int, thing: str) -> str:
    """Write a number of things: `1 case`, `2 cases`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def standings(rows: Sequence[Row]) -> str:
    """Say of how many cases the image is the same, and what else they come to."""
    counts = Counter(row.standing for row in rows)
    parts = []
    for standing, (one, many) in _SAID.items():
        if number := counts[standing]:
            text = f"{number} {one if number == 1 else many}"
            if standing == "image":
                text += _left_behind(rows)
            parts.append(text)
    return ", ".join(parts)


def _left_behind(rows: Sequence[Row]) -> str:
    number = sum(row.standing == "image" and row.only_left_behind for row in rows)
    return f" ({number} only by a file that a builder leaves there)" if number else ""


def summary(matrix: Matrix) -> str:
    """Count the cases by what they come to, then verdicts and expectations."""
    return "\n".join(_lines(matrix))


def _lines(matrix: Matrix) -> Iterator[str]:
    cases = count(len(matrix.rows), "case")
    targets = count(len(matrix.targets), "target")
    yield f"{cases} on {targets}: {standings(matrix.rows) or 'nothing measured'}"
    counts = ", ".join(
        f"{number} {verdict}"
        for verdict in get_args(Verdict)
        if (number := matrix.count(verdict))
    )
    if counts:
        yield f"verdicts: {counts}"
    told = Counter(each.reach for each in statements(matrix.rows))
    if told:
        yield (
            f"{count(told.total(), 'expectation')}: "
            f"{told['everywhere']} hold wherever they were measured, "
            f"{told['somewhere']} on some targets, {told['nowhere']} nowhere"
        )
    never = [row.case for row in matrix.rows if row.standing == "not built"]
    if never:
        were = "was" if len(never) == 1 else "were"
        yield (
            f"{len(never)} of {cases} {were} never built: nothing was compared "
            f"({', '.join(never)})"
        )
