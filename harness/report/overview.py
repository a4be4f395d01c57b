"""The front page of the results: the groups, and what surprises. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from harness.cases.model import Group
from harness.judge import changes
from harness.judge.matrix import Matrix
from harness.judge.row import Row
from harness.judge.statements import statements
from harness.report.answer_table import LEGEND, answer_table
from harness.report.counts import count, summary
from harness.report.parts import folded, group_names, not_so, title_of
from harness.report.tables import table

#: Rows that a page shows openly; what is more is folded away, group by group.
_OPEN = 25
_INTRODUCTION = (
    "Each row is a question about a Dockerfile, each column a builder, and each cell "
    "what that builder did when the case was built. `docker build` is BuildKit as the "
    f"docker command drives it. {LEGEND}"
)


def overview(matrix: Matrix, groups: Mapping[str, Group]) -> str:
    """Write the page that leads to those of the groups, the surprising first."""
    parts = [
        "# What Dockerfiles do, by builder",
        summary(matrix).partition("\n")[0] + ".",
        _groups(matrix, groups),
        _INTRODUCTION,
        *_surprising(matrix, groups),
        "## Expectations",
        *summary(matrix).splitlines()[1:],
    ]
    if where := not_so(matrix, "nowhere"):
        parts += folded("True nowhere: what is found instead", [where])
    if where := not_so(matrix, "somewhere"):
        parts += folded("Not true everywhere: what is found instead", [where])
    names = "\n".join(f"- {each}" for each in matrix.targets)
    parts += ["## Targets", *folded(count(len(matrix.targets), "target"), [names])]
    return "\n\n".join(parts) + "\n"


def _surprising(matrix: Matrix, groups: Mapping[str, Group]) -> Iterator[str]:
    """Tell the questions whose answers surprise, the more surprising first."""
    nowhere = {each.case for each in statements(matrix.rows) if each.reach == "nowhere"}
    tests: dict[str, Callable[[Row], bool]] = {
        "Expected, but true nowhere": lambda row: row.case in nowhere,
        "A newer version refuses what an older one built": partial(
            changes.builds_no_more, builders=matrix.builders
        ),
        "A newer version gives another result, without an error": partial(
            changes.changed_silently, builders=matrix.builders
        ),
        "Builders give another image, without an error, in their newest versions": (
            lambda row: (
                row.impact in {"outcome", "image"}
                and changes.newest_disagree(row, matrix.builders)
            )
        ),
        "A newer version builds what an older one refused": partial(
            changes.builds_since, builders=matrix.builders
        ),
    }
    for title, belongs in tests.items():
        rows = [row for row in matrix.rows if row.question and belongs(row)]
        if not rows:
            continue
        yield f"## {title}"
        if len(rows) <= _OPEN:
            yield answer_table(matrix, rows, None)
        else:
            yield count(len(rows), "question") + "."
            yield from _by_group(matrix, rows, groups)


def _by_group(
    matrix: Matrix, rows: Sequence[Row], groups: Mapping[str, Group]
) -> Iterator[str]:
    for name in group_names(rows):
        members = [row for row in rows if row.group == name]
        title = f"{title_of(groups, name)}: {count(len(members), 'question')}"
        yield from folded(title, [answer_table(matrix, members, None)])


def _groups(matrix: Matrix, groups: Mapping[str, Group]) -> str:
    """Tabulate the groups: how many questions, and how many are answered otherwise."""
    rows = []
    for name in group_names(matrix.rows):
        members = [row for row in matrix.rows if row.group == name]
        counts = Counter(row.standing for row in members)
        rows.append(
            [
                f"[{title_of(groups, name)}]({name}/README.md)",
                len(members),
                counts["outcome"],
                counts["image"],
                counts["layering"],
                counts["same"] + counts["fails"],
                sum(_is_against(row) for row in members),
            ]
        )
    headers = [
        "group",
        "questions",
        "not built everywhere",
        "another image",
        "only other layers",
        "the same everywhere",
        "not as expected somewhere",
    ]
    return table(None, headers, rows)


def _is_against(row: Row) -> bool:
    return any(each.is_against for each in row.cells.values())
