"""Tests run on one mutant, in a process forked from one that has the libraries loaded.

A mutant is written into a copy of the tree, never into the tree itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

#: A mutant that asks for more ends with a MemoryError.
MEMORY = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the tests ended, what they printed, and the seconds of CPU and of the clock.

    A process that was ended by a signal, as one without an end is, has `code` -signal.
    """

    code: int
    printed: str
    cpu: float
    wall: float


def copy_tree(root: Path, commit: str | None, place: Path) -> None:
    """Copy the tree as it lies there, or as it is in a commit."""
    if commit is not None:
        packed = subprocess.run(
            ["git", "-C", root, "archive", commit], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", place], check=True, input=packed.stdout)
        return
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-zco", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (root / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, place / name)


def run_tests(
    tree: Path,
    tests: Sequence[str],
    *,
    seed: int,
    limit: tuple[float, float],
    keep_bytecode: bool = False,
) -> Trial:
    """Run tests up to the first failure; `limit` is in seconds of CPU and clock."""
    printed = tree / ".printed"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _confine(tree, printed, cpu=int(limit[0]), keep_bytecode=keep_bytecode)
            # our own plugin is where the installed version has it, not this tree
            plugins = ["-p", "no:cacheprovider", "-p", "no:layer-harness"]
            words = ["-x", "-q", "-m", "not engine", *plugins]
            code = pytest.main([*words, f"--hypothesis-seed={seed}", *tests])
        except BaseException:  # noqa: BLE001  # nothing may go on in the child
            os._exit(3)
        os._exit(code)
    descriptor = os.pidfd_open(child)
    try:
        if not select.select([descriptor], [], [], limit[1])[0]:
            os.killpg(child, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _, status, usage = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests left behind
    return Trial(
        code=os.waitstatus_to_exitcode(status),
        printed=printed.read_text(errors="replace"),
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.monotonic() - began,
    )


def _confine(tree: Path, printed: Path, *, cpu: int, keep_bytecode: bool) -> None:
    """Make this process one that runs in the copy, within its limits."""
    os.setsid()
    out = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(out, stream)
    # Lines are written at once: the process ends without a flush.
    for text in (sys.stdout, sys.stderr):
        assert isinstance(text, io.TextIOWrapper)
        text.reconfigure(write_through=True)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Two mutants of one size in one second would have one another's bytecode.
    sys.dont_write_bytecode = not keep_bytecode
    sys.path[0] = str(tree)
    os.environ["PYTHONPATH"] = str(tree)
    os.chdir(tree)
