"""The streams of both builders, and the lines of their layers."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.builders.transcript import Listener, Transcript, read_lines
from harness.dockerfile.parser import parse
from harness.measure.announced_steps import cached_lines, error_line
from harness.measure.instruction_layers import map_layers
from harness.targets import conventions

DOCKERFILE = parse(
    """ARG BASE
FROM ${BASE} AS build
RUN one
FROM ${BASE}

COPY --from=build /a /
WORKDIR /
RUN two
CMD ["x"]
"""
)

LEGACY: list[dict[str, object]] = [
    {"stream": "Step 1/8 : ARG BASE\n"},
    {"stream": "Step 2/8 : FROM ${BASE} AS build\n"},
    {"stream": " ---> 0123456789ab\n"},
    {"stream": "Step 3/8 : RUN one\n"},
    {"stream": " ---> Using cache\n"},
    {"stream": " ---> 1123456789ab\n"},
    {"aux": {"ID": "sha256:11"}},
    {"stream": "Step 4/8 : FROM ${BASE}\n"},
    {"stream": " ---> 0123456789ab\n"},
    {"stream": "Step 5/8 : COPY --from=build /a /\n"},
    {"stream": " ---> 2123456789ab\n"},
]


def transcript(lines: Sequence[dict[str, object]], **how: bool) -> Transcript:
    listener = Listener()
    for line in lines:
        listener.hear(line)
    return listener.transcript(status=200, **how)


def field(number: int, content: bytes | str | bool) -> bytes:
    if isinstance(content, bool):
        return bytes([number << 3, int(content)])
    body = content.encode() if isinstance(content, str) else content
    size, length = len(body), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + body


def trace(
    digest: str, name: str, *, cached: bool = False, error: str = ""
) -> dict[str, object]:
    vertex = field(1, digest) + field(3, name) + field(4, cached) + field(7, error)
    body = field(1, vertex) + field(3, field(1, digest) + field(4, "printed\n"))
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(body).decode()}


def test_legacy_tells_steps_and_what_came_from_cache() -> None:
    told = transcript([*LEGACY, {"aux": {"ID": "sha256:22"}}])
    assert told.ending == "ok"
    assert cached_lines(DOCKERFILE, told, conventions=conventions.LEGACY) == {
        1: False, 2: False, 3: True, 4: False, 6: False,
    }  # fmt: skip


def test_only_images_that_the_build_made_are_its_to_remove() -> None:
    assert transcript(LEGACY).images == ("2123456789ab",)


def test_an_id_of_an_earlier_stage_is_no_success() -> None:
    told = transcript([*LEGACY, {"error": "no", "errorDetail": {"message": "no a"}}])
    assert (told.ending, told.error) == ("error", "no a")
    assert error_line(DOCKERFILE, told, conventions=conventions.LEGACY) == 6


def test_a_stream_that_breaks_off_in_a_later_stage_is_broken_off() -> None:
    assert transcript(LEGACY).ending == "broken"


def test_a_stream_that_ends_without_image_or_error_is_broken_off() -> None:
    assert transcript(LEGACY[:3]).ending == "broken"
    assert transcript(LEGACY[:3], timed_out=True).ending == "timeout"


def test_buildkit_counts_in_its_stages() -> None:
    told = transcript(
        [
            trace("a", "[internal] load build definition"),
            trace("b", "[build 1/2] FROM base"),
            trace("c", "[build 2/2] RUN one", cached=True),
            trace("d", "[stage-1 2/4] COPY --from=build /a /"),
            trace("d", "[stage-1 2/4] COPY --from=build /a /", cached=True),
            trace("e", "[stage-1 3/4] RUN two"),
            {"id": "moby.image.id", "aux": {"ID": "sha256:1"}},
        ]
    )
    assert told.ending == "ok"
    assert "printed" in told.log
    assert cached_lines(DOCKERFILE, told, conventions=conventions.BUILDKIT) == {
        3: True, 6: True, 8: False,
    }  # fmt: skip


def test_buildkit_names_the_failing_line_not_a_cancelled_one() -> None:
    told = transcript(
        [
            trace("a", "[build 2/2] RUN one", error="context canceled"),
            trace("b", "[stage-1 3/4] RUN two", error="exit code: 3"),
            {"error": "failed to solve: exit code: 3"},
        ]
    )
    assert error_line(DOCKERFILE, told, conventions=conventions.BUILDKIT) == 8


@pytest.mark.parametrize(
    "text", ["dockerfile parse error line 2: x", "parse error on line 2: x"]
)
def test_a_parse_error_has_the_line_of_its_text(text: str) -> None:
    told = transcript([{"error": text}])
    assert error_line(DOCKERFILE, told, conventions=conventions.BUILDKIT) == 2


@given(st.lists(st.integers(1, 60), max_size=40))
def test_a_stream_may_be_cut_anywhere(sizes: list[int]) -> None:
    lines = [*LEGACY, trace("a", "[1/2] RUN x"), {"stream": "not ASCII: é\r\n"}]
    whole = b"\r\n".join(json.dumps(each).encode() for each in lines)
    chunks, rest = [], whole
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    assert list(read_lines([*chunks, rest])) == lines


def test_what_is_no_json_is_log() -> None:
    assert list(read_lines([b"junk\n[1]\n"])) == [{"stream": "junk"}, {"stream": "[1]"}]


def lines(builder: str, empty: list[bool], **how: int) -> tuple[int | None, ...]:
    mapped = map_layers(
        DOCKERFILE,
        conventions=standard_builders()[builder].conventions,
        target="",
        empty=empty,
        labels=how.get("labels", 0),
        triggers=how.get("triggers", 0),
    )
    return mapped.lines


def test_layers_are_mapped_by_position_and_empty_layer() -> None:
    assert lines("legacy", [False, True, True, True]) == (6,)
    assert lines("buildkit", [False, True, False, True]) == (6, 8)


def test_labels_of_the_build_and_triggers_have_entries_of_their_own() -> None:
    assert lines("legacy", [False, True, False, True, True], labels=1) == (6, 8)
    assert lines("buildkit", [False, True, False, True], labels=1) == (6, 8)
    assert lines("legacy", [False, False, True, False, True], triggers=1) == (4, 6, 8)


def test_a_mapping_that_cannot_be_known_is_said_to_be_unknown() -> None:
    mapped = map_layers(
        DOCKERFILE,
        conventions=conventions.LEGACY,
        target="",
        labels=0,
        empty=[False],
        triggers=0,
    )
    assert mapped.lines == (None,)
    assert "1 history entries for 4 instructions" in mapped.note


def test_onbuild_has_an_entry_with_the_legacy_builder_only() -> None:
    parsed = parse("FROM ${BASE}\nONBUILD RUN x\nRUN y\n")
    for builder, empty in (("legacy", [True, False]), ("buildkit", [False])):
        mapped = map_layers(
            parsed,
            conventions=standard_builders()[builder].conventions,
            target="",
            labels=0,
            empty=empty,
            triggers=0,
        )
        assert mapped.lines == (3,)


@pytest.mark.parametrize(
    ("name", "stage", "number"),
    [
        ("[ 7/11] RUN x", "", 7),
        ("[11/11] RUN x", "", 11),
        ("[build  2/10] RUN x", "build", 2),
        ("[linux/amd64 build 2/3] RUN x", "build", 2),
        ("[linux/amd64 2/3] RUN x", "", 2),
        ("[linux/amd64->arm64 stage-1  2/13] RUN x", "stage-1", 2),
    ],
)
def test_a_vertex_has_its_stage_and_its_number(
    name: str, stage: str, number: int
) -> None:
    (step,) = transcript([trace("a", name)]).steps
    assert (step.stage, step.number, step.text) == (stage, number, "RUN x")


@pytest.mark.parametrize(
    "name", ["[internal] load .dockerignore", "exporting to image", "[context x] load"]
)
def test_a_vertex_that_is_no_step_is_none(name: str) -> None:
    assert transcript([trace("a", name)]).steps == ()


@pytest.mark.parametrize("aux", ["?", "AAAA", None, {"no": "text"}, "w6k="])
def test_a_progress_message_that_cannot_be_read_stops_nothing(aux: object) -> None:
    told = transcript(
        [
            {"id": "moby.buildkit.trace", "aux": aux},
            {"id": "moby.image.id", "aux": {"ID": "sha256:1"}},
        ]
    )
    assert told.ending == "ok"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"error": "a", "errorDetail": {"message": "b"}}, "b"),
        ({"error": "a"}, "a"),
        ({"errorDetail": {}}, "unknown error"),
        ({"error": "a", "errorDetail": None}, "a"),
    ],
)
def test_an_error_is_told_in_whichever_form_it_comes(
    line: dict[str, object], error: str
) -> None:
    assert transcript([line]).error == error


def test_a_cached_step_of_buildkit_stays_cached_over_its_updates() -> None:
    told = transcript(
        [
            trace("a", "[2/2] RUN one"),
            trace("b", "[1/2] FROM base"),
            trace("a", "[2/2] RUN one", cached=True),
        ]
    )
    assert [(each.number, each.cached) for each in told.steps] == [
        (1, False),
        (2, True),
    ]


def test_workdir_root_has_no_number_in_buildkit_and_scratch_none_either() -> None:
    parsed = parse("FROM scratch\nWORKDIR /\nCOPY a /\nWORKDIR /b\n")
    told = transcript([trace("a", "[1/2] COPY a /"), trace("b", "[2/2] WORKDIR /b")])
    assert cached_lines(parsed, told, conventions=conventions.BUILDKIT) == {
        3: False,
        4: False,
    }


@pytest.mark.parametrize("name", ["one", "two"])
def test_steps_that_stages_have_in_common_are_told_of_all_of_them(name: str) -> None:
    # BuildKit has one vertex for both, under either name (measured on 20.10.24).
    parsed = parse(
        "FROM x AS one\nLABEL a=b\nRUN same\nRUN one\n"
        "FROM x AS two\nRUN same\nENV a=b\nRUN one\n"
        "FROM y AS three\nRUN same\nFROM one\nRUN last\n"
    )
    told = transcript(
        [
            trace("a", f"[{name} 2/3] RUN same", cached=True),
            trace("b", "[one 3/3] RUN one"),
            trace("c", "[stage-3 1/1] RUN last"),
        ]
    )
    assert cached_lines(parsed, told, conventions=conventions.BUILDKIT) == {
        3: True, 4: False, 6: True, 12: False,
    }  # fmt: skip


def test_a_trigger_takes_no_line_of_the_stage_that_runs_it() -> None:
    # It is numbered with the stage's own instructions (measured on 20.10.5).
    parsed = parse("FROM x AS a\nONBUILD RUN t\nFROM a AS b\nRUN one\nRUN two\n")
    told = transcript(
        [
            trace("a", "[b 1/2] RUN t", cached=True),
            trace("b", "[b 2/2] RUN one"),
            trace("c", "[b 3/2] RUN two"),
        ]
    )
    assert cached_lines(parsed, told, conventions=conventions.BUILDKIT) == {
        4: False,
        5: False,
    }


def test_of_two_stages_with_one_name_the_text_tells_which_is_meant() -> None:
    parsed = parse("FROM x AS a\nRUN one\nFROM x AS a\nRUN two\nFROM a\nRUN three\n")
    told = transcript([trace("a", "[a 2/2] RUN one")])
    assert list(cached_lines(parsed, told, conventions=conventions.BUILDKIT)) == [2]


def test_a_list_is_recognised_however_buildkit_writes_it() -> None:
    parsed = parse('FROM x\nCOPY ["a b", "/c"]\nRUN ["d", "e"]\n')
    told = transcript(
        [trace("a", "[2/3] COPY [a b, /c]"), trace("b", '[3/3] RUN ["d", "e"]')]
    )
    assert list(cached_lines(parsed, told, conventions=conventions.BUILDKIT)) == [2, 3]


def test_a_step_that_the_dockerfile_does_not_have_is_passed_over() -> None:
    told = transcript([{"stream": "Step 9/9 : RUN x\n"}, trace("a", "[9/9] RUN x")])
    for builder in ("legacy", "buildkit"):
        assert (
            cached_lines(
                DOCKERFILE, told, conventions=standard_builders()[builder].conventions
            )
            == {}
        )


def test_a_failure_that_names_no_line_has_none() -> None:
    told = transcript([{"error": "no space left on device"}])
    assert error_line(DOCKERFILE, told, conventions=conventions.LEGACY) is None


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "line",
    [
        {"stream": f"Step {DIGITS}/1 : RUN x\n"},
        {"id": "moby.buildkit.trace", "aux": DIGITS},
        {"errorDetail": 5},
        {"aux": {"ID": [1]}},
    ],
)
def test_what_no_builder_says_is_no_step(line: dict[str, object]) -> None:
    assert transcript([line]).steps == ()


def test_a_deep_line_is_a_text() -> None:
    (line,) = read_lines([b"[" * 100_000])
    assert line == {"stream": "[" * 100_000}


@pytest.mark.parametrize(
    "error",
    [
        f"Dockerfile:{DIGITS}",
        f"error line {DIGITS}",
        f"{{Value: x StartLine:{DIGITS} endLine:1}}",
    ],
)
def test_a_line_of_too_many_digits_is_none(error: str) -> None:
    ended = transcript([{"error": error}])
    way = conventions.BUILDKIT
    assert error_line(DOCKERFILE, ended, conventions=way) is None


def test_a_command_of_deep_brackets_is_compared_as_it_is() -> None:
    deep = "[" * 100_000
    parsed = parse(f"FROM a\nRUN {deep}\n")
    failed = f"executor failed running [/bin/sh -c {deep}]: exit code: 1"
    ended = transcript([{"stream": f"Step 2/2 : RUN {deep}\n"}, {"error": failed}])
    assert error_line(parsed, ended, conventions=conventions.LEGACY) == 2
