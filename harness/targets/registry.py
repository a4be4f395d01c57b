"""The builders that are known, as a value that is passed from hand to hand.

Made of the records that come with the package and of users' own (`builders.records`),
or of what stored results say of the builders that made them (`results.disk`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from harness.documents.document import nearest
from harness.errors import UsageError
from harness.targets.builder import Builder
from harness.targets.selector import DOCKER, Selector
from harness.targets.target import Target, split_id
from harness.targets.versions import default_store

#: Image stores of engines: graph drivers, and containerd's. `overlay` is buildah's name
#: for its driver.
STORES = (
    *("aufs", "btrfs", "containerd", "devicemapper", "fuse-overlayfs"),
    *("overlay", "overlay2", "vfs", "zfs"),
)


class Builders(Mapping[str, Builder]):
    """Builders by name, in the order of reports. Immutable."""

    __slots__ = ("_by_name", "_hash")

    def __init__(self, records: Iterable[Builder]) -> None:
        """Take the records in their order; UsageError for two with one name."""
        self._by_name: dict[str, Builder] = {}
        for each in records:
            record = replace(each, rank=len(self._by_name))
            if each.name in self._by_name:
                raise UsageError(
                    f"a builder `{each.name}` already exists",
                    hint="give yours another name",
                )
            self._by_name[each.name] = record
        self._hash = hash(tuple(self._by_name.values()))

    def __getitem__(self, name: str) -> Builder:
        """Give a builder by its name."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        """Name the builders in their order."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Count the builders."""
        return len(self._by_name)

    def __hash__(self) -> int:
        """Be a key of caches."""
        return self._hash

    def with_(self, more: Iterable[Builder]) -> Builders:
        """Add further builders behind these; UsageError for a name that is taken."""
        return Builders((*self.values(), *more))

    def target(self, text: str) -> Target:
        """Read a target's id, such as the name of a file in `results/targets/`.

        Raises ValueError when it is none, or of no builder that is known.
        """
        return _target(self, text)

    @property
    def families(self) -> tuple[str, ...]:
        """The families of the builders, in the order of reports."""
        return tuple(dict.fromkeys(each.family for each in self.values()))

    @property
    def stores(self) -> tuple[str, ...]:
        """The stores of engines, and those that a builder's record names."""
        own = {store for each in self.values() for store in each.stores}
        return tuple(sorted({*STORES, *own}))

    def check(self, selector: Selector) -> None:
        """Refuse a selector of no known builder or store: UsageError, with a hint."""
        if not any(map(selector.names, self.values())):
            raise UsageError(
                f"`{selector.text}` does not name a known builder",
                hint=nearest(selector.builder, [*self, *self.families, DOCKER, "*"]),
            )
        if selector.exact and selector.builder not in {*self, DOCKER}:
            raise UsageError(
                f"`{selector.text}` reads as a target's id, and `{selector.builder}` "
                "is a family of builders",
                hint="the family's targets of a version are FAMILY@VERSION+*",
            )
        if selector.store not in {"", "*", *self.stores}:
            raise UsageError(
                f"`{selector.text}` does not name a known store",
                hint=nearest(selector.store, self.stores),
            )


@lru_cache(maxsize=4096)
def _target(builders: Builders, text: str) -> Target:
    name, version, store = split_id(text)
    if name not in builders:
        raise ValueError(f"not a target: no builder {name!r}")
    builder = builders[name]
    usual = default_store(version) if builder.on_engine else ""
    return Target(builder=builder, version=version, store=store or usual)
