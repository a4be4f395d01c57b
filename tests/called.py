"""The command, called in the process of the tests."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from pathlib import Path

import pytest

from harness.cli import main


def harness(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the command in this process: its exit code, what it prints, what it says."""
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["layer-harness", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    signal.signal(signal.SIGTERM, before)
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()
