"""What benchmarks tell of their samples and figures."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.flame import flame_graph
from benchmarks.growth import Figure, power
from benchmarks.plot import plots
from benchmarks.sampler import Call, sampled
from benchmarks.time_spent import phase_of

PYTEST = Call("_pytest.runner", "call")
IMAGE = Call("harness.measure.driver", "EngineDriver.image")
READ = Call("harness.images.image", "read_archive")
RECV = Call("socket", "SocketIO.readinto")
IMPORT = Call("importlib._bootstrap", "_find_and_load")


@pytest.mark.parametrize(
    ("stack", "phase"),
    [
        ((PYTEST,), "pytest"),
        ((PYTEST, IMAGE), "export"),
        ((PYTEST, IMAGE, READ), "reading images"),
        ((PYTEST, IMAGE, READ, RECV), "export"),
        ((PYTEST, IMPORT, Call("harness.images.image", "<module>")), "imports"),
        ((Call("other", "main"),), "else"),
    ],
)
def test_a_sample_counts_for_the_innermost_call_that_is_known(
    stack: tuple[Call, ...], phase: str
) -> None:
    assert phase_of(stack) == phase


def test_samples_are_of_the_thread_that_asks() -> None:
    with sampled() as stacks:
        sum(range(3_000_000))
    name = "test_samples_are_of_the_thread_that_asks"
    assert all(any(each.function == name for each in stack) for stack in stacks)
    assert stacks


def test_a_flame_graph_is_as_wide_as_the_time() -> None:
    drawn = ET.fromstring(flame_graph({(PYTEST,): 1.0, (PYTEST, IMAGE): 3.0}, "a < b"))
    found = {
        group[0].text: group[1].get("width") for group in drawn if group.tag[-1] == "g"
    }
    assert found == {
        "_pytest.runner.call: 4.00 s": "1199.5",
        "measure.driver.EngineDriver.image: 3.00 s": "899.5",
    }


def test_a_plot_is_xml_with_a_line_for_each_name() -> None:
    points = [(10.0, 0.5), (100.0, 5.0)]
    text = plots({"seconds & more": {"run": points, "matrix": points}}, "cells")
    paths = [each for each in ET.fromstring(text).iter() if each.get("fill")]
    assert sum(each.get("stroke-width") == "2" for each in paths) == 2


@pytest.mark.parametrize(("last", "expected"), [(11.0, 1.0), (101.0, 2.0)])
def test_the_power_of_growth_is_told_without_the_start(
    last: float, expected: float
) -> None:
    def figure(cases: int, seconds: float, megabytes: float) -> Figure:
        return Figure(
            stage="run", cases=cases, targets=1, seconds=seconds, megabytes=megabytes
        )

    found = [figure(10, 2.0, 80.0), figure(100, last, 350.0)]
    assert power(found, "run", figure(1, 1.0, 50.0)) == pytest.approx((expected, 1.0))
