"""What an observation says, as facts that two targets may have in common. Pure.

A fact has a place, a value to compare and a phrase to say it with. Facts are of nine
aspects, and the aspects answer three questions, in this order everywhere: does it
build, is it the same image, is it made of the same layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias, get_args

from harness.cases.notation import Aspect
from harness.dockerfile.parser import LAYER_INSTRUCTIONS
from harness.judge.failure import kind_of
from harness.judge.final_files import final_files
from harness.judge.properties import letters
from harness.measure.observation import (
    ONE_FOR_A_STAGE,
    BuildRecord,
    Change,
    ChangeKind,
    LayerRecord,
    Observation,
)

Question = Literal["outcome", "image", "layering"]

#: What a question is answered by. Aspects are told in this order.
QUESTIONS: Mapping[Question, tuple[Aspect, ...]] = {
    "outcome": ("outcome",),
    "image": ("rootfs", "config"),
    "layering": ("cache", "layers", "history", "files", "times", "metadata"),
}
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
#: Aspects whose facts are of a line, or of a layer where lines are not known.
BY_LINE: frozenset[Aspect] = frozenset({"cache", "layers", "files", "metadata"})

#: How the layers of a build can be compared with another's: by the line that made each
#: (`lines`); by height, where a stage is one layer whatever its lines did (`stages`),
#: or where it is not known for another reason (`heights`).
Frame = Literal["lines", "stages", "heights"]


class Place(NamedTuple):
    """Where a fact belongs.

    `line` is the Dockerfile's, 0 for what is of the whole build; without `lines` it is
    the height of a layer, from 1 above the image of FROM. `what` is a path or a name.
    """

    build: str
    frame: Frame
    line: int
    what: str
    attribute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What was found at a place: a value to compare, a phrase to say it with.

    `exact` is said too where the phrases of other values are the same, `otherwise` of a
    target that has no fact at the place, `many` instead of the phrase where it is so of
    many paths.
    """

    value: object
    phrase: str = field(compare=False)
    exact: str = field(default="", compare=False)
    otherwise: str = field(default="does not", compare=False)
    many: str = field(default="", compare=False)


Facts: TypeAlias = dict[Place, Fact]
_Told: TypeAlias = Iterator[tuple[int, str, str, Fact]]

#: Labels by which a builder says who it is. In every image of buildah's, and as little
#: a difference of what was built as the texts of the history.
_SIGNATURES = frozenset({"io.buildah.version"})

NO_LAYER = "makes no layer"
_AS_BEFORE = "leaves it unchanged"
_VERBS: Mapping[ChangeKind, str] = {
    "added": "adds",
    "modified": "changes",
    "deleted": "deletes",
    "opaque": "hides what was in",
}


def frame_of(build: BuildRecord) -> Frame:
    """Say how a build's layers can be compared."""
    if all(each.line is not None for each in build.layers) and not build.note:
        return "lines"
    if build.note == ONE_FOR_A_STAGE:
        return "stages"
    return "heights"


def facts(observation: Observation, aspect: Aspect) -> Facts:
    """Tell one aspect of an observation, builds in order."""
    found: Facts = {}
    for build in observation.builds:
        if build.outcome == "ok" or aspect == "outcome":
            frame = frame_of(build) if aspect in BY_LINE else "lines"
            for line, what, attribute, fact in _FACTS[aspect](build):
                found[Place(build.name, frame, line, what, attribute)] = fact
    return found


def is_silent(place: Place, aspect: Aspect) -> bool:
    """Say whether a target without a fact at `place` leaves open what is there.

    Else it says by that that there is nothing: no such file, no such setting.
    """
    if aspect == "cache":
        return True
    if aspect == "layers":
        return bool(place.line)
    # only what is there has a mode, an owner or a time
    return aspect in {"rootfs", "metadata", "times"} and bool(place.attribute)


def _outcome(build: BuildRecord) -> _Told:
    if build.outcome == "ok":
        yield 0, "outcome", "", Fact(value="ok", phrase="builds it")
        return
    where = f" at line {build.error_line}" if build.error_line else ""
    kind = kind_of(build.error)
    phrase = f"{build.verb}{where} ({kind})"
    value = (build.outcome, kind, build.error_line or 0)
    yield 0, "outcome", "", Fact(value=value, phrase=phrase)


def _rootfs(build: BuildRecord) -> _Told:
    files = final_files(build.layers, None)
    for path, each in files.present.items():
        yield 0, path, "", _present(each, replaced=path in files.replaced)
        others = files.linked.get(path, ())
        for name, value, said in (
            ("mode", each.mode, f"the mode {each.mode}"),
            ("owner", each.owner, f"the owner {each.owner}"),
            ("xattrs", _attributes(each.xattrs), _attributes(each.xattrs)),
            ("hard links", others, f"the hard link {' and '.join(others)}"),
        ):
            gives = f"gives {{}} {said}" if value else f"gives {{}} no {name}"
            phrase, many = gives.format("it"), gives.format("them")
            yield 0, path, name, Fact(value=value, phrase=phrase, many=many)
    gone = Fact(
        value="deleted",
        phrase="deletes it",
        otherwise=_AS_BEFORE,
        many="deletes them",
    )
    for path in files.deleted:
        yield 0, path, "", gone


def _present(each: Change, *, replaced: bool) -> Fact:
    what = {
        "dir": "a directory",
        "file": f"a file of {each.size} bytes",
        "symlink": f"a link to {each.link}",
        "hardlink": f"a hard link to {each.link}",
    }.get(each.type, f"a {each.type} {each.device}".rstrip())
    return Fact(
        value=(each.type, each.size, each.digest, _target(each), each.device),
        phrase=f"changes it to {what}" if replaced else f"has {what}",
        exact=each.digest[:12],
        otherwise=_AS_BEFORE if replaced else "has none",
        many="changes them" if replaced else "has them",
    )


def _target(each: Change) -> str:
    return each.link if each.type == "symlink" else ""


def _attributes(xattrs: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(xattrs.items()))


def _times(build: BuildRecord) -> _Told:
    for path, each in final_files(build.layers, None).present.items():
        gives = f"gives {{}} {_time(each)}"
        yield (
            0,
            path,
            "mtime",
            Fact(
                value=each.mtime, phrase=gives.format("it"), many=gives.format("them")
            ),
        )


def _time(each: Change) -> str:
    return (
        "the time of the build" if each.mtime == "build" else f"the time {each.mtime}"
    )


def _layers(build: BuildRecord) -> _Told:
    for step in build.steps:
        if step.keyword in LAYER_INSTRUCTIONS or step.layer is not None:
            phrase = NO_LAYER
            if step.layer is not None:
                empty = not build.layers[step.layer - 1].changes
                phrase = "makes an empty layer" if empty else "makes a layer"
            yield step.line, "", "", Fact(value=phrase, phrase=phrase)
    pattern = letters(build.layers, "content")
    phrase = f"has the layers {pattern}" if pattern else "has no layer"
    yield 0, "pattern", "", Fact(value=pattern, phrase=phrase)


def _located(build: BuildRecord) -> Iterator[tuple[int, LayerRecord]]:
    by_line = frame_of(build) == "lines"
    for height, layer in enumerate(build.layers, 1):
        yield (layer.line or 0) if by_line else height, layer


def _files(build: BuildRecord) -> _Told:
    for line, layer in _located(build):
        for each in layer.changes:
            if each.change != "touched":
                verb = _VERBS[each.change]
                size = f" ({each.size} bytes)" if each.type == "file" else ""
                kind = f"{each.type} " if each.type else ""
                link = f" -> {each.link}" if each.link else ""
                yield (
                    line,
                    each.path,
                    "",
                    Fact(
                        value=(each.change, *each.data),
                        phrase=f"{verb} {kind}{each.path}{size}{link}",
                        exact=each.digest[:12] or each.device,
                        many=f"{verb} them",
                    ),
                )


def _metadata(build: BuildRecord) -> _Told:
    for line, layer in _located(build):
        for each in layer.changes:
            if each.change in {"deleted", "opaque"}:
                continue
            again = each.change == "touched"
            if again:
                yield (
                    line,
                    each.path,
                    "",
                    Fact(
                        value=True,
                        phrase=f"records {each.path} again",
                        many="records them again",
                    ),
                )
            attributes = _attributes(each.xattrs)
            for name, value, said in (
                ("mode", each.mode, f"the mode {each.mode}"),
                ("owner", each.owner, f"the owner {each.owner}"),
                ("mtime", each.mtime, _time(each)),
                ("xattrs", attributes, attributes or "no xattrs"),
            ):
                if not again or name == "mtime":
                    yield (
                        line,
                        each.path,
                        name,
                        Fact(
                            value=value,
                            phrase=f"gives {each.path} {said}",
                            many=f"gives them {said}",
                        ),
                    )


def _config(build: BuildRecord) -> _Told:
    for name, value in sorted(build.config.items()):
        own: object = value
        if name == "Labels" and isinstance(value, Mapping):
            own = {key: value[key] for key in value if key not in _SIGNATURES}
            if not own:
                continue
        text = json.dumps(own, sort_keys=True)
        yield (
            0,
            name,
            "",
            Fact(value=text, phrase=f"sets {text}", otherwise="sets none"),
        )


def _history(build: BuildRecord) -> _Told:
    # The texts differ between all builders and versions, and are no behaviour that an
    # image has; how many entries there are, and whose layer is empty, is.
    flags = [each.empty_layer for each in build.history]
    phrase = f"has {len(flags)} history entries, {flags.count(False)} with a layer"
    exact = " ".join("none" if empty else "layer" for empty in flags)
    yield 0, "entries", "", Fact(value=flags, phrase=phrase, exact=exact)
    authors = [each.author for each in build.history]
    if any(authors):
        yield 0, "authors", "", Fact(value=authors, phrase=f"has the authors {authors}")


def _cache(build: BuildRecord) -> _Told:
    for step in build.all_steps:
        if step.keyword in LAYER_INSTRUCTIONS and step.cached is not None:
            phrase = "takes it from cache" if step.cached else "runs it again"
            yield step.line, "", "", Fact(value=step.cached, phrase=phrase)


_FACTS: Mapping[Aspect, Callable[[BuildRecord], _Told]] = {
    "outcome": _outcome,
    "rootfs": _rootfs,
    "config": _config,
    "cache": _cache,
    "layers": _layers,
    "history": _history,
    "files": _files,
    "metadata": _metadata,
    "times": _times,
}
