"""What kind of failure an error tells of, in the words of each builder."""

from __future__ import annotations

import pytest

from harness.judge.failure import kind_of


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        (
            [
                "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
                'process "/bin/sh -c exit 3" did not complete successfully: '
                "exit code: 3",
                'failed to solve: process "/bin/sh -c exit 3" did not complete '
                "successfully: exit code: 3",
                "executor failed running [/bin/sh -c exit 3]: exit code: 3",
                'Error: building at STEP "RUN exit 3": while running runtime: '
                "exit status 3",
            ],
            "a command ends with exit code 3",
        ),
        (
            [
                "COPY failed: file not found in build context or excluded by "
                ".dockerignore: stat nosuch: file does not exist",
                'failed to compute cache key: "/nosuch" not found: not found',
                'failed to solve: rpc error: code = Unknown desc = "/nosuch": '
                "not found",
                'building at STEP "COPY nosuch /": checking on sources under '
                '"/context": copier: stat: "/nosuch": no such file or directory',
            ],
            "a source is not found",
        ),
        (
            [
                "dockerfile parse error line 3: unknown instruction: NOSUCH",
                "Dockerfile parse error on line 3: Unknown instruction: NOSUCH",
                "failed to solve with frontend dockerfile.v0: failed to create LLB "
                "definition: dockerfile parse error line 3: unknown instruction: "
                "NOSUCH",
                'Error: building at STEP "NOSUCH x": Unknown instruction: "NOSUCH"',
            ],
            "unknown instruction NOSUCH",
        ),
    ],
)
def test_the_same_failure_is_of_one_kind_whoever_tells_it(
    errors: list[str], kind: str
) -> None:
    assert {each: kind_of(each) for each in errors} == dict.fromkeys(errors, kind)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            'process "a" did not complete successfully: exit code: 3',
            'process "a" did not complete successfully: exit code: 4',
        ),
        ("unknown instruction: A", "unknown instruction: B"),
        ("failed to solve: a", "failed to solve: b"),
    ],
)
def test_failures_for_other_reasons_are_of_other_kinds(one: str, other: str) -> None:
    assert kind_of(one) != kind_of(other)


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Error: {}",
        "failed to solve: {}",
        "failed to solve with frontend dockerfile.v0: {}",
        "failed to solve: rpc error: code = Unknown desc = {}",
        'Error: building at STEP "RUN \\"quoted\\" x": {}',
        "dockerfile parse error line 12: {}",
    ],
)
def test_who_reports_a_reason_and_of_which_instruction_is_no_part_of_it(
    around: str,
) -> None:
    assert kind_of(around.format("no space left")) == "no space left"


def test_where_a_builder_keeps_its_files_is_no_part_of_the_reason() -> None:
    one = "open /run/1/storage/root/overlay/abc/merged/x: no such file"
    other = "open /var/2/storage/root/overlay/def/merged/x: no such file"
    assert kind_of(one) == kind_of(other)


def test_of_an_error_without_words_that_is_told() -> None:
    assert kind_of(" \n ") == "no message"
