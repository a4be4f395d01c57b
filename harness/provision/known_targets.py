"""All targets with a version that we know, whether they are here or not."""

from __future__ import annotations

from harness.builders.records import standard_builders, standard_records
from harness.engines import roots
from harness.targets.target import Target


def known_targets() -> list[Target]:
    """List every target of the catalogue and of the records that ship.

    Every builder inside every engine of `engines.toml` with every store, and every
    tool of `builders.toml` in its suites' versions.
    """
    builders = standard_builders()
    inside = [
        Target(builder=builder, version=suite.version, store=store)
        for builder in builders.values()
        if builder.on_engine
        for suite in roots.suites()
        for store in suite.stores
    ]
    own = [
        Target(builder=builders[record.name], version=suite.version, store=store)
        for record in standard_records().values()
        if record.place == "own"
        for suite in record.suites
        for store in record.stores or ("",)
    ]
    return inside + own
