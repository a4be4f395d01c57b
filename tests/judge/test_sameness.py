"""One answer for a Dockerfile on several targets, and what explains a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.book.book import Book, open_book
from harness.book.explaining import Explaining
from harness.cases.model import Build
from harness.judge.agreement import tell
from harness.judge.behaviours_file import read_behaviours
from harness.judge.differences import differences
from harness.judge.sameness import sameness
from harness.measure.observation import (
    BuildRecord,
    Change,
    HistoryEntry,
    LayerRecord,
    Observation,
    Step,
)
from harness.report.try_record import TriedRecord, record
from harness.report.try_text import UNEXPLAINED, markdown, text

ROOT = Path(__file__).parents[2]
LEGACY, BUILDKIT = "legacy@20.10.24", "buildkit@28.5.2"
BUILD = Build(dockerfile="FROM a\nRUN one\nRUN two\nCMD x\n")


def file(path: str, digest: str = "d", owner: str = "0:0") -> Change:
    return Change(
        path=path, change="added", type="file", mode="0644", owner=owner,
        mtime="build", size=1, digest=digest,
    )  # fmt: skip


def built(*layers: tuple[Change, ...] | None, **config: object) -> Observation:
    """Make what lines 2 and 3 made, None for no layer."""
    made = [
        LayerRecord(line=line, diff_id=None, size=1024, changes=each)
        for line, each in enumerate(layers, 2)
        if each is not None
    ]
    numbers = iter(range(1, 9))
    steps = tuple(
        Step(
            line=line,
            text=f"RUN {line}",
            layer=None if each is None else next(numbers),
            cached=None,
        )
        for line, each in enumerate(layers, 2)
    )
    history = tuple(HistoryEntry(created_by="", empty_layer=x is None) for x in layers)
    build = BuildRecord(
        name="build", outcome="ok", below=1, layers=tuple(made), steps=steps,
        history=history, config=config,
    )  # fmt: skip
    return Observation(case="try/dockerfile", target="", builds=(build,))


def failed(error: str = "no", line: int = 3) -> Observation:
    build = BuildRecord(name="build", outcome="error", error=error, error_line=line)
    return Observation(case="try/dockerfile", target="", builds=(build,))


def told(one: Observation, other: Observation) -> TriedRecord:
    seconds = {LEGACY: 1.0, BUILDKIT: 2.0}
    found = sameness({LEGACY: one, BUILDKIT: other})
    return record(found, BUILD, dockerfile="Dockerfile", seconds=seconds)


LINES = BUILD.dockerfile.split("\n")
ONE = (file("/one"),)


@pytest.mark.parametrize(
    ("one", "other", "answer", "first"),
    [
        (
            built(ONE, ()),
            built(ONE, ()),
            "same",
            f"same image, of the same layers, on {LEGACY} and {BUILDKIT}",
        ),
        (
            built(ONE, None),
            built(ONE, ()),
            "layers",
            f"same image in other layers: 1 on {LEGACY} and 2 on {BUILDKIT}",
        ),
        (
            built(ONE, None),
            built(ONE, (file("/two"),)),
            "image",
            f"another image: 1 path differs between {LEGACY} and {BUILDKIT}",
        ),
        (
            built(ONE, None, User="a"),
            built((file("/one", owner="1:1"),), None),
            "image",
            f"another image: 1 path and 1 setting differ between {LEGACY} and "
            f"{BUILDKIT}",
        ),
        (
            failed(),
            built(ONE, ()),
            "outcome",
            f"builds on one side only: on {BUILDKIT}, not on {LEGACY}",
        ),
        (
            failed("one says this"),
            failed("the other that", 2),
            "fails",
            f"builds on none of them: {LEGACY} and {BUILDKIT}",
        ),
    ],
)
def test_the_first_line_answers(
    one: Observation, other: Observation, answer: str, first: str
) -> None:
    found = told(one, other)
    assert found.answer == answer
    assert text(found, LINES).splitlines()[0] == first
    assert markdown(found, LINES).splitlines()[0] == f"**{first}**"


def test_a_failure_shows_its_line_and_both_messages() -> None:
    said = text(told(failed("one says this"), failed("the other that", 2)), LINES)
    assert f"{LEGACY} fails: Dockerfile:3\n  > RUN two\n  one says this" in said
    assert f"{BUILDKIT} fails: Dockerfile:2\n  > RUN one\n  the other that" in said


def test_a_difference_has_its_line_and_both_sides() -> None:
    found = told(built(ONE, None), built(ONE, (file("/two"),)))
    said = text(found, LINES)
    assert "Dockerfile:3\n  > RUN two\n" in said
    assert f"/two: {LEGACY} has none\n" in said
    assert f"{BUILDKIT} has a file of 1 bytes" in said
    assert UNEXPLAINED in said
    (first, *_) = found.differences
    assert (first.line, first.instruction, first.paths) == (3, "RUN two", ("/two",))
    assert first.sides[1].value == {"type": "file", "size": 1, "digest": "d"}


def test_what_means_nothing_is_told_and_does_not_count() -> None:
    left = Change(path="/run/.containerenv", change="added", type="file", mode="0700")
    one = built(ONE, None, ArgsEscaped=True)
    other = built((*ONE, left), None)
    found = told(one, other)
    assert found.answer == "same"
    assert "(but for config ArgsEscaped, /run/.containerenv)" in found.sentence
    assert "Of no consequence" in text(found, LINES)


def test_what_a_second_build_has_otherwise_is_chance() -> None:
    first = {
        LEGACY: built((file("/log", "1"),), None),
        BUILDKIT: built((file("/log", "2"),), None),
    }
    again = {LEGACY: built((file("/log", "3"),), None)}
    assert sameness(first).answer == "image"
    found = sameness(first, again)
    assert found.answer == "same"
    assert found.chance == ("/log",)


def test_only_the_aspects_that_are_asked_for_count() -> None:
    both = {LEGACY: built(ONE, None, User="a"), BUILDKIT: built(ONE, None)}
    assert sameness(both, aspects=["config"]).answer == "image"
    found = sameness(both, aspects=["rootfs"])
    assert (found.answer, found.left_out) == ("same", 1)


@pytest.fixture(scope="module")
def book() -> Book:
    return open_book(ROOT / "cases", ROOT / "results")


def explained(book: Book, case: str, dockerfile: str) -> set[str]:
    """Explain a measured case's differences as if they were of another Dockerfile."""
    own = book.case(case)
    judged = book.judged(case, (LEGACY, BUILDKIT))
    table = tell({name: each.observation for name, each in judged.items()})
    explain = Explaining(
        book.root,
        book.results,
        own.builds["build"].model_copy(update={"dockerfile": dockerfile}),
        table=table,
        builders=book.builders,
        behaviours=lambda: read_behaviours(
            (book.results / "behaviours.json").read_bytes()
        ),
    )
    found = (
        explain(each) for each in differences(table) if each.question != "layering"
    )
    return {each.case if each else "" for each in found}


def test_a_case_explains_its_own_difference(book: Book) -> None:
    own = book.case("volume/run-after").builds["build"].dockerfile
    assert explained(book, "volume/run-after", own) == {"volume/run-after"}
    own = book.case("mount/cache").builds["build"].dockerfile
    assert {each.split("/")[0] for each in explained(book, "mount/cache", own)} == {
        "mount"
    }


def test_a_difference_without_what_is_particular_is_not_explained(book: Book) -> None:
    """The same files are other, but no VOLUME is there: something else did that."""
    own = book.case("volume/run-after").builds["build"].dockerfile
    assert explained(book, "volume/run-after", own.replace("VOLUME", "LABEL a=")) == {
        ""
    }
