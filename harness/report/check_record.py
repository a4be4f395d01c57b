"""What `check` found, for programs: `check.schema.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from harness.check.findings import Checked, Finding, Impact
from harness.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord:
    """A pattern whose behaviour differs: where it is, and what each side does.

    `file` is empty for the Dockerfile itself. `before` is the answer of the target that
    is left, `after` those of the others, by id, that differ from it. A finding that is
    not `certain` says what it `depends` on.
    """

    rule: str
    says: str
    impact: Impact
    certain: bool
    line: int
    case: str
    question: str
    before: str
    after: Mapping[str, str]
    file: str = ""
    detail: str = ""
    depends: str = ""
    related: tuple[int, ...] = ()
    ranges: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmeasuredRecord:
    """A pattern of which nothing is known on some of the targets."""

    rule: str
    line: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A Dockerfile: `context` says whether its context was known."""

    path: str
    context: bool
    findings: tuple[FindingRecord, ...]
    not_measured: tuple[UnmeasuredRecord, ...]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRecord:
    """The whole: the version of this form, the targets by id, and the files."""

    format: int = 1
    before: str
    after: tuple[str, ...]
    files: tuple[FileRecord, ...]


def check_json(
    checked: Sequence[Checked], before: Target, after: Sequence[Target]
) -> bytes:
    """Write what was found as JSON."""
    told = CheckRecord(
        before=before.id,
        after=tuple(each.id for each in after),
        files=tuple(map(_file, checked)),
    )
    return json.dumps(asdict(told), indent=1, ensure_ascii=False).encode() + b"\n"


def _file(each: Checked) -> FileRecord:
    return FileRecord(
        path=each.source.path,
        context=each.source.context is not None,
        findings=tuple(map(_finding, each.findings)),
        not_measured=tuple(
            UnmeasuredRecord(
                rule=one.rule.id, line=one.occurrence.line, targets=one.targets
            )
            for one in each.unmeasured
        ),
        same=tuple(one.id for one in each.same),
    )


def _finding(each: Finding) -> FindingRecord:
    place, behaviour = each.occurrence, each.behaviour
    return FindingRecord(
        rule=each.rule.id,
        says=each.rule.says,
        impact=each.impact,
        certain=place.certain,
        line=place.line,
        case=behaviour.case,
        question=behaviour.question,
        before=each.before,
        after=dict(each.after),
        file=place.file,
        detail=place.detail,
        depends="" if place.certain else place.depends,
        related=place.related,
        ranges=dict(behaviour.ranges),
        advice=behaviour.advice,
        references=behaviour.refs,
    )
