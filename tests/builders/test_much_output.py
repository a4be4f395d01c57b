"""A RUN that prints without end: bounded memory, and nothing missed that is parsed."""

from __future__ import annotations

import base64
import json
import socket
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.builders.agent import agent
from harness.builders.dialects import Heard
from harness.builders.record import Dialect
from harness.builders.sandbox import Sandbox, run
from harness.builders.transcript import Listener, Transcript, read_lines

MIB = 1 << 20
#: Of Python's own memory: what is kept, and a few copies of the longest piece.
BOUND = 44 * MIB
LINE = "0123456789" * 7


def measured(work: Callable[[], Transcript]) -> tuple[Transcript, int]:
    """Do some work; gives the most memory that it took."""
    tracemalloc.start()
    try:
        told = work()
        return told, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def sent(first: list[object], piece: object, number: int, last: list[object]) -> bytes:
    """Give the lines of a stream, with one of them very often."""
    head, body, tail = (
        b"".join(json.dumps(each).encode() + b"\r\n" for each in part)
        for part in (first, [piece], last)
    )
    return head + body * number + tail


def chunks(stream: bytes, size: int = 1 << 15) -> Iterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


def listened(stream: bytes) -> tuple[Transcript, int]:
    def work() -> Transcript:
        listener = Listener()
        for line in read_lines(chunks(stream)):
            listener.hear(line)
        return listener.transcript(status=200)

    return measured(work)


def test_legacy_s_steps_and_error_are_found_among_much_output() -> None:
    stream = sent(
        [{"stream": "Step 1/3 : FROM base\n"}, {"stream": "Step 2/3 : RUN yes\n"}],
        {"stream": f"{LINE}\n" * 400},
        2000,
        [
            {"stream": " ---> 0123456789ab\n"},
            {"stream": "Step 3/3 : RUN false\n"},
            {"errorDetail": {"message": "exit 1"}, "error": "exit 1"},
        ],
    )
    assert len(stream) > 50 * MIB
    told, most = listened(stream)
    assert most < BOUND
    assert (told.ending, told.error) == ("error", "exit 1")
    assert [each.text for each in told.steps] == ["FROM base", "RUN yes", "RUN false"]
    assert [each.error for each in told.steps] == ["", "", "exit 1"]
    assert told.images == ("0123456789ab",)
    assert told.log.startswith("Step 1/3")
    assert told.log.endswith("exit 1\n")
    assert "bytes are left out here)\n" in told.log


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def traced(vertex: str = "", printed: str = "") -> dict[str, str]:
    body = field(1, field(1, vertex.encode()) + field(3, vertex.encode()))
    if printed:
        body = field(3, field(1, b"d") + field(4, printed.encode()))
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(body).decode()}


def test_buildkit_s_steps_and_error_are_found_among_much_output() -> None:
    stream = sent(
        [traced("[1/3] FROM base"), traced("[2/3] RUN yes")],
        traced(printed=f"{LINE}\n" * 400),
        1500,
        [traced("[3/3] RUN false"), {"error": "exit 1"}],
    )
    assert len(stream) > 50 * MIB
    told, most = listened(stream)
    assert most < BOUND
    assert [each.text for each in told.steps] == ["FROM base", "RUN yes", "RUN false"]
    assert told.error == "exit 1"


def test_an_object_that_does_not_end_is_text_in_pieces() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"stream": "'
        for _ in range(1800):
            yield b"x" * (1 << 15)

    def work() -> Transcript:
        listener = Listener()
        for line in read_lines(endless()):
            listener.hear(line)
        return listener.transcript(status=200)

    told, most = measured(work)
    # the longest line that is taken whole is 32 MiB, and is there as bytes and as text
    assert most < 140 * MIB
    assert told.ending == "broken"
    assert len(told.log) < 3 * MIB


def heard(
    dialect: Dialect, lines: Iterator[str], status: int
) -> tuple[Transcript, int]:
    def work() -> Transcript:
        found = Heard(dialect=dialect)
        for each in lines:
            found.hear(each)
        return found.transcript(status=status, timed_out=False)

    return measured(work)


def test_buildah_s_steps_and_error_are_found_among_much_output() -> None:
    def lines() -> Iterator[str]:
        yield "STEP 1/3: FROM base"
        yield "STEP 2/3: RUN yes"
        yield from (LINE * 100 for _ in range(8_000))
        yield "STEP 3/3: RUN false"
        yield from (LINE * 100 for _ in range(1_000))
        yield 'Error: building at STEP "RUN false": exit status 1'
        yield from (LINE * 100 for _ in range(1_000))

    told, most = heard("buildah", lines(), 1)
    assert most < BOUND
    assert [each.text for each in told.steps] == ["FROM base", "RUN yes", "RUN false"]
    assert told.error == 'building at STEP "RUN false": exit status 1'
    assert told.steps[2].error == told.error


def test_a_failure_that_no_line_names_is_told_by_the_last_one() -> None:
    told, most = heard("none", iter([LINE * 1000] * 1000 + ["the last words"]), 1)
    assert most < BOUND
    assert told.error == "the last words"


def test_an_error_of_millions_of_letters_is_shortened() -> None:
    told, _ = heard("buildah", iter([f"Error: {LINE * 20_000}, said"]), 1)
    assert len(told.error) < 70_000
    assert told.error.startswith("0123456789")
    assert told.error.endswith(", said")
    shown = Listener()
    shown.hear({"error": LINE * 20_000})
    assert len(shown.transcript(status=200).error) < 70_000


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("buildah", "STEP {0}: RUN " + LINE * 30),
        ("plain", "#{0} [1/2] RUN " + LINE * 30),
        ("legacy", "Step {0}/9 : RUN " + LINE * 30),
        ("kaniko", "INFO[0001] RUN {0}" + LINE * 30),
        ("buildah", "ERROR: {0}" + LINE * 30),
        ("rawjson", "{{"),
    ],
)
def test_a_run_that_prints_what_looks_like_steps_takes_no_more(
    dialect: Dialect, line: str
) -> None:
    def lines() -> Iterator[str]:
        for number in range(30_000):
            yield line.format(number)

    told, most = heard(dialect, lines(), 0)
    assert most < 90 * MIB
    assert len(told.steps) < 20_000


@pytest.mark.parametrize("end", ["\n", ""], ids=["lines", "a single line"])
def test_a_command_that_prints_without_end_waits_for_who_reads(
    tmp_path: Path, end: str
) -> None:
    sandbox = Sandbox(folder=tmp_path / "room", root=None)
    sandbox.make()
    script = (
        "import sys\n"
        f"piece = ('x' * 9_999 + {end!r}) * 100\n"
        "for _ in range(30):\n"
        "    sys.stdout.write(piece)\n"
        "    sys.stderr.write(piece)\n"
        "print('the end', file=sys.stderr)\n"
    )
    found = Heard(dialect="none")
    counted = 0

    def hear(line: str, is_error: bool) -> None:  # a callback
        nonlocal counted
        counted += len(line)
        found.hear(line, is_error)

    def work() -> Transcript:
        ended = run(
            sandbox,
            [sys.executable, "-c", script],
            environment={},
            hear=hear,
            limit=60,
        )
        return found.transcript(status=ended.status, timed_out=ended.timed_out)

    told, most = measured(work)
    assert most < BOUND
    assert counted == 60 * 9_999 * 100 + len("the end")
    assert found.complaint.endswith("the end")
    assert told.ending == "ok"


def test_an_agent_takes_no_message_longer_than_any_is(tmp_path: Path) -> None:
    with (
        agent(tmp_path / "agent") as place,
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.settimeout(10)
        client.connect(str(place))
        client.sendall(struct.pack(">I", 1 << 31))
        assert client.recv(1) == b""
