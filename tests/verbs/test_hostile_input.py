"""What strangers wrote, given to the commands: a few lines and an exit code, soon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from called import harness

CASE = "title: t\nwhy: w\ndockerfile: |\n  ARG BASE\n  FROM ${BASE}\n  RUN true\n"
GROUPS = '[demo]\ntitle = "Demo"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases" / "demo" / "f").mkdir(parents=True)
    (tmp_path / "cases" / "demo" / "f" / "x").write_text("x")
    (tmp_path / "cases" / "groups.toml").write_text(GROUPS)
    (tmp_path / "cases" / "demo" / "a.yaml").write_text(f"{CASE}context: f\n")
    (tmp_path / "results" / "demo").mkdir(parents=True)
    (tmp_path / "results" / "targets").mkdir()
    (tmp_path / ".layer-harness" / "book").mkdir(parents=True)
    return tmp_path


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 << 30)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "huge": huge,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe"),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "digits": lambda path: path.write_bytes(b"9" * 5000),
}
#: Where it may stand, the command that has to read it, and how that one ends.
PLACES: dict[str, tuple[str, int]] = {
    "cases/groups.toml": ("lint", 2),
    "cases/demo/a.yaml": ("lint", 2),
    "cases/demo/f": ("lint", 2),
    "results/demo/a.json": ("matrix", 3),
    "results/targets/legacy@20.10.24.json": ("matrix", 3),
    "results/targets/mine@1.0.json": ("matrix", 3),
    ".layer-harness/book/contents.json": ("list", 0),
}
#: What is well there: a link to nothing is no result, a context is a folder.
MAY_BE = {
    "cases/demo/f": {"directory"},
    "results/demo/a.json": {"loop"},
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("place", PLACES)
def test_no_file_breaks_a_command(folder: Path, place: str, kind: str) -> None:
    path = folder / place
    if path.is_dir():
        (path / "x").unlink()
        path.rmdir()
    path.unlink(missing_ok=True)
    if not place.startswith("results/targets/legacy"):
        # what tabulates needs a target
        target = {"target": "legacy@20.10.24"}
        known = folder / "results/targets/legacy@20.10.24.json"
        known.write_text(json.dumps(target))
    SPECIAL[kind](path)
    reader, expected = PLACES[place]
    if kind in MAY_BE.get(place, ()):
        expected = 0
    for verb in ("lint", "list", "matrix"):
        code, out, said = harness(folder, verb)
        assert code in {0, expected}, (verb, code, out, said)
        assert code == 0 or path.name in out + said
        assert code == expected or verb != reader, (verb, code, out, said)


@pytest.mark.parametrize(
    "context", ["{a: {tar: {b: {size: 1024GiB}}}}", "{a: {size: 1024GiB}}", "g"]
)
def test_what_is_too_large_stops_a_run_before_anything(
    folder: Path, context: str
) -> None:
    (folder / "cases" / "demo" / "g").symlink_to("/etc")
    (folder / "cases" / "demo" / "a.yaml").write_text(f"{CASE}context: {context}\n")
    code, _, said = harness(folder, "run", "-e", "bookworm", "--", "--collect-only")
    assert code == 2
    assert said.startswith("error: cases/demo/a.yaml:7:1: the context")


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "huge", "deep"])
def test_records_that_are_no_file_stop_a_run_before_anything(
    folder: Path, kind: str
) -> None:
    SPECIAL[kind](folder / "mine.toml")
    code, _, said = harness(
        folder, "run", "-e", "bookworm", "--builders", "mine.toml", "--", "--co"
    )
    assert code == 2
    assert "mine.toml" in said


def test_a_link_to_all_there_is_is_followed_nowhere(folder: Path) -> None:
    (folder / "cases" / "demo" / "all").symlink_to("/")
    assert harness(folder, "list")[0] == 0
    assert harness(folder, "lint")[0] == 0
    (folder / "cases" / "other").symlink_to("/")
    for verb in ("list", "lint", "matrix"):
        code, out, said = harness(folder, verb)
        assert code == 2
        assert "cases/other: a link out of the folder of cases" in out + said


def test_a_name_that_is_no_text_is_printed_all_the_same(folder: Path) -> None:
    odd = os.fsencode(folder / "cases" / "demo") + b"/\xff.yaml"
    with open(odd, "wb") as file:  # noqa: PTH123  # a Path cannot say it as bytes
        file.write(CASE.encode())
    done = subprocess.run(
        [sys.executable, "-m", "harness", "lint"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert b"\\udcff.yaml: a case is cases/GROUP/CASE.yaml" in done.stdout


def test_a_context_deeper_than_a_path_can_be_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "cases" / "demo" / "f")
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    os.chdir(folder)
    for verb in ("list", "lint"):
        code, out, said = harness(folder, verb)
        assert code == 2
        assert "File name too long" in " ".join((out + said).split())
