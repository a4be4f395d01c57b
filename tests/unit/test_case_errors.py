"""Every mistake in a case file is named with its place and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.case import find_cases, load_case
from harness.errors import CaseError
from harness.lint import lint

HEAD = "title: t\nwhy: w\n"
FROM = "dockerfile: |\n  ARG BASE\n  FROM ${BASE}\n  RUN true\n"


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CaseError) as caught:
        load_case(path, tmp_path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (HEAD + "dockerfle: x\n", "3:1", ["`dockerfle`", "did you mean `dockerfile`"]),
        (HEAD + FROM + "title: u\n", "7:1", ["`title` stands twice", "line 1"]),
        (HEAD + FROM + "context: {../a: x}\n", "7:11", ["leaves the build context"]),
        (HEAD + FROM + "context: {/a: x}\n", "7:11", ["leaves the build context"]),
        (HEAD + "dockerfile: RUN true\n", "3:1", ["without FROM", "ARG BASE"]),
        (HEAD + FROM + "expect: [{because: b, layers: many}]\n", "7:23", ["layers"]),
        (HEAD + FROM + "expect: [{because: b}]\n", "7:10", ["expects nothing"]),
        (
            HEAD + FROM + "expect: [{because: b, on: legcy, layers: 1}]\n",
            "7:23",
            ["names no builder", "did you mean `legacy`"],
        ),
        (
            HEAD + FROM + "expect: [{because: b, no_layer: [4]}]\n",
            "7:34",
            ["line 4", "lines 1, 2, 3"],
        ),
        (
            HEAD + FROM + "expect: [{because: b, of: nosuch, layers: 1}]\n",
            "7:23",
            ["no build `nosuch`"],
        ),
        (
            HEAD + FROM + "expect: [{because: b, level: perhaps, layers: 1}]\n",
            "7:23",
            ["must", "may"],
        ),
        (
            HEAD + FROM + "expect: [{because: b, rootfs: {/a: {mode: 0755}}}]\n",
            "7:37",
            ['"0755"'],
        ),
        (HEAD + FROM + "context: {a: {size: 1MB}}\n", "7:15", ["1MiB"]),
        (HEAD + FROM + "context: {a: {dir: true, fifo: true}}\n", "7:11", ["2 kinds"]),
        ("- a\n- b\n", "1:1", []),
        ("", "1:1", []),
        ("title: [\n", "2:1", ["not YAML"]),
        ("\ttitle: t\n", "1:1", ["not YAML"]),
        (HEAD + "refs: [ftp://x]\n" + FROM, "3:8", []),
        (HEAD + "why2: &a [*a]\n", "3:", ["aliases"]),
        (b"title: \xff\n", "", ["not UTF-8"]),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, text: str | bytes, place: str, words: list[str]
) -> None:
    message = refused(tmp_path, text)
    assert message.startswith(f"{tmp_path}/demo/case.yaml:{place}"), message
    for word in words:
        assert word in message


def test_aliases_that_multiply_are_refused_quickly(tmp_path: Path) -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "aliases" in refused(tmp_path, "\n".join(levels) + "\n")


def test_two_cases_with_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text("")
    (tmp_path / "demo").mkdir()
    for ending in ("yaml", "yml"):
        (tmp_path / "demo" / f"same.{ending}").write_text(HEAD + FROM)
    with pytest.raises(CaseError, match="two cases with the id demo/same"):
        find_cases(tmp_path)


def test_a_case_that_expects_the_error_may_lack_a_stage(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    text = HEAD + "dockerfile: RUN true\nexpect: [{because: b, build: {error: FROM}}]\n"
    path.write_text(text)
    assert load_case(path, tmp_path).expect[0].build is not None


def test_keys_that_yaml_1_1_takes_for_booleans_are_words(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(HEAD + FROM + "expect: [{because: b, on: legacy, layers: 0}]\n")
    assert load_case(path, tmp_path).expect[0].on == ["legacy"]


def test_the_context_s_attributes_reach_the_tar(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(
        HEAD + FROM + 'context: {a: {content: x, mode: "4755", uid: 7,'
        " mtime: 2020-01-01T00:00:00Z},"
        " b: {symlink: a}, c: {char: [1, 3]}, d: {size: 1KiB, seed: 2}}\n"
    )
    a, b, c, d, _ = load_case(path, tmp_path).context("build")
    assert (a.mode, a.uid, a.mtime) == (0o4755, 7, 1577836800)
    assert (b.kind, b.link, c.device, d.random) == ("symlink", "a", (1, 3), (1024, 2))


def test_lint_finds_what_one_file_cannot_show(tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text('[demo]\ntitle = "D"\n[none]\ntitle = "N"\n')
    (tmp_path / "demo").mkdir()
    cited = "expect: [{because: b, claim: C9, layers: 0}]\n"
    (tmp_path / "demo" / "a.yaml").write_text(HEAD + FROM + cited)
    (tmp_path / "demo" / "b.yaml").write_text(HEAD + FROM)
    found = "\n".join(lint(tmp_path))
    assert "cites the claim C9" in found
    assert "builds just what demo/a builds" in found
    assert "`none` has no cases" in found


@pytest.mark.parametrize("verb", ["lint", "list", "run", "matrix"])
def test_no_verb_shows_a_traceback_for_a_broken_case(tmp_path: Path, verb: str) -> None:
    cases = tmp_path / "cases"
    (cases / "demo").mkdir(parents=True)
    (cases / "groups.toml").write_text('[demo]\ntitle = "D"\n')
    (cases / "demo" / "broken.yaml").write_text("title: [\n")
    done = subprocess.run(
        [sys.executable, "-m", "harness", verb],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "cases/demo/broken.yaml:2:1" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rn"], "did you mean `run`"),
        (["run", "--cases", "nowhere"], "--cases FOLDER"),
        (["run", "nosuch"], "no case or group `nosuch`"),
        (["run", "-t", "bildkit", "-e", "unix:///x"], "bildkit"),
        (["run", "--bad-option"], "--bad-option"),
        (["explain", "demo"], "demo"),
        (["run", "-e", "bookwrm"], "bookwrm"),
    ],
)
def test_a_wrong_option_ends_with_2_or_3_and_says_what_is_meant(
    tmp_path: Path, words: list[str], said: str
) -> None:
    cases = tmp_path / "cases"
    (cases / "demo").mkdir(parents=True)
    (cases / "groups.toml").write_text('[demo]\ntitle = "D"\n')
    (cases / "demo" / "fine.yaml").write_text(HEAD + FROM)
    (cases / "demo" / "other.yaml").write_text(HEAD + FROM.replace("true", "false"))
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode in {2, 3}, told
    assert said in told
    assert "Traceback" not in told
    assert "INTERNALERROR" not in told
