"""The properties of expectations, each held against what was measured. Pure.

Each property has one function, which yields a line of words for every difference; none
means that it holds. A table names them as cases do; `check` draws the verdicts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from harness.cases.expectation import (
    PROPERTIES,
    Changes,
    Container,
    ExpectedOutcome,
    File,
    HistoryLine,
    OnDisk,
    Pattern,
    Shares,
    Size,
)
from harness.cases.property import complete
from harness.documents.pattern import searched
from harness.judge.parent_view import ParentView
from harness.measure.observation import (
    BuildRecord,
    Change,
    LayerRecord,
    Observation,
)

#: buildah's errors quote the instruction that failed, which says nothing of why.
_QUOTED = re.compile(r'\bSTEP "(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a property is held against: a build, its siblings, what FROM put below."""

    build: BuildRecord
    observation: Observation
    below: ParentView

    def layer(self, line: int) -> LayerRecord | None:
        """Find the layer a line made."""
        for step in self.build.steps:
            if step.line == line and step.layer is not None:
                return self.build.layers[step.layer - 1]
        return None


#: Yields a line of words for every difference from a property's value.
Check: TypeAlias = Callable[[Any, Subject], Iterator[str]]


class NotMeasured(Exception):  # no error: a property out of reach here
    """A property that this target or engine cannot show, with the reason."""


def letters(layers: Iterable[LayerRecord], by: str) -> str:
    """Write the pattern of layers: equal letters, equal layers.

    By `diff_id` a layer without a stable one has the letter `?`.
    """
    seen: dict[object, str] = {}
    found = []
    for layer in layers:
        key: object = {
            "diff_id": layer.diff_id,
            "content": tuple(each.content for each in layer.changes),
            "shape": tuple(each.shape for each in layer.changes),
        }[by]
        found.append("?" if key is None else seen.setdefault(key, letter(len(seen))))
    return " ".join(found)


def letter(number: int) -> str:
    """Name a class: A to Z, then A1 to Z1 and on."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn) if turn else "")


def first_line(text: str) -> str:
    """Shorten an error to its first line with words in it."""
    return next(filter(None, map(str.strip, text.splitlines())), "no message")


def _build(value: ExpectedOutcome, subject: Subject) -> Iterator[str]:
    build = subject.build
    wanted = "ok" if value.ok else value.breaks
    if build.outcome == wanted:
        return
    if build.outcome in {"ok", "unexportable"} and not value.ok:
        yield f"builds, though {value.breaks or 'an error'} is expected"
        return
    if wanted or build.outcome != "error":
        yield f"{build.verb}: {first_line(build.error)}"
        return
    said = _QUOTED.sub("STEP", build.error)
    if value.error is not None and not searched(value.error, said):
        yield f"fails otherwise: {first_line(build.error)}"
    if value.line is not None and value.line != build.error_line:
        where = f"line {build.error_line}" if build.error_line else "no line it names"
        yield f"fails at {where}, not {value.line}"


def _layers(value: int, subject: Subject) -> Iterator[str]:
    count = len(subject.build.layers)
    if count != value:
        yield f"{count} above the base, not {value}"


def _pattern(value: Pattern, subject: Subject) -> Iterator[str]:
    found = letters(subject.build.layers, value.by)
    if _renamed(value.letters) != found:
        yield f"{found or 'no layer'} (by {value.by}), not {_renamed(value.letters)}"


def _renamed(pattern: str) -> str:
    """Name letters in the order of their first use, as `letters` does."""
    seen: dict[str, str] = {}
    return " ".join(
        seen.setdefault(each, letter(len(seen))) for each in pattern.split()
    )


def _mapped(subject: Subject) -> None:
    if not subject.build.steps:
        raise NotMeasured(subject.build.note or "the lines of layers are not known")


def _makes_layer(value: list[int], subject: Subject) -> Iterator[str]:
    _mapped(subject)
    for line in value:
        if subject.layer(line) is None:
            yield f"line {line} makes none"


def _empty_layer(value: list[int], subject: Subject) -> Iterator[str]:
    _mapped(subject)
    for line in value:
        layer = subject.layer(line)
        if layer is None:
            yield f"line {line} makes no layer"
        elif layer.changes:
            yield f"line {line} makes a layer with {layer.changes[0].path}"


def _no_layer(value: list[int], subject: Subject) -> Iterator[str]:
    _mapped(subject)
    for line in value:
        layer = subject.layer(line)
        if layer is not None:
            yield f"line {line} makes {'a' if layer.changes else 'an empty'} layer"


def _changes(value: dict[int, Changes], subject: Subject) -> Iterator[str]:
    _mapped(subject)
    for line, wanted in value.items():
        layer = subject.layer(line)
        changes = layer.changes if layer else ()
        for kind in ("added", "modified", "deleted", "touched"):
            paths = getattr(wanted, kind)
            if paths is None:
                continue
            found = {each.path: each for each in changes if each.change == kind}
            for path in paths:
                if path not in found:
                    yield f"line {line}: {path} is not {kind}"
                elif isinstance(paths, dict):
                    for text in _file(paths[path], found[path]):
                        yield f"line {line}: {path} {text}"
            for path in found:
                if path not in paths:
                    yield f"line {line}: {path} is {kind} too"


def _rootfs(value: Mapping[str, Any], subject: Subject) -> Iterator[str]:
    merged = subject.below.with_layers(subject.build.layers)
    for path, wanted in value.items():
        if not merged.tells(path):
            raise NotMeasured(
                f"measured on a base of which it is not known what it has at {path}"
            )
        found = merged.view.get(path)
        if wanted == "absent":
            if found is not None:
                yield f"{path} is there"
        elif found is None:
            yield f"{path} is not there"
        else:
            for text in _file(wanted, found):
                yield f"{path} {text}"


def _file(wanted: File, found: Change) -> Iterator[str]:
    for name in ("type", "mode", "owner", "size", "link", "mtime", "xattrs"):
        value = getattr(wanted, name)
        actual = getattr(found, name)
        if value is not None and value != actual:
            shown = "none" if actual in ("", {}) else actual
            yield f"has {name} {shown}, not {value}"
    if wanted.content is not None:
        digest = hashlib.sha256(wanted.content.encode()).hexdigest()
        if digest != found.digest:
            yield f"holds other bytes ({found.size}) than {wanted.content!r:.40}"


def _config(value: Mapping[str, Any], subject: Subject) -> Iterator[str]:
    for name, wanted in value.items():
        found = subject.build.config.get(name)
        # At this level absent, null and empty are one (noise rule `empty-config`).
        if wanted or found:
            yield from _subset(wanted, found, name)


def _subset(wanted: Any, found: Any, at: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and at == "Env":
        found = dict(each.partition("=")[::2] for each in found or ())
    if wanted and isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from _subset(value, found.get(name), f"{at}.{name}")
    elif wanted != found:
        yield f"{at} is {found!r}, not {wanted!r}"


def _history(value: list[HistoryLine], subject: Subject) -> Iterator[str]:
    found = subject.build.history
    if len(found) != len(value):
        yield f"{len(found)} entries above the base, not {len(value)}"
        return
    for number, (wanted, entry) in enumerate(zip(value, found, strict=True), 1):
        for name in ("created_by", "comment"):
            pattern, text = getattr(wanted, name), getattr(entry, name)
            if pattern is not None and not searched(pattern, text):
                yield f"entry {number} has {name} {text!r}"
        for name in ("author", "empty_layer"):
            expected, actual = getattr(wanted, name), getattr(entry, name)
            if expected is not None and expected != actual:
                yield f"entry {number} has {name} {actual!r}"


def _size(value: Size, subject: Subject) -> Iterator[str]:
    size = subject.build.size
    if value.at_least is not None and size < value.at_least:
        yield f"{size} bytes, less than {value.at_least}"
    if value.at_most is not None and size > value.at_most:
        yield f"{size} bytes, more than {value.at_most}"
    if value.smaller_than is not None:
        other = _size_of(value.smaller_than, subject)
        if size >= other or other - size < value.by:
            yield f"{size} bytes, {value.smaller_than} has {other}"
    if value.not_smaller_than is not None:
        other = _size_of(value.not_smaller_than, subject)
        if size < other:
            yield f"{size} bytes, {value.not_smaller_than} has {other}"


def _size_of(name: str, subject: Subject) -> int:
    build = subject.observation.build(name)
    if build.outcome != "ok":
        raise NotMeasured(f"{name} has no image to look into")
    return build.size


def _from_cache(value: list[int], subject: Subject, *, wanted: bool) -> Iterator[str]:
    cached = {step.line: step.cached for step in subject.build.all_steps}
    for line in value:
        if cached.get(line) is None:
            says = f"the builder does not say whether line {line} was cached"
            none = f"no step of line {line} was recorded"
            note = f": {subject.build.note}" if subject.build.note else ""
            raise NotMeasured(says if line in cached else none + note)
        if cached[line] is not wanted:
            yield f"line {line} was {'rebuilt' if wanted else 'cached'}"


def _shares(value: Shares, subject: Subject) -> Iterator[str]:
    for relation in subject.build.relations:
        if relation.build == value.with_:
            if value.layers is not None and relation.leading != value.layers:
                yield f"{relation.leading} leading layers, not {value.layers}"
            for line in value.lines or ():
                if line not in relation.lines:
                    yield f"the layer of line {line} is not in {value.with_}"
            return
    raise NotMeasured(f"{value.with_} built no image before")


def _reproducible(value: bool, subject: Subject) -> Iterator[str]:  # noqa: FBT001
    found = subject.build.reproducible
    if found is None:
        raise NotMeasured("the build was not repeated")
    if found is not value:
        same = "the same" if found else "other"
        yield f"a second cold build has {same} diff IDs"


def _record(value: Container | OnDisk, found: object, reason: str) -> Iterator[str]:
    if found is None:
        raise NotMeasured(reason)
    for name in type(value).model_fields:
        wanted, actual = getattr(value, name), getattr(found, name)
        actual = list(actual) if isinstance(actual, tuple) else actual
        if wanted is not None and wanted != actual:
            yield f"{name} is {actual}, not {wanted}"


def _container(value: Container, subject: Subject) -> Iterator[str]:
    return _record(value, subject.build.container, "no container was run")


def _on_disk(value: OnDisk, subject: Subject) -> Iterator[str]:
    reason = (
        "overlay2 directories can be read only of an engine on this machine, as root"
    )
    return _record(value, subject.build.on_disk, reason)


#: Property to what finds its differences.
CHECKS: Mapping[str, Check] = {
    "build": _build,
    "layers": _layers,
    "pattern": _pattern,
    "makes_layer": _makes_layer,
    "empty_layer": _empty_layer,
    "no_layer": _no_layer,
    "changes": _changes,
    "rootfs": _rootfs,
    "config": _config,
    "history": _history,
    "size": _size,
    "cached": partial(_from_cache, wanted=True),
    "rebuilt": partial(_from_cache, wanted=False),
    "shares": _shares,
    "reproducible": _reproducible,
    "container": _container,
    "on_disk": _on_disk,
}

# A property that nothing checks would hold everywhere.
complete(CHECKS, PROPERTIES)
