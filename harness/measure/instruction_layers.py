"""Say which instruction made which layer, and which came from cache.

Layers are mapped by the position of history entries, then by `empty_layer`; never by
guessing from the instruction: a builder's choice is what is measured. How a builder's
history and steps go with a Dockerfile is data (`conventions`). The rules were checked
on 2,944 saved images of both builders of engines without an exception, 20.10.5 to
28.5.2, and on buildah 1.19.6 to 1.43.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
_RUN = re.compile(r"RUN(?:\s+--\S+)*\s+(?P<command>.*)", re.DOTALL | re.IGNORECASE)
#: BuildKit's snapshotter has no root for a step, as at too many layers on overlay2.
_NOT_PREPARED = re.compile(r"failed to prepare \S+: ")
_ERROR_LINE = re.compile(r"(?:on line |error line |Dockerfile:)(\d+)")
#: buildah tells of a stage that is not there before it begins with any step.
_NO_STAGE = re.compile(r"COPY --from=(\S+): no stage or image found with that name")
_FROM_STAGE = re.compile(r"\s--from=(\S+)")
#: buildah shows the instruction that it cannot read, with its text, as Go prints it.
_SHOWN = re.compile(r"\{Value:.* StartLine:(\d+) [Ee]ndLine:\d+\}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The instructions of an image with the layer (from 1, above the base) of each.

    `lines` gives each layer above the base its line. `note` is empty when all is
    known, else the reason why it is not, and the rest is empty.
    """

    layers: tuple[tuple[Instruction, int | None], ...]
    lines: tuple[int | None, ...]
    note: str


def map_layers(
    parsed: Dockerfile,
    *,
    conventions: Conventions,
    target: str,
    labels: int,
    empty: Sequence[bool],
    triggers: int,
    created_by: Sequence[str] = (),
) -> Mapped:
    """Match a build's history entries above the base with its instructions.

    `empty` has `empty_layer` of each of those entries, `created_by` their texts,
    `labels` counts the build option's labels, `triggers` the base's ONBUILD
    instructions, which come first.
    """
    chain = list(parsed.chain(target))
    if not conventions.onbuild:
        chain = [each for each in chain if each.keyword != "ONBUILD"]
    if conventions.history == "layers-only":
        return _by_text(chain, empty, created_by)
    behind = len(empty) - triggers - len(chain)
    if behind not in _label_entries(conventions, labels):
        return Mapped(
            layers=(),
            lines=(None,) * sum(not each for each in empty),
            note=f"{len(empty)} history entries for {len(chain)} instructions",
        )
    first = _origin(parsed, target)
    entries = [None] * triggers + chain + [None] * behind
    if conventions.history == "last":
        return _by_stage(entries, empty, triggers)
    layer = 0
    mapped: list[tuple[Instruction, int | None]] = []
    lines: list[int | None] = []
    for instruction, is_empty in zip(entries, empty, strict=True):
        if not is_empty:
            layer += 1
            # What a trigger made belongs to the FROM that brought it.
            lines.append(instruction.line if instruction else first)
        if instruction is not None:
            mapped.append((instruction, None if is_empty else layer))
    return Mapped(layers=tuple(mapped), lines=tuple(lines), note="")


def _label_entries(conventions: Conventions, labels: int) -> set[int]:
    """Say how many entries the labels of a build may have, at the end."""
    if conventions.labels == "none":
        return {0}
    if conventions.labels == "each":
        return {labels}
    return {0, min(1, labels), labels}


def _by_stage(
    entries: Sequence[Instruction | None], empty: Sequence[bool], triggers: int
) -> Mapped:
    """Map layers that stand for all instructions of a stage, on its last entry.

    Known only where one instruction alone can have changed files.
    """
    makers: list[Instruction | None] = []
    begin = 0
    for position, is_empty in enumerate(empty):
        if is_empty:
            continue
        segment = entries[begin : position + 1]
        could = [
            each for each in segment if each and each.keyword in LAYER_INSTRUCTIONS
        ]
        alone = len(could) == 1 and begin >= triggers
        makers.append(could[0] if alone else None)
        begin = position + 1
    lines = tuple(each.line if each else None for each in makers)
    if None in makers:
        note = "one layer for all instructions of a stage"
        return Mapped(layers=(), lines=lines, note=note)
    numbers = {each: place for place, each in enumerate(makers, 1)}
    return Mapped(
        layers=tuple((each, numbers.get(each)) for each in entries if each),
        lines=lines,
        note="",
    )


def _by_text(
    chain: Sequence[Instruction], empty: Sequence[bool], created_by: Sequence[str]
) -> Mapped:
    """Map entries that stand for layers only, by what they say.

    Equal lines leave a choice: a layer is known where the first and the last way to
    place all entries in order agree.
    """
    texts = [
        _normal(text) for text, none in zip(created_by, empty, strict=True) if not none
    ]
    first = _placed(chain, texts)
    last = _placed(chain[::-1], texts[::-1])
    if first is None or last is None:
        note = f"{len(texts)} layers that {len(chain)} instructions do not explain"
        return Mapped(layers=(), lines=(None,) * len(texts), note=note)
    makers = [
        one if one == other else None
        for one, other in zip(first, last[::-1], strict=True)
    ]
    lines = tuple(each.line if each else None for each in makers)
    if None in makers:
        return Mapped(
            layers=(),
            lines=lines,
            note="the history has no entry for what made no layer, and lines repeat",
        )
    numbers = {each: place for place, each in enumerate(makers, 1)}
    return Mapped(
        layers=tuple((each, numbers.get(each)) for each in chain), lines=lines, note=""
    )


def _placed(
    chain: Sequence[Instruction], texts: Sequence[str]
) -> list[Instruction] | None:
    """Give each text the next instruction that says it; None when one has none."""
    rest = iter(chain)
    found = [
        next((each for each in rest if _normal(each.text) == text), None)
        for text in texts
    ]
    return None if None in found else [each for each in found if each]


def _normal(text: str) -> str:
    return " ".join(text.split())


def _origin(parsed: Dockerfile, target: str) -> int | None:
    """Find the line of the FROM that begins the chain of a stage."""
    stage = parsed.stage(target)
    while stage is not None and stage.parent is not None:
        stage = parsed.stages[stage.parent]
    for each in parsed.instructions:
        if stage is not None and each.keyword == "FROM" and each.stage == stage.index:
            return each.line
    return None


def cached_lines(
    parsed: Dockerfile, transcript: Transcript, *, conventions: Conventions
) -> Mapping[int, bool]:
    """Give, for each line that the builder announced, whether it came from cache."""
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
    except ValueError:
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
    found = []
    by_name = {
        name: stage for stage in parsed.stages for name in _vertex_names(parsed, stage)
    }
    for step in steps:
        stage = by_name.get(step.stage.lower())
        instruction = _numbered(parsed, stage, step) if stage else None
        if instruction is not None:
            found.append((step, instruction))
    return found


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
    return _normal(step.text).partition(" ")[2] == text.partition(" ")[2]


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
    position = step.number - 1 - pulled
    if not 0 <= position < len(own):
        return None
    keyword = step.text.partition(" ")[0].upper()
    return own[position] if own[position].keyword == keyword else None
