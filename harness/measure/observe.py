"""One case on one target, from its builds to the canonical observation.

`building` has the effects; here is what its images say, after the named noise rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import Any

from harness.builders.transcript import Ending
from harness.cases.case import Case, argument
from harness.dockerfile import images, parser
from harness.dockerfile.parser import Dockerfile
from harness.images.image import Image
from harness.images.layer import Entry
from harness.measure import overlay2
from harness.measure.announced_steps import cached_lines, error_line
from harness.measure.build_case import Built, Run, next_second, run
from harness.measure.instruction_layers import Mapped, map_layers
from harness.measure.merged_view import apply
from harness.measure.noise import Noise
from harness.measure.observation import (
    BuildOutcome,
    BuildRecord,
    HistoryEntry,
    LayerRecord,
    Observation,
    Relation,
    Step,
    View,
)
from harness.measure.open_target import OpenTarget
from harness.measure.shared_layers import Lineage, relate, trace
from harness.targets.target import Target

#: How a build without an image ended, by how its stream did.
_OUTCOMES: Mapping[Ending, BuildOutcome] = {
    "broken": "crash",
    "error": "error",
    "ok": "error",
    "panic": "panic",
    "timeout": "timeout",
    "unexportable": "unexportable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What `observe` gives: the observation, and the raw run."""

    observation: Observation
    run: Run


def observe(case: Case, opened: OpenTarget) -> Measurement:
    """Build a case on a target and record what came out.

    Built a second time, in a later second, where the case asks whether builds
    are reproducible. Raises what `run` raises.
    """
    first = run(case, opened)
    again: Mapping[str, Built] = {}
    if any(each.reproducible is not None for each in case.asked):
        next_second(opened.now)
        again = {each.name: each for each in run(case, opened).built}
    recorder = Recorder(case, opened.target, first)
    records = [
        replace(
            recorder.record(position),
            reproducible=_equal(
                each, again.get(each.name), len(first.base_image.layers)
            ),
        )
        for position, each in enumerate(first.built)
    ]
    observation = Observation(
        case=case.id, target=opened.target.id, builds=tuple(records)
    )
    return Measurement(observation=observation, run=first)


class Recorder:
    """Makes the records of one run's builds; later ones are seen against earlier."""

    def __init__(self, case: Case, target: Target, measured: Run) -> None:
        self.case = case
        self.target = target
        self.run = measured
        self.lineages: list[Lineage] = []

    def record(self, position: int) -> BuildRecord:
        """Record one build of the run."""
        built = self.run.built[position]
        noise = self._noise()
        transcript, image = built.transcript, built.image
        parsed = parser.parse(built.build.dockerfile, built.build.args)
        conventions = self.target.builder.conventions
        if image is None:
            outcome = _OUTCOMES[transcript.ending]
            error = noise.text(transcript.error)
            if outcome == "timeout":
                error = "not done within the time limit"
            return BuildRecord(
                name=built.name,
                outcome=outcome,
                error=error,
                error_line=error_line(parsed, transcript, conventions=conventions),
                noise=tuple(sorted(noise.touched)),
            )
        parent = self._parent(built, self.run.built[:position])
        view = merged(tuple(each.entries for each in parent.layers) if parent else ())
        below = len(parent.layers) if parent else 0
        history = image.config.get("history") or []
        skipped = len(parent.config.get("history") or []) if parent else 0
        own = history[skipped:]
        mapped = map_layers(
            parsed,
            conventions=conventions,
            target=built.build.target,
            labels=len(built.build.labels),
            empty=[bool(each.get("empty_layer")) for each in own],
            triggers=_triggers(parent),
            created_by=[str(each.get("created_by") or "") for each in own],
        )
        layers = self._layers(image, view, mapped, noise)
        # A case's only build has nothing of its own to take from a cache.
        alone = len(self.case.builds) == 1
        announced = cached_lines(parsed, transcript, conventions=conventions)
        cached = {
            line: None if alone else from_cache
            for line, from_cache in announced.items()
        }
        steps = tuple(
            Step(
                line=each.line,
                text=each.text,
                layer=layer,
                cached=cached.get(each.line),
            )
            for each, layer in mapped.layers
        )
        return BuildRecord(
            name=built.name,
            outcome="ok",
            below=below - (self.run.added if self._on_base(parent) else 0),
            layers=layers,
            steps=steps,
            other_steps=_other_steps(parsed, built.build.target, cached),
            history=tuple(_history(each, noise) for each in own),
            config=noise.config(image.config),
            relations=self._relations(built, below, steps, layers),
            container=built.container,
            on_disk=(
                overlay2.compare(built.directories, image.layers)
                if built.directories
                else None
            ),
            noise=tuple(sorted(noise.touched)),
            note=mapped.note,
        )

    def _noise(self) -> Noise:
        # BuildKit takes COPY of a here-document from any earlier build with the same
        # one, whatever the base, and keeps its time (measured on 28.5.2).
        return Noise(since=self.run.began, until=self.run.until, base=self.run.base)

    def _parent(self, built: Built, earlier: Sequence[Built]) -> Image | None:
        """Find the image that the build's first FROM named; None for scratch."""
        if self.case.given is not None:
            parsed = parser.parse(built.build.dockerfile, built.build.args)
            named = images.origin(parsed, built.build.target, built.build.args)
            return self.run.given.get(images.canonical(named)) if named else None
        source = self.case.source(built.name)
        if not source:
            return None
        for each in earlier:
            if source == argument(each.name):
                return each.image
        base = [layer.diff_id for layer in self.run.base_image.layers]
        return self.run.base_image if _diff_ids(built)[: len(base)] == base else None

    def _on_base(self, image: Image | None) -> bool:
        base = self.run.base_image.layers
        return image is not None and image.layers[: len(base)] == base

    def _layers(
        self, image: Image, view: View, mapped: Mapped, noise: Noise
    ) -> tuple[LayerRecord, ...]:
        found = []
        own = image.layers[len(image.layers) - len(mapped.lines) :]
        for line, layer in zip(mapped.lines, own, strict=True):
            entries = layer.entries
            if self.case.given is not None:
                entries = noise.without_dockerfile(entries)
            changes, view = apply(view, map(noise.entry, entries))
            found.append(
                LayerRecord(
                    line=line,
                    diff_id=noise.diff_id(layer.diff_id, changes),
                    size=layer.size,
                    changes=changes,
                )
            )
        return tuple(found)

    def _relations(
        self,
        built: Built,
        below: int,
        steps: Sequence[Step],
        layers: Sequence[LayerRecord],
    ) -> tuple[Relation, ...]:
        """Compare the layers above the base with those of each earlier build."""
        base = {layer.diff_id for layer in self.run.base_image.layers}
        every = _diff_ids(built)
        skipped = sum(each in base for each in every)
        made = {
            below - skipped + step.layer - 1: step
            for step in steps
            if step.layer is not None
        }
        ids = every[skipped:]
        brought = len(ids) - len(layers)
        own = trace(
            built.name,
            ids,
            lasting=[False] * brought + [each.diff_id is not None for each in layers],
            reused=[
                place < brought or bool((step := made.get(place)) and step.cached)
                for place in range(len(ids))
            ],
            earlier=self.lineages,
        )
        relations = tuple(relate(own, other, made) for other in self.lineages)
        self.lineages.append(own)
        return relations


@lru_cache(maxsize=8)
def merged(layers: tuple[tuple[Entry, ...], ...]) -> View:
    """Merge the layers that lie below a build; most builds have the same below them.

    What rules they touch is no news of the build, and no time in them is its own.
    """
    view: View = {}
    noise = Noise(since=inf, until=inf, base="")
    for entries in layers:
        _, view = apply(view, map(noise.entry, entries))
    return view


def _other_steps(
    parsed: Dockerfile, target: str, cached: Mapping[int, bool | None]
) -> tuple[Step, ...] | None:
    """List what was announced of stages that the image is not made of."""
    others = parsed.outside(target)
    if others is None:
        return None
    return tuple(
        Step(
            line=each.line,
            text=each.text,
            layer=None,
            cached=cached[each.line],
            stage=each.stage,
        )
        for each in others
        if each.line in cached
    )


def _triggers(parent: Image | None) -> int:
    """Count the ONBUILD instructions that the parent brings."""
    config = (parent.config.get("config") or {}) if parent else {}
    return len(config.get("OnBuild") or ())


def _history(entry: Mapping[str, Any], noise: Noise) -> HistoryEntry:
    return HistoryEntry(
        created_by=noise.instruction(str(entry.get("created_by") or "")),
        comment=noise.comment(str(entry.get("comment") or "")),
        author=str(entry.get("author") or ""),
        empty_layer=bool(entry.get("empty_layer")),
    )


def _diff_ids(built: Built) -> list[str]:
    return [layer.diff_id for layer in built.image.layers] if built.image else []


def _equal(first: Built, second: Built | None, base: int) -> bool | None:
    """Compare two runs of a build by diff ID; their bases differ by design."""
    if second is None or first.image is None or second.image is None:
        return None
    one, other = _diff_ids(first), _diff_ids(second)
    if first.image.layers and one[:base] != other[:base]:
        one, other = one[base:], other[base:]
    return one == other
