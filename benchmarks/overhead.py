"""`layer-harness run` against the bare builds through the SDK (bar: at most 1.1 times).

Both build every case with both builders on the same running engine, at the same
parallelism, in turns of some seconds. Bare is the SDK's own way: post the context, read
the stream to its end; no base of its own for each case, no export, no reading, no
result.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import BinaryIO

import requests

from benchmarks import turns
from harness.builders.records import standard_builders
from harness.cases.case import Case, argument, load_cases
from harness.cases.selection import select
from harness.dockerfile.context import tar_bytes
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.engines import Engine
from harness.engines.address import connect
from harness.provision.settings import Settings
from harness.session import opened
from harness.targets.target import Target

CASES = Path("cases")
#: A case that waits for what never comes is no measure of overhead, and so are builds
#: that end the engine, which take their neighbours along.
LEFT_OUT = {"copy/fifo"}
#: Seconds without a word from a bare build, after which it is given up.
SILENCE = 60.0


def bare(engine: Engine, case: Case, target: Target, base: str, turn: Path) -> None:
    """Build a case as a user of the SDK would, in its turn."""
    with turns.take(turn):
        _bare(engine, case, target, base)


def _bare(engine: Engine, case: Case, target: Target, base: str) -> None:
    client = connect(engine.address, timeout=600)
    salt = uuid.uuid4().hex
    tags: dict[str, str] = {}
    for name, build in case.builds.items():
        tags[name] = f"layer-harness/bench:{salt}-{name}"
        previous = {argument(key): tag for key, tag in tags.items()}
        try:
            files = sent(case.context(name), build.file, target.family, raw=build.raw)
        except IgnoreError:
            # a client refuses the pattern before it posts anything
            continue
        try:
            response = client.post(
                f"{client.base_url}/v{client.api_version}/build",
                data=tar_bytes(files),
                headers={"Content-Type": "application/x-tar"},
                params={
                    "version": target.builder.api_version,
                    "t": tags[name],
                    "dockerfile": build.file,
                    "target": build.target,
                    "nocache": str(case.cold(name)).lower(),
                    "rm": "true",
                    "forcerm": "true",
                    "labels": json.dumps(build.labels),
                    "buildargs": json.dumps({"BASE": base, **previous, **build.args}),
                },
                stream=True,
                timeout=(10, case.limit or SILENCE),
            )
            for _ in response.iter_content(chunk_size=None):
                pass
        except requests.RequestException as error:
            print(f"{case.id} on {target.id} was given up: {error}", flush=True)
    client.close()


def measured_cases(words: Sequence[str]) -> list[Case]:
    """Read the cases that `words` name, all without any, but for those left out."""
    return [
        each
        for each in select(load_cases(CASES, standard_builders()), words)
        if each.id not in LEFT_OUT and "kills-the-engine" not in each.tags
    ]


def ended(jobs: Sequence[Future[None]], seconds: float) -> bool:
    """Wait for bare builds; says whether some are left."""
    done, left = wait(jobs, seconds)
    print(f"bare: {len(done)} of {len(jobs)}", flush=True)
    for each in done:
        each.result()
    return bool(left)


class Run:
    """A run of the harness, which begins when it is first waited for."""

    def __init__(self, command: Sequence[str], turn: Path, said: BinaryIO) -> None:
        self._command = command
        self._environment = {**os.environ, turns.VARIABLE: str(turn)}
        self._said = said
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, seconds: float) -> bool:
        """Wait for it; says whether it goes on."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdout=self._said, env=self._environment
            )
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        if code not in {0, 1}:
            self._said.seek(0)
            sys.exit(self._said.read().decode(errors="replace"))
        return False


def main(arguments: Sequence[str] = ()) -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead")
    parser.add_argument("cases", nargs="*", help="cases or groups; all by default")
    parser.add_argument("-e", "--engine", default="bookworm")
    parser.add_argument("-n", "--jobs", type=int, default=4)
    parser.add_argument("--turn", type=float, default=20.0, help="seconds of a turn")
    chosen = parser.parse_args(arguments)
    cases = measured_cases(chosen.cases)
    settings = Settings(engines=(chosen.engine,))
    with (
        opened(settings, lambda event: print(event.text, flush=True)) as session,
        session.open(session.targets[0]) as there,
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(chosen.jobs) as pool,
    ):
        engine = there.engine
        if engine is None:  # pragma: no cover  # a builder inside an engine has one
            raise RuntimeError("no engine")
        places = [Path(folder, each) for each in ("run", "bare")]
        jobs = [
            pool.submit(bare, engine, case, target, there.shared, places[1])
            for case in cases
            for target in session.targets
            if case.suits(target)
        ]
        command = [
            *(sys.executable, "-m", "harness", "run"),
            *(case.id for case in cases),
            *("-e", engine.address.url, "-n", str(chosen.jobs)),
            *("--results", str(Path(folder, "results"))),
            *("--", "-p", "benchmarks.turns"),
        ]
        with Path(folder, "said").open("w+b") as said:
            run = Run(command, places[0], said)
            whole, alone = turns.alternate(
                places, [run, partial(ended, jobs)], chosen.turn
            )
        # Of the children that were waited for, the largest: in KiB on Linux.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{len(cases)} cases, both builders, {chosen.jobs} at a time: bare "
        f"{alone:.1f} s, run {whole:.1f} s, ratio {whole / alone:.2f}, largest process "
        f"{peak:.0f} MB"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
