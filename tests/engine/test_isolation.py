"""A case about the cache starts from a state that nothing else influences."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import Case, load_case
from harness.engines.address import connect
from harness.observation import Observation
from harness.observe import observe
from harness.site import Site

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2] / "cases"
#: One of each kind: hits and misses, a case with stages, one with WORKDIR.
CASES = ["same-again", "arg-changed", "file-touched", "label-changed", "stage-first"]


def measured(case: Case, site: Site) -> Observation:
    assert site.engine is not None
    client = connect(site.engine.address, timeout=60)
    try:
        return observe(case, replace(site, client=client)).observation
    finally:
        client.close()


@pytest.mark.parametrize("name", CASES)
def test_a_case_and_its_twin_at_the_same_time_and_a_later_run_tell_the_same(
    site: Site, name: str
) -> None:
    case = load_case(ROOT / "cache" / f"{name}.yaml", ROOT)
    with ThreadPoolExecutor(2) as threads:
        first, twin = threads.map(lambda _: measured(case, site), range(2))
    assert any(step.cached for step in first.builds[-1].steps)
    assert twin == first
    assert measured(case, site) == first
