"""A case about the cache starts from a state that nothing else influences."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard, standard_builders
from harness.cases.case import Case, load_case
from harness.engines import Engine, Source
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.images.base import from_archive
from harness.measure.base_copies import loaded, new_base
from harness.measure.observation import Observation
from harness.measure.observe import observe
from harness.measure.open_target import Site
from harness.provision import sources
from harness.provision.plan import seats_of

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2] / "cases"
#: One of each kind: hits and misses, a case with stages, files that only were touched.
CASES = ["same-again", "arg-changed", "file-touched", "label-changed", "stage-first"]
BUILDERS = ["legacy", "buildkit", "buildx-0.29", "buildah-layers"]


@pytest.fixture(scope="module", params=BUILDERS)
def place(
    request: pytest.FixtureRequest, engine: Engine, base_archive: Path
) -> Iterator[Site]:
    name, cache = request.param, cache_folder()
    records = [each for each in standard().values() if each.name == name]
    tools = sources.tools(records, cache, print, needed={name})
    source = Source(
        name=engine.name, version=engine.version, store=engine.storage, engine=engine
    )
    seats = seats_of([source], tools, standard_builders())
    seat = next(each for each in seats if each.target.builder.name == name)
    client, base = connect(engine.address, timeout=60), from_archive(base_archive)
    shared = new_base()
    with loaded(client, base, shared):
        yield Site(
            target=seat.target,
            engine=engine if seat.engine else None,
            client=client if seat.engine else None,
            tool=tools.get(seat.tool),
            folder=cache / "tmp",
            base=base,
            shared=shared,
            limit=60,
        )


def measured(case: Case, site: Site) -> Observation:
    if site.engine is None:
        return observe(case, site).observation
    client = connect(site.engine.address, timeout=60)
    try:
        return observe(case, replace(site, client=client)).observation
    finally:
        client.close()


@pytest.mark.parametrize("name", CASES)
def test_a_case_and_its_twin_at_the_same_time_and_a_later_run_tell_the_same(
    place: Site, name: str
) -> None:
    case = load_case(ROOT / "cache" / f"{name}.yaml", ROOT, standard_builders())
    with ThreadPoolExecutor(2) as threads:
        first, twin = threads.map(lambda _: measured(case, place), range(2))
    assert any(step.cached for step in first.builds[-1].steps)
    assert twin == first
    assert measured(case, place) == first
