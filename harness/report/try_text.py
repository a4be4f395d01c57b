"""What `try` found out, as text and as Markdown: the answer, then where. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from harness.judge.differences import NO_LINES, ONE_LAYER
from harness.judge.properties import first_line
from harness.report.try_record import (
    TriedDifference,
    TriedExplanation,
    TriedRecord,
    TriedTarget,
)

_WIDTH = 100
#: So many differences of the image, and of the layers, are shown; the rest is counted.
SHOWN = 12
_HEADS = {
    "image": "What is other in the image",
    "layering": "What is other in its layers",
}
_LAST = "Of no consequence"
#: Letters of what differs that leave room for how, on one line.
_HEAD = 32
#: So many paths of one difference are named.
_PATHS = 4
UNEXPLAINED = "no measured behaviour explains this"


def text(found: TriedRecord, lines: Sequence[str], *, everything: bool = False) -> str:
    """Tell it for a terminal; `lines` are the Dockerfile's, `everything` cuts nothing.

    The answer is the first line.
    """
    parts = [found.sentence, _targets(found), *_failures(found, lines)]
    if found.answer != "fails":
        parts += _differences(found, lines, everything=everything)
    parts += _remarks(found)
    return "\n\n".join(filter(None, parts)) + "\n"


def _targets(found: TriedRecord) -> str:
    rows = [
        [
            each.id,
            "builds" if each.builds else "fails",
            f"{each.seconds:.1f} s",
            *(
                [
                    _number(each.layers, "layer"),
                    f"{size(each.size)} above the base"
                    if each.below
                    else size(each.size),
                ]
                if each.builds
                else ["", ""]
            ),
        ]
        for each in found.targets
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def size(number: int) -> str:
    """Write a number of bytes as people read it."""
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if number >= 10**power:
            return f"{number / 10**power:.1f} {unit}"
    return _number(number, "byte")


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _failures(found: TriedRecord, lines: Sequence[str]) -> Iterator[str]:
    """Tell each failure, and behind the last one what explains them."""
    for each in found.targets:
        if not each.builds:
            yield "\n".join(_failure(each, found.dockerfile, lines))
    if found.answer == "outcome":
        why = [each for each in found.differences if each.question == "outcome"]
        yield "\n".join(_why(why[0].explanation if why else None))


def _failure(
    target: TriedTarget, dockerfile: str, lines: Sequence[str]
) -> Iterator[str]:
    where = f"{dockerfile}:{target.error_line}" if target.error_line else dockerfile
    yield f"{target.id} fails: {where}"
    if target.error_line and target.error_line <= len(lines):
        yield f"  > {lines[target.error_line - 1]}"
    said = [each for each in target.error.splitlines() if each.strip()]
    yield f"  {first_line(target.error)}"
    if len(said) > 1:
        yield from (f"  | {each}" for each in said[-6:])


def _differences(
    found: TriedRecord, lines: Sequence[str], *, everything: bool
) -> Iterator[str]:
    for question, head in _HEADS.items():
        matter = [
            each
            for each in found.differences
            if each.question == question and not each.no_matter
        ]
        if matter:
            yield f"{head}\n\n{_section(matter, found, lines, everything=everything)}"
    trivial = [each for each in found.differences if each.no_matter]
    if trivial:
        told = "\n".join(
            f"  {_subject(each)}: {'; '.join(_sides(each))} ({each.no_matter})"
            for each in trivial
        )
        yield f"{_LAST}\n\n{told}"


def _section(
    matter: Sequence[TriedDifference],
    found: TriedRecord,
    lines: Sequence[str],
    *,
    everything: bool,
) -> str:
    """Tell the differences of one question, as many as are read at once.

    A line that makes other files makes another layer of them, which is said once.
    """
    above = {
        each.line
        for each in found.differences
        if each.question == "image" and each.line and not each.no_matter
    }
    if everything or matter[0].question == "image":
        above = set()
    own = [each for each in matter if each.line not in above]
    shown = own if everything else own[:SHOWN]
    parts = [*_by_line(shown, found.dockerfile, lines)]
    if rest := len(own) - len(shown):
        parts.append(f"  and {rest} more; --all shows them")
    if follow := len(matter) - len(own):
        parts.append(
            f"  and {_number(follow, 'difference')} in the layers of lines that are "
            "told above; --all shows them"
        )
    return "\n\n".join(parts)


def _by_line(
    differences: Sequence[TriedDifference], dockerfile: str, lines: Sequence[str]
) -> Iterator[str]:
    """Tell together what is of one line and has one explanation."""
    places = dict.fromkeys(each.line for each in differences)
    for at in sorted(places, key=lambda line: (line is None, line)):
        here = [each for each in differences if each.line == at]
        rows = [*_where(at, dockerfile, lines)]
        for case in dict.fromkeys(_case(each) for each in here):
            alike = [each for each in here if _case(each) == case]
            rows += [f"    {row}" for each in alike for row in _told(each)]
            if not all(_is_the_builder(each) for each in alike):
                rows += _why(alike[0].explanation)
        yield "\n".join(rows)


def _is_the_builder(each: TriedDifference) -> bool:
    """Say whether a difference is how a builder builds, whatever the Dockerfile."""
    return any(side.does in {ONE_LAYER, NO_LINES} for side in each.sides)


def _case(each: TriedDifference) -> str:
    return each.explanation.case if each.explanation else ""


def _where(line: int | None, dockerfile: str, lines: Sequence[str]) -> Iterator[str]:
    if line is None:
        yield f"  {dockerfile}, no single line"
        return
    yield f"  {dockerfile}:{line}"
    if line <= len(lines):
        yield f"  > {lines[line - 1].rstrip()}"


def _told(each: TriedDifference) -> Iterator[str]:
    head = _subject(each)
    if not head:
        yield from _sides(each)
        return
    first, *rest = _sides(each)
    if len(head) > _HEAD:
        yield head
        yield from (f"  {side}" for side in (first, *rest))
        return
    yield f"{head}: {first}"
    yield from (f"{' ' * len(head)}  {side}" for side in rest)


def _sides(each: TriedDifference) -> list[str]:
    return [
        f"{' and '.join(side.targets)} {_does(side.does, len(side.targets))}"
        for side in each.sides
    ]


def _does(phrase: str, count: int) -> str:
    if count == 1:
        return phrase
    verb, blank, rest = phrase.partition(" ")
    return (
        {"does": "do", "has": "have"}.get(verb, verb.removesuffix("s")) + blank + rest
    )


def _subject(each: TriedDifference) -> str:
    if each.paths:
        named = ", ".join(each.paths[:_PATHS])
        rest = len(each.paths) - _PATHS
        return f"{named} and {rest} more" if rest > 0 else named
    if each.aspect == "config":
        return f"config {each.attribute}"
    return "" if each.aspect == "layers" else each.aspect


def _why(why: TriedExplanation | None) -> Iterator[str]:
    if why is None:
        yield f"    {UNEXPLAINED}"
        return
    answers = "; ".join(f"{name}: {answer}" for name, answer in why.answers.items())
    yield from textwrap.wrap(
        f"{why.question} {answers}",
        _WIDTH,
        initial_indent="    Why: ",
        subsequent_indent="         ",
    )
    if why.advice:
        yield from textwrap.wrap(
            why.advice,
            _WIDTH,
            initial_indent="    To be the same: ",
            subsequent_indent="         ",
        )
    yield f"    layer-harness explain {why.case}"


def _remarks(found: TriedRecord) -> Iterator[str]:
    if found.chance:
        named = ", ".join(found.chance[:_PATHS])
        rest = len(found.chance) - _PATHS
        more = f" and {rest} more" if rest > 0 else ""
        yield (f"Not compared, since each build makes them otherwise: {named}{more}")
    yield from found.notes


def markdown(found: TriedRecord, lines: Sequence[str]) -> str:
    """Tell it as Markdown, for a comment or an issue."""
    rows = [
        [
            f"`{each.id}`",
            "builds" if each.builds else f"fails: {first_line(each.error)}",
            each.layers if each.builds else "",
            size(each.size) if each.builds else "",
        ]
        for each in found.targets
    ]
    parts = [
        f"**{found.sentence}**",
        tabulate(rows, headers=["", "", "layers", "size"], tablefmt="github"),
    ]
    for question, head in _HEADS.items():
        of = [each for each in found.differences if each.question == question]
        if not of:
            continue
        table = tabulate(
            [
                [
                    each.line or "",
                    _code(each.instruction),
                    _code(_subject(each)),
                    "<br>".join(map(_escaped, _sides(each))),
                    f"`{each.explanation.case}`" if each.explanation else "",
                ]
                for each in of
            ],
            headers=["line", "instruction", "what", "", "explained by"],
            tablefmt="github",
        )
        parts.append(f"### {head}\n\n{table}")
    if found.answer in {"outcome", "fails"}:
        failures = "\n\n".join(_failures(found, lines))
        parts.append(f"```\n{failures}\n```")
    parts += _remarks(found)
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    return f"`{_escaped(text)}`" if text else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
