"""What a user asks for, in one record: options of `run`, `smoke`, `explain`, pytest.

Each default stands here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to build on, with what limits, and where results go.

    `engines` are named as for `-e`; `selectors` choose among their targets; `every`
    takes all engines that can run here; `builders` are files of records; `on` names the
    engine that engines in containers run on. `base` is an image that cases get instead
    of ours.

    `memory` is in GiB, for all engines of our own together; `bounds` are those of what
    builds, other than the usual ones (`engines.bounds`); `limit` the seconds that
    one build may take; `repeat` how often each case is built to find what is not
    stable; `jobs` how many builds run at a time. `on_disk` has overlay2's
    directories read. `results` is the folder of results. What is fresh there is not
    built again, unless `fresh` says so; with `missing` neither is what is there of
    another version of the target, base or rules.
    """

    engines: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    builders: tuple[Path, ...] = ()
    every: bool = False
    on: str = ""
    base: str = ""
    memory: float = 6.0
    bounds: str = ""
    limit: float = 300.0
    repeat: int = 1
    jobs: int = 1
    on_disk: bool = False
    results: Path | None = None
    fresh: bool = False
    missing: bool = False

    @property
    def workers(self) -> int:
        """How many processes or threads measure: some read what they have built.

        Only `jobs` of them build at a time. Reading and recording takes a quarter to a
        third of the time of a build (measured on 20.10.24, two cores).
        """
        return self.jobs + (self.jobs + 3) // 4 if self.jobs > 1 else 1

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can carry; `from_dict` reads it."""
        return {
            **asdict(self),
            "builders": [str(each) for each in self.builders],
            "results": None if self.results is None else str(self.results),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Settings:
        """Read what `to_dict` gave."""
        results = plain["results"]
        return cls(
            **{
                **plain,
                "engines": tuple(plain["engines"]),
                "selectors": tuple(plain["selectors"]),
                "builders": tuple(map(Path, plain["builders"])),
                "results": None if results is None else Path(results),
            }
        )


#: What is asked for when nothing is said.
DEFAULTS = Settings()
