"""An engine's room: kept free where it is ours, and told apart from a failing build."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from harness.builders.records import standard_builders
from harness.builders.transcript import Transcript
from harness.engines import Address, Engine, watchdog
from harness.errors import EngineError
from harness.images.base import Base
from harness.images.image import Image
from harness.measure import engine_death
from harness.measure.engine_death import is_full
from harness.measure.open_target import OpenTarget


def engine(data_root: str | None) -> Engine:
    return Engine(
        name="here",
        address=Address(url="unix:///nowhere"),
        version="20.10.24",
        api="1.41",
        storage="vfs",
        components=(),
        architecture="amd64",
        data_root=data_root,
        clock_offset=0.0,
    )


def open_target(data_root: str | None) -> OpenTarget:
    image = Image(reference="base", config={}, config_digest="", layers=())
    return OpenTarget(
        target=standard_builders().target("legacy@20.10.24+vfs"),
        base=Base(archive=b"", image=image),
        shared="base",
        limit=1.0,
        engine=engine(data_root),
    )


def transcript(error: str, log: str = "", *, ending: Any = "error") -> Transcript:
    return Transcript(
        ending=ending, error=error, status=200, steps=(), images=(), log=log
    )


FULL = "write /Dockerfile: no space left on device"


@pytest.mark.parametrize(
    ("told", "free", "full"),
    [
        (transcript(FULL), 0.9, True),
        (transcript("exit code: 1", "sh: write: No space left on device"), 0.01, True),
        (transcript("exit code: 1", "sh: write: No space left on device"), 0.9, False),
        (transcript("exit code: 1", "sh: no such file"), 0.01, False),
        (transcript("", FULL, ending="ok"), 0.01, False),
        (transcript(FULL, ending="unexportable"), 0.9, True),
    ],
)
def test_a_full_engine_is_told_from_a_run_that_fills_a_tmpfs_of_its_own(
    monkeypatch: pytest.MonkeyPatch, told: Transcript, free: float, full: bool
) -> None:
    monkeypatch.setattr(engine_death, "free_part", lambda _: free)
    assert is_full(told, open_target("/data")) is full


def test_of_an_engine_elsewhere_the_builders_word_is_taken() -> None:
    assert is_full(transcript(FULL), open_target(None))
    assert not is_full(transcript("exit code: 1", FULL), open_target(None))


def test_the_free_part_is_that_of_the_file_system(tmp_path: Path) -> None:
    assert 0.0 <= watchdog.free_part(str(tmp_path)) <= 1.0
    found = os.statvfs(tmp_path)
    assert watchdog.free_part(str(tmp_path)) == pytest.approx(
        found.f_bavail / found.f_blocks, abs=0.01
    )


@pytest.mark.parametrize("free", [[0.9, 0.9, 0.2], [0.9, OSError(), 0.2]])
def test_the_build_cache_is_pruned_when_room_gets_scarce(
    monkeypatch: pytest.MonkeyPatch, free: list[Any]
) -> None:
    left, pruned, asked = iter(free), threading.Event(), []

    def free_part(_: str) -> float:
        value = next(left, 0.9)
        if isinstance(value, OSError):
            raise value
        return float(value)

    def prune(**options: Any) -> None:
        asked.append(options)
        pruned.set()

    monkeypatch.setattr(watchdog, "_EVERY", 0.001)
    monkeypatch.setattr(watchdog, "free_part", free_part)
    client = SimpleNamespace(
        prune_builds=prune, networks=lambda: None, close=lambda: None
    )
    monkeypatch.setattr(watchdog, "connect", lambda *_, **__: client)
    with watchdog.watched(engine("/data"), restart=never):
        assert pruned.wait(10)
    assert asked == [{"filters": {"until": "3m"}, "all": True}]


def test_an_engine_that_does_not_answer_is_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarted = threading.Event()

    def networks() -> None:
        if not restarted.is_set():
            raise requests.ReadTimeout

    monkeypatch.setattr(watchdog, "_EVERY", 0.001)
    monkeypatch.setattr(watchdog, "free_part", lambda _: 0.9)
    client = SimpleNamespace(networks=networks, close=lambda: None)
    monkeypatch.setattr(watchdog, "connect", lambda *_, **__: client)
    with watchdog.watched(engine("/data"), restart=restarted.set):
        assert restarted.wait(10)


def never() -> None:
    pytest.fail("restarted")


def test_an_engine_that_was_just_killed_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    def connect(address: Any, *, timeout: float) -> str:
        tried.append(address.url)
        if len(tried) == 1:
            raise EngineError("no such file", where=address.url)
        return f"within {timeout}"

    monkeypatch.setattr(engine_death, "connect", connect)
    monkeypatch.setattr(engine_death, "await_answer", lambda *_: True)
    client: Any = engine_death.connected(engine("/data"), timeout=5.0)
    assert client == "within 5.0"
    tried.clear()
    monkeypatch.setattr(engine_death, "await_answer", lambda *_: False)
    with pytest.raises(EngineError, match="no such file"):
        engine_death.connected(engine("/data"), timeout=5.0)
