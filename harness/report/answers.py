"""Questions with their answers as text. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from tabulate import tabulate

from harness.judge.behaviour import Behaviour, Documented

_WIDTH = 100
_UNTOLD = "no answers have names yet: `layer-harness explain` has what was measured"


def answer(behaviour: Behaviour) -> str:
    """Tell a question: who answers what, what is documented, what to do."""
    lines = [behaviour.question or behaviour.title, ""]
    rows = list(_alike(behaviour))
    told = tabulate(rows, tablefmt="plain").splitlines() if rows else [_UNTOLD]
    lines += [f"  {line}" for line in told]
    for each in behaviour.documented:
        lines += ["", *_wrapped(_documented(each))]
    if behaviour.advice:
        lines += ["", *_wrapped(f"Advice: {behaviour.advice}")]
    lines += ["", f"  layer-harness explain {behaviour.case}"]
    return "\n".join(lines)


def _alike(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    """Give the columns that say the same together, in their order."""
    said: dict[str, list[str]] = {}
    for name, text in behaviour.ranges.items():
        said.setdefault(text, []).append(name)
    for text, names in said.items():
        yield ", ".join(names), text


def _documented(each: Documented) -> str:
    told = f" ({each.answer})" if each.answer else ""
    if not each.breaks:
        where = f"True on {each.holds}." if each.holds else "Not measured."
    elif not each.holds:
        where = f"True nowhere; measured on {each.breaks}."
    else:
        where = f"True on {each.holds}, but not on {each.breaks}."
    return f"Documented{told}: {each.because.rstrip('.')}. {where}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def answers(behaviours: Iterable[Behaviour]) -> str:
    """Tell several questions, one below the other."""
    return "\n\n\n".join(map(answer, behaviours))
