"""The merged view of the image that each build's FROM named, from what is stored. Pure.

An earlier build's is derived from its layers; the base's is given where it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.cases.case import Case, argument
from harness.measure.merged_view import apply
from harness.measure.observation import Change, LayerRecord, Observation, View


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentView:
    """What lies below a build's layers.

    `view` lacks what the base holds where it is not `complete`; `layers` are then all
    those above the base.
    """

    view: View
    complete: bool = True
    layers: tuple[LayerRecord, ...] = ()

    def with_layers(self, layers: tuple[LayerRecord, ...]) -> ParentView:
        """Put layers on it."""
        view = self.view
        for layer in layers:
            _, view = apply(view, layer.changes)
        return ParentView(
            view=view, complete=self.complete, layers=(*self.layers, *layers)
        )

    def tells(self, path: str) -> bool:
        """Say whether it is known what stands at `path`, if anything does."""
        return (
            self.complete
            or path in self.view
            or any(
                _hides(each, path) for layer in self.layers for each in layer.changes
            )
        )


def _hides(change: Change, path: str) -> bool:
    """Say whether a change takes away what the base had at `path`."""
    if path == change.path:
        return change.change == "deleted"
    below = path.startswith(change.path.rstrip("/") + "/")
    return below and (change.change in {"deleted", "opaque"} or change.type != "dir")


def parent_views(
    case: Case, observation: Observation, base: View | None
) -> dict[str, ParentView]:
    """Give the view below each build's layers; `base` is None where it is not known."""
    scratch = ParentView(view={})
    found: dict[str, ParentView] = {}
    images: dict[str, ParentView] = {}
    for build in observation.builds:
        # a damaged result may name a build that the case does not have
        source = case.source(build.name) if build.name in case.builds else ""
        if source in images:
            below = images[source]
        elif build.below:
            below = ParentView(view=base or {}, complete=base is not None)
        else:
            below = scratch
        found[build.name] = below
        made = build.outcome == "ok"
        images[argument(build.name)] = (
            below.with_layers(build.layers) if made else scratch
        )
    return found
