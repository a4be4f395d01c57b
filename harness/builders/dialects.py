"""Understand what builders that are commands print, line by line.

A dialect is a function from one line to what it says; all end in the same Transcript
that an engine's stream ends in. Nothing here knows of processes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.builders.panic import of_a_command
from harness.builders.record import Dialect
from harness.builders.trace import Vertex
from harness.builders.transcript import (
    Announced,
    Budget,
    Ending,
    Transcript,
    from_vertexes,
)
from harness.engines.output import Output, shortened

#: Characters of a message over several lines; a RUN can print its beginning.
_LONGEST: Final = 16 << 20

#: 1.19.6: `STEP 3: RUN x`; later: `STEP 3/12: RUN x`, `[1/2] STEP 3/12: RUN x`.
_BUILDAH_STEP = re.compile(r"^(?:\[(\d+)/\d+\] )?STEP (\d{1,9})(?:/\d+)?: (.*)")
_BUILDAH_CACHED = re.compile(r"^(?:\[\d+/\d+\] )?--> Using cache ")
_BUILDAH_FAILED = re.compile(r'at STEP "((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r"^#(\d+) (.*)")
_KANIKO = re.compile(
    r"^(?:\x1b\[\d+m)?(?P<level>[A-Z]+)(?:\x1b\[0m)?\[\d+\] (?P<text>.*)"
)
_KANIKO_STEP = re.compile(
    r"^(?:FROM|RUN|COPY|ADD|WORKDIR|ENV|ARG|LABEL|CMD|ENTRYPOINT|EXPOSE|USER|VOLUME"
    r"|ONBUILD|STOPSIGNAL|SHELL|HEALTHCHECK|MAINTAINER)\b"
)
_KANIKO_CACHED = re.compile(r"^Using caching version of cmd: (.*)")
_LEGACY_STEP = re.compile(r"^Step (\d{1,9})/(\d+) : (.*)")
_LEGACY_CREATED = re.compile(r"^ ---> ([0-9a-f]{12,64})\s*$")
_ERROR = re.compile(r"^(?:ERROR|[Ee]rror|FATAL|fatal)\b[: ]\s*(.*)")
#: buildah's list of errors, and an item of it that only follows from another.
_LIST = re.compile(r"\d+ errors? occurred:$")
_FOLLOWS = re.compile(r"closed pipe|broken pipe|subprocess: EOF$|exit status \d+$")
_LOGGED = re.compile(r'^time="[^"]*" level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"')


@dataclass
class Heard:
    """What was heard of one build so far.

    `open` has the lines of an unfinished message, of `size` characters in all. `error`
    is the builder's last, `complaint` the last line that came as an error, `spoken` the
    last of all. `budget` bounds the steps, since a RUN can print what looks like them.
    """

    dialect: Dialect
    steps: dict[tuple[str, int], Announced] = field(default_factory=dict)
    vertexes: dict[str, Vertex] = field(default_factory=dict)
    log: Output = field(default_factory=Output)
    error: str | None = None
    images: dict[str, None] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    open: list[str] = field(default_factory=list)
    size: int = 0
    complaint: str = ""
    spoken: str = ""
    _last: tuple[str, int] | None = None

    def hear(self, line: str, is_error: bool = False) -> None:  # noqa: FBT001, FBT002  # a callback
        """Take in one line of the output; whether it came as an error."""
        if is_error and line.strip():
            self.complaint = line
        _DIALECTS[self.dialect](self, line)

    def say(self, text: str) -> None:
        """Keep a line for the log."""
        self.log.add(f"{text}\n")
        if text.strip():
            self.spoken = text

    def announce(self, stage: str, number: int, text: str) -> None:
        """Note a step that begins."""
        if not self.budget.takes(text):
            return
        self._last = (stage, number)
        self.steps[self._last] = Announced(
            number=number, stage=stage, text=text.strip(), cached=False, error=""
        )

    def took_cache(self) -> None:
        """Note that the step announced last came from cache."""
        if self._last in self.steps:
            self.steps[self._last] = replace(self.steps[self._last], cached=True)

    def made_here(self) -> bool:
        """Say whether an image now named is the build's own, not FROM's, nor cached."""
        step = self.steps.get(self._last) if self._last else None
        return bool(step and not step.cached and not step.text.startswith("FROM"))

    def transcript(self, *, status: int, timed_out: bool) -> Transcript:
        """Conclude from all that was heard and how the command ended."""
        ending: Ending = "timeout" if timed_out else "error" if status else "ok"
        error = self._error() if ending == "error" else ""
        log = str(self.log)
        # one that a RUN prints is followed by the builder's error
        if error and self.error is None and (panicked := of_a_command(log)):
            ending, error = "panic", panicked
        failed = self._failed(error) if error else None
        if failed is not None:
            self.steps[failed] = replace(self.steps[failed], error=shortened(error))
        return Transcript(
            ending=ending,
            error=shortened(error),
            status=status,
            steps=(*self.steps.values(), *from_vertexes(self.vertexes.values())),
            images=tuple(self.images),
            log=log,
        )

    def _error(self) -> str:
        if self.error is not None:
            return self.error.strip()
        return (self.complaint or self.spoken).strip() or "it failed without a word"

    def _failed(self, error: str) -> tuple[str, int] | None:
        """Find the step that failed: these builders take one after the other.

        Whether buildah still announces a step when another fails is chance, but it
        names the one that failed.
        """
        if self.dialect != "buildah":
            return self._last
        match = _BUILDAH_FAILED.search(error)
        if match is None:
            return None
        text = match[1].replace('\\"', '"').replace("\\\\", "\\")
        keyword = text.partition(" ")[0]
        same = [key for key, each in self.steps.items() if each.text == text.strip()]
        alike = [
            key for key, each in self.steps.items() if each.text.startswith(keyword)
        ]
        found = same or alike
        return found[-1] if found else None


def _rawjson(heard: Heard, line: str) -> None:
    """Hear BuildKit's status messages as `docker build --progress=rawjson` has them.

    They are buildkit's client.SolveStatus: an object a line with buildx 0.29, indented
    over several with 0.13 (measured). Other lines are texts.
    """
    if heard.open or line == "{":
        heard.open.append(line)
        heard.size += len(line) + 1
        if line != "}" and heard.size < _LONGEST:
            return
        line = "\n".join(heard.open)
        heard.open.clear()
        heard.size = 0
    try:
        status = json.loads(line)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict):
        _text(heard, line)
        return
    for each in _list(status, "logs"):
        with_data = str(each.get("data") or "")
        try:
            text = base64.b64decode(with_data).decode(errors="replace")
        except (ValueError, binascii.Error):
            text = "(a log that cannot be read)"
        heard.say(text.rstrip("\n"))
    for each in _list(status, "vertexes"):
        digest = str(each.get("digest"))
        if digest not in heard.vertexes:
            heard.say(str(each.get("name")))
            if not heard.budget.takes(str(each)):
                continue
        heard.vertexes[digest] = Vertex(
            digest=digest,
            name=str(each.get("name") or ""),
            cached=bool(each.get("cached")),
            error=str(each.get("error") or ""),
            running=bool(each.get("started") and not each.get("completed")),
        )


def _list(status: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = status.get(name)
    every = found if isinstance(found, list) else []
    return [each for each in every if isinstance(each, dict)]


def _plain(heard: Heard, line: str) -> None:
    """Hear `--progress=plain`: `#5 [2/3] RUN x`, `#5 CACHED`, `#5 ERROR: why`."""
    match = _PLAIN.match(line)
    if not match:
        _text(heard, line)
        return
    heard.say(line)
    known = heard.vertexes.get(match[1])
    if known is None and not heard.budget.takes(match[2]):
        return
    if known is None:
        known = Vertex(digest=match[1], name=match[2], cached=False, error="")
    elif match[2] == "CACHED":
        known = replace(known, cached=True)
    elif match[2].startswith("ERROR: "):
        known = replace(known, error=match[2].removeprefix("ERROR: "))
    heard.vertexes[match[1]] = known


def _buildah(heard: Heard, line: str) -> None:
    """Hear buildah and podman (measured on 1.19.6 to 1.43.2)."""
    match = _BUILDAH_STEP.match(line)
    if match and not match[3].startswith("COMMIT"):
        heard.announce(match[1] or "", int(match[2]), match[3])
    elif _BUILDAH_CACHED.match(line):
        heard.took_cache()
    _text(heard, line)


def _kaniko(heard: Heard, line: str) -> None:
    """Hear the kaniko executor, whose steps have no numbers.

    It logs as logrus does, `INFO[0003] RUN x`, and `Using caching version of cmd: RUN
    x` where it found a layer (kaniko's pkg/executor/build.go).
    """
    match = _KANIKO.match(line)
    if not match:
        _text(heard, line)
        return
    heard.say(line)
    text = match["text"]
    if cached := _KANIKO_CACHED.match(text):
        heard.announce("", len(heard.steps) + 1, cached[1])
        heard.took_cache()
    elif _KANIKO_STEP.match(text):
        last = heard.steps.get(("", len(heard.steps)))
        if last is None or not (last.cached and last.text == text.strip()):
            heard.announce("", len(heard.steps) + 1, text)
    elif match["level"] in {"ERRO", "FATA"}:
        heard.error = text


def _legacy(heard: Heard, line: str) -> None:
    """Hear the legacy builder as the docker CLI prints it: `Step 2/3 : RUN x`."""
    if match := _LEGACY_STEP.match(line):
        heard.announce("", int(match[1]), match[3])
    elif line.startswith(" ---> Using cache"):
        heard.took_cache()
    elif (
        (match := _LEGACY_CREATED.match(line))
        and heard.made_here()
        and heard.budget.takes(match[1])
    ):
        heard.images[match[1]] = None
    _text(heard, line)


def _text(heard: Heard, line: str) -> None:
    heard.say(line)
    if match := _LOGGED.match(line):
        if heard.error is None:
            heard.error = match[1].replace('\\"', '"')
    elif match := _ERROR.match(line):
        heard.error = match[1]
    elif (
        line.startswith("\t* ")
        and heard.error is not None
        and not _FOLLOWS.search(line)
    ):
        item = line.removeprefix("\t* ")
        heard.error = _LIST.sub(lambda _: item, heard.error)


_DIALECTS: Final[Mapping[Dialect, Callable[[Heard, str], None]]] = {
    "rawjson": _rawjson,
    "plain": _plain,
    "legacy": _legacy,
    "buildah": _buildah,
    "kaniko": _kaniko,
    "none": _text,
}
