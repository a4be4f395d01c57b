"""Engines of a run: started for their first case, stopped after the last."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.engines import Address, Engine, EngineSource
from harness.errors import EngineError
from harness.provision.events import EngineLost, EngineStopping, Event, Noted
from harness.provision.fleet import Fleet, await_engine
from harness.provision.memory import MemoryShare

NAMES = ["a", "unix:///b", "c"]
LIMIT = 20.0


class Port:
    """What starts engines here: it remembers, and `stopped` tells of each end."""

    def __init__(self) -> None:
        self.up: list[str] = []
        self.most = 0
        self.stopped = {name: threading.Event() for name in NAMES}

    @contextmanager
    def start(self, source: EngineSource) -> Iterator[Engine]:
        if source.version == "broken":
            raise EngineError("it does not come up", hint="mend it")
        self.up.append(source.name)
        self.most = max(self.most, len(self.up))
        try:
            yield Engine(
                name=source.name,
                address=Address(url="unix:///x"),
                version="1",
                api="1",
                storage="vfs",
                components=(),
                architecture="amd64",
                data_root=None,
                clock_offset=0.0,
            )
        finally:
            self.up.remove(source.name)
            self.stopped[source.name].set()


def sources(version: str = "1") -> list[EngineSource]:
    return [EngineSource(name=name, version=version, store="vfs") for name in NAMES]


@pytest.fixture
def port() -> Port:
    return Port()


def test_no_more_run_at_a_time_than_there_is_room_for(
    port: Port, tmp_path: Path
) -> None:
    fleet = Fleet(sources(), port.start, tmp_path, at_once=2)
    fleet.expect({"a": 2, "unix:///b": 1, "c": 1})
    for name in ("a", "unix:///b"):
        assert await_engine(tmp_path, name).name == name
    fleet.done("a")
    assert port.up == ["a", "unix:///b"]
    fleet.done("a")
    assert port.stopped["a"].wait(LIMIT)
    assert await_engine(tmp_path, "c").name == "c"
    fleet.close()
    assert (port.up, port.most) == ([], 2)


def test_an_engine_that_no_case_needs_is_not_started(
    port: Port, tmp_path: Path
) -> None:
    fleet = Fleet(sources(), port.start, tmp_path, at_once=3)
    fleet.expect({"c": 1})
    await_engine(tmp_path, "c")
    fleet.close()
    assert not port.stopped["a"].is_set()
    with pytest.raises(EngineError, match="the run is over"):
        await_engine(tmp_path, "a")


def test_who_waits_for_an_engine_that_does_not_come_up_is_told(
    port: Port, tmp_path: Path
) -> None:
    fleet = Fleet(sources("broken"), port.start, tmp_path, at_once=1)
    fleet.expect({"a": 1, "c": 1})
    with pytest.raises(EngineError, match="does not come up") as caught:
        await_engine(tmp_path, "a")
    assert caught.value.hint == "mend it"
    fleet.done("a")
    with pytest.raises(EngineError, match="does not come up"):
        await_engine(tmp_path, "c")
    fleet.close()


def test_a_session_that_is_ended_early_tells_what_is_stopped(
    port: Port, tmp_path: Path
) -> None:
    heard: list[Event] = []
    fleet = Fleet(sources(), port.start, tmp_path, at_once=1, hear=heard.append)
    fleet.expect({"a": 1, "c": 1})
    await_engine(tmp_path, "a")
    fleet.end()
    fleet.close()
    assert port.up == []
    ended = [each.text for each in heard if isinstance(each, EngineStopping)]
    assert ended == ["stopping Docker 1 (a) ..."]
    assert not [each for each in heard if isinstance(each, EngineLost)]


def test_engines_come_although_nobody_hears_of_them(port: Port, tmp_path: Path) -> None:
    def gone(_: Event) -> None:
        raise BrokenPipeError

    fleet = Fleet(sources(), port.start, tmp_path, at_once=1, hear=gone)
    fleet.expect({"a": 1, "c": 1})
    assert await_engine(tmp_path, "a").name == "a"
    fleet.done("a")
    assert await_engine(tmp_path, "c").name == "c"
    fleet.close()
    assert port.up == []


def test_an_engine_that_does_not_end_in_order_keeps_no_other_from_coming(
    port: Port, tmp_path: Path
) -> None:
    heard: list[Event] = []

    @contextmanager
    def start(source: EngineSource) -> Iterator[Engine]:
        with port.start(source) as engine:
            yield engine
        raise RuntimeError("a mount is busy")

    fleet = Fleet(sources(), start, tmp_path, at_once=1, hear=heard.append)
    fleet.expect({"a": 1, "c": 1})
    await_engine(tmp_path, "a")
    fleet.done("a")
    assert await_engine(tmp_path, "c").name == "c"
    fleet.close()
    told = [each.text for each in heard if isinstance(each, Noted)]
    assert len(told) == 2
    assert "a mount is busy" in told[0]


def test_an_engine_that_was_ended_while_it_started_is_not_told_as_lost(
    tmp_path: Path,
) -> None:
    heard: list[Event] = []
    starting, ended = threading.Event(), threading.Event()

    @contextmanager
    def start(_: EngineSource) -> Iterator[Engine]:
        starting.set()
        ended.wait(LIMIT)
        raise EngineError("the engine ended at once")
        yield

    fleet = Fleet(sources(), start, tmp_path, at_once=1, hear=heard.append)
    fleet.expect({"a": 1})
    assert starting.wait(LIMIT)
    fleet.end()
    ended.set()
    fleet.close()
    assert not [each for each in heard if isinstance(each, EngineLost)]
    with pytest.raises(EngineError):
        await_engine(tmp_path, "a")


@pytest.mark.parametrize(
    ("gib", "engines", "at_once"), [(6, 10, 2), (6, 1, 1), (4, 10, 1), (64, 10, 2)]
)
def test_two_engines_run_where_memory_has_room_for_two(
    gib: int, engines: int, at_once: int
) -> None:
    room = MemoryShare(total_kib=gib << 20, engines=engines)
    assert room.at_once == at_once
    assert room.each_kib * at_once < gib << 20
