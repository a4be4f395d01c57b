"""Say which lines a builder announced, which came from cache, and at which it failed.

How a builder's steps go with a Dockerfile's instructions is data (`conventions`). The
steps of all stages are told, also of those that the image is not made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from harness.builders.transcript import Announced, Transcript
from harness.dockerfile.parser import LAYER_INSTRUCTIONS, Dockerfile, Instruction, Stage
from harness.targets.conventions import Conventions

#: `executor failed running [/bin/sh -c x]: exit code: 1` up to 20.10, later `process
#: "/bin/sh -c x" did not complete successfully: exit code: 1`.
_FAILED_RUN = re.compile(
    r"""executor failed running \[(?P<list>.*)\]: """
    r"""|process "(?P<quoted>.*)" did not complete successfully""",
    re.DOTALL,
)
_LIST = re.compile(r"[\s\[\]\"',\\]+")
#: What decides how a RUN runs, besides the files that are there.
_SURROUNDINGS = frozenset({"ARG", "ENV", "SHELL", "USER"})
_LIST = re.compile(r"[\s\[\]\"',\\]+")
#: What decides how a RUN runs, besides the files that are there.
_SURROUNDINGS = frozenset({"ARG", "ENV", "SHELL", "USER"})
_RUN = re.compile(r"RUN(?:\s+--\S+)*\s+(?P<command>.*)", re.DOTALL | re.IGNORECASE)
#: BuildKit's snapshotter has no root for a step, as at too many layers on overlay2.
_NOT_PREPARED = re.compile(r"failed to prepare \S+: ")
_ERROR_LINE = re.compile(r"(?:on line |error line |Dockerfile:)(\d{1,9})(?!\d)")
#: buildah tells of a stage that is not there before it begins with any step.
_NO_STAGE = re.compile(r"COPY --from=(\S+): no stage or image found with that name")
_FROM_STAGE = re.compile(r"\s--from=(\S+)")
#: buildah shows the instruction that it cannot read, with its text, as Go prints it.
_SHOWN = re.compile(r"\{Value:.* StartLine:(\d{1,9}) [Ee]ndLine:\d+\}", re.DOTALL)


def cached_lines(
    parsed: Dockerfile, transcript: Transcript, *, conventions: Conventions
) -> Mapping[int, bool]:
    """Give, for each line that the builder announced, whether it came from cache.

    Lines of all stages: what is not there was not announced, and so not run.
    """
    return {
        instruction.line: step.cached
        for step, instruction in _announced(parsed, transcript.steps, conventions)
    }


def error_line(
    parsed: Dockerfile, transcript: Transcript, *, conventions: Conventions
) -> int | None:
    """Find the line a failed build failed at, None when the builder does not tell.

    The end of a build can overtake its last step's: with 20.10.5 the error of a RUN is
    often that of no step (measured). It names the command, though, and what no root
    can be prepared for has just begun.
    """
    announced = _announced(parsed, transcript.steps, conventions)
    for step, instruction in announced:
        # What else ran at that moment is cancelled, and reported as failed too.
        if step.error and "context canceled" not in step.error:
            return instruction.line
    if match := _SHOWN.search(transcript.error):
        return int(match[1])
    if match := _NO_STAGE.search(transcript.error):
        return _copies_from(parsed, match[1])
    if match := _ERROR_LINE.search(transcript.error):
        return int(match[1])
    if match := _FAILED_RUN.search(transcript.error):
        command = match["list"] or re.sub(r"\\(.)", r"\1", match["quoted"])
        for step, instruction in announced:
            if not step.cached and _runs(step, command):
                return instruction.line
    if _NOT_PREPARED.search(transcript.error):
        begun = [instruction for step, instruction in announced if step.running]
        return begun[0].line if len(begun) == 1 else None
    return None


def _copies_from(parsed: Dockerfile, name: str) -> int | None:
    """Find the line of the only COPY that can mean a stage of this name."""
    lines = [
        each.line
        for each in parsed.instructions
        if (match := _FROM_STAGE.search(each.text))
        and (match[1].strip("\"'") == name or "$" in match[1])
    ]
    return lines[0] if len(lines) == 1 else None


def _runs(step: Announced, command: str) -> bool:
    """Say whether a step is the RUN of a command, which a shell may stand before."""
    match = _RUN.match(step.text)
    if not match:
        return False
    try:
        words = json.loads(match["command"])
    except (ValueError, RecursionError):
        words = None
    is_exec = isinstance(words, list) and all(isinstance(each, str) for each in words)
    return command.endswith(" ".join(words) if is_exec else match["command"])


def _announced(
    parsed: Dockerfile, steps: Iterable[Announced], conventions: Conventions
) -> list[tuple[Announced, Instruction]]:
    if conventions.steps == "whole":
        every = parsed.instructions
        return [
            (step, every[step.number - 1])
            for step in steps
            if step.number <= len(every)
        ]
    if conventions.steps == "stages":
        return _in_order(parsed, steps)
    same = _same_vertexes(parsed)
    return [
        (step, instruction)
        for step in steps
        for line in sorted({each.line for each in _named(parsed, step)})
        for instruction in same[line]
    ]


def _named(parsed: Dockerfile, step: Announced) -> list[Instruction]:
    """Find the instruction that BuildKit means; several where stages share a name."""
    return [
        instruction
        for stage in parsed.stages
        if step.stage.lower() in _vertex_names(parsed, stage)
        and (instruction := _numbered(parsed, stage, step))
    ]


def _same_vertexes(parsed: Dockerfile) -> Mapping[int, Sequence[Instruction]]:
    """Give, by line, the instructions that are one vertex with it, itself included.

    Stages that begin alike share the vertexes of what is alike, and it is chance which
    of the stages gives its name (measured on 20.10.24).
    """
    numbers: dict[tuple[object, ...], int] = {}
    ends: dict[int, tuple[int, tuple[str, ...]]] = {}
    found: dict[int, list[Instruction]] = {}
    for stage in parsed.stages:
        own = [each for each in parsed.instructions if each.stage == stage.index]
        begins, *rest = own
        words = begins.text.split()
        source = words[:-2] if stage.name else words
        state = numbers.setdefault(tuple(source), len(numbers))
        surroundings: tuple[str, ...] = ()
        if stage.parent is not None:
            state, surroundings = ends[stage.parent]
        for each in rest:
            if each.keyword in _SURROUNDINGS:
                surroundings += (each.text,)
            if each.keyword in LAYER_INSTRUCTIONS:
                depends = each.keyword == "RUN" or "$" in each.text
                key = (state, each.text, surroundings if depends else ())
                state = numbers.setdefault(key, len(numbers))
                found.setdefault(state, []).append(each)
        ends[stage.index] = state, surroundings
    return {each.line: alike for alike in found.values() for each in alike}


def _in_order(
    parsed: Dockerfile, steps: Iterable[Announced]
) -> list[tuple[Announced, Instruction]]:
    """Match steps that stand for all instructions of a stage, or of all stages.

    buildah numbers the stages, `[1/2] STEP 2/3`, or not, up to 1.19.6. What stands
    between (ONBUILD triggers, labels of the build) is in no Dockerfile.
    """
    found = []
    waiting: dict[str, list[Instruction]] = {}
    for step in steps:
        if step.stage not in waiting:
            waiting[step.stage] = [
                each
                for each in parsed.instructions
                if each.stage >= 0 and step.stage in {"", str(each.stage + 1)}
            ]
        rest = waiting[step.stage]
        for place, each in enumerate(rest):
            if _says(step, each):
                found.append((step, each))
                del rest[: place + 1]
                break
    return found


def _says(step: Announced, instruction: Instruction) -> bool:
    """Say whether a step is an instruction, whose variables it may have filled in."""
    if step.text.partition(" ")[0].upper() != instruction.keyword:
        return False
    text = instruction.text
    if instruction.keyword == "FROM" or "$" in text or "<<" in text:
        return True
    return _bare(step.text) == _bare(text)


def _bare(text: str) -> str:
    """Leave out the keyword, and how a list is written: BuildKit shows its words."""
    return _LIST.sub("", text.partition(" ")[2])


def _vertex_names(parsed: Dockerfile, stage: Stage) -> set[str]:
    """Name a stage as BuildKit does in `[NAME 2/3]`.

    A single stage has no name, but one when there are named contexts (measured).
    """
    name = stage.name.lower() or f"stage-{stage.index}"
    return {"", name} if len(parsed.stages) == 1 else {name}


def _numbered(parsed: Dockerfile, stage: Stage, step: Announced) -> Instruction | None:
    """Find the instruction with BuildKit's number in its stage.

    FROM counts, except `FROM scratch` and `FROM stage`; `WORKDIR /` does not.
    """
    pulled = stage.parent is None and stage.source.lower() != "scratch"
    own = [
        each
        for each in parsed.instructions
        if each.stage == stage.index
        and each.keyword in LAYER_INSTRUCTIONS
        and not (each.keyword == "WORKDIR" and each.arguments == "/")
    ]
    last = min(step.number - 1 - pulled, len(own) - 1)
    # Triggers have numbers too, before those of the stage's own instructions.
    before = own[last::-1] if last >= 0 else []
    return next((each for each in before if _says(step, each)), None)
