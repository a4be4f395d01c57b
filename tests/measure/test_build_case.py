"""How a case's builds come out, with a driver of which every step is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.builders.records import standard_builders
from harness.builders.transcript import Transcript
from harness.cases.case import load_case
from harness.errors import EngineError, Unexportable
from harness.images.image import Image
from harness.measure.build_case import run

IMAGE = Image(reference="image", config={}, config_digest="", layers=())
CASE = "title: t\nwhy: w\ndockerfile: |\n  FROM scratch\n"


class Scripted:
    """A driver whose builds succeed, and whose exports fail with these words first."""

    def __init__(self, *refusals: str) -> None:
        self.refusals = list(refusals)

    @contextmanager
    def base(self) -> Iterator[tuple[str, Image]]:
        yield "base", IMAGE

    def build(self, _: Any, limit: float) -> Transcript:
        self.limit = limit
        return Transcript(
            ending="ok", error="", status=200, steps=(), images=(), log=""
        )

    def image(self, *_: Any) -> Image:
        if self.refusals:
            raise Unexportable(self.refusals.pop(0))
        return IMAGE

    def remove(self, *_: Any) -> None:
        pass


@contextmanager
def driver(scripted: Scripted) -> Iterator[Scripted]:
    yield scripted


def built(
    folder: Path,
    scripted: Scripted,
    case: str = CASE,
    now: Callable[[], float] = time.time,
) -> Any:
    place = folder / "demo" / "case.yaml"
    place.parent.mkdir()
    place.write_text(case)
    open_target: Any = SimpleNamespace(
        target=standard_builders().target("legacy@20.10.24"),
        driver=lambda _: driver(scripted),
        base=SimpleNamespace(layers=()),
        slots=None,
        now=now,
        began=0.0,
        limit=1.0,
        name="here",
        engine=None,
        client=None,
        shared="layer-harness/base:0123456789abcdef",
        log_size=lambda: 0,
        meter=None,
        given=(),
    )
    (only,) = run(load_case(place, folder, standard_builders()), open_target).built
    return only


def test_an_export_that_fails_twice_is_the_builders_doing(tmp_path: Path) -> None:
    only = built(tmp_path, Scripted("open /a: no such file", "open /b: no such file"))
    assert (only.transcript.ending, only.image) == ("unexportable", None)
    assert only.transcript.error == "open /b: no such file"


def test_an_export_that_fails_by_chance_is_not(tmp_path: Path) -> None:
    only = built(tmp_path, Scripted("connection reset"))
    assert (only.transcript.ending, only.image) == ("ok", IMAGE)


def test_an_export_without_room_is_no_ones_doing(tmp_path: Path) -> None:
    full = "write /x: no space left on device"
    with pytest.raises(EngineError, match="there is no room left"):
        built(tmp_path, Scripted(full, full))


@pytest.mark.parametrize(("own", "limit"), [("", 1.0), ("limit: 90\n", 90.0)])
def test_a_case_may_have_a_limit_of_its_own(
    tmp_path: Path, own: str, limit: float
) -> None:
    scripted = Scripted()
    built(tmp_path, scripted, own + CASE)
    assert scripted.limit == limit


@pytest.mark.parametrize("later", [990.0, -1e9])
def test_a_clock_that_is_set_back_below_a_build_is_told(
    tmp_path: Path, later: float
) -> None:
    times = iter([1000.0, later])
    with pytest.raises(EngineError, match=r"the clock was set back by \d+ s while"):
        built(tmp_path, Scripted(), now=lambda: next(times))


@pytest.mark.parametrize("later", [998.5, 1000.0, 5000.0])
def test_a_clock_that_is_set_forward_or_by_little_does_no_harm(
    tmp_path: Path, later: float
) -> None:
    """All times lie between begin and end still, give or take what noise allows."""
    times = iter([1000.0, later])
    assert built(tmp_path, Scripted(), now=lambda: next(times)).image == IMAGE
