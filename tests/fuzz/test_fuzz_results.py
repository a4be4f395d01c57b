"""Any result, target or selector: a value, or an error that names the file."""

from __future__ import annotations

import json
import random
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.fuzzing import (
    ODD,
    TEXTS,
    VALUES,
    bounded,
    changed,
    error_of,
    fuzzed,
    names_in,
    spliced,
)
from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.errors import ResultError, UsageError
from harness.judge.matrix import row
from harness.judge.verdict import judged
from harness.provision.known_targets import known_targets
from harness.results import disk
from harness.targets.selector import matches, parse_selector

HOME = Path(__file__).parents[2]
#: Small results of cases of several kinds.
FILES = sorted(
    (
        each
        for each in (HOME / "results").glob("*/*.json")
        if "targets" not in each.parts
    ),
    key=lambda path: path.stat().st_size,
)[:200]
BUILDERS = standard_builders()
TARGETS = known_targets()
RESULTS = [json.loads(path.read_bytes()) for path in FILES]
NAMES = sorted(set().union(*map(names_in, RESULTS)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def case_of(name: str) -> Case:
    return load_case(HOME / "cases" / f"{name}.yaml", HOME / "cases", BUILDERS)


def check(folder: Path, name: str, body: bytes) -> None:
    path = disk.path_of(folder, name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    with bounded(), ExitStack() as stack:
        stack.callback(path.unlink)
        for read in (lambda: use(folder, name), lambda: count(folder)):
            error = error_of(read, ResultError)
            assert error is None or str(path) in str(error)


def use(folder: Path, name: str) -> None:
    """Do with a result what the matrix does."""
    case = case_of(name)
    told = judged(case, disk.load(folder, name), {}, BUILDERS)
    cells = {(name, each): one for each, one in told.items()}
    row(case, [BUILDERS.target(each) for each in told], cells, {}, BUILDERS)


def described(folder: Path) -> object:
    return disk.builders(folder, BUILDERS)


def recorded(folder: Path) -> object:
    return disk.target_record(folder, "legacy@20.10.24")


def count(folder: Path) -> None:
    disk.counts(folder, BUILDERS)


@fuzzed
@given(body=st.binary(max_size=200) | VALUES.map(lambda x: json.dumps(x).encode()))
def test_bytes(folder: Path, body: bytes) -> None:
    check(folder, RESULTS[0]["case"], body)
    for name in ("legacy@20.10.24", "mine@1.0"):
        path = disk.target_path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)
    with bounded():
        for read in (disk.bases, described, recorded):
            error = error_of(partial(read, folder), ResultError)
            assert error is None or str(folder) in str(error)
    for name in ("legacy@20.10.24", "mine@1.0"):
        disk.target_path(folder, name).unlink()


@fuzzed
@given(
    plain=st.sampled_from(RESULTS),
    chance=st.randoms(use_true_random=False),
    others=st.lists(VALUES, min_size=1, max_size=3),
)
def test_the_values_of_a_result_changed(
    folder: Path, plain: Any, chance: random.Random, others: list[object]
) -> None:
    name = plain["case"]
    for other in others:
        plain = changed(plain, chance, other, NAMES)
    check(folder, name, json.dumps(plain).encode())


@fuzzed
@given(
    plain=st.sampled_from(RESULTS),
    chance=st.randoms(use_true_random=False),
    odd=st.lists(ODD, max_size=3),
)
def test_the_text_of_a_result_changed(
    folder: Path, plain: Any, chance: random.Random, odd: list[str]
) -> None:
    text = spliced(
        json.dumps(plain), ['"', "{", "[", "\\ud800", "1e999", *odd, ""], chance
    )
    check(folder, plain["case"], text.encode(errors="replace"))


PARTS = st.sampled_from(
    [
        *("legacy", "buildkit", "buildah-layers", "*", "?", "!", "@", "+", ">=", "<="),
        *("<", ">", "==", "!=", "~=", "===", ",", ".", "20.10", "28.5.2", "29", "rc1"),
        *("containerd", "overlay2", "-", " ", "\n", "1.2.3.4", "20.10.*", "!legacy"),
    ]
)


@fuzzed
@given(text=TEXTS | st.lists(PARTS | ODD, max_size=8).map("".join))
def test_selectors_and_ids(text: str) -> None:
    with bounded():
        error_of(lambda: select(text), UsageError)
        error_of(lambda: BUILDERS.target(text).id, ValueError)


def select(text: str) -> None:
    selector = parse_selector(text)
    for each in TARGETS:
        matches([selector], each)
    BUILDERS.check(selector)
