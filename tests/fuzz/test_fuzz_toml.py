"""Any text as groups.toml or as a file of records: values, or an error at a place."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.fuzzing import ODD, TEXTS, bounded, error_of, fuzzed, spliced
from harness.builders.records import builders_of, load_records
from harness.cases.case import load_groups
from harness.errors import CaseError, UsageError

DATA = Path(str(resources.files("harness") / "data"))
TABLES = (DATA / "builders.toml").read_text().split("\n\n")
GROUPS = (Path(__file__).parents[2] / "cases" / "groups.toml").read_text()
PIECES = [
    *("[", "]", "[[", "]]", "{", "}", "=", ".", '"', "'", '"""', "'''", ",", "#", "\n"),
    *('"\\u0000"', '"\\U0010ffff"', "0x" + "f" * 5000, "1e999", "nan", "1979-05-27"),
    *(
        "a." * 60,
        "[" * 600,
        "{a=" * 600,
        'like = "buildah"',
        '"../x" = "y"',
        "{config}",
    ),
]


def check(path: Path, body: bytes, read: Callable[[Path], object]) -> None:
    path.write_bytes(body)
    with bounded():
        error = error_of(lambda: read(path), CaseError, UsageError)
        told = str(error)
        assert error is None or str(path) in told or "already exists" in told


def records(path: Path) -> None:
    for each in load_records(path).values():
        assert all(".." not in name for name in each.files)
        builders_of([each])


def groups(path: Path) -> None:
    load_groups(path.parent)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toml") / "groups.toml"


@fuzzed
@given(body=st.binary(max_size=200) | TEXTS.map(lambda x: x.encode(errors="replace")))
def test_bytes(path: Path, body: bytes) -> None:
    check(path, body, groups)
    check(path, body, records)


@fuzzed
@given(
    tables=st.lists(st.sampled_from(TABLES), min_size=1, max_size=2),
    chance=st.randoms(use_true_random=False),
    odd=st.lists(ODD, max_size=3),
)
def test_records_changed(
    path: Path, tables: list[str], chance: random.Random, odd: list[str]
) -> None:
    text = spliced("\n\n".join(tables), [*PIECES, *odd], chance)
    check(path, text.replace("[b", "[my-b").encode(errors="replace"), records)


@fuzzed
@given(chance=st.randoms(use_true_random=False), odd=st.lists(ODD, max_size=3))
def test_groups_changed(path: Path, chance: random.Random, odd: list[str]) -> None:
    text = spliced(GROUPS, [*PIECES, *odd], chance)
    check(path, text.encode(errors="replace"), groups)
