"""Say which instruction made which layer.

Layers are mapped by the position of history entries, then by `empty_layer`; never by
guessing from the instruction: a builder's choice is what is measured. How a builder's
history goes with a Dockerfile is data (`conventions`). The rules were checked on 2,944
saved images of both builders of engines without an exception, 20.10.5 to 28.5.2, and on
buildah 1.19.6 to 1.43.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.dockerfile.parser import LAYER_INSTRUCTIONS, Dockerfile, Instruction
from harness.measure.observation import ONE_FOR_A_STAGE
from harness.targets.conventions import Conventions


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

    Known only where one instruction alone can have changed files: buildah 1.45 leaves
    a layer out where what one has made, another has removed (measured).
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
    # those that could, behind the last layer, have together changed nothing
    rest = [
        each for each in entries[begin:] if each and each.keyword in LAYER_INSTRUCTIONS
    ]
    if None in makers or len(rest) > 1:
        return Mapped(layers=(), lines=lines, note=ONE_FOR_A_STAGE)
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
