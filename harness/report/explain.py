"""One case told line by line: layers and files, per class of agreement. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from harness.cases.case import Case
from harness.cases.model import Build
from harness.dockerfile.parser import LAYER_INSTRUCTIONS, parse
from harness.judge.agreement import FactTable, classes, tell
from harness.judge.comparable import Comparable, comparable
from harness.judge.facts import QUESTIONS
from harness.judge.failure import kind_of
from harness.judge.properties import first_line, letter, letters
from harness.judge.verdict import Check, Judged
from harness.measure.observation import BuildRecord, Change, Observation, OnDiskRecord
from harness.measure.overlay2 import Directory
from harness.report.line_by_line import line_by_line
from harness.targets.group_names import by_version, group_name
from harness.targets.registry import Builders
from harness.terminal.layout import indented, paragraph, table
from harness.terminal.screen import PLAIN, Screen

#: So many paths of a layer are shown, the rest counted.
SHOWN = 6
SHOWN_ON_DISK = 4
_SIGNS = {"added": "+", "modified": "~", "deleted": "-", "touched": "=", "opaque": "o"}

LEGEND = (
    "+ added, ~ modified, - deleted (whiteout), = recorded again, o opaque directory; "
    "equal letters: equal content"
)


def explain(
    case: Case,
    results: Mapping[str, Judged],
    builders: Builders,
    screen: Screen = PLAIN,
) -> str:
    """Tell a case: question, answers, each build line by line, what was expected."""
    head = partial(_head, screen)
    chosen = comparable(case, results)
    parts = [
        head(f"{case.id}: {case.title}"),
        _answers(case, results, builders, screen),
        "\n".join([paragraph(screen, " ".join(case.why.split())), *case.refs]),
    ]
    if chosen.observations:
        parts += [_build(chosen, name, builders, screen) for name in case.builds]
    if reasons := _not_built(results, builders):
        parts += [head("Not built"), indented(screen, reasons)]
    found = chosen.divergences(
        chosen.tell(),
        name=partial(group_name, builders),
        rows=partial(by_version, builders),
    )
    if found:
        lines = [
            f"  {'  ' * bool(place)}{line}"
            for each in found
            for place, line in enumerate(each.lines())
        ]
        parts += [head("Divergences"), indented(screen, lines)]
    if case.expect:
        told = list(_expected(case, results, builders))
        parts += [head("Expected"), indented(screen, told)]
    parts.append(paragraph(screen, _rules(results), "", "  "))
    return "\n\n".join(filter(None, parts))


def _head(screen: Screen, title: str) -> str:
    return paragraph(screen, screen.ink("heading", title))


def on_disk(
    directories: Sequence[Directory],
    diff_ids: Sequence[str],
    record: OnDiskRecord,
    screen: Screen = PLAIN,
) -> str:
    """Tell where an engine keeps an image's layers, lowest first (article C13)."""
    rows = [
        [
            str(number),
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
    where = table(screen, headers, rows, right=[0], whole=range(4))
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
    return where + "\n\n" + "\n".join(conclusions) + "\n"


def _held(directory: Directory) -> str:
    """Name the first of the paths that a `diff` holds, whiteouts with a minus."""
    signs = {"whiteout": "-", "opaque": "o"}
    paths = [signs.get(row[1], "") + "/" + row[0] for row in sorted(directory.rows)]
    rest = len(paths) - SHOWN_ON_DISK
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(paths[:SHOWN_ON_DISK]) + more


def _yes(answer: bool) -> str:  # noqa: FBT001
    return "yes" if answer else "no "


def _answers(
    case: Case, results: Mapping[str, Judged], builders: Builders, screen: Screen
) -> str:
    """Tell the question, and who gives which answer."""
    if not case.question:
        return ""
    given: dict[str, list[str]] = {name: [] for name in case.answers}
    for target, each in results.items():
        if each.answered is not None:
            given.setdefault(each.answered.told, []).append(target)
    every = [target for target, each in results.items() if each.answered is not None]
    rows = [
        (name, group_name(builders, targets, every) if targets else "nobody")
        for name, targets in given.items()
    ]
    lines = [paragraph(screen, case.question), ""]
    lines += [table(screen, [], rows, indent=2)] if every else []
    if case.advice:
        lines += ["", paragraph(screen, f"Advice: {case.advice}", "", "  ")]
    return "\n".join(lines)


def _build(
    chosen: Comparable[Judged], name: str, builders: Builders, screen: Screen
) -> str:
    case = chosen.case
    groups = classes_of(chosen, name)
    records = {letters_: list(found.values()) for letters_, found in groups.items()}
    title = f"Build `{name}`\n\n" if len(case.builds) > 1 else ""
    every = [target for found in groups.values() for target in found]
    heads = [
        paragraph(
            screen,
            f"{letters_}  {group_name(builders, list(members), every)}: "
            f"{_layers(records[letters_])}",
            "",
            "    ",
        )
        for letters_, members in groups.items()
    ]
    rows = list(_lines(case.builds[name], list(records.values())))
    told = line_by_line(rows, list(groups), screen)
    legend = paragraph(screen, LEGEND)
    return f"{title}" + "\n".join(heads) + f"\n\n{told}\n\n{legend}"


def classes_of(
    chosen: Comparable[Judged], name: str
) -> Mapping[str, Mapping[str, BuildRecord]]:
    """Give what the targets make of a build, by class; `Ab`, or `x1` where it fails."""
    made: dict[int, Observation] = {}
    alone = {
        target: made.setdefault(
            id(each.builds),
            Observation(case=chosen.case.id, target=target, builds=(each.build(name),)),
        )
        for target, each in chosen.observations.items()
    }
    return {
        letters_: {member: alone[member].builds[0] for member in members}
        for letters_, members in _groups(tell(alone, chosen.aspects)).items()
    }


def _groups(table: FactTable) -> dict[str, list[str]]:
    """Group the targets by their classes: `Ab`, or `x1` where the build fails."""
    outcome, image, layering = (classes(table, question) for question in QUESTIONS)
    failing = [name for name in outcome if not image[name]]
    ways = list(dict.fromkeys(outcome[name] for name in failing))
    found: dict[str, list[str]] = {}
    for name in outcome:
        own = f"{image[name]}{layering[name].lower()}"
        if name in failing:
            own = f"x{ways.index(outcome[name]) + 1}" if len(ways) > 1 else "x"
        found.setdefault(own, []).append(name)
    return found


def pattern(build: BuildRecord) -> str:
    """Write the letters of all layers, those of the image of FROM first."""
    below = [letter(number) for number in range(build.below)]
    seen: dict[str, str] = {}
    above = [
        seen.setdefault(each, letter(build.below + len(seen)))
        for each in letters(build.layers, "content").split()
    ]
    return " ".join([*below, *above])


def _layers(records: Sequence[BuildRecord]) -> str:
    build = records[0]
    if build.outcome != "ok":
        where = next(
            (f" at line {n}" for each in records if (n := each.error_line)), ""
        )
        errors = dict.fromkeys(first_line(each.error) for each in records)
        # what one builder says is not said of another
        said = kind_of(build.error) if len(errors) > 1 else next(iter(errors))
        return f"{build.verb}{where}: {said}"
    count = build.below + len(build.layers)
    base = " with the base" if build.below else ""
    note = f" ({build.note})" if build.note else ""
    return f"{count} layers{base}: {pattern(build) or 'none'}{note}"


def _lines(
    build: Build, records: Sequence[Sequence[BuildRecord]]
) -> Iterator[list[str]]:
    parsed = parse(build.dockerfile, build.args)
    others = {
        each.line
        for each in parsed.outside(build.target) or ()
        if each.keyword in LAYER_INSTRUCTIONS
    }
    for number, line in enumerate(build.dockerfile.splitlines(), 1):
        if line.strip():
            tell = _elsewhere if number in others else _of_the_first
            yield [str(number), line, *(tell(number, each) for each in records)]


def _of_the_first(line: int, records: Sequence[BuildRecord]) -> str:
    return _cell(line, records[0])


def _elsewhere(line: int, records: Sequence[BuildRecord]) -> str:
    """Tell of a line in a stage that the image is not made of.

    Whether it is run makes no class of its own, so members may differ.
    """
    if records[0].outcome != "ok":
        return _cell(line, records[0])
    steps = [each.other_steps for each in records if each.other_steps is not None]
    run = [step for of_one in steps for step in of_one if step.line == line]
    if not run:
        return "not run" if steps else ""
    cached = " (cached)" if any(step.cached for step in run) else ""
    return "another stage" + cached + ("" if len(run) == len(steps) else ", or not run")


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


def _not_built(results: Mapping[str, Judged], builders: Builders) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for target, each in results.items():
        if not each.builds:
            reasons.setdefault(each.reason, []).append(target)
    return _on(reasons, results, builders)


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
