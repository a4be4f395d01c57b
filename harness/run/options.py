"""pytest's options as settings, and who calls pytest.

The options themselves are in `pytest_entry`, which every run of pytest imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cases.case import Case
from harness.errors import HarnessError, UsageError
from harness.judge.matrix import Matrix
from harness.provision.settings import DEFAULTS, Settings


class Caller:
    """Who calls pytest from this process: it brings the settings, and takes the error.

    `cases` are those to run, as they were read. `error` is what kept the run from
    starting, `matrix` what it came to, if it came to an end.
    """

    def __init__(self, settings: Settings, cases: Sequence[Case]) -> None:
        self.settings = settings
        self.cases = cases
        self.error: HarnessError | None = None
        self.matrix: Matrix | None = None


def caller_of(config: pytest.Config) -> Caller | None:
    """Find who calls, if it is not a user on the command line."""
    for each in config.pluginmanager.get_plugins():
        if isinstance(each, Caller):
            return each
    return None


def settings_of(config: pytest.Config, root: Path) -> Settings:
    """Give what is asked for, by the caller or by options; `root` has the cases."""
    caller = caller_of(config)
    settings = caller.settings if caller else _of_options(config.option)
    if settings.fresh and settings.missing:
        raise UsageError(
            "--fresh builds all, and --missing only what has no result",
            hint="give one of them",
        )
    processes = getattr(config.option, "numprocesses", None) or 1
    return replace(
        settings,
        results=settings.results or root.parent / "results",
        jobs=settings.jobs if caller and processes == settings.workers else processes,
    )


def _of_options(option: Any) -> Settings:
    return replace(
        DEFAULTS,
        engines=tuple(option.layer_engine),
        selectors=tuple(option.layer_target),
        builders=tuple(map(Path, option.layer_builders)),
        every=option.layer_all,
        on=option.layer_on or DEFAULTS.on,
        base=option.layer_base or DEFAULTS.base,
        memory=option.layer_memory or DEFAULTS.memory,
        bounds=option.layer_bounds or DEFAULTS.bounds,
        limit=option.layer_limit or DEFAULTS.limit,
        repeat=option.layer_repeat or DEFAULTS.repeat,
        results=Path(option.layer_results) if option.layer_results else None,
        fresh=option.layer_fresh,
        missing=option.layer_missing,
    )
