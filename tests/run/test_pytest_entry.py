"""A pytest run that names no folder of cases pays nothing for the plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOOK = """
import sys
import pytest
code = pytest.main(sys.argv[1:])
heavy = {"docker", "pydantic", "requests"}
print("LOADED", sorted(
    name for name in sys.modules
    if name.startswith("harness.") or name in heavy
))
sys.exit(code)
"""


def loaded(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return next(x for x in done.stdout.splitlines() if x.startswith("LOADED"))


def test_an_unrelated_run_imports_the_thin_module_alone(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    assert loaded(tmp_path, "test_mine.py") == "LOADED ['harness.pytest_entry']"


def test_a_run_that_names_a_folder_of_cases_imports_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "groups.toml").write_text("")
    assert "harness.run.plugin" in loaded(tmp_path, "cases", "--help")
