"""The disk that the cache is on is full in the middle of a run on real builders."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faulty_folders import more, must
from test_run import CASE, GROUPS, add

from harness.engines import roots

pytestmark = pytest.mark.engine

#: Runs as on a machine whose memory is too scarce for builds, or whose kernel is old:
#: they are on the disk that the cache is on.
ON_DISK = """
import sys
from harness.cli import main
from harness.engines import in_memory
in_memory.size_kib = lambda *_: None
sys.exit(main())
"""


@contextmanager
def small_cache() -> Iterator[Path]:
    """Have a cache on a disk of 160 MB, with the roots that are unpacked here.

    pytest's folder has the test's name: a path too long for an engine's socket.
    """
    cache, unpacked = Path(tempfile.mkdtemp()), roots.cache_folder() / "roots"
    must("mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(cache))
    try:
        (cache / "roots").mkdir()
        unpacked.mkdir(parents=True, exist_ok=True)
        must("mount", "--bind", str(unpacked), str(cache / "roots"))
        try:
            yield cache
        finally:
            subprocess.run(["umount", "--lazy", str(cache / "roots")], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(cache)], check=True)
        cache.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
@pytest.mark.parametrize(
    "target", ["legacy@20.10.24", "buildkit@20.10.24", "buildah@1.28.2+overlay"]
)
def test_a_run_whose_cache_is_filled_in_the_middle_keeps_what_was_measured(
    tmp_path: Path, target: str
) -> None:
    (tmp_path / "cases" / "demo").mkdir(parents=True)
    (tmp_path / "cases" / "groups.toml").write_text(GROUPS)
    for name in "abcd":
        text = CASE.partition("expect:")[0]
        add(tmp_path, name, text.replace("true", f"sleep 1; echo {name} > /x"))
    with small_cache() as cache:
        words = ["run", "-n", "1", "-t", target]
        with subprocess.Popen(
            [sys.executable, "-u", "-c", ON_DISK, *words],
            cwd=tmp_path,
            env={**os.environ, roots.CACHE_VARIABLE: str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            assert run.stdout is not None
            over = threading.Event()
            filler = threading.Thread(target=fill, args=(cache / "ballast", over))
            said = ""
            for line in run.stdout:
                said += line
                if "[1/4]" in line:
                    filler.start()
            over.set()
        if filler.ident is not None:
            filler.join()
    assert run.returncode == 3, said
    # BuildKit does not always say why it ended when the machine is busy
    if not target.startswith("buildkit"):
        assert "no space left on device" in said.lower(), said
        assert roots.CACHE_VARIABLE in said, said
    assert "OSError" not in said
    assert "Traceback" not in said
    # none that met the full disk is taken for the builder's doing
    assert "unsupported" not in said
    kept = {each.stem for each in (tmp_path / "results" / "demo").glob("*.json")}
    assert "a" in kept
    assert "d" not in kept


def fill(place: Path, over: threading.Event) -> None:
    """Take all room that there is, and that which becomes free."""
    with place.open("wb") as ballast:
        while not over.wait(0.01):
            while more(ballast.fileno()):
                pass
