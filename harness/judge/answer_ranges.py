"""The answers to a question along the versions of each builder. Pure.

A range names the measured versions on both sides of a change, so that the gap between
them is plain: `discarded until 1.28.2, kept since 1.39.3`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.cases.case import Case
from harness.judge.behaviour import NOT_TOLD, Behaviour, Expected
from harness.judge.verdict import Judged
from harness.targets.group_names import group_name
from harness.targets.registry import Builders
from harness.targets.target import Target
from harness.targets.versions import parse_version


def behaviour(
    case: Case, results: Mapping[str, Judged], builders: Builders
) -> Behaviour:
    """Tell the answers to a case's question, of the results of known `builders`."""
    given = {
        target: each.answered.told
        for target, each in results.items()
        if each.answered is not None
    }
    return Behaviour(
        case=case.id,
        title=case.title,
        question=case.question,
        why=case.why,
        impact=case.impact or "",
        advice=case.advice,
        refs=case.refs,
        tags=case.tags,
        answers=tuple(case.answers),
        given=given,
        ranges=ranges(given, builders),
        expected=tuple(_expected(case, results, builders)),
        against=tuple(
            target
            for target, each in results.items()
            if any(check.is_against for check in each.checks)
        ),
        fails=tuple(
            target
            for target in given
            if any(build.outcome != "ok" for build in results[target].builds)
        ),
    )


def ranges(given: Mapping[str, str], builders: Builders) -> dict[str, str]:
    """Say what each builder answers, by the column it has in a table of answers.

    Targets that do not tell are left out where others of the column do.
    """
    found = {}
    for name, targets in columns(given, builders).items():
        telling = [each for each in targets if given[each.id] != NOT_TOLD] or targets
        found[name] = _range(telling, {each: given[each.id] for each in telling})
    return found


def columns(targets: Iterable[str], builders: Builders) -> dict[str, list[Target]]:
    """Sort targets (by id) into the columns of a table: builders as people know them.

    Builders of one family stand side by side.
    """
    ordered = sorted(map(builders.target, targets), key=lambda each: each.order)
    families = list(dict.fromkeys(each.family for each in ordered))
    found: dict[str, list[Target]] = {}
    for each in sorted(ordered, key=lambda each: families.index(each.family)):
        found.setdefault(each.column, []).append(each)
    return found


def _range(targets: Sequence[Target], given: Mapping[Target, str]) -> str:
    """Say the answers of targets, by as little as tells them apart."""
    if len({given[each] for each in targets}) == 1:
        return given[targets[0]]
    by_version: dict[str, set[str]] = {}
    for each in targets:
        by_version.setdefault(each.version, set()).add(given[each])
    if all(len(answers) == 1 for answers in by_version.values()):
        ordered = sorted(by_version, key=parse_version)
        return _spans([(each, min(by_version[each])) for each in ordered])
    for key in (_client, _store):
        parts: dict[str, list[Target]] = {}
        for each in targets:
            parts.setdefault(key(each), []).append(each)
        if len(parts) > 1:
            said: dict[str, list[str]] = {}
            for name, members in parts.items():
                said.setdefault(_range(members, given), []).append(name)
            if len(said) > 1 or key is _store:
                return "; ".join(
                    f"{' and '.join(names)}: {text}" for text, names in said.items()
                )
    return " or ".join(dict.fromkeys(given[each] for each in targets))


def _client(target: Target) -> str:
    return target.title


def _store(target: Target) -> str:
    return target.store


def _spans(answers: Sequence[tuple[str, str]]) -> str:
    """Write answers by version, in order, as runs of equal ones."""
    runs: list[tuple[str, list[str]]] = []
    for version, answer in answers:
        if not runs or runs[-1][0] != answer:
            runs.append((answer, []))
        runs[-1][1].append(version)
    parts = []
    for place, (answer, versions) in enumerate(runs):
        if place == 0:
            parts.append(f"{answer} until {versions[-1]}")
        elif place == len(runs) - 1:
            parts.append(f"{answer} since {versions[0]}")
        elif len(versions) == 1:
            parts.append(f"{answer} in {versions[0]}")
        else:
            parts.append(f"{answer} from {versions[0]} to {versions[-1]}")
    return ", ".join(parts)


def _expected(
    case: Case, results: Mapping[str, Judged], builders: Builders
) -> list[Expected]:
    """Say of each expectation where it holds and where not."""
    found = []
    for index, each in enumerate(case.expect):
        held: dict[bool, list[str]] = {True: [], False: []}
        for target, result in results.items():
            for check in result.checks:
                if check.expectation == index and check.verdict != "unsupported":
                    held[check.held].append(target)
        every = [target for target in results if target in (*held[True], *held[False])]
        if not every:
            continue
        holds, breaks = (
            group_name(builders, names, every) if names else ""
            for names in (held[True], held[False])
        )
        found.append(
            Expected(
                because=each.because,
                answer=each.answer or "",
                holds=holds,
                breaks=breaks,
            )
        )
    return found
