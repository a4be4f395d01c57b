"""Kill runs at random moments, and see that the next run removes all and completes.

`PYTHONPATH=tests python tests/run/kills.py 50 [SEED]`, as root, ten minutes or more. A
run builds on an engine of its own, on one that stands for a user's, and with buildah;
SIGKILL comes to its controlling process, to a worker, or to all of them. Some killed
runs follow each other, then comes one that is left alone.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine_processes import command_of

from harness.engines import address, debian, roots
from harness.engines.cgroups import CGROUPS

GROUPS = '[demo]\ntitle = "Demo"\nlink = "https://example.org/"\n'
STEPS = ("RUN sleep 1", "WORKDIR /new")
PROCS = "cgroup.procs"
VICTIMS = ("controller", "worker", "worker", "all")
#: Seconds in which a run has to end.
LIMIT = 300.0
#: So many runs are killed before one is left alone.
IN_A_ROW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where runs take place: cases and results, a cache, and the engine of a user."""

    folder: Path
    cache: Path
    user: str

    def run(self) -> subprocess.Popen[str]:
        """Begin a run."""
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "harness", "run", "-n", "2"),
                *("-e", "bookworm", "-e", self.user),
                *("-t", "legacy", "-t", "buildkit", "-t", "buildah-layers@1.28.2"),
            ],
            cwd=self.folder,
            env={**os.environ, "LAYER_HARNESS_CACHE": str(self.cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Make a place of its own for all that runs leave."""
    folder = Path(tempfile.mkdtemp(prefix="lk-"))
    try:
        cache = folder / "cache"
        cache.mkdir()
        (cache / "roots").symlink_to(roots.cache_folder() / "roots")
        demo = folder / "cases" / "demo"
        demo.mkdir(parents=True)
        (folder / "cases" / "groups.toml").write_text(GROUPS)
        for number, step in enumerate(STEPS):
            lines = ["title: t", "why: w", "dockerfile: |", "  ARG BASE"]
            lines += ["  FROM ${BASE}", f"  {step}", ""]
            (demo / f"case-{number}.yaml").write_text("\n".join(lines))
        # in the user's cache: what is below ours is what runs leave
        suite = roots.suite("bookworm")
        with debian.start(
            suite, cache=roots.cache_folder(), say=print, store="vfs"
        ) as started:
            url = started.engine.address.url
            yield Place(folder=folder, cache=cache, user=url)
    finally:
        shutil.rmtree(folder)


def kill(run: subprocess.Popen[str], chance: random.Random, within: float) -> str:
    """Kill a random part of a run `within` so many seconds, and give what it was."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(chance.uniform(0, within))
    victim = chance.choice(VICTIMS)
    found = workers(run.pid)
    if run.poll() is not None:
        victim = "none: it had ended"
    elif victim == "worker" and found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(found), signal.SIGKILL)
    elif victim == "all":
        os.killpg(run.pid, signal.SIGKILL)
    else:
        victim = "controller"
        run.kill()
    run.communicate(timeout=LIMIT)
    return f"{victim}, exit {run.returncode}"


def workers(controller: int) -> list[int]:
    """Give xdist's workers of a run, oldest first."""
    try:
        told = Path(f"/proc/{controller}/task/{controller}/children").read_text()
    except OSError:
        return []
    # execnet's way to start Python
    return [int(each) for each in told.split() if "stdin" in command_of(int(each))]


def left(where: Place) -> list[str]:
    """List what of any run is left: processes, mounts, cgroups, files, images."""
    cache = str(where.cache)
    found = [f"process {each}" for each in _processes(cache)]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {each}" for each in mounts if str(where.folder) in each]
    found += [f"engine {each}" for each in (where.cache / "runs").glob("*-*")]
    found += [f"folder {each}" for each in (where.cache / "tmp").glob("*")]
    parts = (where.folder / "results").rglob("*.part")
    found += [f"file {each}" for each in parts]
    client = address.connect(address.find(where.user), timeout=60)
    found += [f"image {each['Id']}" for each in client.images(all=True)]
    found += [f"container {each['Id']}" for each in client.containers(all=True)]
    client.close()
    return found


def _processes(cache: str) -> list[str]:
    """Find processes by their environment or words; what is killed takes a moment."""
    deadline = time.monotonic() + 10
    while found := [each for each in Path("/proc").iterdir() if _is_of(each, cache)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return [each.name for each in found]


def _is_of(process: Path, cache: str) -> bool:
    if not process.name.isdigit():
        return False
    try:
        told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
    except OSError:
        return False
    return cache.encode() in told


def cgroups() -> set[str]:
    """Name all cgroups of ours without a process, whoever's they are."""
    found = (*CGROUPS.glob("layer-harness-*"), *CGROUPS.glob("*/layer-harness-*"))
    # an engine that lives has no process in the trees of some controllers
    living = {each.name for each in found if any(map(_members, each.rglob(PROCS)))}
    return {each.name for each in found} - living


def _members(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def whole(where: Place) -> float:
    """Have a run come to its end, and give the seconds that it took."""
    began = time.monotonic()
    said, _ = (run := where.run()).communicate(timeout=LIMIT)
    if run.returncode:
        raise SystemExit(
            f"a run that is not killed ends with {run.returncode}:\n{said}"
        )
    return time.monotonic() - began


def main(times: int, seed: int) -> int:
    """Kill as often; gives the number of times when something was left."""
    chance, bad = random.Random(seed), 0
    with place() as where:
        within = whole(where)
        before = cgroups()
        for number in range(1, times + 1):
            shutil.rmtree(where.folder / "results", ignore_errors=True)
            victim = kill(where.run(), chance, within)
            kinds = Counter(each.partition(" ")[0] for each in left(where))
            behind = ", ".join(f"{kinds[each]} {each}" for each in sorted(kinds))
            print(f"{number:3} {victim:<24} left behind: {behind}", flush=True)
            if number % IN_A_ROW and number != times:
                continue
            following = where.run()
            said, _ = following.communicate(timeout=LIMIT)
            still = left(where)
            still += [f"cgroup {each}" for each in sorted(cgroups() - before)]
            if following.returncode:
                still.append(f"it ended with {following.returncode}:\n{said}")
            told = "\n        ".join(still) or "nothing is left"
            print(f"    after a run that was left alone: {told}", flush=True)
            bad += bool(still)
    print(f"{times} kills, {bad} times something left", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1) > 0)
