"""Any text as a case: a case, or an error at a place of the file."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest
import yaml
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
from harness.cases.find import find_cases
from harness.cases.lint import lint
from harness.dockerfile.context import tar_file, tar_size
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.errors import CaseError
from harness.provision.known_targets import known_targets

ROOT = Path(__file__).parents[2] / "cases"
CORPUS = [path.read_text() for path in find_cases(ROOT)]
PLAIN = [yaml.load(text, yaml.CSafeLoader) for text in CORPUS]
NAMES = sorted(set().union(*map(names_in, PLAIN)))
PIECES = [
    *("- ", ": ", "[", "]", "{", "}", "&a ", "*a", "|\n", ">\n", "'", '"', "? ", "!!"),
    *("!!int ", "!!binary ", "!!timestamp ", "!!set ", "---\n", "...\n", "%YAML 1.1\n"),
    *("\t", "  ", "\n", "# ", ", ", "<<: *a\n", "{tar: {b: {size: 1GiB}}}", "size: "),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cases")
    (root / "demo" / "folder").mkdir(parents=True)
    (root / "demo" / "folder" / "a").write_text("a")
    (root / "groups.toml").write_text('[demo]\ntitle = "Demo"\n')
    return root / "demo" / "case.yaml"


def check(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with bounded():
        error = error_of(
            lambda: use(load_case(path, path.parent.parent, BUILDERS)), CaseError
        )
        assert error is None or str(path) in str(error)
        assert error is not None or all(lint(path.parent.parent, BUILDERS, TARGETS))


def use(case: Case) -> None:
    """Do with a case what a run does before it builds."""
    for name, build in case.builds.items():
        for files in (case.context(name), *case.named_contexts(name).values()):
            if tar_size(files) < 1 << 20:
                tar_file(files).close()
        for family in ("legacy", "buildkit"):
            files = case.context(name)
            error_of(partial(sent, files, build.file, family, raw=build.raw), IGNORED)
        case.source(name)
    if sum(each.size for name in case.builds for each in case.context(name)) < 1e6:
        assert case.digest.startswith("sha256:")
    for target in TARGETS[:4]:
        case.suits(target)
        list(case.expectations(target))


BUILDERS = standard_builders()
IGNORED = IgnoreError
TARGETS = known_targets()


@fuzzed
@given(body=st.binary(max_size=200) | TEXTS.map(lambda x: x.encode(errors="replace")))
def test_bytes(path: Path, body: bytes) -> None:
    check(path, body)


@fuzzed
@given(
    text=st.sampled_from(CORPUS),
    chance=st.randoms(use_true_random=False),
    odd=st.lists(ODD, max_size=3),
)
def test_the_text_of_a_case_changed(
    path: Path, text: str, chance: random.Random, odd: list[str]
) -> None:
    pieces = [*PIECES, *odd]
    check(path, spliced(text, pieces, chance).encode(errors="replace"))


@fuzzed
@given(
    plain=st.sampled_from(PLAIN),
    chance=st.randoms(use_true_random=False),
    others=st.lists(VALUES, min_size=1, max_size=3),
)
def test_the_values_of_a_case_changed(
    path: Path, plain: object, chance: random.Random, others: list[object]
) -> None:
    for other in others:
        plain = changed(plain, chance, other, NAMES)
    body = yaml.dump(plain, Dumper=yaml.CSafeDumper, allow_unicode=True)
    check(path, body.encode(errors="replace"))
