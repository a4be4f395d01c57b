"""Understand the stream that answers `POST /build`, of both builders, in full.

Both answer JSON objects, one a line. The legacy builder puts its steps into texts,
BuildKit into protobuf messages (`trace`). What the builder said ends up in one
`Transcript`; nothing here knows of engines or of sockets.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.builders.trace import Status, Vertex, decode
from harness.engines.output import Lines, Output, shortened

#: `panic` is a `broken` that the engine outlived, as its log or its answer tells;
#: `unexportable` an `ok` whose image nobody can have.
Ending = Literal["ok", "error", "timeout", "broken", "panic", "unexportable"]

#: Bytes of a line that is read as an object; BuildKit sends up to 16 MiB, in base64.
_LONGEST = 32 << 20
_STEP = re.compile(r"^Step (\d{1,9})/(\d+) : (.*)", re.DOTALL)
_CREATED = re.compile(r"^ ---> ([0-9a-f]{12,64})\s*$")
#: `[2/3] RUN x`, `[build 2/3] RUN x`, `[linux/amd64 build 2/3] RUN x`
_VERTEX = re.compile(
    r"^\[(?:(?P<stage>[^\]]*?) +)? *(?P<number>\d{1,9})/\d+\] (?P<text>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A step as the builder announced it.

    `number` counts from 1: with the legacy builder over the whole Dockerfile, with
    BuildKit within `stage`, where only FROM and what can make a layer counts. It is
    `running` if BuildKit told of its begin and not of its end.
    """

    number: int
    stage: str
    text: str
    cached: bool
    error: str
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What a builder said of one build, from its first word to its last.

    `status` is the HTTP status; `images` are the ids of those that the legacy builder
    made on the way, which the engine keeps until they are removed. `broken` means that
    the stream ended with neither an image nor an error: a panic in the engine, or a
    dead one.
    """

    ending: Ending
    error: str
    status: int
    steps: tuple[Announced, ...]
    images: tuple[str, ...]
    log: str


def said_before(error: str) -> Transcript:
    """Give the transcript of a build that a client refused before any builder ran."""
    return Transcript(
        ending="error", error=error, status=0, steps=(), images=(), log=f"{error}\n"
    )


class Budget:
    """How much of what a builder announces is kept: more than any Dockerfile makes.

    A RUN can print what looks like announcements.
    """

    def __init__(self, characters: int = 32 << 20) -> None:
        self._left = characters

    def takes(self, text: str) -> bool:
        """Say whether there is room for one more, and count it."""
        # what is kept of it beside its text
        self._left -= len(text) + 500
        return self._left >= 0


def read_lines(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Cut a byte stream into its JSON objects; what is none becomes a log text.

    So do the pieces of an object that is longer than any engine sends.
    """
    lines = Lines(_LONGEST)
    for chunk in chunks:
        yield from map(_object, filter(bytes.strip, lines.cut(chunk)))
    yield from map(_object, filter(bytes.strip, lines.rest()))


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    return (
        value if isinstance(value, dict) else {"stream": line.decode(errors="replace")}
    )


@dataclass
class Listener:
    """Collects a stream, line by line, until `transcript` is asked for."""

    steps: dict[tuple[str, int], Announced] = field(default_factory=dict)
    vertexes: dict[str, Vertex] = field(default_factory=dict)
    images: dict[str, None] = field(default_factory=dict)
    log: Output = field(default_factory=Output)
    budget: Budget = field(default_factory=Budget)
    error: str = ""
    built: bool = False
    _last: tuple[str, int] | None = None

    def hear(self, line: dict[str, Any]) -> None:
        """Take in one object of the stream."""
        if line.get("id") == "moby.buildkit.trace":
            self._trace(line.get("aux"))
        elif isinstance(aux := line.get("aux"), dict) and "ID" in aux:
            # The legacy builder names an id per stage, before a failure too, so an
            # id alone is no success: no error and no further step may follow.
            self.built = True
        elif "stream" in line:
            self._text(str(line["stream"]))
        if "error" in line or "errorDetail" in line:
            detail = line.get("errorDetail")
            message = detail.get("message") if isinstance(detail, dict) else None
            said = str(message or line.get("error") or "unknown error")
            self.error = shortened(said)
            self.log.add(f"{self.error}\n")

    def _text(self, text: str) -> None:
        self.log.add(text)
        if (match := _STEP.match(text)) and self.budget.takes(text):
            key = ("", int(match[1]))
            self._last = key
            self.built = False
            self.steps[key] = Announced(
                number=key[1],
                stage="",
                text=match[3].strip(),
                cached=False,
                error="",
            )
        elif text.startswith(" ---> Using cache") and self._last:
            old = self.steps[self._last]
            self.steps[self._last] = Announced(
                number=old.number, stage="", text=old.text, cached=True, error=""
            )
        elif (
            (match := _CREATED.match(text))
            and self._made_here()
            and self.budget.takes(match[1])
        ):
            self.images[match[1]] = None

    def _made_here(self) -> bool:
        """Say whether the image now named is this build's own.

        After FROM it is the one named there, after a cached step that of an earlier
        build: neither is ours to remove.
        """
        step = self.steps.get(self._last) if self._last else None
        return (
            step is not None
            and not step.cached
            and step.text.partition(" ")[0].upper() != "FROM"
        )

    def _trace(self, aux: object) -> None:
        if not isinstance(aux, str):
            return
        try:
            status: Status = decode(base64.b64decode(aux))
        except (ValueError, binascii.Error):
            self.log.add("(a progress message that cannot be read)\n")
            return
        for text in status.logs:
            self.log.add(text)
        for vertex in status.vertexes:
            if vertex.digest not in self.vertexes:
                self.log.add(vertex.name + "\n")
            self.vertexes[vertex.digest] = vertex

    def transcript(self, *, status: int, timed_out: bool = False) -> Transcript:
        """Conclude from all that was heard."""
        steps = [*self.steps.values(), *from_vertexes(self.vertexes.values())]
        ending: Ending = "broken"
        if timed_out:
            ending = "timeout"
        elif self.error:
            ending = "error"
            steps = _mark_failed(steps, self._last, self.error)
        elif self.built:
            ending = "ok"
        return Transcript(
            ending=ending,
            error=self.error,
            status=status,
            steps=tuple(steps),
            images=tuple(self.images),
            log=str(self.log),
        )


def _mark_failed(
    steps: list[Announced], last: tuple[str, int] | None, error: str
) -> list[Announced]:
    """Put the error to the last step of the legacy builder, which ends at it."""
    if last is None:
        return steps
    return [
        each
        if each.number != last[1]
        else Announced(
            number=each.number,
            stage=each.stage,
            text=each.text,
            cached=each.cached,
            error=error,
        )
        for each in steps
    ]


def from_vertexes(vertexes: Iterable[Vertex]) -> list[Announced]:
    """Give the steps among BuildKit's vertexes, by stage and number."""
    found = []
    for vertex in vertexes:
        match = _VERTEX.match(vertex.name)
        if match:
            stage = (match["stage"] or "").split(" ")[-1]
            found.append(
                Announced(
                    number=int(match["number"]),
                    # A platform stands before the name: `linux/amd64 build`.
                    stage="" if "/" in stage else stage,
                    text=match["text"],
                    cached=vertex.cached,
                    error=vertex.error,
                    running=vertex.running,
                )
            )
    return sorted(found, key=lambda each: (each.stage, each.number))
