"""`layer-harness run` against the bare builds through the SDK (bar: at most 1.2 times).

Both build every case with both builders on the same running engine, at the same
parallelism. Bare is the SDK's own way: post the context, read the stream to its end;
no base of its own for each case, no export, no reading, no result.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from harness.builders.records import standard_builders
from harness.cases.case import Case, argument, load_cases
from harness.dockerfile.context import tar_bytes
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.engines import Engine
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.images.base import from_archive
from harness.measure.base_copies import loaded, new_base
from harness.provision import sources
from harness.provision.plan import engine_targets
from harness.targets.target import Target

JOBS = 4
CASES = Path("cases")


def bare(engine: Engine, case: Case, target: Target, base: str) -> float:
    """Build a case as a user of the SDK would; the seconds it took."""
    client = connect(engine.address, timeout=600)
    began = time.perf_counter()
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
        )
        for _ in response.iter_content(chunk_size=None):
            pass
    return time.perf_counter() - began


def main() -> None:
    """Print both times and their ratio."""
    # A build that ends the engine takes its neighbours along: that is no measure.
    cases = [
        each
        for each in load_cases(CASES, standard_builders())
        if "kills-the-engine" not in each.tags
    ]
    with (
        sources.engines(["bookworm"], cache_folder(), print) as found,
        ExitStack() as stack,
        tempfile.TemporaryDirectory() as folder,
    ):
        engine = found[0]
        client = connect(engine.address, timeout=600)
        archive = Path(folder, "base.tar")
        sources.save_base(None, found, cache_folder(), archive, print)
        base = new_base()
        stack.enter_context(loaded(client, from_archive(archive), base))
        began = time.perf_counter()
        with ProcessPoolExecutor(JOBS) as pool:
            jobs = [
                pool.submit(bare, engine, case, target, base)
                for case in cases
                for target in engine_targets(engine, standard_builders())
                if case.suits(target)
            ]
            for job in jobs:
                job.result()
        alone = time.perf_counter() - began
        began = time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, "-m", "harness", "run"),
                *(case.id for case in cases),
                *("-e", engine.address.url, "-n", str(JOBS)),
                *("--results", str(Path(folder, "results"))),
            ],
            check=False,
            stdout=subprocess.DEVNULL,
        )
        whole = time.perf_counter() - began
        # Of the children that were waited for, the largest: in KiB on Linux.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{len(cases)} cases, both builders, {JOBS} at a time: bare {alone:.1f} s, "
        f"run {whole:.1f} s, ratio {whole / alone:.2f}, largest process {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
