"""The command line: verbs, their words, and what ends them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from called import harness

from harness import __version__
from harness.cli import VERBS
from harness.engines import debian, roots
from harness.results import disk
from harness.results.record import Result

CASE = "title: T\nwhy: w\ntags: [slow]\ndockerfile: |\n  FROM scratch\n  COPY a /\n"


def alone(folder: Path, code: str) -> str:
    """Run code in a process of its own, and give the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, harness.cli as cli\n{code}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("demo/a", "demo/b", "other/c"):
        path = tmp_path / "cases" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = CASE.replace("title: T", f"title: T {name}")
        path.write_text(text.replace("COPY a /", f"COPY a /{name}"))
    groups = '[demo]\ntitle = "Demo"\n[other]\ntitle = "Other"\n'
    (tmp_path / "cases" / "groups.toml").write_text(groups)
    return tmp_path


def test_help_teaches_every_verb_and_the_exit_codes(tmp_path: Path) -> None:
    code, out, _ = harness(tmp_path, "--help")
    assert code == 0
    for verb, text in VERBS.items():
        assert f"  {verb} " in out
        assert text.split(",")[0] in out
    assert "130 interrupted" in " ".join(out.split())


@pytest.mark.parametrize("verb", [each for each in VERBS if each != "doctor"])
def test_the_help_of_a_verb_has_examples(tmp_path: Path, verb: str) -> None:
    code, out, _ = harness(tmp_path, verb, "--help")
    assert code == 0
    assert f"layer-harness {verb}" in out


def test_the_version_is_told(tmp_path: Path) -> None:
    assert harness(tmp_path, "--version")[1] == (
        f"layer-harness, version {__version__}\n"
    )


def test_help_imports_no_verb(tmp_path: Path) -> None:
    code = (
        "cli.cli.main(['--help'], standalone_mode=False)\n"
        "print([each for each in sys.modules if each.startswith('harness.verbs')])\n"
    )
    assert alone(tmp_path, code) == "[]"


def test_listing_imports_neither_the_docker_sdk_nor_pytest(folder: Path) -> None:
    code = (
        "cli.cli.main(['list', '-q'], standalone_mode=False)\n"
        "print(sorted({'docker', 'pytest', 'requests'} & set(sys.modules)))\n"
    )
    assert alone(folder, code) == "[]"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], ["demo/a", "demo/b", "other/c"]),
        (["-g", "demo"], ["demo/a", "demo/b"]),
        (["-k", "/b"], ["demo/b"]),
        (["--tag", "slow"], ["demo/a", "demo/b", "other/c"]),
        (["--tag", "quick"], []),
        (["groups"], ["demo", "other"]),
    ],
)
def test_a_list_is_ids_for_a_pipe_and_records_for_a_program(
    folder: Path, words: list[str], ids: list[str]
) -> None:
    code, out, _ = harness(folder, "list", "-q", *words)
    assert (code, out.split()) == (0, ids)
    _, text, _ = harness(folder, "list", "--format", "json", *words)
    assert [each["id"] for each in json.loads(text)] == ids


def test_lint_says_how_many_cases_are_right(folder: Path) -> None:
    assert harness(folder, "lint") == (0, "3 cases, no mistakes\n", "")


def test_lint_tells_every_mistake_and_ends_with_2(folder: Path) -> None:
    (folder / "cases" / "demo" / "a.yaml").write_text("title: [\n")
    (folder / "cases" / "other" / "c.yaml").write_text("titel: x\n")
    code, out, _ = harness(folder, "lint")
    assert code == 2
    assert "cases/demo/a.yaml:2:1: not YAML" in out
    assert "cases/other/c.yaml:1:1: `titel`: unknown key `titel`" in out
    assert out.endswith("2 mistakes\n")


@pytest.mark.parametrize("verb", ["lint", "list", "run", "matrix"])
def test_a_mistake_in_the_groups_is_no_traceback(folder: Path, verb: str) -> None:
    (folder / "cases" / "groups.toml").write_text('[demo]\ntitel = "x"\n')
    words = ["groups"] if verb == "list" else []
    if verb == "matrix":
        (folder / "results" / "targets").mkdir(parents=True)
        (folder / "results" / "targets" / "legacy@20.10.24.json").write_text("{}")
    code, out, err = harness(folder, verb, *words)
    assert "cases/groups.toml:2:1: `demo.titel`: unknown key" in out + err
    assert code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "did you mean `list`"),
        (["list", "nosuch"], "'cases', 'groups', 'targets'"),
        (["list", "-g", "dmo"], "did you mean `demo`"),
        (["list", "--cases", "nowhere"], "hint: start in the folder that holds cases/"),
        (["explain", "demo/z"], "no case or group `demo/z`"),
        (["explain", "demo"], "hint: name one of demo/a, demo/b"),
        (["explain", "demo/a"], "hint: layer-harness run demo/a"),
        (["matrix"], "no results to tabulate"),
        (["matrix", "-t", "lgacy"], "did you mean `legacy`"),
        (["run", "--tag", "quick"], "no case matches"),
        (["run", "-n", "-1"], "-1"),
    ],
)
def test_a_mistake_of_the_user_ends_with_2_in_a_few_lines(
    folder: Path, words: list[str], said: str
) -> None:
    code, out, err = harness(folder, *words)
    assert code == 2
    assert out == ""
    assert said in err
    assert len(err.splitlines()) <= 4


def test_a_broken_result_ends_with_3_and_is_named(folder: Path) -> None:
    place = folder / "results"
    (place / "demo").mkdir(parents=True)
    (place / "targets").mkdir()
    (place / "targets" / "legacy@20.10.24.json").write_text("{}")
    (place / "demo" / "a.json").write_text('{"format": 2')
    for words in (["matrix"], ["explain", "demo/a"]):
        code, _, err = harness(folder, *words)
        assert code == 3
        assert "results/demo/a.json: not a result" in err
        assert "hint: restore the file, or remove it" in err


def test_a_file_that_is_no_target_is_passed_over(folder: Path) -> None:
    (folder / "results" / "targets").mkdir(parents=True)
    for name in ("legacy@abc+vfs", "notes"):
        (folder / "results" / "targets" / f"{name}.json").write_text("{}")
    code, out, _ = harness(folder, "list", "targets", "-q")
    assert code == 0
    assert "abc" not in out
    assert "notes" not in out


def test_targets_are_listed_with_their_state_and_what_is_measured(
    folder: Path,
) -> None:
    for each in ("legacy@28.5.2+containerd", "legacy@18.09.1"):
        stored = Result(
            case="demo/a",
            case_digest="",
            target=each,
            builds=(),
        )
        disk.save(folder / "results", stored)
        record = disk.target_path(folder / "results", each)
        record.parent.mkdir(exist_ok=True)
        record.write_text("{}")
    _, text, _ = harness(folder, "list", "targets", "--format", "json")
    # a version is had in more than one way: our own engines stand before images
    rows = {each["id"]: each for each in reversed(json.loads(text))}
    assert rows["legacy@28.5.2+containerd"]["engine"] == "forky+containerd"
    assert rows["legacy@28.5.2+containerd"]["results"] == 1
    assert rows["legacy@18.09.1"]["state"] == "results only"


@pytest.mark.parametrize(
    ("obstacles", "unpacked", "said"),
    [
        ((), True, ("ready", "")),
        ((), False, ("can be prepared", "Debian bookworm's packages are fetched once")),
        (("it needs root",), True, ("not here", "it needs root")),
    ],
)
def test_a_target_is_ready_or_says_what_is_missing(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    obstacles: tuple[str, ...],
    unpacked: bool,
    said: tuple[str, str],
) -> None:
    monkeypatch.setattr(debian, "obstacles", lambda: obstacles)
    monkeypatch.setattr(roots, "prepared", lambda *_: folder if unpacked else None)
    code, text, _ = harness(folder, "list", "targets", "--format", "json")
    assert code == 0
    offers = [
        (each["state"], each["why"])
        for each in json.loads(text)
        if (each["id"], each["engine"]) == ("buildkit@20.10.24", "bookworm")
    ]
    assert offers == [said]
