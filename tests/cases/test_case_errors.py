"""Every mistake in a case file is named with its place and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import load_case, load_cases, load_groups
from harness.cases.find import find_cases
from harness.cases.lint import lint
from harness.cases.selection import select
from harness.errors import CaseError
from harness.provision.known_targets import known_targets

HEAD = "title: t\nwhy: w\n"
FROM = "dockerfile: |\n  ARG BASE\n  FROM ${BASE}\n  RUN true\n"


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CaseError) as caught:
        load_case(path, tmp_path, standard_builders())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (HEAD + "dockerfle: x\n", "3:1", ["`dockerfle`", "did you mean `dockerfile`"]),
        (HEAD + FROM + "title: u\n", "7:1", ["`title` appears twice", "line 1"]),
        (HEAD + FROM + "context: {../a: x}\n", "7:11", ["leaves the build context"]),
        (HEAD + FROM + "context: {/a: x}\n", "7:11", ["leaves the build context"]),
        (HEAD + "dockerfile: RUN true\n", "3:1", ["without FROM", "ARG BASE"]),
        (HEAD + FROM + "expect: [{because: b, layers: many}]\n", "7:23", ["layers"]),
        (HEAD + FROM + "expect: [{because: b}]\n", "7:10", ["expects nothing"]),
        (
            HEAD + FROM + "expect: [{because: b, on: legcy, layers: 1}]\n",
            "7:23",
            ["does not name a known builder", "did you mean `legacy`"],
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
        (HEAD + "why2: &a [*a]\n", "3:", ["an alias"]),
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


STAGES = "dockerfile: |\n  FROM x AS y\n  RUN z\n  FROM x\n  COPY --from=y z /\n"


@pytest.mark.parametrize("key", ["makes_layer", "no_layer"])
def test_a_line_of_another_stage_has_no_say_about_the_image_s_layers(
    tmp_path: Path, key: str
) -> None:
    expect = f"expect: [{{because: b, {key}: [2]}}]\n"
    message = refused(tmp_path, HEAD + STAGES + expect)
    assert f":8:{expect.index('2') + 1}: line 2 is in a stage" in message
    assert "only `cached` and `rebuilt`" in message


def test_a_line_of_another_stage_can_be_cached(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(HEAD + STAGES + "expect: [{because: b, cached: [2]}]\n")
    case = load_case(path, tmp_path, standard_builders())
    assert case.expect[0].cached == [2]


OTHER = "ARG BASE\nFROM ${BASE}\nRUN false\n"
IN_FOLDER = "context: ctx\n"
INLINE = "context: {Dockerfile: x}\n"


def with_folder(tmp_path: Path) -> None:
    (tmp_path / "demo" / "ctx").mkdir(parents=True)
    (tmp_path / "demo" / "ctx" / "Dockerfile").write_text(OTHER)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD + IN_FOLDER + FROM, "4:1"),
        (HEAD + INLINE + FROM, "4:1"),
        (HEAD + INLINE + 'dockerfile: ""\n', "4:1"),
        (
            HEAD + "builds:\n  one:\n    context: ctx\n    dockerfile: FROM scratch\n",
            "6:5",
        ),
    ],
)
def test_a_dockerfile_in_two_places_is_a_mistake(
    tmp_path: Path, text: str, place: str
) -> None:
    with_folder(tmp_path)
    message = refused(tmp_path, text)
    assert f"demo/case.yaml:{place}: the context has a `Dockerfile` too" in message
    assert "leave out `dockerfile`" in message


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "context: {a: x}\n",
        HEAD + "context: ctx\nfile: Other\n",
        HEAD + "builds: {one: {context: {a: x}}}\n",
    ],
)
def test_a_dockerfile_nowhere_is_a_mistake(tmp_path: Path, text: str) -> None:
    with_folder(tmp_path)
    message = refused(tmp_path, text)
    assert "there is no Dockerfile: the context has no" in message
    assert "add `dockerfile: |`" in message


@pytest.mark.parametrize(
    "context",
    [
        "context: ctx\n",
        "context: {Dockerfile: {symlink: d/real}, d/real: {symlink: ../it}, it: "
        '"ARG BASE\\nFROM ${BASE}\\nRUN false\\n"}\n',
    ],
)
def test_the_dockerfile_of_a_context_is_the_build_s(
    tmp_path: Path, context: str
) -> None:
    with_folder(tmp_path)
    path = tmp_path / "demo" / "case.yaml"
    path.write_text(HEAD + context + "expect: [{because: b, no_layer: [3]}]\n")
    case = load_case(path, tmp_path, standard_builders())
    assert case.builds["build"].dockerfile == OTHER
    files = [each for each in case.context("build") if each.path == "Dockerfile"]
    assert len(files) == 1


def test_a_link_that_leads_round_is_no_dockerfile(tmp_path: Path) -> None:
    text = HEAD + "context: {Dockerfile: {symlink: a}, a: {symlink: Dockerfile}}\n"
    assert "without FROM" in refused(tmp_path, text)


def test_a_case_that_expects_the_error_may_lack_a_stage(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    text = HEAD + "dockerfile: RUN true\nexpect: [{because: b, build: {error: FROM}}]\n"
    path.write_text(text)
    assert load_case(path, tmp_path, standard_builders()).expect[0].build is not None


def test_keys_that_yaml_1_1_takes_for_booleans_are_words(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(HEAD + FROM + "expect: [{because: b, on: legacy, layers: 0}]\n")
    assert load_case(path, tmp_path, standard_builders()).expect[0].on == ["legacy"]


def test_the_context_s_attributes_reach_the_tar(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(
        HEAD + FROM + 'context: {a: {content: x, mode: "4755", uid: 7,'
        " mtime: 2020-01-01T00:00:00Z},"
        " b: {symlink: a}, c: {char: [1, 3]}, d: {size: 1KiB, seed: 2}}\n"
    )
    a, b, c, d, _ = load_case(path, tmp_path, standard_builders()).context("build")
    assert (a.mode, a.uid, a.mtime) == (0o4755, 7, 1577836800)
    assert (b.kind, b.link, c.device, d.random) == ("symlink", "a", (1, 3), (1024, 2))


def test_lint_finds_what_one_file_cannot_show(tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text('[demo]\ntitle = "D"\n[none]\ntitle = "N"\n')
    (tmp_path / "demo").mkdir()
    cited = "expect: [{because: b, claim: C9, layers: 0}]\n"
    (tmp_path / "demo" / "a.yaml").write_text(HEAD + FROM + cited)
    (tmp_path / "demo" / "b.yaml").write_text(HEAD + FROM)
    found = "\n".join(lint(tmp_path, standard_builders(), known_targets()))
    assert "cites the claim C9" in found
    assert "builds the same as demo/a" in found
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


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ("layers: true", "`expect.0.layers` needs a whole number"),
        ("layers: 2.0", "`expect.0.layers` needs a whole number"),
        ("layers: -1", "greater than or equal to 0"),
        ("no_layer: 3", "`expect.0.no_layer` needs a list"),
        ('no_layer: ["3"]', "needs a whole number"),
        ("makes_layer: [0]", "greater than or equal to 1"),
        ("pattern: AB", "write A B"),
        ("pattern: a b", "write A B"),
        ("pattern: {letters: A, by: bytes}", "allowed: content, diff_id, shape"),
        ("build: okay", "`build: ok` or"),
        ("build: timout", "one of timeout, crash, panic, unexportable"),
        ("build: {}", "either it builds or it fails"),
        ("build: {ok: true, line: 3}", "either it builds or it fails"),
        ("build: {breaks: crash, line: 3}", "either it builds or it fails"),
        ("build: {eror: x}", "did you mean `error`"),
        ('build: {error: "("}', "not a regular expression"),
        ("rootfs: {/x: absnt}", "did you mean `absent`"),
        ("rootfs: {/x: {modee: x}}", "did you mean `mode`"),
        ("rootfs: {/x: {type: fil}}", "did you mean `file`"),
        ("rootfs: {/x: {owner: 1:1}}", 'write "1000:1000"'),
        ("rootfs: {/x: {xattrs: {user.a: A}}}", "`41` is the text 'A'"),
        ("rootfs: {x: absent}", "write /x"),
        ("rootfs: {/x/: absent}", "write /x"),
        ("rootfs: [/x]", "needs lines of `key: value`"),
        ("changes: {9: {added: []}}", "no instruction begins on line 9"),
        ("changes: {one: {added: []}}", "needs a whole number"),
        ("changes: {3: {addd: []}}", "did you mean `added`"),
        ("changes: {3: {added: [x]}}", "write /x"),
        ("changes: {3: {added: {/x: {type: fil}}}}", "did you mean `file`"),
        ("size: 3", "needs lines of `key: value`"),
        ("size: {smaller_than: nosuch}", "no other build `nosuch`"),
        ("shares: {with: build}", "no other build `build`"),
        ("differs: {from: legacy, in: [layer]}", "did you mean `layers`"),
        ("layers: 1, differs: {from: legacy, in: [files]}", "expectation of its own"),
        ('reproducible: "no"', "needs true or false"),
        ("container: {removed: true}", "add `run:` to the build"),
        ("layers: 1, known: [{on: legacy, nota: x}]", "did you mean `note`"),
        ("layers: 1, claim: 3", 'put it in quotes: "3"'),
        ('layers: 1, on: "@>>3"', "write @20.10"),
        ("layers: 1, on: [legacy, 3]", "`expect.0.on.1` needs a text"),
    ],
)
def test_a_mistake_in_an_expectation_is_named_in_its_words(
    tmp_path: Path, expect: str, words: str
) -> None:
    text = f"{HEAD}{FROM}expect:\n  - {{because: b, {expect}}}\n"
    message = refused(tmp_path, text)
    place = message.removeprefix(f"{tmp_path}/demo/case.yaml:").partition(": ")[0]
    assert place.startswith("8:")
    assert words in message
    assert "function-" not in message
    assert len(message.splitlines()) <= 3


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("context: {a: 3}", "7:11", "`context.a` needs lines"),
        ("context: [a]", "7:1", "`context` needs lines"),
        ("context: ../a", "7:1", "leaves the build context"),
        ("context: folder", "7:1", "the context folder `folder` is not there"),
        ("context: {a: {mode: 0644, content: x}}", "7:15", '"0755"'),
        ("context: {a: {content: x, mode: '99999'}}", "7:27", "octal digits"),
        ("context: {a: {content: x, symlink: y}}", "7:11", "2 kinds of content"),
        ("context: {a: {content: x, mtime: soon}}", "7:27", "2020-01-01T00:00:00Z"),
        ("context: {a: {content: x, mtime: .inf}}", "7:11", "not a number of seconds"),
        ("context: {a: {content: x, uid: true}}", "7:27", "needs a whole number"),
        ("context: {a: {content: x, uid: -1}}", "7:11", "owners are 0 to"),
        ("context: {a: {hex: 0g}}", "7:15", "pairs of the digits"),
        ("context: {a/: x}", "7:11", "plain form"),
        ("context: {a: x, a/b: y}", "7:17", "lies below 'a', a file"),
        ("context: {a: {hardlink: b}}", "7:11", "links to 'b', which is not there"),
        ("context: {a: {tar: {../b: x}}}", "7:1", "may not contain"),
        ("args: {A: 1}", "7:8", 'put it in quotes: "1"'),
        ("labels: {a: true}", "7:10", 'put it in quotes: "true"'),
        ("on: [legacy, bildkit]", "7:14", "did you mean `buildkit`"),
        ("cold: maybe", "7:1", "needs true or false"),
        ("run: ls", "7:1", "`run` needs a list"),
        ("options: {netwrk: x}", "7:11", "did you mean `network`"),
        ("builds: {a: {dockerfile: FROM x}}", "1:1", "either `dockerfile` or `builds`"),
        ("title: u", "7:1", "appears twice"),
    ],
)
def test_a_mistake_in_a_build_is_named_in_its_words(
    tmp_path: Path, lines: str, place: str, words: str
) -> None:
    message = refused(tmp_path, f"{HEAD}{FROM}{lines}\n")
    assert message.startswith(f"{tmp_path}/demo/case.yaml:{place}: "), message
    assert words in message
    assert "function-" not in message


BUILDS = """title: t
why: w
builds:
  one: {dockerfile: FROM x}
  two: {dockerfile: FROM x}
expect:
"""


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ("layers: 1", "add `of:` with one of one, two"),
        ("of: tow, layers: 1", "did you mean `two`"),
        ("of: one, shares: {with: two}", "`two` is built after `one`"),
        ("of: one, shares: {with: one}", "no other build `one`"),
        ("of: two, shares: {with: one, lines: [4]}", "no instruction begins on line 4"),
    ],
)
def test_an_expectation_names_the_build_it_means(
    tmp_path: Path, expect: str, words: str
) -> None:
    assert words in refused(tmp_path, f"{BUILDS}  - {{because: b, {expect}}}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`title` is missing"),
        ("title: t\nwhy: w\n", "give either `dockerfile` or `builds`"),
        ("title:\nwhy: w\n", "given: nothing"),
        ("- a\n", "the file needs lines of `key: value`"),
        (BUILDS.replace("one", "One"), "builds.One"),
        (
            BUILDS.replace("{dockerfile: FROM x}", "{}") + "  []\n",
            "there is no Dockerfile",
        ),
        (
            "context: {a: x}\n" + BUILDS + "  []\n",
            "`context` cannot be given together with `builds`",
        ),
    ],
)
def test_a_file_of_another_form_is_named(tmp_path: Path, text: str, words: str) -> None:
    if not text:
        text = "why: w\n" + FROM
    assert words in refused(tmp_path, text)


@pytest.mark.parametrize("name", ["demo/Case.yaml", "case.yaml", "demo/a/b.yaml"])
def test_a_path_that_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + FROM)
    with pytest.raises(CaseError, match=r"cases/GROUP/CASE\.yaml"):
        load_case(path, tmp_path, standard_builders())


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[demo\n", ":1:6", "not TOML"),
        ('[demo]\ntitel = "x"\n', ":2:1", "did you mean `title`"),
        ("[demo]\ntitle = 3\n", ":2:1", "`demo.title` needs a text"),
        ("[demo]\n", ":1:2", "`demo.title` is missing"),
        ("demo = 1\n", ":1:1", "`demo` needs lines"),
        ('[demo]\ntitle = "x"\nclaims = 3\n', ":3:1", "`demo.claims` needs lines"),
    ],
)
def test_a_mistake_in_the_groups_is_named_with_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    (tmp_path / "groups.toml").write_text(text)
    with pytest.raises(CaseError) as caught:
        load_groups(tmp_path)
    assert caught.value.where == f"{tmp_path}/groups.toml{place}"
    assert words in str(caught.value)


def test_cases_are_chosen_by_id_group_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "cases"
    for name in ("demo/a", "demo/b", "other/c"):
        path = root / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + FROM)
    (root / "groups.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    cases = load_cases(Path("cases"), standard_builders())

    def chosen(*words: str) -> list[str]:
        return [each.id for each in select(cases, words)]

    assert chosen() == ["demo/a", "demo/b", "other/c"]
    assert chosen("other", "demo/a") == ["demo/a", "other/c"]
    assert chosen("cases/demo/b.yaml") == ["demo/b"]
    assert chosen("./cases/demo/") == ["demo/a", "demo/b"]
    assert chosen(str(root / "other" / "c.yaml")) == ["other/c"]
    with pytest.raises(CaseError) as caught:
        chosen("dmeo")
    assert "did you mean `demo`" in caught.value.hint


def test_what_changes_a_build_or_what_is_measured_changes_the_digest(
    tmp_path: Path,
) -> None:
    def digest(text: str) -> str:
        path = tmp_path / "demo" / "case.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return load_case(path, tmp_path, standard_builders()).digest

    plain = digest(HEAD + FROM)
    assert digest(HEAD.replace("why: w", "why: other words") + FROM) == plain
    changed = {
        digest(HEAD + FROM + each)
        for each in (
            "context: {a: x}\n",
            "context: {a: y}\n",
            "context: {a: {content: x, mtime: 1}}\n",
            "args: {A: x}\n",
            "target: x\n",
            "raw: true\n",
            "expect: [{because: b, reproducible: true}]\n",
            "expect: [{because: b, on_disk: {equals_export: true}}]\n",
        )
    }
    assert len(changed | {plain}) == 9
    for same in ("raw: false\n", "on: legacy\n", "expect: [{because: b, layers: 1}]\n"):
        assert digest(HEAD + FROM + same) == plain
