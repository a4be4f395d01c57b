"""The bases that an engine is given before its first case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import docker
import pytest

from harness.builders.records import standard_builders
from harness.engines import EngineSource
from harness.images.base import Base
from harness.images.image import Image
from harness.images.layer import Layer
from harness.measure.base_copies import base_of
from harness.provision import engine_bases
from harness.provision.plan import Plan, plan_targets
from harness.provision.settings import Settings

SOURCE = EngineSource(name="one", version="20.10.24", store="overlay2")
OTHER = EngineSource(name="two", version="28.5.2", store="overlay2")
NAMES = [
    base_of("shared", builder, worker, number)
    for builder in ("legacy", "buildkit")
    for worker in range(3)
    for number in range(2)
]


def base(size: int) -> Base:
    layer = Layer(diff_id="sha256:0", size=size, entries=())
    image = Image(reference="", config={}, config_digest="", layers=(layer,))
    return Base(archive=b"", image=image)


@pytest.mark.parametrize(
    ("size", "first", "said"),
    [
        (2_000_000, [], []),
        (
            146_200_000,
            [("shared", True)],
            [
                "loading the base image into Docker 20.10.24 (one): 146 MB ...",
                "loaded it; 12 copies share its layers",
            ],
        ),
    ],
)
def test_layers_of_a_large_base_are_loaded_once_and_that_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    first: list[tuple[str, bool]],
    said: list[str],
) -> None:
    loads: list[tuple[str, bool]] = []

    @contextmanager
    def loaded(_: Any, __: Base, name: str, *, whole: bool = False) -> Iterator[None]:
        loads.append((name, whole))
        yield

    monkeypatch.setattr(engine_bases, "loaded", loaded)
    plan = Plan(
        settings=Settings(jobs=2),
        builders=standard_builders(),
        planned=tuple(plan_targets([SOURCE, OTHER], [], standard_builders())),
        folder=tmp_path,
        base=tmp_path,
        shared="shared",
    )
    client = cast("docker.APIClient", None)
    told: list[str] = []
    with engine_bases.with_bases(client, base(size), plan, SOURCE, told.append):
        assert loads == first + [(name, False) for name in NAMES]
    assert told == said
