"""The walk from a question to a row in cases/README.md is that of the case itself."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from harness.builders.records import standard_builders
from harness.cases.case import load_cases

CASES = Path(__file__).parents[2] / "cases"
README = (CASES / "README.md").read_text()


def test_the_yaml_of_the_steps_together_is_the_case_they_link_to() -> None:
    (link,) = re.findall(r"one case: \[.*?\]\((.*?\.yaml)\)", README)
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    case = (CASES / link).read_text()
    assert yaml.safe_load("".join(blocks)) == yaml.safe_load(case)


def test_the_cases_it_names_are_there() -> None:
    ids = {case.id for case in load_cases(CASES, standard_builders())}
    named = set(re.findall(r"`([a-z]+/[a-z-]+)`", README))
    linked = {
        each[: -len(".yaml")] for each in re.findall(r"\]\(([a-z/-]+\.yaml)\)", README)
    }
    assert {"cache/file-changed", "cache/file-touched"} <= named
    assert named | linked <= ids
