"""A case: Dockerfiles and contexts to build in order, and what is expected of them.

The first value of the flow. Comes from YAML under `cases/GROUP/`, is checked as a
whole before anything is built, and names the place of every mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.cases.build_files import (
    context_error,
    given_files,
    place_of,
    with_dockerfile,
)
from harness.cases.digest import digest
from harness.cases.expectation import Expectation, Properties
from harness.cases.lines import check_lines
from harness.cases.model import Build, CaseFile, Group, Impact
from harness.dockerfile import parser
from harness.dockerfile.context import MTIME, ContextFile, tar_bytes
from harness.dockerfile.dockerignore import IGNORE_FILE
from harness.documents.document import Document, Location, load, load_toml, nearest
from harness.documents.mistakes import validate
from harness.errors import CaseError
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

#: Seconds from one edit of a Dockerfile to the next.
_EDIT = 60
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]*$")
_VARIABLE = re.compile(r"^\$\{?(\w+)\}?$")


# without slots: a digest takes a while, and is kept
@dataclass(frozen=True, kw_only=True)
class Case:
    """One case; its id is its path under `cases/` without the ending."""

    id: str
    path: Path
    title: str
    why: str
    refs: tuple[str, ...]
    tags: tuple[str, ...]
    on: tuple[str, ...]
    builds: Mapping[str, Build]
    expect: tuple[Expectation, ...]
    limit: float | None = None
    fails: bool = False
    question: str = ""
    answers: Mapping[str, tuple[Properties, ...]] = field(default_factory=dict)
    impact: Impact | None = None
    advice: str = ""

    @property
    def group(self) -> str:
        """The folder under `cases/`."""
        return self.id.partition("/")[0]

    @cached_property
    def digest(self) -> str:
        """Identify what is built and measured: a result with another is stale.

        What is expected of it is no part: verdicts are drawn of what was measured.
        """
        contexts = {
            name: {"": self.context(name), **self.named_contexts(name)}
            for name in self.builds
        }
        return digest(self.builds, contexts, self.asked)

    @property
    def asked(self) -> tuple[Properties, ...]:
        """All that expectations and answers say of the builds."""
        answers = (each for parts in self.answers.values() for each in parts)
        return (*self.expect, *answers)

    def meant(self, expectation: Expectation) -> tuple[Properties, ...]:
        """Give what an expectation expects: its own properties, or its answer's."""
        if expectation.answer is None:
            return (expectation,)
        return self.answers[expectation.answer]

    def source(self, name: str) -> str:
        """Name the build argument that gives the build `name` its base; "" for none.

        It stands in the first FROM of the chain of stages that the target ends:
        `BASE`, or the `argument` of an earlier build.
        """
        build = self.builds[name]
        parsed = parser.parse(build.dockerfile, build.args)
        stage = parsed.stage(build.target)
        while stage is not None and stage.parent is not None:
            stage = parsed.stages[stage.parent]
        found = _VARIABLE.match(stage.source if stage else "")
        return found[1] if found else ""

    def suits(self, target: Target) -> bool:
        """Say whether the case is meant for `target`."""
        return matches(map(parse_selector, self.on), target)

    def cold(self, name: str) -> bool:
        """Say whether a build uses no cache: a case's only one, unless it says so."""
        cold = self.builds[name].cold
        return len(self.builds) == 1 if cold is None else cold

    def context(self, name: str) -> list[ContextFile]:
        """List the files of a build's context, its Dockerfile included.

        A Dockerfile or .dockerignore that is another than the build before had is newer
        too, as someone who edits it has it: buildx sends no file again of the same size
        and time (measured), and would build the old Dockerfile. Of files to be copied
        that is behaviour, so they have the times that the case gives.

        Raises CaseError when a folder that is named does not exist.
        """
        files = self._files(name)
        file = self.builds[name].file
        read = {file, f"{file}{IGNORE_FILE}", IGNORE_FILE}
        edits = {path: self._edits(name, path) for path in read}
        return [
            replace(each, mtime=MTIME + _EDIT * edits[each.path])
            if each.mtime == MTIME and edits.get(each.path)
            else each
            for each in files
        ]

    def _edits(self, name: str, path: str) -> int:
        """Count how often a file of the context changes up to the build `name`."""
        count = 0
        before: ContextFile | None = None
        for each in self.builds:
            found = next((x for x in self._files(each) if x.path == path), None)
            count += found is not None and before is not None and found != before
            before = found or before
            if each == name:
                break
        return count

    def _files(self, name: str) -> list[ContextFile]:
        build = self.builds[name]
        files = given_files(build, self.path)
        if all(each.path != build.file for each in files):
            content = build.dockerfile.encode()
            files.append(ContextFile(path=build.file, content=content))
        return files

    def named_contexts(self, name: str) -> dict[str, list[ContextFile]]:
        """List the files of a build's named contexts, by their names."""
        return {
            each: [source.file(path) for path, source in files.items()]
            for each, files in self.builds[name].contexts.items()
        }

    def expectations(self, target: Target) -> Iterator[tuple[int, Expectation]]:
        """List the expectations that speak of `target`, with their positions."""
        for index, each in enumerate(self.expect):
            if matches(map(parse_selector, each.on), target):
                yield index, each


def argument(name: str) -> str:
    """Name the build argument that hands the image of build `name` to later ones."""
    return f"BUILD_{name.upper().replace('-', '_')}"


def load_case(path: Path, root: Path, builders: Builders) -> Case:
    """Read one case; CaseError for the first mistake, with its place and remedy.

    `builders` are those that its selectors may name.
    """
    relative = path.relative_to(root).with_suffix("")
    if len(relative.parts) != 2 or not all(map(_NAME.match, relative.parts)):
        raise CaseError(
            "a case is cases/GROUP/CASE.yaml, in small letters, digits and hyphens",
            where=str(path),
            hint="rename it; the path is the case's id, stable for ever",
        )
    document = load(path)
    model = validate(
        CaseFile, document, document.value, (), context={"builders": builders}
    )
    builds = {
        name: with_dockerfile(build, path, document, name)
        for name, build in model.all_builds().items()
    }
    case = Case(
        id=relative.as_posix(),
        path=path,
        title=model.title,
        why=model.why,
        refs=tuple(model.refs),
        tags=tuple(model.tags),
        limit=model.limit,
        fails=model.fails,
        on=tuple(model.on),
        builds=builds,
        expect=tuple(model.expect),
        question=model.question,
        answers={
            name: tuple(each) if isinstance(each, list) else (each,)
            for name, each in model.answers.items()
        },
        impact=model.impact,
        advice=model.advice,
    )
    _check_builds(case, document)
    for index, expectation in enumerate(case.expect):
        at: Location = ("expect", index)
        if expectation.answer is None:
            _check_properties(case, document, at, expectation)
        elif expectation.answer not in case.answers:
            raise document.error(
                (*at, "answer"),
                f"no answer `{expectation.answer}`",
                nearest(expectation.answer, case.answers),
            )
    for name, answer in model.answers.items():
        if not isinstance(answer, list):
            _check_properties(case, document, ("answers", name), answer)
            continue
        for index, each in enumerate(answer):
            _check_properties(case, document, ("answers", name, index), each)
    return case


def find_cases(root: Path) -> list[Path]:
    """List the case files below `root`, sorted; two with one id are refused."""
    _groups_file(root)
    paths = sorted(
        path for ending in ("yaml", "yml") for path in root.glob(f"*/*.{ending}")
    )
    seen: dict[Path, Path] = {}
    for path in paths:
        twin = seen.setdefault(path.with_suffix(""), path)
        if twin != path:
            raise CaseError(
                f"two cases with the id {path.relative_to(root).with_suffix('')}",
                where=str(path),
                hint=f"the other one is {twin}; rename one",
            )
    return paths


def load_cases(root: Path, builders: Builders) -> list[Case]:
    """Read all cases below `root`, sorted by id; CaseError at the first mistake."""
    return [load_case(path, root, builders) for path in find_cases(root)]


def load_groups(root: Path) -> dict[str, Group]:
    """Read `groups.toml`: headings by group; CaseError for what is wrong in it."""
    document = load_toml(_groups_file(root))
    return {
        name: validate(Group, document, value, (name,))
        for name, value in document.value.items()
    }


def _groups_file(root: Path) -> Path:
    path = root / "groups.toml"
    if not path.is_file():
        raise CaseError(
            "no cases here: groups.toml is missing",
            where=str(root),
            hint="start in the folder that holds cases/, or give --cases FOLDER",
        )
    return path


def _check_builds(case: Case, document: Document) -> None:
    failing = {
        each.of or next(iter(case.builds)) for each in case.asked if each.may_fail
    }
    for name, build in case.builds.items():
        at = place_of(document, name)
        _check_context(case, document, name, at)
        parsed = parser.parse(build.dockerfile)
        if not parsed.stages and name not in failing:
            raise document.error(
                (*at, "dockerfile"),
                "a Dockerfile without FROM builds nowhere",
                "begin with `ARG BASE` and `FROM ${BASE}`, or expect "
                "`build: {error: ...}`",
            )


def _check_context(case: Case, document: Document, name: str, at: Location) -> None:
    if isinstance(case.builds[name].context, str):
        return
    try:
        tar_bytes(replace(each, random=None) for each in case.context(name))
    except ValueError as error:
        raise context_error(case.builds[name], document, at, error) from error


def _check_properties(
    case: Case, document: Document, at: Location, asked: Properties
) -> None:
    names = list(case.builds)
    if asked.of is None and len(names) > 1:
        raise document.error(
            at, "which build is meant?", f"add `of:` with one of {', '.join(names)}"
        )
    name = asked.of or names[0]
    if name not in case.builds:
        raise document.error((*at, "of"), f"no build `{name}`", nearest(name, names))
    size, shares = asked.size, asked.shares
    others = [
        ("shares", shares.with_ if shares else None),
        ("size", size.smaller_than if size else None),
        ("size", size.not_smaller_than if size else None),
    ]
    for key, other in others:
        if other is not None and (other not in case.builds or other == name):
            raise document.error(
                (*at, key), f"no other build `{other}`", nearest(other, names)
            )
    if shares and names.index(shares.with_) > names.index(name):
        raise document.error(
            (*at, "shares"),
            f"`{shares.with_}` is built after `{name}`",
            "a build shares layers with an earlier one: expect it of the later",
        )
    if asked.container is not None and case.builds[name].run is None:
        raise document.error(
            (*at, "container"),
            "`container` needs a command",
            "add `run:` to the build",
        )
    check_lines(case.builds[name], document, at, asked)
