"""Programs that take turns do not work at the same time."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from benchmarks import turns


def test_sides_work_by_turns_until_both_are_done(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "other"]
    log: list[str] = []
    done = [Event(), Event()]
    begin = Event()

    def work(side: int) -> None:
        begin.wait()
        for number in range(3):
            with turns.take(places[side]):
                log.append(f"{side} begins {number}")
                log.append(f"{side} ends {number}")
        done[side].set()

    def running(side: int, seconds: float) -> bool:
        begin.set()
        return not done[side].wait(seconds)

    threads = [Thread(target=work, args=(side,)) for side in (0, 1)]
    for each in threads:
        each.start()
    took = turns.alternate(
        places, [lambda limit: running(0, limit), lambda limit: running(1, limit)], 60
    )
    for each in threads:
        each.join()
    # a turn ends with a side's last piece of work
    assert [line.split()[0] for line in log] == ["0"] * 6 + ["1"] * 6
    assert len(took) == 2
    assert all(seconds > 0 for seconds in took)
