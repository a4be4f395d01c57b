"""One case told line by line: layers and files, per class of agreement. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from tabulate import tabulate

from harness.cases.case import Case
from harness.cases.model import Build
from harness.dockerfile.parser import LAYER_INSTRUCTIONS, parse
from harness.judge.agreement import classes, divergences
from harness.judge.matrix import subjects
from harness.judge.properties import first_line, letter, letters
from harness.judge.verdict import Check, Judged
from harness.measure.observation import BuildRecord, Change, Observation, OnDiskRecord
from harness.measure.overlay2 import Directory
from harness.targets.group_names import group_name
from harness.targets.registry import Builders

#: So many paths of a layer are shown, the rest counted.
SHOWN = 6
SHOWN_ON_DISK = 4
_SIGNS = {"added": "+", "modified": "~", "deleted": "-", "touched": "=", "opaque": "o"}

LEGEND = (
    "+ added, ~ modified, - deleted (whiteout), = recorded again, o opaque directory; "
    "equal letters: equal content"
)


def explain(case: Case, results: Mapping[str, Judged], builders: Builders) -> str:
    """Tell a case: why, then each build line by line, then what was expected."""
    observations = {
        name: each.observation for name, each in results.items() if each.builds
    }
    parts = [_head(case)]
    if observations:
        parts += [_build(case, name, observations, builders) for name in case.builds]
    parts.append(_not_built(results, builders))
    found = divergences(
        observations, subjects(case), name=partial(group_name, builders)
    )
    if found:
        lines = [f"  {each.sentence()}" for each in found]
        parts.append("Divergences\n\n" + "\n".join(lines))
    if case.expect:
        parts.append("Expected\n\n" + "\n".join(_expected(case, results, builders)))
    parts.append(_rules(results))
    return "\n\n".join(filter(None, parts))


def on_disk(
    directories: Sequence[Directory], diff_ids: Sequence[str], record: OnDiskRecord
) -> str:
    """Tell where an engine keeps an image's layers, lowest first (article C13)."""
    rows = [
        [
            number,
            diff_id.removeprefix("sha256:")[:12],
            each.name[:16],
            each.link[:8],
            " ".join(name[:6] for name in each.lower)
            if each.lower is not None
            else "(no file)",
            _held(each),
        ]
        for number, (each, diff_id) in enumerate(
            zip(directories, diff_ids, strict=True), 1
        )
    ]
    headers = ["layer", "diff ID", "directory", "link", "lower, from the top", "diff/"]
    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    conclusions = [
        f"{_yes(each)}: {text}"
        for each, text in (
            (record.lowest_has_no_lower, "the lowest directory has no `lower` file"),
            (
                record.lower_gives_order,
                "the `lower` files give the order of the layers",
            ),
            (not record.names_are_diff_ids, "no directory is named after its diff ID"),
            (record.equals_export, "each `diff` holds what the exported layer holds"),
        )
    ]
    return table + "\n\n" + "\n".join(conclusions) + "\n"


def _held(directory: Directory) -> str:
    """Name the first of the paths that a `diff` holds, whiteouts with a minus."""
    signs = {"whiteout": "-", "opaque": "o"}
    paths = [signs.get(row[1], "") + "/" + row[0] for row in sorted(directory.rows)]
    rest = len(paths) - SHOWN_ON_DISK
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(paths[:SHOWN_ON_DISK]) + more


def _yes(answer: bool) -> str:  # noqa: FBT001
    return "yes" if answer else "no "


def _head(case: Case) -> str:
    why = textwrap.fill(case.why.strip(), 88)
    return "\n".join([f"{case.id}: {case.title}", "", why, *case.refs])


def _build(
    case: Case, name: str, observations: Mapping[str, Observation], builders: Builders
) -> str:
    alone = {
        target: Observation(case=case.id, target=target, builds=(each.build(name),))
        for target, each in observations.items()
    }
    groups: dict[str, list[str]] = {}
    for target, klass in classes(alone).items():
        groups.setdefault(klass, []).append(target)
    records = {klass: alone[members[0]].builds[0] for klass, members in groups.items()}
    title = f"Build `{name}`\n\n" if len(case.builds) > 1 else ""
    every = list(observations)
    heads = [
        f"{klass}  {group_name(builders, members, every)}: {_layers(records[klass])}"
        for klass, members in groups.items()
    ]
    table = tabulate(
        list(_lines(case.builds[name], records)),
        headers=["line", "Dockerfile", *groups],
        tablefmt="simple",
        maxcolwidths=[None, 44, *([44] * len(groups))],
        disable_numparse=True,
    )
    return f"{title}" + "\n".join(heads) + f"\n\n{table}\n\n{LEGEND}"


def pattern(build: BuildRecord) -> str:
    """Write the letters of all layers, those of the image of FROM first."""
    below = [letter(number) for number in range(build.below)]
    seen: dict[str, str] = {}
    above = [
        seen.setdefault(each, letter(build.below + len(seen)))
        for each in letters(build.layers, "content").split()
    ]
    return " ".join([*below, *above])


def _layers(build: BuildRecord) -> str:
    if build.outcome != "ok":
        where = f" at line {build.error_line}" if build.error_line else ""
        return f"{build.verb}{where}: {first_line(build.error)}"
    count = build.below + len(build.layers)
    base = " with the base" if build.below else ""
    note = f" ({build.note})" if build.note else ""
    return f"{count} layers{base}: {pattern(build) or 'none'}{note}"


def _lines(build: Build, records: Mapping[str, BuildRecord]) -> Iterator[list[str]]:
    parsed = parse(build.dockerfile, build.args)
    others = {
        each.line
        for each in parsed.outside(build.target) or ()
        if each.keyword in LAYER_INSTRUCTIONS
    }
    for number, line in enumerate(build.dockerfile.splitlines(), 1):
        if line.strip():
            tell = _elsewhere if number in others else _cell
            yield [
                str(number),
                line,
                *(tell(number, record) for record in records.values()),
            ]


def _elsewhere(line: int, build: BuildRecord) -> str:
    """Tell of a line in a stage that the image is not made of."""
    if build.outcome != "ok" or build.other_steps is None:
        return _cell(line, build)
    for step in build.other_steps:
        if step.line == line:
            return "another stage" + (" (cached)" if step.cached else "")
    return "not run"


def _cell(line: int, build: BuildRecord) -> str:
    if build.outcome != "ok" and build.error_line == line:
        return "fails"
    for step in build.steps:
        if step.line == line:
            cached = " (cached)" if step.cached else ""
            if step.layer is None:
                return f"no layer{cached}"
            changes = build.layers[step.layer - 1].changes
            name = pattern(build).split()[build.below + step.layer - 1]
            told = " ".join(map(_change, changes[:SHOWN])) or "empty"
            rest = len(changes) - SHOWN
            more = f" and {rest} more" if rest > 0 else ""
            return f"{name}: {told}{more}{cached}"
    return ""


def _change(each: Change) -> str:
    slash = "/" if each.type == "dir" else ""
    return f"{_SIGNS[each.change]}{each.path}{slash}"


def _not_built(results: Mapping[str, Judged], builders: Builders) -> str:
    reasons: dict[str, list[str]] = {}
    for target, each in results.items():
        if not each.builds:
            reasons.setdefault(each.reason, []).append(target)
    lines = _on(reasons, results, builders)
    return "\n".join(["Not built", "", *lines]) if lines else ""


def _expected(
    case: Case, results: Mapping[str, Judged], builders: Builders
) -> Iterator[str]:
    for index, expectation in enumerate(case.expect):
        yield f"  {expectation.because}"
        said: dict[str, list[str]] = {}
        for target, each in results.items():
            for check in each.checks:
                if check.expectation == index:
                    said.setdefault(_verdict(check), []).append(target)
        yield from (f"  {line}" for line in _on(said, results, builders))


def _verdict(check: Check) -> str:
    text = "; ".join(check.said)
    if check.verdict == "known":
        return text
    return f"{check.verdict} ({text})" if text else check.verdict


def _on(
    said: Mapping[str, Sequence[str]], results: Mapping[str, Judged], builders: Builders
) -> list[str]:
    """Say each text once, with the targets it is said of."""
    every = list(results)
    return [
        f"  {group_name(builders, names, every)}: {text}"
        for text, names in said.items()
    ]


def _rules(results: Mapping[str, Judged]) -> str:
    names = {
        rule
        for each in results.values()
        for build in each.builds
        for rule in build.noise
    }
    return f"Noise rules applied: {', '.join(sorted(names))}" if names else ""
