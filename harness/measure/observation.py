"""What was measured of a case on a target, as canonical values.

The records that `observe` makes, `compare` compares and `result` stores. No clock, no
host and no temporary id is in them: two runs give equal observations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

#: `crash`: the build killed the engine; `panic`: only the handler of its request;
#: `unexportable`: it made an image that `docker save`, or a push, fails on.
BuildOutcome = Literal["ok", "error", "timeout", "crash", "panic", "unexportable"]
_VERBS: Mapping[str, str] = {
    "crash": "kills the engine",
    "panic": "panics",
    "unexportable": "makes an image that cannot be exported",
}
ChangeKind = Literal["added", "modified", "deleted", "touched", "opaque"]

#: Note of a build whose builder has one layer for a stage, whatever made its files.
ONE_FOR_A_STAGE = "one layer for all instructions of a stage"

#: The merged view: path to what stands there.
View: TypeAlias = Mapping[str, "Change"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that a layer records, and what it does to the layers below.

    `touched` is a path recorded again with nothing new but perhaps its time; `opaque`
    a directory that hides what lies below it. `mtime` is `build` for the time of the
    build, else ISO 8601 in UTC. `size` is in bytes, `digest` SHA-256 of the content,
    `xattrs` name to hexadecimal value.
    """

    path: str
    change: ChangeKind
    type: str = ""
    mode: str = ""
    owner: str = ""
    mtime: str = ""
    size: int = 0
    digest: str = ""
    link: str = ""
    device: str = ""
    xattrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> tuple[object, ...]:
        """What two equal contents share: all but the time.

        Whether the path was there before is the lower layers' content, not this one's.
        """
        marker = self.change if self.change in {"deleted", "opaque"} else ""
        return (self.path, marker, *self.data, *self.attributes)

    @property
    def shape(self) -> tuple[str, str]:
        """Which path changed how."""
        return (self.path, self.change)

    @property
    def data(self) -> tuple[object, ...]:
        """Type and bytes: what a reader of the file sees."""
        return (self.type, self.size, self.digest, self.link, self.device)

    @property
    def attributes(self) -> tuple[object, ...]:
        """Mode, owner and extended attributes."""
        return (self.mode, self.owner, tuple(sorted(self.xattrs.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """One layer above the base, lowest first.

    `line` is the Dockerfile line of the instruction that made it, None when that
    cannot be known. `diff_id` is None where a time of the build is in the layer, so
    that another run has another one. `size` is that of the uncompressed tar, in bytes.
    """

    line: int | None
    diff_id: str | None
    size: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction as executed: the layer it made (from 1, above the base) or none.

    `cached` is None where the builder does not say, and in cold builds. `stage` is the
    number, from 0, of a stage that the image is not made of; a step there makes no
    layer of this image, whatever it makes.
    """

    line: int
    text: str
    layer: int | None
    cached: bool | None
    stage: int | None = None

    @property
    def keyword(self) -> str:
        """The instruction's first word: RUN, COPY and so on."""
        return self.text.partition(" ")[0].upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One entry of the image's history above the base, without its time."""

    created_by: str
    comment: str = ""
    author: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecord:
    """A container of the image that ran and was removed (article C14).

    `writes` are the paths its writable layer held, directories on the way left out.
    """

    exit_code: int
    writes: tuple[str, ...]
    image_unchanged: bool
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDiskRecord:
    """The overlay2 directories of an image's layers against its export (article C13).

    `names_are_diff_ids`: whether any directory is named after its layer. The names
    themselves are random, so they are shown by `explain --on-disk` and stored nowhere.
    """

    layers: int
    lowest_has_no_lower: bool
    lower_gives_order: bool
    names_are_diff_ids: bool
    equals_export: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What a build has in common with an earlier one of the same case.

    `leading` counts the equal diff IDs from the lowest layer above the base up;
    `lines` lists the lines whose layer is found there, by diff ID, anywhere.
    """

    build: str
    leading: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """All that was measured of one build.

    `below` counts the layers that the image of its FROM brought, `noise` names the
    rules that touched anything, `note` says why the layers' lines are not known.
    `steps` are those of the stages that the image is made of, `other_steps` those of
    other stages that the builder announced: it builds no stage of which there is none.
    None where there is no other stage, or where that was not recorded.
    """

    name: str
    outcome: BuildOutcome
    error: str = ""
    error_line: int | None = None
    below: int = 0
    layers: tuple[LayerRecord, ...] = ()
    steps: tuple[Step, ...] = ()
    other_steps: tuple[Step, ...] | None = None
    history: tuple[HistoryEntry, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    reproducible: bool | None = None
    container: ContainerRecord | None = None
    on_disk: OnDiskRecord | None = None
    noise: tuple[str, ...] = ()
    note: str = ""

    @property
    def verb(self) -> str:
        """What it does instead of building an image, in words of a table."""
        return _VERBS.get(self.outcome, "fails")

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps of the image's stages, then those of others."""
        return (*self.steps, *(self.other_steps or ()))

    @property
    def size(self) -> int:
        """Bytes of the uncompressed layers above the base."""
        return sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything measured of one case on one target, its builds in order."""

    case: str
    target: str
    builds: tuple[BuildRecord, ...]

    def build(self, name: str | None) -> BuildRecord:
        """Find a build by name; the first one without a name."""
        for each in self.builds:
            if name in {None, each.name}:
                return each
        raise KeyError(name)
