"""The cases and results that come with an installed package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import platformdirs


def folder() -> Path:
    """Name the folder that a wheel has them in; a checkout has none."""
    return Path(str(resources.files("harness"))) / "published"


def cases() -> Path | None:
    """Give the folder of published cases, whose results are beside it, if any.

    Of a package that is installed from a checkout as it is, they are the checkout's.
    """
    for found in (folder() / "cases", folder().parents[1] / "cases"):
        if (found / "groups.toml").is_file():
            return found
    return None


def scratch(beside: Path) -> Path:
    """Give the folder for what is made of cases below `beside`.

    It is there itself, but for published ones: what is installed may not be writable.
    """
    if beside == folder().resolve():
        return platformdirs.user_cache_path("layer-harness")
    return beside / ".layer-harness"
