"""The command as its users type it, on a real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.engines import Engine, address

pytestmark = pytest.mark.engine

GROUPS = '[demo]\ntitle = "Demo"\nlink = "https://example.org/"\n'
CASE = """
title: A RUN that changes nothing
why: Does it make a layer?
dockerfile: |
  ARG BASE
  FROM ${BASE}
  RUN true
expect:
  - because: the article
    no_layer: [3]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases" / "demo").mkdir(parents=True)
    (tmp_path / "cases" / "groups.toml").write_text(GROUPS)
    return tmp_path


def add(folder: Path, name: str, text: str) -> None:
    (folder / "cases" / "demo" / f"{name}.yaml").write_text(text)


def harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted((folder / "results").rglob("*"))
        if each.is_file()
    }


def test_a_failing_expectation_ends_with_1_and_names_case_target_and_source(
    folder: Path, engine: Engine
) -> None:
    add(folder, "no-op", CASE)
    done = harness(folder, "run", "-e", engine.address.url)
    assert done.returncode == 1, done.stdout
    assert f"demo/no-op on buildkit@{engine.version.partition('+')[0]}" in done.stdout
    assert "no_layer: line 3 makes an empty layer" in done.stdout
    assert "line 3, RUN true: BuildKit makes an empty layer, legacy none" in done.stdout


def test_two_runs_write_the_same_bytes_whatever_the_parallelism(
    folder: Path, engine: Engine
) -> None:
    add(folder, "no-op", CASE)
    add(folder, "other", CASE.replace("RUN true", "WORKDIR /new"))
    harness(folder, "run", "-e", engine.address.url, "-n", "0")
    first = files(folder)
    harness(folder, "run", "--fresh", "-e", engine.address.url, "-n", "3")
    assert files(folder) == first
    assert {"results/matrix.md", "results/matrix.json"} < set(first)
    assert {"results/demo/no-op.json", "results/demo/other.json"} < set(first)
    # the matrix with the group's page and the behaviours, the targets, the cases
    assert len(first) == 4 + 2 + 2


def test_a_known_failure_passes_until_it_holds(folder: Path, engine: Engine) -> None:
    known = "    known: [{on: buildkit, note: commits every RUN}]\n"
    add(folder, "no-op", CASE + known)
    done = harness(folder, "run", "-e", engine.address.url)
    assert done.returncode == 0, done.stdout
    add(folder, "no-op", CASE + known.replace("buildkit", "legacy"))
    done = harness(folder, "run", "-t", "legacy", "-e", engine.address.url)
    assert done.returncode == 1
    assert "holds now" in done.stdout


def test_explain_and_matrix_tell_what_run_has_stored(
    folder: Path, engine: Engine
) -> None:
    add(folder, "no-op", CASE)
    harness(folder, "run", "-e", engine.address.url)
    told = harness(folder, "explain", "demo/no-op")
    assert told.returncode == 0
    assert "BuildKit: 2 layers with the base: A B" in told.stdout
    assert "empty" in told.stdout
    grid = harness(folder, "matrix", "--format", "json")
    assert grid.returncode == 1
    (row,) = json.loads(grid.stdout)["rows"]
    assert {cell["verdict"] for cell in row["cells"]} == {"pass", "fail"}


def test_an_engine_that_is_not_there_ends_with_3_and_says_where(folder: Path) -> None:
    add(folder, "no-op", CASE)
    done = harness(folder, "run", "-e", "unix:///nowhere/docker.sock")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "/nowhere/docker.sock" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_base_that_no_engine_has_ends_with_3_and_how_to_get_it(
    folder: Path, engine: Engine
) -> None:
    add(folder, "no-op", CASE)
    done = harness(folder, "run", "-e", engine.address.url, "--base", "nosuch:image")
    assert done.returncode == 3
    assert "docker pull nosuch:image" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("jobs", "number"), [("0", signal.SIGINT), ("2", signal.SIGTERM)]
)
def test_what_was_measured_before_an_interrupt_is_kept(
    folder: Path, engine: Engine, jobs: str, number: signal.Signals
) -> None:
    client = address.connect(engine.address, timeout=60)
    before = {each["Id"] for each in client.images()}
    add(folder, "a-quick", CASE)
    add(folder, "b-hung", CASE.replace("RUN true", "RUN sleep 600"))
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "harness", "run", "-t", "legacy"),
            *("-n", jobs, "-e", engine.address.url),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "demo/a-quick" in line:
            break
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    told = ["ending what is being built", "matrix --write", "interrupted; what was"]
    assert [each for each in told if each in rest] == told, rest
    assert sorted(told, key=rest.index) == told
    # an engine of the user's has what it had
    assert {each["Id"] for each in client.images()} == before
    client.close()
    assert [name for name in files(folder) if name.endswith("a-quick.json")]
    left = harness(folder, "matrix")
    assert "demo/b-hung" in left.stdout
    assert "missing" in left.stdout


def test_pytest_alone_runs_a_folder_of_cases_and_leaves_other_tests_be(
    folder: Path, engine: Engine
) -> None:
    add(folder, "no-op", CASE)
    (folder / "test_mine.py").write_text("def test_mine(): pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    alone = subprocess.run(
        [*command, "test_mine.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0
    assert "engine" not in alone.stdout
    cases = subprocess.run(
        [*command, "cases", f"--layer-engine={engine.address.url}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert cases.returncode == 1
    assert "demo/no-op" in cases.stdout


#: With labels, BuildKit 20.10.5 to 26.1.5 ends dockerd at it, legacy panics (measured).
KILLER = """
title: No stage at all
why: Does it take the engine down?
dockerfile: |
  ARG VERSION=1
labels: {purpose: test}
expect:
  - because: the Dockerfile reference
    level: may
    build: {error: no stage}
"""


def test_a_build_that_kills_the_engine_is_a_result_and_the_others_are_built(
    folder: Path, engine: Engine
) -> None:
    add(folder, "killer", KILLER)
    for number in range(4):
        step = CASE.replace("RUN true", f"RUN echo {number} > /file")
        add(folder, f"number-{number}", step.partition("expect:")[0])
    done = harness(folder, "run", "-e", engine.name, "-n", "3")
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout
    killer = json.loads(files(folder)["results/demo/killer.json"])
    # outcomes stand in the order of their targets' names: buildkit, legacy
    crash, panic = (each["builds"][0] for each in killer["outcomes"])
    assert (crash["outcome"], panic["outcome"]) == ("crash", "panic")
    assert "panic: runtime error: index out of range [-1]" in crash["error"]
    assert "buildkit kills the engine" in done.stdout.lower()


def test_an_image_that_cannot_be_exported_is_the_builders_doing(
    folder: Path, engine: Engine
) -> None:
    case = CASE.replace("RUN true", "COPY .wh.a /d/").replace(
        "no_layer: [3]", "build: ok"
    )
    add(folder, "marker", f'{case}context: {{.wh.a: "1"}}\n')
    done = harness(folder, "run", "-e", engine.name, "-t", "legacy")
    assert done.returncode == 1, done.stdout
    assert "build: makes an image that cannot be exported: open PATH" in done.stdout
    marker = json.loads(files(folder)["results/demo/marker.json"])
    (build,) = marker["outcomes"][0]["builds"]
    assert build["outcome"] == "unexportable"


def test_runs_at_the_same_time_do_not_disturb_each_other(
    tmp_path: Path, engine: Engine
) -> None:
    """All in one cache, and two of them in one folder."""
    for name in ("one", "other"):
        place = tmp_path / name
        (place / "cases" / "demo").mkdir(parents=True)
        (place / "cases" / "groups.toml").write_text(GROUPS)
        for number in range(3):
            step = CASE.replace("RUN true", f"RUN echo {number} > /file")
            add(place, f"number-{number}", step.partition("expect:")[0])
    command = [sys.executable, "-m", "harness", "run", "--fresh", "-n", "2"]
    runs = [
        subprocess.Popen(
            [*command, "-e", engine.name],
            cwd=tmp_path / name,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in ("one", "other", "one")
    ]
    for run in runs:
        said, _ = run.communicate(timeout=300)
        assert run.returncode == 0, said
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert len(files(tmp_path / "one")) == 4 + 2 + 3


def test_a_run_goes_on_where_another_ended(folder: Path, engine: Engine) -> None:
    add(folder, "no-op", CASE.partition("expect:")[0])
    first = harness(folder, "run", "-e", engine.address.url, "-t", "legacy")
    assert "1 passed" in first.stdout
    rest = harness(folder, "run", "-e", engine.address.url)
    assert "1 result is fresh, 1 to build" in rest.stdout
    assert "1 passed" in rest.stdout
    assert "buildkit@" in rest.stdout
    add(folder, "no-op", CASE.replace("RUN true", "RUN :").partition("expect:")[0])
    again = harness(folder, "run", "-e", engine.address.url, "--missing")
    assert "2 passed" in again.stdout
    done = harness(folder, "run", "-e", engine.address.url, "--missing")
    assert (done.returncode, "all fresh, nothing built" in done.stdout) == (0, True)


def test_an_unchanged_run_starts_no_engine_and_judges_anew(
    folder: Path, engine: Engine
) -> None:
    # by its name, so that the engine is another one than that of the tests
    command = ("run", "-e", engine.name, "-n", "2")
    add(folder, "no-op", CASE)
    add(folder, "other", CASE.partition("expect:")[0])
    first = harness(folder, *command)
    assert (first.returncode, "starting Docker" in first.stdout) == (1, True)
    stored = files(folder)
    second = harness(folder, *command)
    assert second.returncode == 1, second.stdout
    assert (
        "2 cases on 2 targets: all fresh, nothing built (--fresh measures again)"
        in second.stdout
    )
    assert "starting Docker" not in second.stdout
    assert "bringing up nodes" not in second.stdout
    matrix = first.stdout[first.stdout.index("\ncase ") :].partition("\n\n")[0]
    assert matrix in second.stdout
    assert files(folder) == stored
    # what is expected is judged anew, of what was asked for
    add(
        folder,
        "no-op",
        f"{CASE}    known: [{{on: buildkit, note: commits every RUN}}]\n",
    )
    third = harness(folder, *command, "-k", "no-op and buildkit")
    assert third.returncode == 0, third.stdout
    assert "1 case on 1 target: all fresh" in third.stdout
    add(folder, "other", CASE.replace("RUN true", "RUN :").partition("expect:")[0])
    changed = harness(folder, *command)
    assert "2 results are fresh, 2 to build" in changed.stdout
    assert "2 passed" in changed.stdout
