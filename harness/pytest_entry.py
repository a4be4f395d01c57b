"""What pytest loads in every run where the package is installed: almost nothing.

The options, and the look whether a folder of cases is named. Only then is the plugin
(`harness.run.plugin`) imported, and with it the rest of the package, which would cost
each unrelated run a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

#: What is given to pytest's own way of importing a plugin.
PLUGIN = "harness.run.plugin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; one that is not given is as `provision.settings` says."""
    group = parser.getgroup("layer-harness", "cases of Layer Harness")
    for name, text in (
        (
            "engine",
            "engine to build on: default, bookworm, unix://..., tcp://..., ssh://...",
        ),
        ("target", "selector of targets, such as legacy or buildkit@>=23"),
        ("builders", "file with records of other builders"),
    ):
        group.addoption(f"--layer-{name}", action="append", default=[], help=text)
    for name, text in (
        ("all", "use every engine that can run here"),
        ("fresh", "build all cases again, also those whose results are fresh"),
        ("missing", "build only cases that have no result"),
    ):
        group.addoption(f"--layer-{name}", action="store_true", help=text)
    for name, kind, text in (
        ("memory", float, "GiB of memory for our own engines"),
        ("bounds", str, "what builds may take: processes=20000,memory=16,cpus=2; none"),
        ("limit", float, "seconds that one build may take"),
        ("repeat", int, "build each case this often, to find what is not stable"),
        ("on", str, "engine on which engines in containers (docker:27-dind) run"),
        ("base", str, "image to use as BASE instead of our own"),
        ("results", str, "folder of results (default: results/ beside the cases)"),
    ):
        group.addoption(f"--layer-{name}", type=kind, help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Import the plugin if this run names a folder of cases."""
    told = early_config.known_args_namespace
    places = told.file_or_dir or early_config.getini("testpaths") or ["."]
    if folders_of_cases(early_config.invocation_params.dir, places):
        early_config.pluginmanager.import_plugin(PLUGIN)


def folders_of_cases(start: Path, places: Iterable[str]) -> set[Path]:
    """Find the folders of cases (with `groups.toml`) that `places` are or lie in."""
    found = set()
    for place in places:
        resolved = Path(start, place.partition("::")[0]).resolve()
        for folder in (resolved, *resolved.parents[:2]):
            if (folder / "groups.toml").is_file():
                found.add(folder)
                break
    return found
