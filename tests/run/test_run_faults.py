"""Runs on a real engine whose results, or whose cache, cannot be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
from faulty_folders import FAULTS, files, full
from kills import workers
from test_run import CASE, GROUPS, add, harness

from harness.engines import Engine, address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases" / "demo").mkdir(parents=True)
    (tmp_path / "cases" / "groups.toml").write_text(GROUPS)
    for name in ("one", "two"):
        add(tmp_path, name, CASE.partition("expect:")[0])
    return tmp_path


@pytest.mark.engine
def test_a_run_whose_results_disk_is_full_keeps_what_was_measured_before(
    folder: Path, engine: Engine
) -> None:
    words = ("run", "-e", engine.address.url, "-n", "2", "-t", "legacy")
    assert harness(folder, *words, "demo/one").returncode == 0
    before = files(folder / "results")
    with full(folder / "results") as told:
        done = harness(folder, *words)
        assert done.returncode == 3, done.stdout + done.stderr
        assert f"demo/two.json: cannot be written: {told}" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
        assert files(folder / "results") == before


@pytest.mark.engine
def test_a_folder_in_the_place_of_a_result_costs_that_result_alone(
    folder: Path, engine: Engine
) -> None:
    place = folder / "results" / "demo" / "one.json"
    place.mkdir(parents=True)
    done = harness(folder, "run", "-e", engine.address.url, "-t", "legacy")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "results/demo/one.json: is a directory, not a file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert place.is_dir()
    assert (folder / "results" / "demo" / "two.json").is_file()


@pytest.mark.engine
def test_a_case_whose_worker_is_killed_is_an_error_and_the_rest_is_kept(
    folder: Path, engine: Engine
) -> None:
    add(folder, "hung", CASE.partition("expect:")[0].replace("true", "sleep 600"))
    words = ("-t", "legacy", "-e", engine.address.url)
    client = address.connect(engine.address, timeout=60)
    before = {each["Id"] for each in client.images(all=True)}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "harness", "run", "-n", "2", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        lines = iter(run.stdout)
        first = "".join(takewhile(lambda each: "[2/3]" not in each, lines))
        for each in workers(run.pid):
            os.kill(each, signal.SIGKILL)
        said = first + "".join(lines)
    assert run.returncode == 3, said
    assert "the process that measured this was killed" in said
    assert "2 passed, 1 error" in said, said
    assert set(files(folder / "results" / "demo")) == {
        "README.md",
        "one.json",
        "two.json",
    }
    assert {each["Id"] for each in client.images(all=True)} == before
    client.close()


@pytest.mark.parametrize("fault", ["read-only", "immutable"])
def test_a_run_that_could_not_keep_its_results_does_not_begin(
    folder: Path, fault: str
) -> None:
    (folder / "results").mkdir()
    with FAULTS[fault](folder / "results") as told:
        done = harness(folder, "run", "-e", "unix:///nowhere/docker.sock")
    assert done.returncode == 3
    assert f"results: cannot be written: {told}" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("fault", ["read-only", "immutable"])
def test_a_run_whose_cache_cannot_be_written_is_told_so(
    folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = folder / "cache"
    cache.mkdir()
    monkeypatch.setitem(os.environ, "LAYER_HARNESS_CACHE", str(cache))
    with FAULTS[fault](cache) as told:
        done = harness(folder, "run", "-e", "bookworm")
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"cache cannot be written: {told}" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
