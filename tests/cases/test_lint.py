"""What `lint` finds in cases that are well-formed each by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.lint import lint
from harness.provision.known_targets import known_targets
from harness.results import disk

ROOT = Path(__file__).parents[2] / "cases"
GROUPS = '[demo]\ntitle = "Demo"\nlink = "https://docs.docker.com/"\n'
EXPECTED = "expect: [{{because: {because}, {rest}layers: 1}}]\n"

Found = Callable[..., list[str]]


def case(
    title: str = "A title",
    why: str = "A reason",
    line: str = "true",
    rest: str = "",
) -> str:
    return (
        f"title: {title}\nwhy: {why}\ndockerfile: |\n"
        f"  ARG BASE\n  FROM ${{BASE}}\n  RUN {line}\n{rest}"
    )


def expecting(rest: str = "", because: str = "the documentation") -> str:
    return case(rest=EXPECTED.format(because=because, rest=rest))


@pytest.fixture
def found(tmp_path: Path) -> Found:
    def run(*cases: str, groups: str = GROUPS, targets: str = "") -> list[str]:
        (tmp_path / "demo").mkdir()
        (tmp_path / "groups.toml").write_text(groups)
        for name, text in zip("abc", cases, strict=False):
            (tmp_path / "demo" / f"{name}.yaml").write_text(text)
        known = [standard_builders().target(each) for each in targets.split()]
        return [
            each.removeprefix(f"{tmp_path}/")
            for each in lint(tmp_path, standard_builders(), known or known_targets())
        ]

    return run


def test_the_cases_of_this_repository_have_no_mistake() -> None:
    builders = standard_builders()
    known = [*known_targets(), *disk.targets(ROOT.parent / "results", builders)]
    assert list(lint(ROOT, builders, known)) == []


@pytest.mark.parametrize("title", ["Ends in a period.", '""', '" "'])
def test_a_title_is_a_heading(found: Found, title: str) -> None:
    (mistake,) = found(case(title=title))
    assert "is empty or ends in a period" in mistake


def test_a_case_needs_a_reason(found: Found) -> None:
    (mistake,) = found(case(why='" "'))
    assert mistake.startswith("demo/a.yaml: `why` is empty")


def test_words_that_become_a_comment_are_found(found: Found) -> None:
    (mistake,) = found(case(why="A line that begins with # is kept"))
    assert mistake.startswith(
        "demo/a.yaml:2: `why` ends before `# is kept`, which is a comment"
    )


@pytest.mark.parametrize(
    "why", ['"Begins with # here"', "C# or moby/moby#1", ">-\n  Begins with # here"]
)
def test_a_hash_within_words_is_no_comment(found: Found, why: str) -> None:
    assert found(case(why=why)) == []


@pytest.mark.parametrize("because", ["documentation", '""', "docs.docker.com"])
def test_a_bare_word_is_no_source(found: Found, because: str) -> None:
    (mistake,) = found(expecting(because=because))
    assert "is not a source" in mistake


@pytest.mark.parametrize(
    "because", ["article C6", "moby/buildkit#1993", "https://docs.docker.com/build/"]
)
def test_two_words_an_issue_or_a_link_are_a_source(found: Found, because: str) -> None:
    assert found(expecting(because=f'"{because}"')) == []


def test_a_known_failure_needs_a_note(found: Found) -> None:
    (mistake,) = found(expecting('known: [{on: legacy, note: " "}], '))
    assert "a `known` needs a note" in mistake


@pytest.mark.parametrize("issue", ["1993", "#1993", "buildkit#1993", "https://x/1"])
def test_a_known_failure_links_to_an_issue(found: Found, issue: str) -> None:
    known = f'known: [{{on: legacy, note: n, issue: "{issue}"}}], '
    (mistake,) = found(expecting(known))
    assert f"`{issue}` is not an issue" in mistake


@pytest.mark.parametrize(
    "link",
    [
        "https://docs",
        "https://docs.docker.local/x",
        "https://-a.org/",
        "https:///path",
        "https://[bad/",
        "http://127.0.0.1/",
    ],
)
def test_a_reference_leads_to_a_host(found: Found, link: str) -> None:
    (mistake,) = found(case(rest=f"refs: ['{link}']\n"))
    assert mistake.startswith(f"demo/a.yaml: refs: {link}: ")


def test_a_groups_link_leads_to_a_host(found: Found) -> None:
    (mistake,) = found(case(), groups='[demo]\ntitle = "D"\nlink = "docs"\n')
    assert "groups.toml: [demo] links to docs: no link" in mistake


@pytest.mark.parametrize(
    ("rest", "place"),
    [
        ("on: legacy@19\n", "on"),
        ('on: ["legacy", "!legacy@19"]\n', "on"),
        ("expect: [{because: a b, on: legacy@19, layers: 1}]\n", "on"),
        (
            "expect: [{because: a b, layers: 1, known: [{on: legacy@19, note: n}]}]\n",
            "known",
        ),
        (
            "expect: [{because: a b, on: buildkit, "
            "differs: {from: legacy@19, in: [layers]}}]\n",
            "differs",
        ),
    ],
)
def test_a_selector_names_a_known_target(found: Found, rest: str, place: str) -> None:
    text = "\n".join(
        found(case(rest=rest), targets="legacy@26.1.5 buildkit@26.1.5+vfs")
    )
    assert f"{place}: `" in text
    assert "legacy@19` names no known target" in text
    assert "hint: known are buildkit@26.1.5+vfs, legacy@26.1.5" in text


def test_the_targets_that_selectors_may_name_are_the_callers(found: Found) -> None:
    text = case(rest="on: legacy@19\n")
    assert found(text, targets="legacy@19.3.15") == []
    assert "legacy@19.3.15" not in {each.id for each in known_targets()}


def test_a_tool_of_which_no_version_is_known_may_have_any(found: Found) -> None:
    text = expecting('on: "buildah@>=1.99", ')
    assert found(text, targets="legacy@26.1.5") == []


def test_a_version_of_a_known_tool_has_to_be_one_of_those_known(found: Found) -> None:
    text = "\n".join(found(expecting('on: "buildah@>=1.99", ')))
    assert "`buildah@>=1.99` names no known target" in text


def test_an_expectation_speaks_of_a_target_that_the_case_is_built_on(
    found: Found,
) -> None:
    (mistake,) = found("on: buildkit\n" + expecting("on: legacy, "))
    assert "expectation 1 applies to no target that the case is built on" in mistake


def test_a_known_failure_is_on_a_target_that_its_expectation_speaks_of(
    found: Found,
) -> None:
    rest = 'on: "buildkit@>=23", known: [{on: "*@20.10", note: n}], '
    (mistake,) = found(expecting(rest))
    assert "no target that its `known` names (*@20.10)" in mistake


def test_no_two_cases_of_a_group_have_one_title(found: Found) -> None:
    (mistake,) = found(case("Same"), case("same", line="id"))
    assert mistake == "demo/b.yaml: has the same title as demo/a: `same`"


def test_no_two_cases_build_the_same(found: Found) -> None:
    (mistake,) = found(case("One"), case("Two"))
    assert mistake == "demo/b.yaml: builds the same as demo/a: merge the two"


ASKING = """title: {title}
question: {question}
why: A reason
dockerfile: |
  ARG BASE
  FROM ${{BASE}}
  RUN echo {title}
answers: {{{answer}: {{layers: 1}}}}
"""


def test_two_cases_do_not_ask_the_same(found: Found) -> None:
    one = ASKING.format(title="One", question="Is it so?", answer="kept")
    other = ASKING.format(title="Other", question="is it so?", answer="kept")
    assert found(one, other) == ["demo/b.yaml: asks the same as demo/a: `is it so?`"]


def test_answers_are_called_as_the_vocabulary_has_them(
    found: Found, tmp_path: Path
) -> None:
    (tmp_path / "answers.toml").write_text('kept = "in the image"\nlost = "gone"\n')
    one = ASKING.format(title="One", question="Is it so?", answer="keept")
    two = ASKING.format(title="Two", question="Is it not?", answer="2 layers")
    mistakes = found(one, two)
    assert mistakes[0].startswith(
        "demo/a.yaml: the answer `keept` is not in answers.toml\n"
        "hint: did you mean `kept`"
    )
    assert mistakes[1:] == [
        "answers.toml: no case has the answer `kept`\nhint: take it out",
        "answers.toml: no case has the answer `lost`\nhint: take it out",
    ]
