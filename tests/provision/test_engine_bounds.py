"""An engine's bounds are known where its builds are metered, however it came to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.engines import Address, Engine, address, debian, image
from harness.engines.debian import RunningEngine
from harness.engines.namespace import Space
from harness.provision import sources

PLAIN = Engine(
    name="here",
    address=Address(url="unix:///run/docker.sock"),
    version="20.10.24",
    api="1.41",
    storage="overlay2",
    components=(),
    architecture="amd64",
    data_root=None,
    clock_offset=0.0,
)
BOUNDED = replace(PLAIN, cgroup="layer-harness-bookworm-0123ab", bounds="memory=2")


def test_one_that_was_kept_running_is_known_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = RunningEngine(
        space=Space(folder=tmp_path), engine=BOUNDED, kept=True, owner=1
    )
    monkeypatch.setattr(debian, "status", lambda _: [kept])
    monkeypatch.setattr(
        address,
        "identify",
        lambda name, place: replace(PLAIN, name=name, address=place),
    )
    engine = sources.source("unix:///run/docker.sock", tmp_path).engine
    assert engine
    assert (engine.cgroup, engine.bounds) == (BOUNDED.cgroup, "memory=2")
    other = sources.source("unix:///run/other.sock", tmp_path).engine
    assert other
    assert other.cgroup is None


def test_one_in_a_container_has_the_bounds_of_the_engine_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    @contextmanager
    def ours(*_: object, bounds: str, **__: object) -> Iterator[Any]:
        asked.append(bounds)
        yield SimpleNamespace(engine=replace(BOUNDED, bounds=bounds), restart=None)

    monkeypatch.setattr(debian, "start", ours)
    monkeypatch.setattr(sources, "watched", lambda *_: nullcontext())
    monkeypatch.setattr(
        image, "start", lambda *_, **__: nullcontext(replace(PLAIN, name="in"))
    )
    inside = sources.source("docker:27-dind", tmp_path)
    with sources.start(
        inside, tmp_path, print, bounds="processes=9", on="bookworm"
    ) as engine:
        assert engine.name == "in"
        assert (engine.cgroup, engine.bounds) == (BOUNDED.cgroup, "processes=9")
    assert asked == ["processes=9"]
