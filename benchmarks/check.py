"""Score what `check` predicts on the corpus against what was measured there.

For each case and each pair of targets, the findings on the case's own Dockerfiles and
contexts against the measured results. `--missed` and `--false` list what to work on;
`--write` writes `docs/accuracy.md`, which a test holds the rules to.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.book.book import open_book
from harness.cases.case import Case
from harness.check.context import of_files
from harness.check.findings import IMPACTS, Finding, Impact, check
from harness.check.rules import RULES
from harness.check.source import Source
from harness.judge.behaviour import Behaviour
from harness.judge.behaviours_file import read_all
from harness.judge.comparable import comparable
from harness.judge.differences import LEFT_BEHIND, AspectDifference, differences
from harness.measure.observation import Observation
from harness.results import disk
from harness.results.record import Result
from harness.targets.target import Target

ROOT = Path(__file__).parents[1]
ACCURACY = ROOT / "docs" / "accuracy.md"
#: What people move between: engines, builders, stores, clients.
PAIRS = (
    ("legacy@20.10.24", "buildkit@29.7.2"),
    ("legacy@20.10.24", "buildkit@20.10.24"),
    ("legacy@20.10.24", "buildx-0.29@28.5.2"),
    ("legacy@20.10.24", "buildx-0.13@26.1.5"),
    ("legacy@20.10.24", "buildkit@23.0.18"),
    ("legacy@20.10.5", "legacy@20.10.24"),
    ("legacy@20.10.24", "legacy@23.0.18"),
    ("legacy@20.10.24", "legacy@28.5.2"),
    ("legacy@28.5.2", "legacy@29.7.2"),
    ("legacy@28.5.2", "buildkit@28.5.2"),
    ("legacy@29.7.2", "buildkit@29.7.2"),
    ("legacy@20.10.24", "buildah@1.39.3+overlay"),
    ("legacy@20.10.24", "podman@5.4.2+overlay"),
    ("buildkit@20.10.24", "buildkit@23.0.18"),
    ("buildkit@23.0.18", "buildkit@24.0.9"),
    ("buildkit@24.0.9", "buildkit@25.0.17"),
    ("buildkit@25.0.17", "buildkit@26.1.5"),
    ("buildkit@26.1.5", "buildkit@27.5.1"),
    ("buildkit@27.5.1", "buildkit@28.5.2"),
    ("buildkit@28.5.2", "buildkit@29.7.2"),
    ("buildkit@28.5.2", "buildkit@28.5.2+containerd"),
    ("buildkit@29.7.2", "buildkit@29.7.2+overlay2"),
    ("buildkit@28.5.2", "buildx-0.29@28.5.2"),
    ("buildx-0.13@28.5.2", "buildx-0.29@28.5.2"),
    ("buildx-0.29@28.5.2", "buildah@1.39.3+overlay"),
    ("buildx-0.29@28.5.2", "buildah-layers@1.43.2+overlay"),
    ("buildx-0.29@28.5.2", "podman@5.4.2+overlay"),
    ("buildah@1.28.2+overlay", "buildah@1.39.3+overlay"),
    ("buildah@1.39.3+overlay", "buildah-layers@1.39.3+overlay"),
    ("podman@4.3.1+overlay", "podman@5.4.2+overlay"),
)
#: What builders leave in an image by themselves, and the directory that shows it.
_LEFT = LEFT_BEHIND | {path.rpartition("/")[0] for path in LEFT_BEHIND}
#: What a test scores in seconds.
FEW = (PAIRS[0], PAIRS[2], PAIRS[26])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A case on a pair: what differs, and what was predicted, certainly or perhaps.

    `measured` has the impacts that were compared; where a build fails on one side
    nothing but the outcome can be.
    """

    case: str
    pair: tuple[str, str]
    measured: Mapping[Impact, Sequence[str]]
    findings: Sequence[Finding]

    def predicted(self, impact: Impact, *, certain: bool) -> list[Finding]:
        """Give the findings of an impact."""
        return [
            each
            for each in self.findings
            if each.impact == impact and each.occurrence.certain is certain
        ]

    def verdict(self, impact: Impact) -> str:
        """Say how a prediction came out; empty where nothing was compared."""
        if impact not in self.measured:
            return ""
        certain = bool(self.predicted(impact, certain=True))
        if self.measured[impact]:
            if certain:
                return "found"
            return "may" if self.predicted(impact, certain=False) else "missed"
        if certain:
            return "false"
        return "may not" if self.predicted(impact, certain=False) else "same"


def score(pairs: Sequence[tuple[str, str]]) -> Iterator[Scored]:
    """Score every case on every pair that it was measured on."""
    book = open_book(ROOT / "cases", ROOT / "results")
    known = read_all((ROOT / "results" / "behaviours.json").read_bytes())
    targets = {each.id: each for each in known.targets}
    for file in book.files:
        case = book.case(file.id)
        results = disk.load(book.results, case.id)
        sources = [*_sources(case)]
        seen: dict[tuple[int, int], dict[Impact, list[str]]] = {}
        for pair in pairs:
            one, other = (results.get(each) for each in pair)
            if one is None or other is None or not (one.builds and other.builds):
                continue
            if {one.case_digest, other.case_digest} != {case.digest}:
                continue
            key = (id(one.builds), id(other.builds))
            if key not in seen:
                seen[key] = _measured(case, one, other)
            found = _findings(
                sources, known.by_case, targets[pair[0]], targets[pair[1]]
            )
            yield Scored(case=case.id, pair=pair, measured=seen[key], findings=found)


def _sources(case: Case) -> Iterator[Source]:
    for name, build in case.builds.items():
        yield Source(
            path="Dockerfile",
            text=build.dockerfile,
            name=build.file,
            args=build.args,
            target=build.target,
            context=of_files(case.context(name)),
        )


def _findings(
    sources: Sequence[Source],
    behaviours: Mapping[str, Behaviour],
    before: Target,
    after: Target,
) -> list[Finding]:
    return [
        finding
        for source in sources
        for finding in check(source, RULES, behaviours, before, [after]).findings
    ]


def _measured(case: Case, one: Result, other: Result) -> dict[Impact, list[str]]:
    """Say what differs by impact, what builders leave in an image by themselves out."""
    sides = (one.observation, other.observation)
    built, also = map(_built, sides)
    apart = [name for name in built if built[name] != also.get(name)]
    found: dict[Impact, list[str]] = {"outcome": apart}
    if not all((*built.values(), *also.values())):
        return found
    found |= {"image": [], "layering": [], "cache": []}
    chosen = comparable(case, {one.target: one, other.target: other})
    for each in differences(chosen.tell()):
        if each.paths and _LEFT.issuperset(each.paths):
            continue
        if each.aspect == "cache":
            found["cache"].append(_told(each))
        elif each.question == "image":
            found["image"].append(_told(each))
        elif each.question == "layering":
            found["layering"].append(_told(each))
    return found


def _built(observation: Observation) -> dict[str, bool]:
    return {each.name: each.outcome == "ok" for each in observation.builds}


def _told(each: AspectDifference) -> str:
    place = each.place
    what = " ".join(filter(None, (place.what, place.attribute)))
    does = " / ".join(fact.phrase for _, fact in each.groups)
    return f"{each.aspect} line {each.line} {what}: {does}"


def counted(scored: Sequence[Scored]) -> dict[Impact, Counter[str]]:
    """Count how predictions came out, by impact."""
    found: dict[Impact, Counter[str]] = {each: Counter() for each in IMPACTS}
    for one in scored:
        for impact in IMPACTS:
            if verdict := one.verdict(impact):
                found[impact][verdict] += 1
    return found


def shares(counts: Counter[str]) -> tuple[float, float]:
    """Give the share of differences that are found, and of certain findings not so."""
    differing = counts["found"] + counts["may"] + counts["missed"]
    certain = counts["found"] + counts["false"]
    found = (counts["found"] + counts["may"]) / differing if differing else 1.0
    return found, counts["false"] / certain if certain else 0.0


def table(counts: Mapping[Impact, Counter[str]]) -> str:
    """Write the confusion matrix as Markdown."""
    lines = [
        "| impact | differ | found | may differ | missed | told | false | may, not so "
        "| same | false of certain |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for impact, each in counts.items():
        found, false = shares(each)
        differing = each["found"] + each["may"] + each["missed"]
        lines.append(
            f"| {impact} | {differing} | {each['found']} | {each['may']} | "
            f"{each['missed']} | {found:.1%} | {each['false']} | {each['may not']} | "
            f"{each['same']} | {false:.1%} |"
        )
    return "\n".join(lines)


def page(every: Sequence[Scored]) -> str:
    """Write `docs/accuracy.md`: the matrix of all pairs and of the few of the test."""
    few = [each for each in every if each.pair in FEW]
    numbers = {name: dict(sorted(c.items())) for name, c in counted(few).items()}
    pairs = "\n".join(f"- `{before}` to `{after}`" for before, after in PAIRS)
    return f"""# How far check can be believed

`python -m benchmarks check --write`: the findings of `check` on each case's own
Dockerfiles and contexts, against what was measured of it, for {len(PAIRS)} pairs of
targets ({len(every):,} comparisons). A difference is *found* if a certain finding tells
it, and *may differ* if one tells it that says what it depends on; *told* is the share
of both. *False* are certain findings of what was measured to be the same, *may, not so*
those that were not certain. Where a build fails on one side, only the outcome is
compared. What builders leave in an image by themselves (`/run/.containerenv`, and so
`/run`) is no difference.

{table(counted(every))}

The pairs:

{pairs}

A test holds the rules to these numbers, on {len(FEW)} of the pairs:

```json
{json.dumps(numbers, indent=1)}
```
"""


def committed() -> dict[Impact, Counter[str]]:
    """Read the numbers that the test holds the rules to."""
    text = ACCURACY.read_text().partition("```json\n")[2].partition("```")[0]
    return {name: Counter(each) for name, each in json.loads(text).items()}


def listed(every: Sequence[Scored], verdict: str, impact: str) -> Iterator[str]:
    """List the cases that came out so, those of the most pairs first."""
    groups: dict[tuple[str, Impact, str], list[str]] = {}
    for one in every:
        for name in IMPACTS:
            if one.verdict(name) == verdict and impact in {"all", name}:
                certain = one.predicted(name, certain=True)
                told = "; ".join(dict.fromkeys(each.rule.id for each in certain))
                says = told or "; ".join(one.measured[name][:3])
                key = (one.case, name, says)
                groups.setdefault(key, []).append(" -> ".join(one.pair))
    for key, pairs in sorted(groups.items(), key=lambda each: -len(each[1])):
        case, name, says = key
        yield f"{case} ({name}, {len(pairs)} pairs, such as {pairs[0]})\n    {says}"


def main(arguments: Sequence[str] = ()) -> None:
    """Score, and print the matrix."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks check")
    choices = ["all", *IMPACTS]
    for name in ("--missed", "--false"):
        parser.add_argument(name, nargs="?", const="all", choices=choices)
    parser.add_argument("--pair", nargs=2, action="append", help="two targets, by id")
    parser.add_argument("--few", action="store_true", help="only the test's pairs")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    given = parser.parse_args(arguments)
    began = time.perf_counter()
    own = [tuple(each) for each in given.pair or ()]
    every = [*score(own or (FEW if given.few else PAIRS))]
    for verdict in ("missed", "false"):
        if chosen := getattr(given, verdict):
            print("\n".join(listed(every, verdict, chosen)))
    print(table(counted(every)))
    if given.write:
        ACCURACY.write_text(page(every), encoding="utf-8")
    took = time.perf_counter() - began
    print(f"{len(every):,} comparisons in {took:.0f} s")
