"""Run commands that end with the harness, and tell a failure by its last lines.

Whatever the end of the harness is, nothing that was started here outlives it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from harness.engines.output import Output
from harness.errors import EngineError

#: Bytes read at a time.
_CHUNK = 1 << 16

Say = Callable[[str], None]


def run(
    command: Sequence[str],
    *,
    what: str,
    lock: int | None = None,
    causes: Iterable[tuple[str, str]] = (),
) -> str:
    """Run `command` to its end and give what it said; EngineError when it fails.

    It stands in a PID namespace that dies with this process, so that a killed harness
    leaves no apt behind; `lock` stays held by it until it is gone; `causes` are
    patterns of what it may say, with a hint each. Where no namespace can be had (no
    root, a locked-down container) only the command itself dies.
    """
    process = subprocess.Popen(
        [*guard(), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
        pass_fds=() if lock is None else (lock,),
    )
    assert process.stdout is not None  # opened as a pipe above
    output = Output()
    try:
        with process.stdout:
            while piece := process.stdout.read(_CHUNK):
                output.add_bytes(piece)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    said = str(output)
    if process.returncode:
        raise EngineError(
            f"{what} failed ({command[0]} ended with {process.returncode}):\n"
            + tail(said),
            hint=cause(said, causes) or "the last lines above say why",
        )
    return said


def tail(said: str, lines: int = 15) -> str:
    """Give the last lines of a log, indented to stand below a message."""
    kept = [line for line in said.splitlines() if line.strip()][-lines:]
    return "\n".join(f"  {line}" for line in kept) or "  (it said nothing)"


def cause(said: str, causes: Iterable[tuple[str, str]]) -> str | None:
    """Give the hint of the first pattern found in a log."""
    for pattern, hint in causes:
        if re.search(pattern, said):
            return hint
    return None


@cache
def guard() -> tuple[str, ...]:
    """Give the words before a command that let it end with this process.

    Where a PID namespace can be had, all that it starts ends with it too.
    """
    dies_with_us = ("setpriv", "--pdeathsig", "KILL")
    namespace = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    tried = subprocess.run([*namespace, "true"], capture_output=True, check=False)
    return dies_with_us if tried.returncode else (*dies_with_us, *namespace)


def environment() -> dict[str, str]:
    """Give the environment of commands whose messages are matched."""
    # messages are matched, so they must not be translated
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
