"""Questions with their answers as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.judge.behaviour import Behaviour, Expected
from harness.terminal.layout import paragraph, table
from harness.terminal.screen import PLAIN, Screen

_UNTOLD = "no answers have names yet: `layer-harness explain` has what was measured"


def answer(behaviour: Behaviour, screen: Screen = PLAIN) -> str:
    """Tell a question: who answers what, what is expected, what to do."""
    asked = screen.ink("heading", behaviour.question or behaviour.title)
    lines = [paragraph(screen, asked), ""]
    rows = list(_alike(behaviour))
    lines.append(table(screen, [], rows, indent=2) if rows else f"  {_UNTOLD}")
    for each in behaviour.expected:
        lines += ["", paragraph(screen, _expected(each, screen), "  ", "    ")]
    if behaviour.advice:
        lines += ["", paragraph(screen, f"Advice: {behaviour.advice}", "  ", "    ")]
    lines += ["", f"  layer-harness explain {behaviour.case}"]
    return "\n".join(lines)


def _alike(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    """Give the columns that say the same together, in their order."""
    said: dict[str, list[str]] = {}
    for name, text in behaviour.ranges.items():
        said.setdefault(text, []).append(name)
    for text, names in said.items():
        yield ", ".join(names), text


def _expected(each: Expected, screen: Screen) -> str:
    told = f" ({each.answer})" if each.answer else ""
    if not each.breaks:
        where = f"True on {each.holds}." if each.holds else "Not measured."
    elif not each.holds:
        where = screen.ink("doubtful", f"True nowhere; measured on {each.breaks}.")
    else:
        but = screen.ink("doubtful", f"but not on {each.breaks}.")
        where = f"True on {each.holds}, {but}"
    return f"Expected{told}: {each.because.rstrip('.')}. {where}"


def answers(behaviours: Iterable[Behaviour], screen: Screen = PLAIN) -> str:
    """Tell several questions, one below the other."""
    return "\n\n\n".join(answer(each, screen) for each in behaviours)
