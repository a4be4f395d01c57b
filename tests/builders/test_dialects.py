"""What builders that are commands print, as their steps, their cache and their errors.

The texts are those of real runs (buildah 1.19.6 to 1.43.2, podman 4.3.1, buildx 0.13.1
and 0.29.1), or of the documentation that a record names.
"""

from __future__ import annotations

import base64
import json

import pytest

from harness.builders.dialects import Heard
from harness.builders.record import Dialect
from harness.builders.transcript import Transcript
from harness.dockerfile.parser import parse
from harness.measure.announced_steps import cached_lines, error_line
from harness.measure.instruction_layers import map_layers
from harness.targets.conventions import BUILDKIT, Conventions

BUILDAH = Conventions(steps="stages", labels="any")
UNLAYERED = Conventions(steps="stages", labels="any", history="last")
KANIKO = Conventions(steps="stages", history="layers-only")

DOCKERFILE = parse(
    "ARG BASE\n"  # 1
    "FROM ${BASE} AS one\n"  # 2
    "RUN echo hi >/a\n"  # 3
    "FROM one\n"  # 4
    "ENV A=1\n"  # 5
    "COPY --from=one /a /b\n"  # 6
    "RUN echo   hi >/c\n"  # 7
)

#: A panic of Go, of whatever program.
PANIC = "panic: no such thing\n\ngoroutine 7 [running]:\nmain.build(0xc0000eb200)\n"

OLD = """STEP 1: FROM layer-harness/base:abc AS one
STEP 2: RUN echo hi >/a
--> Using cache 408011efc838340afb5dfe476dc1fffd9dd2b1174531407184a3ba8310113a41
--> 408011efc83
STEP 3: FROM 408011efc838340afb5dfe476dc1fffd9dd2b1174531407184a3ba8310113a41
STEP 4: ENV A=1
STEP 5: COPY --from=one /a /b
STEP 6: RUN echo   hi >/c
STEP 7: COMMIT layer-harness/build:x0
"""

NEW = """[1/2] STEP 1/2: FROM layer-harness/base:abc AS one
[1/2] STEP 2/2: RUN echo hi >/a
--> Using cache 20854f026214442dcd887d433940196ef1fe1355be07cd97979405d4a15b723b
--> 20854f02621
[2/2] STEP 1/5: FROM 20854f026214442dcd887d433940196ef1fe1355be07cd97979405d4a15b723b
[2/2] STEP 2/5: ENV A=1
[2/2] STEP 3/5: COPY --from=one /a /b
[2/2] STEP 4/5: RUN echo   hi >/c
[2/2] STEP 5/5: LABEL "a"="b"
[2/2] COMMIT layer-harness/build:x0
Successfully tagged localhost/layer-harness/build:x0
"""

FAILED = """oops
Error: building at STEP "RUN echo   hi >/c": while running runtime: exit status 3
"""

KANIKO_LOG = """INFO[0000] Retrieving image manifest base
INFO[0000] Using caching version of cmd: RUN echo hi >/a
INFO[0001] RUN echo hi >/a
INFO[0001] Found cached layer, extracting to filesystem
\x1b[36mINFO\x1b[0m[0002] ENV A=1
INFO[0002] COPY --from=one /a /b
INFO[0002] Taking snapshot of files...
INFO[0003] RUN echo   hi >/c
"""


def told(
    dialect: Dialect, text: str, *, status: int = 0, timed_out: bool = False
) -> Transcript:
    heard = Heard(dialect=dialect)
    for line in text.splitlines():
        heard.hear(line)
    return heard.transcript(status=status, timed_out=timed_out)


@pytest.mark.parametrize("text", [OLD, NEW])
def test_buildah_s_steps_are_lines_whether_it_numbers_stages_or_not(text: str) -> None:
    transcript = told("buildah", text)
    assert transcript.ending == "ok"
    assert cached_lines(DOCKERFILE, transcript, conventions=BUILDAH) == {
        2: False, 3: True, 4: False, 5: False, 6: False, 7: False,
    }  # fmt: skip


def test_a_trigger_or_a_label_between_the_steps_moves_no_line() -> None:
    parsed = parse("FROM base\nRUN one\nRUN two\n")
    text = (
        "STEP 1/5: FROM base\nSTEP 2/5: RUN touch /onbuild\nSTEP 3/5: RUN one\n"
        '--> Using cache 1\nSTEP 4/5: RUN two\nSTEP 5/5: LABEL "a"="b"\n'
    )
    lines = cached_lines(parsed, told("buildah", text), conventions=BUILDAH)
    assert lines == {1: False, 2: True, 3: False}


@pytest.mark.parametrize("text", [OLD, NEW])
def test_the_last_step_of_buildah_is_the_one_that_failed(text: str) -> None:
    step = "RUN echo   hi >/c\n"
    transcript = told("buildah", text[: text.index(step)] + step + FAILED, status=3)
    assert (transcript.ending, transcript.status) == ("error", 3)
    assert transcript.error.startswith('building at STEP "RUN echo   hi >/c"')
    assert error_line(DOCKERFILE, transcript, conventions=BUILDAH) == 7


def test_an_error_that_buildah_puts_to_no_step_has_no_line() -> None:
    heard = Heard(dialect="buildah")
    heard.hear("no FROM statement found", True)
    heard.hear("STEP 1: FROM layer-harness/base:abc AS one", False)
    transcript = heard.transcript(status=125, timed_out=False)
    assert transcript.error == "no FROM statement found"
    assert error_line(DOCKERFILE, transcript, conventions=BUILDAH) is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            "resolving step {Value:env Next:<nil> Children:[] Heredocs:[] "
            "Attributes:map[] Original:ENV A=${b/on line 7} StartLine:2 EndLine:2} "
            "Flags:[] StartLine:5 EndLine:5}: Missing ':' in substitution",
            5,
        ),
        (
            "error resolving step {Value:label Next:0xc000114000 Children:[] "
            "Attributes:map[] Original:LABEL a=${b?c} Flags:[] StartLine:13 "
            "endLine:13}: Unsupported modifier (?) in substitution",
            13,
        ),
        ("COPY --from=one: no stage or image found with that name", 6),
        ("COPY --from=two: no stage or image found with that name", None),
    ],
)
def test_buildah_names_the_instruction_that_it_cannot_read(
    error: str, line: int | None
) -> None:
    transcript = told("buildah", f"STEP 1: FROM x AS one\nError: {error}\n", status=125)
    assert error_line(DOCKERFILE, transcript, conventions=BUILDAH) == line


def test_of_several_copies_from_a_stage_the_one_that_names_it_fails() -> None:
    words = "no stage or image found with that name"
    text = "FROM a AS b\nCOPY --from=b x y\nCOPY --from=$C x y\n"
    transcript = told("buildah", f"Error: COPY --from=c: {words}\n", status=125)
    assert error_line(parse(text), transcript, conventions=BUILDAH) == 3
    text += "COPY --from=c x y\n"
    assert error_line(parse(text), transcript, conventions=BUILDAH) is None


def test_buildah_names_the_failed_step_though_it_has_announced_another() -> None:
    text = OLD.replace("STEP 6: RUN echo   hi >/c\n", "")
    failed = 'error building at STEP "COPY --from=one /a /b": no such file\n'
    transcript = told("buildah", text + failed, status=1)
    assert error_line(DOCKERFILE, transcript, conventions=BUILDAH) == 6


def test_of_a_list_of_errors_the_one_that_others_follow_from_is_told() -> None:
    text = (
        'Error: building at STEP "COPY a /etc/motd/b": 3 errors occurred:\n'
        '\t* reading "/a": passing bulk output from subprocess: read on closed pipe\n'
        '\t* closing "/a": copying content for "a": io: write on closed pipe\n'
        '\t* storing "/a": copier subprocess: chdir /etc/motd: not a directory\n'
        "\n\n"
    )
    assert told("buildah", text, status=125).error == (
        'building at STEP "COPY a /etc/motd/b": storing "/a": copier '
        "subprocess: chdir /etc/motd: not a directory"
    )


def test_a_logged_error_counts_where_nothing_plainer_is_said() -> None:
    logged = 'time="2026-11-25T12:05:38Z" level=error msg="exit status \\"3\\""\n'
    assert told("buildah", logged, status=1).error == 'exit status "3"'
    both = 'error building at STEP "RUN x": exit status 3\n' + logged
    assert told("buildah", both, status=1).error.startswith("building at STEP")


def test_a_builder_that_panics_is_told_from_a_run_that_does() -> None:
    ended = told("buildah", f"{OLD}{PANIC}", status=2)
    assert (ended.ending, ended.error) == (
        "panic",
        "panic: no such thing\n  main.build",
    )
    failed = f'{PANIC}Error: building at STEP "RUN tool": exit status 2\n'
    ended = told("buildah", f"{OLD}{failed}", status=2)
    assert ended.ending == "error"
    assert ended.error.startswith("building at STEP")


def test_a_failure_without_a_word_is_said_to_be_one() -> None:
    assert told("none", "", status=1).error == "it failed without a word"
    assert told("none", "STEP\nlast words\n\n", status=1).error == "last words"


def test_a_command_ended_at_its_limit_timed_out_whatever_it_said() -> None:
    transcript = told("buildah", FAILED, status=-9, timed_out=True)
    assert (transcript.ending, transcript.error) == ("timeout", "")


def messages(indent: int | None) -> str:
    """Write BuildKit's statuses as buildx 0.29 does, or indented as 0.13."""
    run = {"digest": "sha256:b", "name": "[2/2] RUN one"}
    text = base64.b64encode(b"printed\n").decode()
    statuses: list[dict[str, object]] = [
        {"vertexes": [{"digest": "sha256:a", "name": "[1/2] FROM base"}]},
        {"vertexes": [run], "logs": [{"vertex": "sha256:b", "data": text}]},
        {"vertexes": [{**run, "cached": True}]},
        {"vertexes": [{**run, "cached": True, "error": "exit code: 3"}]},
    ]
    return "".join(json.dumps(each, indent=indent) + "\n" for each in statuses)


@pytest.mark.parametrize("indent", [None, 2])
def test_buildx_tells_steps_in_json_of_one_line_or_of_several(
    indent: int | None,
) -> None:
    text = messages(indent) + "ERROR: failed to build: failed to solve: exit code: 3\n"
    transcript = told("rawjson", text, status=1)
    parsed = parse("FROM base\nRUN one\n")
    assert cached_lines(parsed, transcript, conventions=BUILDKIT) == {2: True}
    assert error_line(parsed, transcript, conventions=BUILDKIT) == 2
    assert transcript.error == "failed to build: failed to solve: exit code: 3"
    assert "printed" in transcript.log


@pytest.mark.parametrize(
    ("run", "error"),
    [
        ("RUN exit 3", "executor failed running [/bin/sh -c exit 3]: exit code: 3"),
        (
            "RUN --mount=type=cache,target=/c echo 1 > /c",
            "executor failed running [/bin/sh -c echo 1 > /c]: exit code: 1",
        ),
        (
            'RUN ["no", "such"]',
            "executor failed running [no such]: exit code: 1",
        ),
        (
            "RUN ['a']",
            "executor failed running [/bin/sh -c ['a']]: exit code: 127",
        ),
        (
            'RUN echo "a"; false',
            r'process "/bin/sh -c echo \"a\"; false" did not complete successfully: '
            "exit code: 1",
        ),
    ],
)
def test_a_run_whose_step_did_not_tell_of_its_error_is_found_by_its_command(
    run: str, error: str
) -> None:
    parsed = parse(f"FROM base\nRUN echo 1\n{run}\nRUN echo 2\n")
    text = "".join(
        json.dumps({"vertexes": [{"digest": str(number), "name": name}]}) + "\n"
        for number, name in enumerate(
            ["[1/4] FROM base", "[2/4] RUN echo 1", f"[3/4] {run}", "[4/4] RUN echo 2"]
        )
    )
    transcript = told("rawjson", f"{text}ERROR: failed to solve: {error}\n", status=1)
    assert error_line(parsed, transcript, conventions=BUILDKIT) == 3


def test_a_step_that_nothing_can_be_prepared_for_is_the_one_that_was_begun() -> None:
    parsed = parse("FROM base\nCOPY a /1\nCOPY a /2\n")
    begun = {"started": "2026-11-26T18:00:00Z"}
    vertexes = [
        {"digest": "1", "name": "[1/3] FROM base", "cached": True},
        {"digest": "2", "name": "[2/3] COPY a /1", **begun, "completed": "then"},
        {"digest": "3", "name": "[3/3] COPY a /2", **begun},
    ]
    text = json.dumps({"vertexes": vertexes})
    error = "failed to solve: failed to prepare 9dlwod: max depth exceeded"
    transcript = told("rawjson", f"{text}\nERROR: {error}\n", status=1)
    assert error_line(parsed, transcript, conventions=BUILDKIT) == 3
    transcript = told("rawjson", f"{text}\nERROR: failed to solve: lost\n", status=1)
    assert error_line(parsed, transcript, conventions=BUILDKIT) is None


def test_a_single_stage_has_a_name_when_there_are_named_contexts() -> None:
    text = '{"vertexes": [{"digest": "b", "name": "[stage-0 2/2] RUN one"}]}\n'
    lines = cached_lines(
        parse("FROM base\nRUN one\n"), told("rawjson", text), conventions=BUILDKIT
    )
    assert lines == {2: False}


def test_plain_progress_tells_cache_and_errors_by_number() -> None:
    text = (
        "#1 [internal] load build definition\n#1 DONE 0.0s\n#4 [1/3] FROM base\n"
        "#5 [2/3] RUN one\n#5 CACHED\n#6 [3/3] RUN two\n#6 0.123 oops\n"
        "#6 ERROR: exit code: 3\nerror: failed to solve: exit code: 3\n"
    )
    transcript = told("plain", text, status=1)
    parsed = parse("FROM base\nRUN one\nRUN two\n")
    assert cached_lines(parsed, transcript, conventions=BUILDKIT) == {2: True, 3: False}
    assert error_line(parsed, transcript, conventions=BUILDKIT) == 3
    assert "oops" in transcript.log


def test_the_docker_cli_s_legacy_steps_are_numbered_over_the_whole_file() -> None:
    text = (
        "Step 1/4 : FROM base\n ---> 0123456789ab\nStep 2/4 : RUN one\n"
        " ---> Using cache\n ---> 1123456789ab\nStep 3/4 : RUN two\n"
        " ---> Running in 3123456789ab\n ---> 2123456789ab\nStep 4/4 : RUN three\n"
        "The command '/bin/sh -c three' returned a non-zero code: 3\n"
    )
    transcript = told("legacy", text, status=1)
    parsed = parse("FROM base\nRUN one\nRUN two\nRUN three\n")
    whole = Conventions(steps="whole")
    assert cached_lines(parsed, transcript, conventions=whole) == {
        1: False, 2: True, 3: False, 4: False,
    }  # fmt: skip
    assert error_line(parsed, transcript, conventions=whole) == 4
    assert transcript.images == ("2123456789ab",)


def test_kaniko_tells_a_cached_step_before_and_as_it_takes_it() -> None:
    lines = cached_lines(DOCKERFILE, told("kaniko", KANIKO_LOG), conventions=KANIKO)
    assert lines == {3: True, 5: False, 6: False, 7: False}


def test_kaniko_s_error_is_its_own() -> None:
    text = KANIKO_LOG + "FATA[0004] error building image: exit status 3\n"
    transcript = told("kaniko", text, status=1)
    assert transcript.error == "error building image: exit status 3"
    assert error_line(DOCKERFILE, transcript, conventions=KANIKO) == 7


CHAIN = parse("FROM base\nRUN a\nENV A=1\nCOPY b /\nRUN a\n")


def mapped(
    conventions: Conventions,
    empty: list[bool],
    created_by: list[str] | None = None,
    **how: int,
) -> tuple[tuple[int | None, ...], str]:
    found = map_layers(
        CHAIN,
        conventions=conventions,
        target="",
        empty=empty,
        labels=how.get("labels", 0),
        triggers=how.get("triggers", 0),
        created_by=created_by or [],
    )
    return found.lines, found.note


@pytest.mark.parametrize("entries", [0, 1, 2])
def test_labels_have_entries_as_the_version_of_buildah_has_it(entries: int) -> None:
    empty = [False, True, False, False, *[True] * entries]
    assert mapped(BUILDAH, empty, labels=2) == ((2, 4, 5), "")


def test_entries_that_no_version_writes_are_not_guessed() -> None:
    lines, note = mapped(BUILDAH, [False, True, False, False, True, True], labels=3)
    assert lines == (None, None, None)
    assert note == "6 history entries for 4 instructions"


def test_one_layer_for_all_instructions_belongs_to_none_of_them() -> None:
    lines, note = mapped(UNLAYERED, [True, True, True, False])
    assert lines == (None,)
    assert note == "one layer for all instructions of a stage"


def test_one_layer_belongs_to_the_only_instruction_that_can_have_made_it() -> None:
    parsed = parse("FROM base AS one\nRUN a\nENV A=1\nFROM one\nCOPY b /\nENV B=1\n")
    found = map_layers(
        parsed,
        conventions=UNLAYERED,
        target="",
        empty=[True, False, True, False],
        labels=0,
        triggers=0,
    )
    assert found.lines == (2, 5)
    assert [(each.line, layer) for each, layer in found.layers] == [
        (2, 1), (3, None), (5, 2), (6, None),
    ]  # fmt: skip


def test_no_layer_for_what_is_made_and_removed_belongs_to_no_instruction() -> None:
    # buildah 1.45 makes none for RUN mkdir /d, RUN rmdir /d
    lines, note = mapped(UNLAYERED, [True, True, True, True])
    assert lines == ()
    assert note == "one layer for all instructions of a stage"
    parsed = parse("FROM base\nENV A=1\nRUN true\n")
    found = map_layers(
        parsed,
        conventions=UNLAYERED,
        target="",
        empty=[True, True],
        labels=0,
        triggers=0,
    )
    # one alone has made no layer, and that is known
    assert [(each.line, layer) for each, layer in found.layers] == [
        (2, None),
        (3, None),
    ]


def test_layers_without_entries_for_the_rest_are_known_by_their_texts() -> None:
    texts = ["RUN a", "COPY b /", "RUN a"]
    assert mapped(KANIKO, [False] * 3, texts) == ((2, 4, 5), "")


def test_a_layer_that_two_equal_lines_may_have_made_is_not_guessed() -> None:
    lines, note = mapped(KANIKO, [False], ["RUN a"])
    assert lines == (None,)
    assert "lines repeat" in note


def test_a_layer_that_no_line_explains_is_said_to_be_unknown() -> None:
    lines, note = mapped(KANIKO, [False], ["RUN else"])
    assert lines == (None,)
    assert note == "1 layers that 4 instructions do not explain"


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("rawjson", '{"vertexes": 5, "logs": true}'),
        ("rawjson", "[" * 100_000),
        ("rawjson", '{"vertexes": [{"name": "[1/%s] RUN x"}]}' % ("9" * 5000)),
        ("rawjson", '{"vertexes": [{"name": "[%s/1] RUN x"}]}' % ("9" * 5000)),
        ("buildah", f"STEP {'9' * 5000}: RUN x"),
        ("buildah", f"[1/2] STEP {'9' * 5000}/3: RUN x"),
        ("legacy", f"Step {'9' * 5000}/3 : RUN x"),
    ],
    ids=range(7),
)
def test_what_no_builder_prints_breaks_nothing(dialect: Dialect, line: str) -> None:
    heard = Heard(dialect=dialect)
    heard.hear(line)
    assert heard.transcript(status=0, timed_out=False).ending == "ok"
