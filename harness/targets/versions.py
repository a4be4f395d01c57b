"""Versions of engines and tools as they write them, and the store that one implies."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.version import Version


def default_store(version: str) -> str:
    """Name the store an engine version uses when nothing is set.

    The containerd image store from 29 on (Docker Engine 29 release notes), the
    overlay2 graph driver before.
    """
    return "containerd" if parse_version(version) >= Version("29") else "overlay2"


def default_builder(version: str) -> str:
    """Name the family of builders that `docker build` uses when nothing is set.

    BuildKit from 23 on (Docker Engine 23.0 release notes, "Set Buildx and BuildKit as
    the default builder on Linux"), the legacy builder before.
    """
    return "buildkit" if parse_version(version) >= Version("23") else "legacy"


@lru_cache(maxsize=256)
def parse_version(text: str) -> Version:
    """Read an engine's version; distributions add suffixes such as `+dfsg1`.

    Raises ValueError when there is no number in front.
    """
    return Version(plain_version(text))


def plain_version(text: str) -> str:
    """Give the number of an engine's version as the engine writes it, such as 18.09.1.

    Raises ValueError when there is no number in front.
    """
    match = re.match(r"v?(\d+(?:\.\d+)*(?:-?(?:rc|beta|alpha)\.?\d+)?)", text)
    if not match:
        raise ValueError(f"not a version: {text!r}")
    return match[1]
