"""No report contradicts itself, over all committed results."""

from __future__ import annotations

from pathlib import Path

import pytest
from contradictions import mistakes

from harness.book.book import open_book
from harness.cases.case import load_groups
from harness.judge.matrix import Matrix
from harness.report.text import page

ROOT = Path(__file__).parents[2]

SAID = """\
**user/of-two**, Two users:

- line 7, RUN touch /tmp/mine: legacy makes a layer; buildah has no such line
- layer 1 above the base: buildah adds file /tmp/mine (0 bytes); legacy and BuildKit \
do not
- line 7, RUN touch /tmp/mine: legacy and BuildKit add file /tmp/mine (0 bytes); \
buildah does not
- line 8, RUN true: legacy makes a layer; legacy and BuildKit make an empty layer
- line 9, RUN true: legacy makes a layer, BuildKit makes an empty layer
"""


def test_sentences_that_cannot_be_true_are_found() -> None:
    assert [each.split(": ")[1] for each in mistakes(SAID)] == [
        "no such line",
        "of a line and of no line, /tmp/mine",
        "in two groups",
    ]


def test_layers_of_another_height_may_add_the_same_file() -> None:
    said = """\
**cache/x**, Two layers:

- layer 1 above the base: buildah@1.45.0 adds file /one, buildah@1.43.2 does not
- layer 2 above the base: buildah@1.43.2 adds file /one, buildah@1.45.0 does not
"""
    assert list(mistakes(said)) == []
    assert len(list(mistakes(said.replace("layer 2", "layer 1")))) == 1


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return open_book(ROOT / "cases", ROOT / "results").matrix()


def test_no_page_of_the_results_contradicts_itself(matrix: Matrix) -> None:
    groups = load_groups(ROOT / "cases")
    names = {row.group for row in matrix.rows}
    found = {name: list(mistakes(page(matrix, groups, name))) for name in names}
    assert {name: each for name, each in found.items() if each} == {}


def test_nobody_is_in_two_groups_of_a_sentence(matrix: Matrix) -> None:
    twice = [
        (row.case, each.sentence())
        for row in matrix.rows
        for each in row.divergences
        if len({who for who, _ in each.says}) != len(each.says)
        or len({phrase for _, phrase in each.says}) != len(each.says)
    ]
    assert twice == []
