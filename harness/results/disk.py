"""Result files: `results/GROUP/CASE.json`, with each outcome once, and its targets.

Most targets do as others do: 64 of them come to some ten outcomes in a case. So a file
is a row of the matrix, and `git diff` shows which target changed sides.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from packaging.version import Version

from harness.documents import regular_file
from harness.documents.whole_file import remove_parts, unwritable
from harness.errors import ResultError
from harness.measure.observation import BuildRecord
from harness.results.record import (
    CaseRecord,
    OutcomeRecord,
    Result,
    TargetRecord,
    decode,
    encode,
    write,
)
from harness.targets.builder import Builder
from harness.targets.conventions import Conventions
from harness.targets.registry import Builders
from harness.targets.target import Target, split_id
from harness.targets.versions import default_store, parse_version

#: Folder of what the targets are, below that of the results.
TARGETS = "targets"

_SAME = tuple(each.name for each in fields(OutcomeRecord) if each.name != "targets")


def path_of(folder: Path, case: str) -> Path:
    """Name the file of a case below `folder`."""
    return folder / f"{case}.json"


def target_path(folder: Path, target: str) -> Path:
    """Name the file that says what a target is."""
    return folder / TARGETS / f"{target}.json"


def load(folder: Path, case: str) -> dict[str, Result]:
    """Read a case's results by target; ResultError for a broken file."""
    path = path_of(folder, case)
    if not path.exists():
        return {}
    record = decode(CaseRecord, _body(path), where=str(path))
    found = {}
    for outcome in record.outcomes:
        if wrong := next(filter(None, map(_contradiction, outcome.builds)), ""):
            raise _broken(path, wrong)
        same: dict[str, Any] = {name: getattr(outcome, name) for name in _SAME}
        for target in outcome.targets:
            try:
                split_id(target)
            except ValueError as error:
                raise _broken(path, str(error)) from error
            found[target] = Result(
                case=case, target=target, earlier=target in record.earlier, **same
            )
    return found


def prepare(folder: Path) -> None:
    """Hold that results can be written, before anything is built for them.

    Raises WriteError; removes what killed runs have not written to the end.
    """
    place = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, *(each for each in folder.iterdir() if each.is_dir())):
            tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise unwritable(place, error) from error
    remove_parts(folder)


def _contradiction(build: BuildRecord) -> str:
    """Say which step of a build has a layer that the build has not."""
    layers = len(build.layers)
    for step in build.all_steps:
        if step.layer is not None and not 1 <= step.layer <= layers:
            return f"{build.name}: line {step.line} has layer {step.layer} of {layers}"
    return ""


def save(folder: Path, result: Result) -> bool:
    """Put a result into its case's file; False when nothing changed.

    Several processes may save at a time. A file that is broken is set aside, whole, as
    CASE.json.broken: neither what is new nor what it holds is lost.
    """
    path = path_of(folder, result.case)
    with _locked(path.parent):
        try:
            stored = load(folder, result.case)
        except ResultError:
            if not path.is_file():
                raise
            path.replace(path.with_suffix(".json.broken"))
            stored = {}
        return _write(path, {**stored, result.target: result})


def outdate(folder: Path, target: str) -> None:
    """Mark the results of a target that is no longer what it was when they came about.

    They stay until the target is measured again.
    """
    name = json.dumps(target).encode()
    for path in sorted(folder.glob("*/*.json")):
        # As bytes: most files of a folder that others share do not name it.
        case = f"{path.parent.name}/{path.stem}"
        with suppress(ResultError):
            if path.parent.name == TARGETS or name not in _body(path):
                continue
        with _locked(path.parent), suppress(ResultError):
            stored = load(folder, case)
            if target in stored:
                stored[target] = replace(stored[target], earlier=True)
                _write(path, stored)


def target_record(folder: Path, target: str) -> TargetRecord | None:
    """Read what a target is; None where that is not said, or the file is broken."""
    path = target_path(folder, target)
    try:
        return decode(TargetRecord, _body(path), where=str(path))
    except ResultError:
        return None


def builders(folder: Path, known: Builders) -> Builders:
    """Give the `known` builders, and further ones that the targets' files describe.

    So the results of a user's own builder are understood without its record. Where
    several files describe one builder, the one of the newest version counts. Files from
    before they had descriptions give no more than a name and where it builds.
    """
    found: dict[str, Builder] = {}
    for path in sorted((folder / TARGETS).glob("*.json"), key=_newest_last):
        with suppress(ValueError):
            name, _, store = split_id(path.stem)
            if name not in known:
                found[name] = _described(path, name, store)
    return known.with_(found[name] for name in sorted(found)) if found else known


def _newest_last(path: Path) -> tuple[Version, str]:
    try:
        return parse_version(split_id(path.stem)[1]), path.stem
    except ValueError:
        return Version("0"), path.stem


def _described(path: Path, name: str, store: str) -> Builder:
    # As plain JSON: most files describe no builder, and to check one takes a while.
    told = _plain(path)
    if "record" in told:
        record = decode(TargetRecord, _body(path), where=str(path)).record
        if record is None or record.name != name:
            raise _broken(path, f"`record` does not describe `{name}`")
        return record
    return Builder(
        name=name,
        title=name,
        family=name,
        # nothing is built by this description, and so none of it is used
        conventions=Conventions(steps="whole"),
        place="engine" if told.get("api") else "own",
        stores=(store,) if store else (),
    )


def targets(folder: Path, builders: Builders) -> list[Target]:
    """List the targets with results below `folder`, in their order."""
    found = []
    for path in sorted((folder / TARGETS).glob("*.json")):
        with suppress(ValueError):
            found.append(builders.target(path.stem))
    return sorted(found, key=lambda each: each.order)


def bases(folder: Path) -> dict[str, tuple[str, ...]]:
    """Give, by target, the diff IDs of the base it was measured on.

    Raises ResultError for a target's file that is broken.
    """
    found = {}
    for path in sorted((folder / TARGETS).glob("*.json")):
        with suppress(ValueError):
            split_id(path.stem)
            found[path.stem] = _base(path)
    return found


def _base(path: Path) -> tuple[str, ...]:
    try:
        base = _plain(path).get("base", {})
        return tuple(map(str, base.get("diff_ids", ())))
    except (AttributeError, TypeError) as error:
        raise _broken(path, repr(error)) from error


def counts(folder: Path, builders: Builders) -> dict[str, int]:
    """Count the results of each target, targets in their order."""
    found = dict.fromkeys((each.id for each in targets(folder, builders)), 0)
    for path in folder.glob("*/*.json"):
        # As plain JSON: to check a thousand records takes a second.
        if path.parent.name != TARGETS:
            for target in _targets_in(path):
                if target in found:
                    found[target] += 1
    return found


def _targets_in(path: Path) -> list[str]:
    try:
        outcomes = _plain(path)["outcomes"]
        return [str(target) for each in outcomes for target in each["targets"]]
    except (KeyError, TypeError) as error:
        raise _broken(path, repr(error)) from error


def _plain(path: Path) -> dict[str, Any]:
    """Read a file as plain JSON; ResultError where it is no JSON object."""
    try:
        plain = json.loads(_body(path))
    except RecursionError as error:
        raise _broken(path, "nested too deeply") from error
    except ValueError as error:
        raise _broken(path, str(error)) from error
    if not isinstance(plain, dict):
        raise _broken(path, "no JSON object")
    return plain


def _body(path: Path) -> bytes:
    return regular_file.read(path, most=regular_file.WRITTEN, error=ResultError)


def _broken(path: Path, reason: str) -> ResultError:
    return ResultError(
        f"not a result of this harness: {reason}",
        where=str(path),
        hint="restore the file, or remove it and run again",
    )


def _write(path: Path, results: Mapping[str, Result]) -> bool:
    """Write a case's results whole, equal ones once."""
    found: dict[bytes, OutcomeRecord] = {}
    # what was read together has its parts in common, and need not be written again
    keys: dict[tuple[int, ...], bytes] = {}
    for target in sorted(results, key=_order):
        one = results[target]
        rest = {name: getattr(one, name) for name in _SAME}
        parts = tuple(map(id, rest.values()))
        # by what is written, not by equality: False and 0 are equal, and no list is
        # hashed
        if parts not in keys:
            keys[parts] = encode(OutcomeRecord(targets=(), **rest))
        key = keys[parts]
        others = found[key].targets if key in found else ()
        found[key] = OutcomeRecord(targets=(*others, target), **rest)
    case = next(iter(results.values())).case
    earlier = tuple(each for each in sorted(results, key=_order) if results[each].earlier)
    record = CaseRecord(case=case, outcomes=tuple(found.values()), earlier=earlier)
    return write(path, encode(record))


def _order(target: str) -> tuple[str, Version, str]:
    # Not Target.order: which builders are known shall move nothing in a file.
    builder, version, store = split_id(target)
    return builder, parse_version(version), store or default_store(version)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only process that changes files of `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
