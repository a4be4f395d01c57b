"""Any text as a Dockerfile or .dockerignore: read, or refused as a client refuses."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fuzz.fuzzing import ODD, TEXTS, bounded, error_of, fuzzed, spliced
from harness.builders.records import standard_builders
from harness.cases.case import load_cases
from harness.dockerfile import dockerignore
from harness.dockerfile.context import ContextFile, text_at
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.dockerfile.parser import parse

ROOT = Path(__file__).parents[2] / "cases"
CORPUS = sorted(
    {
        build.dockerfile
        for case in load_cases(ROOT, standard_builders())
        for build in case.builds.values()
    }
)
PIECES = [
    *(
        "FROM ",
        " AS ",
        "RUN ",
        "COPY ",
        "ARG ",
        "--from=",
        "--a ",
        "<<E",
        "<<-'E'",
        "E",
    ),
    *("\\\n", "`\n", "\n", "\r\n", "\n\n", "# escape=`\n", "# syntax=x\n", "#", "${A}"),
    *("$", "ONBUILD ", "HEALTHCHECK ", '["a"]', "\t", " " * 2000, "<<E " * 500),
]
NAMES = [
    "a",
    "a/b",
    "a/b/c",
    "b",
    "dir/.a",
    "é",
    "*",
    "[a]",
    "\\",
    "a b",
    ".dockerignore",
]
PATTERNS = st.lists(
    st.text(alphabet="ab/*?[]!^-\\. #é", max_size=12)
    | ODD
    | st.sampled_from(["**/a", "a/**", "!b", "*", "a/**/b", "[^a-b]", "**", "/a/"]),
    max_size=6,
).map("\n".join)


def look(text: str, args: dict[str, str], target: str) -> None:
    parsed = parse(text, args)
    last = 0
    for each in parsed.instructions:
        assert last < each.line <= each.last_line
        last = each.last_line
        assert parsed.at(each.line) == each
        assert isinstance(each.arguments, str)
    for stage in parsed.stages:
        assert stage.parent is None or stage.parent < stage.index
    parsed.stages_of(target)
    inside, outside = parsed.chain(target), parsed.outside(target) or ()
    assert not set(inside) & set(outside)
    assert all(parsed.declared) or "" in parsed.declared


@fuzzed
@given(
    text=st.text(max_size=200) | st.lists(TEXTS | st.sampled_from(PIECES)).map("".join),
    args=st.dictionaries(TEXTS, TEXTS, max_size=2),
    target=TEXTS,
)
def test_texts(text: str, args: dict[str, str], target: str) -> None:
    with bounded():
        look(text, args, target)


@fuzzed
@given(
    text=st.sampled_from(CORPUS),
    chance=st.randoms(use_true_random=False),
    odd=st.lists(ODD, max_size=3),
)
def test_dockerfiles_changed(text: str, chance: random.Random, odd: list[str]) -> None:
    with bounded():
        look(spliced(text, [*PIECES, *odd], chance), {"BASE": "x"}, "")


def keep(
    kept: list[ContextFile], files: list[ContextFile], dockerfile: str, family: str
) -> None:
    kept += sent(files, dockerfile, family)


@fuzzed
@given(
    text=PATTERNS,
    names=st.lists(st.sampled_from(NAMES), unique=True),
    dockerfile=st.sampled_from(["Dockerfile", "a/b", "b"]),
    link=st.sampled_from(["", ".dockerignore", "a", "../x", "/a"]),
)
def test_what_is_ignored(
    text: str, names: list[str], dockerfile: str, link: str
) -> None:
    body = text.encode(errors="surrogateescape")
    files = [
        ContextFile(path=name, kind="symlink", link=link)
        if link and name == "b"
        else ContextFile(path=name, content=body)
        for name in names
    ]
    with bounded():
        text_at(files, dockerfile)
        for family in ("legacy", "buildkit"):
            kept: list[ContextFile] = []
            read = partial(keep, kept, files, dockerfile, family)
            error_of(read, IgnoreError)
            assert {each.path for each in kept if each.kind != "dir"} <= set(names)
        dockerignore.lines(text)
