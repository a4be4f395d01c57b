"""Cases that a stranger wrote: every file of them is refused by name, and soon."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.build_files import given_files
from harness.cases.case import load_case
from harness.cases.find import find_cases
from harness.cases.lint import lint
from harness.cases.model import Build
from harness.dockerfile.context import ContextFile
from harness.errors import CaseError

HEAD = "title: t\nwhy: w\n"
FROM = "dockerfile: |\n  ARG BASE\n  FROM ${BASE}\n  RUN true\n"
GROUPS = '[demo]\ntitle = "Demo"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "cases" / "demo").mkdir(parents=True)
    (tmp_path / "cases" / "groups.toml").write_text(GROUPS)
    return tmp_path / "cases" / "demo" / "case.yaml"


def refused(path: Path, text: str = "") -> CaseError:
    if text:
        path.write_text(text)
    with pytest.raises(CaseError) as caught:
        load_case(path, path.parent.parent, standard_builders())
    return caught.value


def linted(path: Path) -> list[str]:
    return list(lint(path.parent.parent, standard_builders(), []))


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 << 30)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "huge": huge,
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_case_that_is_no_file_is_refused_by_name(path: Path, kind: str) -> None:
    SPECIAL[kind](path)
    assert refused(path).where == str(path)
    (mistake,) = [each for each in linted(path) if "no cases" not in each]
    assert mistake.startswith(f"{path}: ")


@pytest.mark.parametrize("kind", SPECIAL)
def test_groups_that_are_no_file_are_refused_by_name(path: Path, kind: str) -> None:
    path.write_text(HEAD + FROM)
    groups = path.parent.parent / "groups.toml"
    groups.unlink()
    SPECIAL[kind](groups)
    (mistake,) = linted(path)
    assert mistake.startswith((f"{groups}: ", f"{groups.parent}: no cases here"))


@pytest.mark.parametrize("to", ["/etc", "/", "../../.."])
def test_a_context_folder_outside_of_the_cases_is_refused(path: Path, to: str) -> None:
    (path.parent / "f").symlink_to(to)
    error = refused(path, HEAD + FROM + "context: f\n")
    assert error.where == f"{path}:7:1"
    assert "`f` leads out of the folder of cases" in error.message


def test_a_folder_on_the_way_to_the_context_may_not_lead_out(path: Path) -> None:
    (path.parent / "f").symlink_to("/")
    assert "leads out" in refused(path, HEAD + FROM + "context: f/etc\n").message


def test_a_folder_of_another_group_may_be_linked_to(path: Path) -> None:
    (path.parent.parent / "other" / "f").mkdir(parents=True)
    (path.parent / "f").symlink_to("../other/f")
    path.write_text(HEAD + FROM + "context: f\n")
    found = load_case(path, path.parent.parent, standard_builders())
    assert [each.path for each in found.context("build")] == ["Dockerfile"]


def test_links_inside_of_a_context_are_its_content(path: Path) -> None:
    (path.parent / "f").mkdir()
    (path.parent / "f" / "etc").symlink_to("/etc")
    path.write_text(HEAD + FROM + "context: f\n")
    found = load_case(path, path.parent.parent, standard_builders())
    assert [(each.kind, each.link) for each in found.context("build")] == [
        ("symlink", "/etc"),
        ("file", ""),
    ]


def test_a_group_that_leads_out_is_refused(path: Path) -> None:
    outside = path.parent.parent.parent / "outside"
    path.parent.rename(outside)
    path.parent.symlink_to("../outside")
    with pytest.raises(CaseError, match="a link out of the folder of cases"):
        find_cases(path.parent.parent)


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ("{a: {size: 1024GiB}}", "7:1"),
        ("{a: {tar: {b: {size: 1024GiB}}}}", "7:1"),
        ("{a: {tar: {b: {tar: {c: {size: 1024GiB}}}}}}", "7:1"),
        ("{a: {size: 600MiB}, b: {size: 600MiB}}", "7:1"),
        ("f", "7:1"),
    ],
)
def test_sizes_are_added_up_and_nothing_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch, context: str, place: str
) -> None:
    monkeypatch.setattr("harness.dockerfile.context.random_bytes", None)
    (path.parent / "f").mkdir()
    huge(path.parent / "f" / "huge")
    error = refused(path, HEAD + FROM + f"context: {context}\n")
    assert error.where == f"{path}:{place}"
    assert error.message == "the contexts of a case have over 1 GiB together"
    assert len(linted(path)) == 1


def test_the_contexts_of_all_builds_count(path: Path) -> None:
    build = "{dockerfile: FROM scratch, contexts: {n: {a: {size: 400MiB}}}}"
    builds = "".join(f"  b{number}: {build}\n" for number in range(3))
    error = refused(path, f"{HEAD}builds:\n{builds}")
    assert "over 1 GiB together" in error.message
    assert error.where == f"{path}:6:3"


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_what_builders_read_of_a_folder_is_small(path: Path, name: str) -> None:
    (path.parent / "f").mkdir()
    with (path.parent / "f" / name).open("wb") as file:
        file.truncate(2 << 20)
    text = "" if name == "Dockerfile" else FROM
    error = refused(path, f"{HEAD}{text}context: f\n")
    assert f"'{name}': is larger than 1 MiB" in error.message


def test_lint_reads_no_large_file_to_find_twins(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in ("demo", "other"):
        folder = path.parent.parent / group
        (folder / "f").mkdir(parents=True)
        with (folder / "f" / "large").open("wb") as file:
            file.truncate(100 << 20)
        (folder / "case.yaml").write_text(HEAD + FROM + "context: f\n")
    (path.parent.parent / "groups.toml").write_text(GROUPS + '[other]\ntitle = "O"\n')
    monkeypatch.setattr("harness.dockerfile.folder.FolderFile.pieces", None)
    assert linted(path) == []


def test_lint_finds_twins_with_folders_of_equal_files(path: Path) -> None:
    for group in ("demo", "other"):
        folder = path.parent.parent / group
        (folder / "f").mkdir(parents=True)
        (folder / "f" / "file").write_text("same")
        (folder / "case.yaml").write_text(HEAD + FROM + "context: f\n")
    (path.parent.parent / "groups.toml").write_text(GROUPS + '[other]\ntitle = "O"\n')
    (mistake,) = linted(path)
    assert "builds the same as demo/case" in mistake
    (path.parent / "f" / "file").write_text("othr")
    assert linted(path) == []


LONG = "a" * 5000


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (f"context: {{? {LONG} : x}}\n", "a name of more than 255 bytes"),
        (
            f"context: {{a: {{tar: {{? {LONG} : x}}}}}}\n",
            "a name of more than 255 bytes",
        ),
        (f"context: {{? {'a/' * 2500}b : x}}\n", "a path of more than 4095 bytes"),
        (f"context: {{a: {{symlink: {LONG}}}}}\n", "a name of more than 255 bytes"),
        (f"context: {LONG}\n", "a name of more than 255 bytes"),
        (f"contexts: {{n: {{? {LONG} : x}}}}\n", "a name of more than 255 bytes"),
        ("contexts: {n: {a: {hardlink: b}}}\n", "'b', which is not there"),
        ("contexts: {n: {a: {content: x, uid: -1}}}\n", "owners are 0 to"),
    ],
)
def test_what_no_context_can_have_is_refused(path: Path, more: str, words: str) -> None:
    error = refused(path, HEAD + FROM + more)
    assert words in error.message
    assert error.where.startswith(f"{path}:7:")
    assert len(str(error)) < 3000


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("build: {error: '%s'}" % ("(" * 500 + ")" * 500), "nested too deeply"),
        ("build: {error: '%s'}" % ("(" * 5000), "longer than 1000 characters"),
        ("build: {error: 'a{99999999999999999999}'}", "not a regular expression"),
        ("layers: 1, on: 'buildkit@%s'" % ("9" * 5000), "is not a selector"),
        ("layers: 1, on: 'buildkit@<=1.%s'" % ("9" * 5000), "is not a selector"),
        ("layers: 1, on: 'buildkit@²'", "is not a version range"),
        ("layers: %s" % ("9" * 5000), "a number of more than 64 bits"),
        ("layers: 0x%s" % ("f" * 5000), "a number of more than 64 bits"),
        ("layers: 1%s" % (":59" * 50_000), "a number of more than 64 bits"),
        ("layers: 99999999999999999999", "a number of more than 64 bits"),
        (f"{'k' * 1000}: 1", "unknown key `kkk"),
    ],
)
def test_what_python_breaks_on_is_refused_at_its_place(
    path: Path, more: str, words: str
) -> None:
    error = refused(path, f"{HEAD}{FROM}expect:\n- {{because: b, {more}}}\n")
    assert words in error.message
    assert error.where.startswith(f"{path}:8:")
    assert len(str(error)) < 3000


def test_a_case_has_at_most_a_hundred_builds(path: Path) -> None:
    builds = "".join(f"  b{n}: {{dockerfile: FROM scratch}}\n" for n in range(101))
    error = refused(path, f"{HEAD}builds:\n{builds}")
    assert error.where == f"{path}:3:1"
    assert error.message == "`builds` has over 100 entries"


def test_the_files_of_a_case_are_listed_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what was asked again for each build and file grew with the cube of builds
    listed: list[str] = []

    def counted(build: Build, place: Path) -> list[ContextFile]:
        listed.append(build.dockerfile)
        return given_files(build, place)

    monkeypatch.setattr("harness.cases.case.given_files", counted)
    builds = "".join(f"  b{n}: {{dockerfile: FROM scratch}}\n" for n in range(100))
    path.write_text(f"{HEAD}builds:\n{builds}")
    found = load_case(path, path.parent.parent, standard_builders())
    assert found.digest
    assert len(listed) == 100


def test_names_end_where_they_end(path: Path) -> None:
    odd = path.with_name("case\n.yaml")
    odd.write_text(HEAD + FROM)
    with pytest.raises(CaseError, match="a case is cases/GROUP/"):
        load_case(odd, odd.parent.parent, standard_builders())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('args: {A: "x\\0y"}', 7),
        ('args: {"A\\0": x}', 7),
        ('labels:\n  a: b\n  c: "\\0"', 9),
        ('target: "\\0"', 7),
        ('secrets: {"a\\0b": x}', 7),
        ('contexts: {"a\\0b": {}}', 7),
        ('run: [sh, "-c", "\\0"]', 7),
        ('options: {platform: "linux\\0/x"}', 7),
        ('options: {extra_hosts: ["a\\0:1.2.3.4"]}', 7),
        ('context: {"a\\0b": x}', 7),
        ('context: {a: {symlink: "b\\0c"}}', 7),
        ('file: "Docker\\0file"', 7),
    ],
)
def test_a_nul_that_no_builder_could_be_given_is_refused_with_its_line(
    path: Path, text: str, line: int
) -> None:
    error = refused(path, HEAD + FROM + text + "\n")
    assert error.where.startswith(f"{path}:{line}:")
    assert "NUL" in error.message
