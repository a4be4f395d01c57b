"""Whatever a builder prints: a transcript, whose steps have their lines or none."""

from __future__ import annotations

import base64
import json
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from fuzz.fuzzing import ODD, TEXTS, VALUES, bounded, fuzzed
from harness.builders import trace
from harness.builders.dialects import Heard
from harness.builders.record import Dialect
from harness.builders.transcript import Listener, Transcript, read_lines
from harness.dockerfile.parser import parse
from harness.judge.failure import kind_of
from harness.measure.announced_steps import cached_lines, error_line
from harness.measure.noise import Noise
from harness.targets import conventions

PARSED = parse(
    "ARG BASE\nFROM ${BASE} AS build\nRUN one\nFROM ${BASE}\nCOPY --from=build /a /\n"
    'RUN ["a", "b"]\nRUN <<E\nx\nE\nCMD x\n'
)
WAYS = [
    conventions.LEGACY,
    conventions.BUILDKIT,
    conventions.Conventions(steps="stages"),
]
NUMBERS = st.sampled_from(["0", "1", "2", "7", "99", "-1", "9" * 30, "9" * 5000, "٣"])
COMMANDS = TEXTS | st.sampled_from(
    ["RUN one", "FROM x", "COPY a /", "RUN " + "[" * 2000, "COMMIT", "RUN <<E", "ARG A"]
)
ERRORS = TEXTS | st.builds(
    "{}{}{}".format,
    st.sampled_from(
        [
            *("Dockerfile:", "error line ", "on line ", "dockerfile parse error line "),
            *("The command '/bin/sh -c one' returned a non-zero code: ", "{Value: "),
            *('building at STEP "RUN one": ', "executor failed running [/bin/sh -c "),
            *("failed to prepare x: ", "COPY --from=", " StartLine:", "exit code: "),
        ]
    ),
    NUMBERS,
    TEXTS,
)
STEPS = st.builds("Step {}/{} : {}\n".format, NUMBERS, NUMBERS, COMMANDS)
STREAMS = (
    STEPS
    | TEXTS
    | st.sampled_from(
        [" ---> Using cache\n", " ---> 0123456789ab\n", " ---> Running in"]
    )
)
VERTEX = st.builds("[{}{}/{}] {}".format, TEXTS, NUMBERS, NUMBERS, COMMANDS)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def encoded(text: str) -> bytes:
    return text.encode(errors="replace")


VERTEXES = st.builds(
    lambda digest, name, cached, error: (
        field(1, encoded(digest))
        + field(3, encoded(name))
        + bytes([4 << 3, cached])
        + field(7, encoded(error))
    ),
    st.sampled_from(["sha256:1", "sha256:2", ""]),
    VERTEX,
    st.integers(0, 1),
    ERRORS,
)
MESSAGES = st.lists(
    VERTEXES.map(lambda body: field(1, body))
    | st.binary(max_size=20).map(lambda body: field(3, field(4, body)))
    | st.binary(max_size=8)
).map(b"".join)
OBJECTS = (
    st.fixed_dictionaries({"stream": STREAMS})
    | st.fixed_dictionaries({"error": ERRORS, "errorDetail": VALUES})
    | st.fixed_dictionaries({"errorDetail": st.fixed_dictionaries({"message": ERRORS})})
    | st.fixed_dictionaries({"aux": st.fixed_dictionaries({"ID": TEXTS}) | VALUES})
    | st.fixed_dictionaries(
        {
            "id": st.just("moby.buildkit.trace"),
            "aux": MESSAGES.map(lambda body: base64.b64encode(body).decode()) | VALUES,
        }
    )
    | VALUES
)


def check(transcript: Transcript) -> None:
    """Do with it what measuring does."""
    for way in WAYS:
        known = {each.line for each in PARSED.instructions}
        assert cached_lines(PARSED, transcript, conventions=way).keys() <= known
        line = error_line(PARSED, transcript, conventions=way)
        assert line is None or line >= 0


@fuzzed
@given(
    lines=st.lists(
        OBJECTS.map(lambda x: json.dumps(x).encode()) | st.binary(max_size=20)
    ),
    size=st.integers(1, 50),
)
def test_the_stream_of_an_engine(lines: list[bytes], size: int) -> None:
    body = b"\r\n".join(lines)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    listener = Listener()
    with bounded():
        for line in read_lines(chunks):
            listener.hear(line)
        for timed_out in (False, True):
            check(listener.transcript(status=200, timed_out=timed_out))


@fuzzed
@given(deep=st.integers(1, 100_000), kind=st.sampled_from(["[", '{"a":']))
def test_a_stream_of_one_deep_object(deep: int, kind: str) -> None:
    with bounded():
        (line,) = read_lines([kind.encode() * deep])
        Heard(dialect="rawjson").hear(kind * deep)
    assert "stream" in line


@fuzzed
@given(body=MESSAGES | st.binary(max_size=100))
def test_progress_messages(body: bytes) -> None:
    with bounded():
        try:
            status = trace.decode(body)
        except ValueError:
            return
    assert all(isinstance(each, str) for each in status.logs)


LINES = st.lists(
    STREAMS
    | TEXTS
    | OBJECTS.map(json.dumps)
    | st.builds("STEP {}/{}: {}".format, NUMBERS, NUMBERS, COMMANDS)
    | st.builds("[{}/{}] STEP {}: {}".format, NUMBERS, NUMBERS, NUMBERS, COMMANDS)
    | st.builds("#{} {}".format, NUMBERS, VERTEX)
    | st.builds("#{} ERROR: {}".format, NUMBERS, ERRORS)
    | st.builds("\x1b[36mINFO\x1b[0m[{}] {}".format, NUMBERS, COMMANDS)
    | st.builds('time="x" level=error msg="{}"'.format, ERRORS)
    | st.builds("Error: {}".format, ERRORS)
    | st.fixed_dictionaries(
        {
            "vertexes": st.lists(
                st.fixed_dictionaries(
                    {"digest": VALUES, "name": VERTEX | VALUES, "error": VALUES}
                )
                | VALUES
            )
            | VALUES,
            "logs": st.lists(st.fixed_dictionaries({"data": VALUES}) | VALUES) | VALUES,
        }
    ).map(json.dumps)
    | st.sampled_from(
        [
            *("--> Using cache 01", "{", "}", "\t* x", "1 error occurred:", "panic: x"),
            *("goroutine 1 [running]:", "main.f(0x1)", "#1 CACHED", "STEP 3: COMMIT x"),
        ]
    )
)


@fuzzed
@given(
    dialect=st.sampled_from(get_args(Dialect)),
    lines=LINES,
    is_error=st.booleans(),
    status=st.integers(-1, 255),
)
def test_what_a_command_prints(
    dialect: Dialect, lines: list[str], is_error: bool, status: int
) -> None:
    heard = Heard(dialect=dialect)
    with bounded():
        for line in lines:
            heard.hear(line, is_error)
        check(heard.transcript(status=status, timed_out=False))


@fuzzed
@given(text=ERRORS | st.lists(ERRORS | ODD).map(" ".join))
def test_the_noise_of_an_error(text: str) -> None:
    with bounded():
        assert isinstance(Noise(since=0, until=0, base="x").text(text), str)
        assert isinstance(kind_of(text), str)
