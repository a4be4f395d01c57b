"""The catalogue of engines, `harness/data/engines.toml`: read, checked, plain records.

A mistake in it is told with file, line and column, as one in a case is. `roots` unpacks
its suites, `released` finds its images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from harness.documents.mistakes import Strict, validate
from harness.documents.toml import load_toml
from harness.engines import Suite

_Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
_Stores = Annotated[list[Literal["overlay2", "vfs", "containerd"]], Field(min_length=1)]


class _Debian(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z]+$")]
    version: _Version
    stores: _Stores
    packages: Annotated[list[str], Field(min_length=1)]
    stale: bool = False

    def plain(self) -> Suite:
        return Suite(
            name=self.name,
            version=self.version,
            packages=tuple(self.packages),
            stores=tuple(self.stores),
            stale=self.stale,
        )


class _Image(Strict):
    version: _Version
    stores: _Stores
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    def plain(self) -> Released:
        pin = f"@{self.digest}" if self.digest else ""
        return Released(
            version=self.version,
            image=f"docker:{self.version}-dind{pin}",
            stores=tuple(self.stores),
        )


class _File(Strict):
    debian: list[_Debian]
    image: list[_Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """An engine as an image: its version, the image's reference, its image stores."""

    version: str
    image: str
    stores: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every engine that can be named without being there, each kind oldest first."""

    suites: tuple[Suite, ...]
    images: tuple[Released, ...]


@cache
def standard_catalogue() -> Catalogue:
    """Give the catalogue that comes with the package."""
    return read(Path(str(resources.files("harness") / "data" / "engines.toml")))


def read(path: Path) -> Catalogue:
    """Read a catalogue; CaseError names the line of a mistake and what is meant."""
    document = load_toml(path)
    checked = validate(_File, document, document.value, ())
    return Catalogue(
        suites=tuple(each.plain() for each in checked.debian),
        images=tuple(each.plain() for each in checked.image),
    )
