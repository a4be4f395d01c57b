"""A builder as a plain record: what targets, selectors and reports need of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.targets.conventions import Conventions


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What turns a Dockerfile into an image.

    `place` says where it builds: `api` inside an engine, over `POST /build` with the
    query parameter `version` = `api_version` (1 the legacy builder, 2 BuildKit; Docker
    Engine API, "Build an image"; from 18.09 on); `engine` inside an engine that a
    command drives; `own` in a storage of its own, one of `stores` if it has several.
    Selectors name it by `name` or by `family`. `conventions` say how its images and its
    words are to be read. `measured` is false for a record that no run of ours has tried
    yet. `rank` is its place in reports, which the registry gives.
    """

    name: str
    title: str
    family: str
    conventions: Conventions
    place: Literal["api", "engine", "own"] = "api"
    api_version: str = ""
    stores: tuple[str, ...] = ()
    measured: bool = True
    rank: int = 0

    @property
    def on_engine(self) -> bool:
        """Say whether it builds inside an engine, whose version and store count."""
        return self.place != "own"
