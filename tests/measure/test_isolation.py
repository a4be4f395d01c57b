"""A case about the cache starts from a state that nothing else influences."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.engines import Engine
from harness.measure.observation import Observation
from harness.provision.settings import Settings
from harness.session import Done, opened

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2] / "cases"
#: One of each kind: hits and misses, a case with stages, files that only were touched.
CASES = ["same-again", "arg-changed", "file-touched", "label-changed", "stage-first"]
BUILDERS = ["legacy", "buildkit", "buildx-0.29", "buildah-layers"]


def observed(done: Done) -> Observation:
    assert done.judged is not None, done.error
    return done.judged.observation


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_case_and_its_twin_at_the_same_time_and_a_later_run_tell_the_same(
    engine: Engine, builder: str
) -> None:
    builders = standard_builders()
    cases = [load_case(ROOT / "cache" / f"{n}.yaml", ROOT, builders) for n in CASES]
    settings = Settings(engines=(engine.address.url,), selectors=(builder,), jobs=2)
    with opened(settings) as session:
        target = next(
            each
            for each in session.targets
            if each.builder.name == builder and each.store in {"overlay2", "overlay"}
        )
        for case in cases:
            first, twin = map(observed, session.run([(case, target)] * 2))
            assert any(step.cached for step in first.builds[-1].steps), case.id
            assert twin == first
            assert observed(session.measure(case, target)) == first
