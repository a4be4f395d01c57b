"""What `check` found, as text with the lines shown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.check.findings import IMPACTS, Checked, Finding, Impact, Unmeasured
from harness.targets.target import Target
from harness.terminal.screen import Ink, Screen

#: What an impact means, one of them and several.
MEANS: Mapping[Impact, tuple[str, str]] = {
    "outcome": ("builds on one side only", "build on one side only"),
    "image": ("gives another image", "give another image"),
    "layering": ("gives other layers", "give other layers"),
    "cache": ("uses the cache otherwise", "use the cache otherwise"),
}
_INKS: Mapping[Impact, Ink] = {
    "outcome": "bad",
    "image": "bad",
    "layering": "doubtful",
    "cache": "doubtful",
}
_WIDTH = 100


def text(
    checked: Sequence[Checked], before: Target, after: Sequence[Target], screen: Screen
) -> str:
    """Write the findings of each file, the worst first, and a line that counts them."""
    parts = [_heading(before, after)]
    columns = tuple(dict.fromkeys(each.column for each in (before, *after)))
    for each in checked:
        parts += _file(each, columns, screen)
        parts += _unmeasured(each.unmeasured)
    parts.append(_counts(checked))
    return "\n\n".join(parts) + "\n"


def _heading(before: Target, after: Sequence[Target]) -> str:
    return f"From {before.id} to {', '.join(each.id for each in after)}"


def _file(checked: Checked, columns: Iterable[str], screen: Screen) -> Iterator[str]:
    source = checked.source
    context = "unknown (--context names it)"
    if source.context is not None:
        context = source.context.place or "given"
    counts = (
        f"{number} {name}{'s' * (number != 1)}"
        for number, name in (
            (len(source.dockerfile.instructions), "instruction"),
            (len(source.stages), "stage"),
        )
    )
    head = f"{source.path}: {', '.join(counts)}, context {context}"
    yield head
    groups: dict[object, list[Finding]] = {}
    for each in checked.findings:
        key = (each.rule.id, each.behaviour.case, each.occurrence.certain, each.before)
        groups.setdefault((*key, tuple(each.after.items())), []).append(each)
    for several in groups.values():
        yield "\n".join(_finding(checked, several, columns, screen))


def _finding(
    checked: Checked,
    several: Sequence[Finding],
    columns: Iterable[str],
    screen: Screen,
) -> Iterator[str]:
    first = several[0]
    place, each = first.occurrence, first.behaviour
    where = f"{place.file or checked.source.path}:{place.line}"
    what = MEANS[first.impact][0]
    told = what if place.certain else f"may be: {what}, depending on {place.depends}"
    yield f"{screen.ink('heading', where)}  {screen.ink(_INKS[first.impact], told)}"
    yield from _shown(checked, first)
    others = [str(other.occurrence.line) for other in several[1:]]
    if others:
        lines = "line" if len(others) == 1 else "lines"
        yield f"    and {lines} {', '.join(others)}"
    detail = f" ({place.detail})" if place.detail else ""
    yield from _wrapped(f"{first.rule.says}{detail} {each.question}", screen)
    after = (f"{told} ({name})" for name, told in first.after.items())
    yield f"    {first.before} -> {', '.join(after)}"
    for column in columns:
        told = each.ranges.get(column, "")
        if " since " in told:
            yield from _wrapped(f"{column}: {told}", screen)
    if each.advice:
        yield from _wrapped(each.advice, screen)
    yield f"    layer-harness explain {each.case}      [{first.rule.id}]"


def _from_to(before: str, answers: Mapping[str, str]) -> str:
    after = {name: told for name, told in answers.items() if name}
    return f"{before} -> " + ", ".join(
        f"{told} ({name})" for name, told in after.items()
    )


def _shown(checked: Checked, finding: Finding) -> Iterator[str]:
    """Show the line, and those that belong to it."""
    place = finding.occurrence
    lines: Sequence[str] = checked.source.lines
    if place.file:
        context = checked.source.context
        lines = ((context.text(place.file) if context else "") or "").split("\n")
    numbers = sorted({place.line, *place.related[:2]})
    width = len(str(numbers[-1]))
    for number in numbers:
        if 0 < number <= len(lines):
            mark = ">" if number == place.line else " "
            yield f"  {mark} {number:>{width}} | {lines[number - 1][:_WIDTH]}"


def _wrapped(told: str, screen: Screen) -> Iterator[str]:
    if screen.width is None:
        yield f"    {told}"
        return
    width = max(40, min(screen.width, _WIDTH))
    yield from textwrap.wrap(
        told, width, initial_indent="    ", subsequent_indent="    "
    )


def _unmeasured(every: Sequence[Unmeasured]) -> Iterator[str]:
    """Say what is not known, by rule and targets."""
    lines: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for each in every:
        key = (each.rule.says, each.targets)
        lines.setdefault(key, []).append(each.occurrence.line)
    told = [
        f"    line {', '.join(map(str, sorted(set(numbers))))}: {says} "
        f"Not measured on {', '.join(targets)}."
        for (says, targets), numbers in lines.items()
    ]
    if told:
        yield "\n".join(["Not known:", *told])


def _counts(checked: Sequence[Checked]) -> str:
    findings = [each for one in checked for each in one.findings]
    certain = [each for each in findings if each.occurrence.certain]
    parts = []
    for impact in IMPACTS:
        number = sum(each.impact == impact for each in certain)
        if number:
            parts.append(f"{number} {MEANS[impact][number > 1]}")
    if maybe := len(findings) - len(certain):
        parts.append(f"{maybe} may do so")
    same = sum(len(each.same) for each in checked)
    patterns = "pattern was" if same == 1 else "patterns were"
    rest = f" {same} {patterns} measured to be the same." if same else ""
    if not findings:
        return f"No difference is known.{rest}"
    number = len(findings)
    return f"{number} finding{'s' * (number != 1)}: {', '.join(parts)}.{rest}"
