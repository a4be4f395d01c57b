"""Which stored results are fresh: measuring again would be measuring the same. Pure.

A result goes by its case (the digest), by what its target is (exact versions, base,
builder), and by the rules of measuring. An error is no result, so nothing here is one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from harness.cases.case import Case
from harness.results.record import Result, TargetRecord


def changes(before: TargetRecord, now: TargetRecord) -> tuple[str, ...]:
    """Say in a few words each what a target's results go by that has changed.

    How its engine came to be there is no part of it, nor are the reasons of rules.
    """
    old, new = _ingredients(before), _ingredients(now)
    found = []
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        told = isinstance(one or other, str)
        found.append(
            f"{name} {one or 'not there'}, now {other or 'not there'}"
            if told
            else f"another {name}"
        )
    return tuple(found)


def _ingredients(target: TargetRecord) -> dict[str, object]:
    return {
        "version": target.version,
        "API": target.api,
        "store": target.store,
        "architecture": target.architecture,
        **target.components,
        **{f"tool {name}": version for name, version in target.tool.items()},
        "base": dict(target.base),
        "list of noise rules": sorted(target.rules),
        "version of the rules": target.measuring,
        "record of the builder": (target.record, target.command),
    }


def fresh(
    case: Case, results: Mapping[str, Result], same: Collection[str], limit: float
) -> frozenset[str]:
    """Name the targets whose result of a case is fresh.

    `same` are those that are what they were when their file was written; `limit` is
    the seconds a build may take where the case has no limit of its own. A build that
    met a limit is fresh while that is not raised: it would take longer than a lower one.
    """
    limit_now = case.limit or limit
    return frozenset(
        target
        for target, each in results.items()
        if target in same
        and each.case_digest == case.digest
        and not each.earlier
        and not (_met_the_limit(each) and (each.limit or 0) < limit_now)
    )


def _met_the_limit(result: Result) -> bool:
    return any(each.outcome == "timeout" for each in result.builds)
