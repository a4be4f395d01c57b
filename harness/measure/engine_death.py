"""What to make of a build that broke off: did it end its engine, in what words.

Whose doing it was, only a build that is alone on its engine can tell (`engine_lock`).
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

import docker

from harness.builders import panic
from harness.builders.transcript import Ending, Transcript
from harness.engines import Engine, containerd, room
from harness.engines.address import answers, await_answer, connect
from harness.engines.output import ends_of
from harness.engines.watchdog import free_part
from harness.errors import EngineError, EngineGone
from harness.measure.open_target import OpenTarget

#: Seconds that an engine gets to come back after a build has killed it.
RESTART = 60.0
#: Part of the room below which an engine is as good as full.
_LITTLE = 0.05

#: What clients say of an engine that has died below them (measured on buildx 0.13.1
#: and 0.29.1); some of it is said of other connections too.
_LOST = re.compile(
    r"error reading from server|code = Unavailable|unexpected EOF"
    r"|connection re(?:set|fused)|Cannot connect to the Docker daemon",
    re.IGNORECASE,
)


def is_lost(transcript: Transcript, opened: OpenTarget, mark: int) -> bool:
    """Say whether a build may have ended with its engine, or with a part of it.

    An engine that dies just ends the stream; a client words it as an error. `mark` is
    the length of the engine's log when the build began.
    """
    if transcript.ending in {"ok", "panic"}:
        return False
    return (
        transcript.ending == "broken"
        or containerd.is_away(transcript.error)
        or (opened.tool is not None and _LOST.search(transcript.error) is not None)
        or containerd.end_in(_said_since(opened, mark)) != ""
    )


def _said_since(opened: OpenTarget, mark: int) -> str:
    if opened.log is None:
        return ""
    return ends_of(opened.log, mark)


def is_full(transcript: Transcript, opened: OpenTarget) -> bool:
    """Say whether a build failed for want of room where it was built.

    A RUN that fills a small tmpfs says so too; that is the build's own doing, unless
    there is no room left.
    """
    if transcript.ending not in {"error", "unexportable"}:
        return False
    if room.is_said(transcript.error):
        return True
    root = opened.engine.data_root if opened.engine else None
    return (
        root is not None and room.is_said(transcript.log) and free_part(root) < _LITTLE
    )


def connected(engine: Engine, *, timeout: float) -> docker.APIClient:
    """Connect to an engine that a build of another process may just have killed."""
    try:
        return connect(engine.address, timeout=timeout)
    except EngineError:
        if not await_answer(engine.address, RESTART):
            raise
        return connect(engine.address, timeout=timeout)


def await_engine(opened: OpenTarget) -> None:
    """Wait for an engine that a build has killed; EngineGone if it stays away.

    One whose containerd has died answers, but does not tell its version.
    """
    engine = opened.engine
    if engine is None:
        return
    deadline = time.monotonic() + RESTART
    # one of ours that was stopped has no log any more, and does not come back
    while time.monotonic() < deadline and (opened.log is None or opened.log.exists()):
        if answers(engine.address) and containerd.is_there(engine):
            return
        # neither dockerd's nor containerd's return gives an event to wait for
        time.sleep(0.05)
    raise EngineGone(
        "the engine does not come back after a build that killed it",
        where=opened.name,
        hint="start it again; what was measured is kept",
    )


def blamed(transcript: Transcript, opened: OpenTarget, mark: int) -> Transcript:
    """Tell a build's end by what the engine's log got since `mark` bytes."""
    alive = opened.engine is not None and answers(opened.engine.address)
    # one that is up again has written all it had to say
    await_engine(opened)
    if opened.log is None:
        caught = alive
        words = "no word: the engine's log is not at hand"
    else:
        said = _said_since(opened, mark)
        found = panic.first_lines(said) or containerd.end_in(said)
        caught = panic.is_caught(said)
        words = found or "no panic in the engine's log"
        alive = alive and not found
    if transcript.ending != "broken" and alive:
        # It was the build's own error, such as a connection that a RUN was refused.
        return transcript
    ending: Ending = "panic" if caught else "broken"
    return replace(transcript, ending=ending, error=words, log=transcript.log + words)
