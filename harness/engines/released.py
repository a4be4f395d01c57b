"""Docker's engines as images, `docker:VERSION-dind`: those we know, and any tag.

Which image a name of `-e` means; started they are by `image`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from packaging.version import Version

from harness.errors import UsageError
from harness.target import default_store

_IMAGE = re.compile(r"^(?P<name>[\w./:-]*?\w):(?P<tag>[\w.-]*dind[\w.-]*)$")
_NUMBER = re.compile(r"^\d+(?:\.\d+){0,2}(?=-)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """An engine as an image: its version, the image's reference, its image stores."""

    version: str
    image: str
    stores: tuple[str, ...]


@cache
def released() -> tuple[Released, ...]:
    """Give the images of `harness/data/engines.toml`, oldest engine first."""
    text = (resources.files("harness") / "data" / "engines.toml").read_text("utf-8")
    return tuple(
        Released(
            version=each["version"],
            image=f"docker:{each['version']}-dind"
            + (f"@{each['digest']}" if "digest" in each else ""),
            stores=tuple(each["stores"]),
        )
        for each in tomllib.loads(text)["image"]
    )


def find(text: str) -> tuple[Released, str] | None:
    """Read `docker:27-dind` or `docker:28.5.2-dind+vfs`: the image, and the store.

    The newest known version that a part of one names; of a full one, or of another
    repository's image, the tag is taken as it is. None for what is no such name.
    Raises UsageError for a tag without a version, or a store that it does not have.
    """
    plain, _, store = text.partition("+")
    match = _IMAGE.match(plain)
    if match is None:
        return None
    number = _NUMBER.match(match["tag"])
    if number is None:
        raise UsageError(
            f"`{plain}` says no version",
            hint="results are kept by version: write docker:27-dind or "
            "docker:27.5.1-dind",
        )
    found = _known(number[0]) or Released(
        version=number[0], image=plain, stores=("overlay2", "vfs", "containerd")
    )
    if found.version == number[0] and found.image.partition("@")[0] != plain:
        found = Released(version=found.version, image=plain, stores=found.stores)
    if len(found.version.split(".")) != 3:
        raise UsageError(
            f"no release of `{number[0]}` is known",
            hint=f"write one in full, or one of {', '.join(_minors())}",
        )
    if store and store not in found.stores:
        raise UsageError(
            f"Docker {found.version} has no store `{store}`",
            hint=f"allowed: {', '.join(found.stores)}",
        )
    return found, store or default_store(found.version)


def _known(number: str) -> Released | None:
    matching = [
        each
        for each in released()
        if each.version == number or each.version.startswith(f"{number}.")
    ]
    return max(matching, key=lambda each: Version(each.version), default=None)


def _minors() -> list[str]:
    return [".".join(each.version.split(".")[:2]) for each in released()]
