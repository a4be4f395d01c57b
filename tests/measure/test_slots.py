"""No more builds at a time than there are slots, whatever becomes of processes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier, Event, Lock

from harness.measure.slots import Slots

HOLD = """
import sys, pathlib
from harness.measure.slots import Slots
with Slots(folder=pathlib.Path(sys.argv[1]), number=1).taken():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_no_more_than_the_number_work_at_a_time(tmp_path: Path) -> None:
    slots = Slots(folder=tmp_path / "slots", number=2)
    mutex, met = Lock(), Barrier(2)
    now, most = 0, 0

    def work(_: int) -> None:
        nonlocal now, most
        with slots.taken():
            with mutex:
                now += 1
                most = max(most, now)
            # both slots are used: else this waits for ever
            met.wait(60)
            with mutex:
                now -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert most == 2


def test_one_waits_until_a_slot_is_given_back(tmp_path: Path) -> None:
    slots = Slots(folder=tmp_path / "slots", number=2)
    got = Event()

    def wait() -> None:
        with slots.taken():
            got.set()

    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        for _ in range(2):
            held.enter_context(slots.taken())
        waiting = pool.submit(wait)
        assert not got.wait(0.1)
        held.close()
        waiting.result(60)
    assert got.is_set()


def test_a_killed_process_gives_its_slot_back(tmp_path: Path) -> None:
    place = tmp_path / "slots"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        with Slots(folder=place, number=1).taken():
            pass
