"""How the fuzz suites run: shortly in CI, and for as long as is asked by hand.

`LAYER_HARNESS_FUZZ=100000` says how many inputs each suite is given.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_F = TypeVar("_F", bound=Callable[..., Any])
#: Inputs of each suite in CI: all suites together take less than 20 seconds.
SHORT = 60
#: Seconds of the processor after which an input hangs; a usual one takes 0.01.
HANGS = 30


def fuzzed(test: _F) -> _F:
    """Run a test on many inputs, whatever time the machine takes for one."""
    examples = int(os.environ.get("LAYER_HARNESS_FUZZ", SHORT))
    return settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )(test)


@contextmanager
def bounded() -> Iterator[None]:
    """End what takes the processor without an end."""

    def hangs(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"took more than {HANGS} seconds of the processor")

    before = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def error_of(read: Callable[[], object], *kinds: type[Exception]) -> Exception | None:
    """Read: the error if it is one of the harness's own, which `kinds` are."""
    found: Exception | None = None
    try:
        read()
    except kinds as error:
        found = error
    assert found is None or 0 < len(str(found)) < 6000
    return found


#: Texts that readers have broken on, here or elsewhere.
ODD = st.sampled_from(
    [
        *("", " ", "\n", "\t", "\0", "\r", "\x85", "\u2028", "\ufeff", "é", "²", "٣"),
        *("-1", "0", "08", "1e400", "0x1f", "1_0", ".inf", ".nan", "null", "~", "yes"),
        *("9" * 30, "9" * 5000, "a" * 300, "a" * 5000, "(" * 600, "[" * 300),
        *("a{99999999999999999999}", "(a", "[a-", "a\n", "*", "**", "!", "#", "@", "$"),
        *("2020-13-45", "0001-01-01", "9999-12-31T23:59:59-23:59", "1:59:59", "<<"),
        *("..", "../x", "/", "/x", "a/../b", "a//b", "./a", "~root", "%s", "{x}"),
        *("legacy@20.10", "buildkit@>=23,<26", "*+containerd", "legacy@20.10.24\n"),
        *("FROM scratch", "RUN <<E", "--a=b", "\\", "`", '"', "'", "${A}", "<<-E"),
    ]
)
TEXTS = ODD | st.text(max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


def changed(value: Any, chance: random.Random, other: Any, names: list[str]) -> Any:
    """Change one place of a document: another value, a key more, less or renamed."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        kind = chance.randrange(6)
        if kind == 0:
            return {name: each for name, each in value.items() if name != key}
        if kind == 1:
            return {**value, chance.choice(names): other}
        if kind == 2:
            name = chance.choice(names)
            return {name if x == key else x: each for x, each in value.items()}
        return {**value, key: changed(value[key], chance, other, names)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        kind = chance.randrange(5)
        if kind == 0:
            return value[:place] + value[place + 1 :]
        if kind == 1:
            return [*value, other]
        if kind == 2:
            return [*value, *value]
        inner = changed(value[place], chance, other, names)
        return [*value[:place], inner, *value[place + 1 :]]
    return other


def names_in(value: Any) -> set[str]:
    """Collect the keys of a document, which a change then uses elsewhere."""
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*map(names_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set()


def spliced(text: str, pieces: list[str], chance: random.Random) -> str:
    """Change a text in some places: cut, repeat, swap lines, put in a piece."""
    for _ in range(chance.randrange(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.randrange(1, 40))
        kind = chance.randrange(4)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:end] + text[start:]
        elif kind == 2:
            lines = text.split("\n")
            chance.shuffle(lines)
            text = "\n".join(lines)
        else:
            text = text[:start] + chance.choice(pieces) + text[start:]
    return text
