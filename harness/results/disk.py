"""Result files: `results/GROUP/CASE.json`, with each outcome once, and its targets.

Most targets do as others do: 64 of them come to some ten outcomes in a case. So a file
is a row of the matrix, and `git diff` shows which target changed sides.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path

from packaging.version import Version

from harness.cases.case import Case
from harness.judge.verdict import redrawn, worst
from harness.errors import ResultError
from harness.results.record import CaseRecord, Outcome, Result, decode, encode, write
from harness.targets.target import Target, parse_target, parse_version

#: Folder of what the targets are, below that of the results.
TARGETS = "targets"

_SAME = tuple(each.name for each in fields(Outcome) if each.name != "targets")


def path_of(folder: Path, case: str) -> Path:
    """Name the file of a case below `folder`."""
    return folder / f"{case}.json"


def target_path(folder: Path, target: str) -> Path:
    """Name the file that says what a target is."""
    return folder / TARGETS / f"{target}.json"


def load(folder: Path, case: str) -> dict[str, Result]:
    """Read a case's results by target; ResultError for a broken file."""
    path = path_of(folder, case)
    if not path.is_file():
        return {}
    record = decode(CaseRecord, path.read_bytes(), where=str(path))
    found = {}
    for outcome in record.outcomes:
        same = {name: getattr(outcome, name) for name in _SAME}
        for target in outcome.targets:
            try:
                parse_target(target)
            except ValueError as error:
                raise _broken(path, str(error)) from error
            found[target] = Result(case=case, target=target, **same)
    return found


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
            path.replace(path.with_suffix(".json.broken"))
            stored = {}
        return _write(path, {**stored, result.target: result})


def measured(folder: Path, case: Case) -> frozenset[str]:
    """Name the targets with a result of the case as it is now."""
    try:
        stored = load(folder, case.id)
    except ResultError:
        return frozenset()
    digest = case.digest
    return frozenset(
        target for target, each in stored.items() if each.case_digest == digest
    )


def current(folder: Path, case: Case, *, renew: bool = False) -> dict[str, Result]:
    """Read a case's results by target, with the verdicts that the case draws now.

    A `known` that was added or taken out needs no build. `renew` stores what changed.
    """
    stored = load(folder, case.id)
    now = {target: as_of(case, each) for target, each in stored.items()}
    if renew and now != stored:
        path = path_of(folder, case.id)
        with _locked(path.parent):
            again = load(folder, case.id)
            _write(path, {name: as_of(case, each) for name, each in again.items()})
    return now


def as_of(case: Case, result: Result) -> Result:
    """Give a result with the verdicts that the case draws now; a stale one as it is."""
    if result.case_digest != case.digest or not result.checks:
        return result
    checks = redrawn(case, parse_target(result.target), result.checks)
    if checks == result.checks:
        return result
    verdict = worst(each.verdict for each in checks)
    return replace(result, checks=checks, verdict=verdict)


def targets(folder: Path) -> list[Target]:
    """List the targets with results below `folder`, in their order."""
    found = []
    for path in sorted((folder / TARGETS).glob("*.json")):
        with suppress(ValueError):
            found.append(parse_target(path.stem))
    return sorted(found, key=lambda each: each.order)


def counts(folder: Path) -> dict[str, int]:
    """Count the results of each target, targets in their order."""
    found = dict.fromkeys((each.id for each in targets(folder)), 0)
    for path in folder.glob("*/*.json"):
        # As plain JSON: to check a thousand records takes a second.
        if path.parent.name != TARGETS:
            for target in _targets_in(path):
                if target in found:
                    found[target] += 1
    return found


def _targets_in(path: Path) -> list[str]:
    try:
        outcomes = json.loads(path.read_bytes())["outcomes"]
        return [target for each in outcomes for target in each["targets"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, repr(error)) from error


def _broken(path: Path, reason: str) -> ResultError:
    return ResultError(
        f"no results of this harness: {reason}",
        where=str(path),
        hint="restore the file, or remove it and run again",
    )


def _write(path: Path, results: Mapping[str, Result]) -> bool:
    """Write a case's results whole, equal ones once."""
    found: dict[bytes, Outcome] = {}
    for target in sorted(results, key=_order):
        one = results[target]
        rest = {name: getattr(one, name) for name in _SAME}
        # by what is written, not by equality: False and 0 are equal, and no list is
        # hashed
        key = encode(Outcome(targets=(), **rest))
        others = found[key].targets if key in found else ()
        found[key] = Outcome(targets=(*others, target), **rest)
    case = next(iter(results.values())).case
    record = CaseRecord(case=case, outcomes=tuple(found.values()))
    return write(path, encode(record))


def _order(target: str) -> tuple[str, Version, str]:
    # Not Target.order: which builders are known shall move nothing in a file.
    each = parse_target(target)
    return each.builder, parse_version(each.version), each.store


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only process that changes files of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
