"""Docker's engines as images, `docker:VERSION-dind`: those we know, and any tag.

Which image a name of `-e` means; started they are by `image`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from harness.documents.document import nearest
from harness.engines.catalogue import Released, standard_catalogue
from harness.errors import UsageError
from harness.targets.versions import default_store, parse_version

__all__ = ["Released", "find"]

_NAME = re.compile(
    r"(?P<repository>[\w./:-]*?\w):(?P<tag>[\w.-]*dind[\w.-]*)"
    r"(?P<digest>@sha256:[0-9a-f]{64})?"
)
_NUMBER = re.compile(r"(\d+(?:\.\d+){0,2}(?:-(?:rc|beta)\.?\d+)?)(-.*)")


def find(text: str) -> tuple[Released, str] | None:
    """Read `docker:27-dind` or `docker:28.5.2-dind+vfs`: the image, and the store.

    A part of a version means the newest one known; a whole version, and a tag of
    another repository, need not be known. None for what is no such name. Raises
    UsageError for a tag without a version, for a version that is not known, or for a
    store that it does not have.
    """
    plain, _, store = text.partition("+")
    match = _NAME.fullmatch(plain)
    if match is None:
        return None
    number = _NUMBER.fullmatch(match["tag"])
    if number is None:
        raise UsageError(
            f"`{plain}` does not say a version, and results are kept by version",
            hint="write docker:27-dind or docker:27.5.1-dind",
        )
    found = _known(number[1]) or _unknown(plain, number[1])
    usual = f"docker:{found.version}-dind"
    image = f"{match['repository']}:{found.version}{number[2]}{match['digest'] or ''}"
    if image != usual:
        found = replace(found, image=image)
    if store and store not in found.stores:
        raise UsageError(
            f"Docker {found.version} has no store `{store}`",
            hint=nearest(store, found.stores),
        )
    return found, store or default_store(found.version)


def _known(number: str) -> Released | None:
    matching = [
        each
        for each in standard_catalogue().images
        if f"{each.version}.".startswith(f"{number}.")
    ]
    return max(matching, key=lambda each: parse_version(each.version), default=None)


def _unknown(plain: str, number: str) -> Released:
    """Take a whole version as it is, with the stores of its nearest older release."""
    if number.count(".") < 2:
        minors = [
            each.version.rpartition(".")[0] for each in standard_catalogue().images
        ]
        major = f"{number.partition('.')[0]}."
        known = [each for each in minors if each.startswith(major)] or minors
        raise UsageError(
            f"`{plain}`: no release of {number} is known",
            hint=f"{nearest(number, known)}; or write a version in full",
        )
    older = [
        each
        for each in standard_catalogue().images
        if parse_version(each.version) <= parse_version(number)
    ]
    stores = older[-1].stores if older else standard_catalogue().images[0].stores
    return Released(version=number, image=plain, stores=stores)
