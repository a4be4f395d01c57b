"""What two runs or two targets differ in, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.judge.comparison import Comparison, Difference
from harness.report.counts import count
from harness.report.text import TOLD
from harness.targets.group_names import group_name
from harness.targets.registry import Builders
from harness.terminal.layout import paragraph
from harness.terminal.screen import PLAIN, Screen


def terminal(
    found: Comparison,
    targets: Sequence[str],
    builders: Builders,
    *,
    told: int = TOLD,
    screen: Screen = PLAIN,
) -> str:
    """Write each difference with where it is, and the counts.

    `targets` are all that are compared; the names of groups are short among them.
    """
    parts = [
        _told(each, _where(each, found, targets, builders), told, screen)
        for each in found.differences
    ]
    counts = paragraph(screen, "\n".join(_counts(found)), "", "  ")
    return "\n\n".join([*parts, counts])


def _told(difference: Difference, where: str, told: int, screen: Screen) -> str:
    lines = [paragraph(screen, screen.ink("heading", f"{difference.case}{where}"))]
    lines += [paragraph(screen, each, "  ", "    ") for each in difference.says[:told]]
    if len(difference.says) > told:
        lines.append(f"  and {len(difference.says) - told} more: --format json")
    return "\n".join(lines)


def _where(
    difference: Difference, found: Comparison, targets: Sequence[str], known: Builders
) -> str:
    names = difference.targets
    if found.of != "runs":
        return ""
    return f" on {names[0] if len(names) == 1 else group_name(known, names, targets)}"


def _counts(found: Comparison) -> Iterator[str]:
    both = found.equal + found.different
    if found.of == "runs":
        yield (
            f"{count(both, 'result')} in both: {found.equal} equal byte for byte, "
            f"{found.different} different"
        )
        thing, alone = "result", "only in"
    else:
        yield (
            f"{count(both, 'case')} measured on both: {found.equal} the same, "
            f"{found.different} different"
        )
        thing, alone = "case", "measured only on"
    for number, name in (
        (found.only_before, found.before),
        (found.only_after, found.after),
    ):
        if number:
            yield f"{count(number, thing)} {alone} {name}"
