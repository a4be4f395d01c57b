"""A part of a real engine is killed below a build: the build is made again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from engine_processes import running, wait_for

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.measure.engine_lock import EngineLock
from harness.measure.open_target import OpenTarget
from harness.measure_case import measure_in_turn

pytestmark = pytest.mark.engine


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Case]:
    def write(step: str) -> Case:
        path = tmp_path / "demo" / "case.yaml"
        path.parent.mkdir()
        path.write_text(
            f"title: t\nwhy: w\ndockerfile: |\n  ARG BASE\n  FROM ${{BASE}}\n  {step}\n"
        )
        return load_case(path, tmp_path, standard_builders())

    return write


def first_process(open_target: OpenTarget) -> int:
    """Find the first process of the engine, by the way we see its files."""
    root = Path(open_target.engine.data_root or "") if open_target.engine else Path()
    if root.parts[:2] != ("/", "proc"):
        pytest.skip("only an engine of our own is killed")
    return int(root.parts[2])


@pytest.mark.parametrize("open_target", ["legacy"], indirect=True)
def test_a_build_whose_containerd_is_killed_is_made_again(
    open_target: OpenTarget, make: Callable[[str], Case], tmp_path: Path
) -> None:
    """BuildKit runs its steps without containerd."""
    first = first_process(open_target)

    def kill() -> None:
        if wait_for(lambda: bool(running(".*sleep 2", first))):
            for each in running("containerd .*", first):
                os.kill(each, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    measured = measure_in_turn(
        make("RUN sleep 2 && echo a > /b"),
        # 20.10.24 goes on after some ten seconds, 26.1.5 never does
        replace(open_target, limit=6.0),
        EngineLock(place=tmp_path / "turn"),
    )
    killer.join()
    (build,) = measured.result.builds
    assert (build.outcome, build.error) == ("ok", "")


@pytest.mark.parametrize("open_target", ["legacy"], indirect=True)
def test_an_image_whose_engine_is_killed_in_the_export_is_built_again(
    open_target: OpenTarget,
    make: Callable[[str], Case],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = first_process(open_target)
    killed: list[int] = []
    export = docker.APIClient.get_image

    def broken(self: docker.APIClient, tag: str) -> Iterator[bytes]:
        chunks = iter(export(self, tag, chunk_size=4096))
        yield next(chunks)
        if not killed:
            killed.extend(running("dockerd .*", first))
            os.kill(killed[0], signal.SIGKILL)
        yield from chunks

    monkeypatch.setattr(docker.APIClient, "get_image", broken)
    measured = measure_in_turn(
        make("RUN echo a > /b"), open_target, EngineLock(place=tmp_path / "turn")
    )
    assert killed
    (build,) = measured.result.builds
    assert build.outcome == "ok"
    assert [len(each.changes) for each in build.layers] == [1]
