"""Check cases without an engine: what their form cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.cases.case import Case, load_case, load_groups
from harness.cases.expectation import Expectation
from harness.cases.find import find_cases
from harness.cases.model import Group
from harness.dockerfile.parser import parse
from harness.documents.document import nearest, text_of
from harness.documents.regular_file import DOCUMENT
from harness.documents.toml import load_toml
from harness.errors import CaseError
from harness.targets.builder import Builder
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)
#: Letters of a name (RFC 1035).
_LONGEST_HOST = 253
#: Names that lead nowhere (RFC 2606).
_RESERVED = ("example", "invalid", "local", "localhost", "test")
_ISSUE = re.compile(r"[\w.-]+/[\w.-]+#\d+")
#: Words for a reader, in no quotes and no block, and a comment behind them.
_CUT = re.compile(r"\s*(?:- )?(title|why|because|note): [^\s\"'>|].*?\s(#.*)")


def lint(root: Path, builders: Builders, known: Sequence[Target]) -> Iterator[str]:
    """Yield every mistake below `root`, a few lines each, files in order.

    A selector may name `builders`, and has to name one of the `known` targets.
    """
    try:
        groups = load_groups(root)
        paths = find_cases(root)
    except CaseError as error:
        yield str(error)
        return
    cases = []
    for path in paths:
        try:
            cases.append(load_case(path, root, builders))
        except CaseError as error:
            yield str(error)
    told = {each.builder.name for each in known}
    free = [each for each in builders.values() if each.name not in told]
    for case in cases:
        yield from _groups(case, groups)
        yield from _cold(case)
        yield from _words(case)
        yield from _cut(case)
        yield from _links(case)
        yield from _selectors(case, known, free)
    yield from _twins(cases)
    yield from _titles(cases)
    yield from _questions(cases)
    yield from _vocabulary(root, cases)
    for name, group in groups.items():
        if group.link and (problem := _link(group.link)):
            yield f"{root / 'groups.toml'}: [{name}] links to {group.link}: {problem}"
        if not any(path.parent.name == name for path in paths):
            yield f"{root / 'groups.toml'}: the group `{name}` has no cases"


def _groups(case: Case, groups: Mapping[str, Group]) -> Iterator[str]:
    group = groups.get(case.group)
    if group is None:
        yield (
            f"{case.path}: the group `{case.group}` is not in groups.toml\n"
            f'hint: add [{case.group}] with title = "..."'
        )
        return
    for expectation in case.expect:
        for claim in expectation.claim:
            if claim not in group.claims:
                yield (
                    f"{case.path}: cites the claim {claim}, which groups.toml does "
                    f"not have in [{case.group}.claims]"
                )


def _cold(case: Case) -> Iterator[str]:
    """Find builds that could take something from another case's cache."""
    for name, build in case.builds.items():
        sources = [
            stage.source
            for stage in parse(build.dockerfile).stages
            if stage.parent is None
        ]
        if not case.cold(name) and "scratch" in sources:
            yield (
                f"{case.path}: build `{name}` uses the cache and begins FROM scratch, "
                "so that other cases' layers can be in it\n"
                "hint: begin with FROM ${BASE}, or say `cold: true`"
            )


def _twins(cases: list[Case]) -> Iterator[str]:
    seen: dict[str, Case] = {}
    for case in cases:
        key = repr(
            [
                (build.model_dump(), [(x.path, x.size) for x in case.context(name)])
                for name, build in case.builds.items()
            ]
        )
        twin = seen.setdefault(key, case)
        if twin is not case and _equal(case, twin):
            yield f"{case.path}: builds the same as {twin.id}: merge the two"


def _equal(case: Case, twin: Case) -> bool:
    """Compare the files of two cases' folders, but for large ones, without them."""
    return all(
        one == other
        or (one.size == other.size <= DOCUMENT and one.text() == other.text())
        for name in case.builds
        for one, other in zip(case.context(name), twin.context(name), strict=True)
    )


def _words(case: Case) -> Iterator[str]:
    """Find a case without a title or a reason, an expectation without a source."""
    if not case.title.strip() or case.title.rstrip().endswith("."):
        yield (
            f"{case.path}: the title `{case.title}` is empty or ends in a period\n"
            "hint: a title names what the row shows, like `Wildcards`"
        )
    if not case.why.strip():
        yield f"{case.path}: `why` is empty\nhint: say why the row is worth reading"
    for index, expectation in enumerate(case.expect):
        source = expectation.because
        if len(source.split()) < 2 and not _is_link(source):
            yield (
                f"{case.path}: expectation {index + 1}: `{source}` is not a source\n"
                "hint: name the document and its words, the article's claim, or "
                "owner/repo#number"
            )
        for known in expectation.known:
            if not known.note.strip():
                yield (
                    f"{case.path}: expectation {index + 1}: a `known` needs a note\n"
                    "hint: say what happens there instead"
                )


def _cut(case: Case) -> Iterator[str]:
    """Find words that are lost: `#` behind a blank begins a comment of YAML."""
    for number, line in enumerate(text_of(case.path).splitlines(), start=1):
        if found := _CUT.fullmatch(line):
            yield (
                f"{case.path}:{number}: `{found[1]}` ends before `{found[2]}`, which "
                "is a comment\nhint: put the words in quotes"
            )


def _links(case: Case) -> Iterator[str]:
    for link in case.refs:
        if problem := _link(link):
            yield f"{case.path}: refs: {link}: {problem}"
    for expectation in case.expect:
        for known in expectation.known:
            if known.issue is not None and not _is_link(known.issue):
                yield (
                    f"{case.path}: known: `{known.issue}` is not an issue\n"
                    "hint: write a link, or owner/repo#number"
                )


def _is_link(text: str) -> bool:
    return bool(_ISSUE.fullmatch(text.strip())) or not _link(text.strip())


def _link(text: str) -> str:
    """Say what is wrong with a link; empty when it can be followed."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"}:
        return "no link that begins with http:// or https://"
    plain = len(host) <= _LONGEST_HOST and _HOST.fullmatch(host)
    if not plain or host.rpartition(".")[2] in _RESERVED:
        return f"readers cannot reach the host `{host}`"
    return "a space ends the link" if re.search(r"\s", text) else ""


def _selectors(
    case: Case, known: Sequence[Target], free: Sequence[Builder]
) -> Iterator[str]:
    """Find selectors that name nothing, alone or where they stand.

    Of the `free` builders no version is known, so any may do.
    """
    named = [("on", text) for text in case.on]
    for expectation in case.expect:
        named += [("on", text) for text in expectation.on]
        named += [("known", text) for each in expectation.known for text in each.on]
        if expectation.differs:
            named += [("differs", text) for text in expectation.differs.from_]
    for where, text in dict.fromkeys(named):
        selector = replace(parse_selector(text), negated=False)
        if not any(map(selector, known)) and not _names_any(text, free):
            yield (
                f"{case.path}: {where}: `{text}` names no known target\n"
                "hint: known are " + ", ".join(sorted(each.id for each in known))
            )
    if any(_names_any(text, free) for _, text in named):
        return
    built = [target for target in known if case.suits(target)]
    for index, expectation in enumerate(case.expect):
        yield from _meant(case, index, expectation, built)


def _names_any(text: str, builders: Iterable[Builder]) -> bool:
    """Say whether a selector names one of the builders, and not only all there are."""
    selector = parse_selector(text)
    return selector.builder != "*" and any(map(selector.names, builders))


def _meant(
    case: Case, index: int, expectation: Expectation, built: Sequence[Target]
) -> Iterator[str]:
    """Find an expectation, or a `known` in it, that no target of the case meets."""
    spoken = _among(expectation.on, built)
    if not spoken:
        yield (
            f"{case.path}: expectation {index + 1} applies to no target that the case "
            "is built on"
        )
    for known in expectation.known if spoken else ():
        if not _among(known.on, spoken):
            yield (
                f"{case.path}: expectation {index + 1} applies to no target that its "
                f"`known` names ({', '.join(known.on)})"
            )


def _among(selectors: Iterable[str], targets: Sequence[Target]) -> list[Target]:
    chosen = [parse_selector(text) for text in selectors]
    return [target for target in targets if matches(chosen, target)]


def _questions(cases: Iterable[Case]) -> Iterator[str]:
    seen: dict[str, Case] = {}
    for case in cases:
        twin = seen.setdefault(case.question.casefold(), case)
        if case.question and twin is not case:
            yield f"{case.path}: asks the same as {twin.id}: `{case.question}`"


def _vocabulary(root: Path, cases: Iterable[Case]) -> Iterator[str]:
    """Find names of answers that `answers.toml` does not have, where there is one.

    Those with a digit, such as `2 layers` or `0644`, need not stand there.
    """
    file = root / "answers.toml"
    if not file.is_file():
        return
    try:
        words = load_toml(file).value
    except CaseError as error:
        yield str(error)
        return
    used = set()
    for case in cases:
        for name in case.answers:
            used.add(name)
            if name not in words and not re.search(r"\d", name):
                yield (
                    f"{case.path}: the answer `{name}` is not in {file.name}\n"
                    f"hint: {nearest(name, words)}; or add it there with its meaning"
                )
    for word in words:
        if word not in used:
            yield f"{file}: no case has the answer `{word}`\nhint: take it out"


def _titles(cases: Iterable[Case]) -> Iterator[str]:
    seen: dict[tuple[str, str], Case] = {}
    for case in cases:
        twin = seen.setdefault((case.group, case.title.casefold()), case)
        if twin is not case:
            yield f"{case.path}: has the same title as {twin.id}: `{case.title}`"
