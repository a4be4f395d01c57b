"""Check cases without an engine: what their form cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.case import Case, find_cases, load_case, load_groups
from harness.casefile import Group
from harness.dockerfile import parse
from harness.errors import CaseError


def lint(root: Path) -> Iterator[str]:
    """Yield every mistake below `root`, a few lines each, files in order."""
    try:
        groups = load_groups(root)
        paths = find_cases(root)
    except CaseError as error:
        yield str(error)
        return
    cases = []
    for path in paths:
        try:
            cases.append(load_case(path, root))
        except CaseError as error:
            yield str(error)
    for case in cases:
        yield from _context(case)
        yield from _groups(case, groups)
        yield from _cold(case)
    yield from _twins(cases)
    for name in groups:
        if not any(path.parent.name == name for path in paths):
            yield f"{root / 'groups.toml'}: the group `{name}` has no cases"


def _context(case: Case) -> Iterator[str]:
    for name in case.builds:
        try:
            case.context(name)
        except (CaseError, ValueError) as error:
            yield f"{case.path}: build `{name}`: {error}"


def _groups(case: Case, groups: Mapping[str, Group]) -> Iterator[str]:
    group = groups.get(case.group)
    if group is None:
        yield (
            f"{case.path}: the group `{case.group}` is not in groups.toml\n"
            f'hint: add [{case.group}] with title = "..."'
        )
        return
    for expectation in case.expect:
        for claim in expectation.claim:
            if claim not in group.claims:
                yield (
                    f"{case.path}: cites the claim {claim}, which groups.toml does "
                    f"not have in [{case.group}.claims]"
                )


def _cold(case: Case) -> Iterator[str]:
    """Find builds that could take something from another case's cache."""
    for name, build in case.builds.items():
        sources = [
            stage.source
            for stage in parse(build.dockerfile).stages
            if stage.parent is None
        ]
        if not case.cold(name) and "scratch" in sources:
            yield (
                f"{case.path}: build `{name}` uses the cache and begins FROM scratch, "
                "so that other cases' layers can be in it\n"
                "hint: begin with FROM ${BASE}, or say `cold: true`"
            )


def _twins(cases: list[Case]) -> Iterator[str]:
    seen: dict[str, Case] = {}
    for case in cases:
        key = repr(
            [
                (build.model_dump(), case.context(name))
                for name, build in case.builds.items()
            ]
        )
        twin = seen.setdefault(key, case)
        if twin is not case:
            yield f"{case.path}: builds just what {twin.id} builds: join them"
