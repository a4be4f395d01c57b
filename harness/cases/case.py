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
from harness.cases.find import find_cases, groups_file
from harness.cases.given import Given
from harness.cases.lines import check_lines
from harness.cases.model import Build, CaseFile, Group, Impact
from harness.dockerfile import parser
from harness.dockerfile.context import MTIME, ContextFile, tar_size
from harness.dockerfile.dockerignore import IGNORE_FILE
from harness.documents.document import Document, Location, load, nearest
from harness.documents.mistakes import validate
from harness.documents.regular_file import size_text
from harness.documents.toml import load_toml
from harness.errors import CaseError
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

#: Bytes that the contexts of a case's builds may have together, as they are sent.
MAX_CONTEXTS = 1 << 30
#: Seconds from one edit of a Dockerfile to the next.
_EDIT = 60
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


# without slots: a digest takes a while, and is kept
@dataclass(frozen=True, kw_only=True)
class Case:
    """One case; its id is its path under `cases/` without the ending.

    `given` is the context of a Dockerfile that is built as it is, without our base: of
    no case below `cases/`.
    """

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
    given: Given | None = None

    @property
    def group(self) -> str:
        """The folder under `cases/`."""
        return self.id.partition("/")[0]

    @cached_property
    def digest(self) -> str:
        """Identify what is built and measured: a result with another is stale.

        What is expected of it is no part: verdicts are drawn of what was measured.
        """
        if self.given is not None:
            return f"given: {self.id}"
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
        found = _VARIABLE.fullmatch(stage.source if stage else "")
        return found[1] if found else ""

    def suits(self, target: Target) -> bool:
        """Say whether the case is meant for `target`."""
        return matches(map(parse_selector, self.on), target)

    def cold(self, name: str) -> bool:
        """Say whether a build uses no cache: a case's only one, unless it says so."""
        cold = self.builds[name].cold
        return len(self.builds) == 1 if cold is None else cold

    @cached_property
    def _files(self) -> dict[str, dict[str, ContextFile]]:
        """The files of each build's context by path, as they are given."""
        found: dict[str, dict[str, ContextFile]] = {}
        for name, build in self.builds.items():
            given = self.given.files if self.given else given_files(build, self.path)
            files = {each.path: each for each in given}
            content = build.dockerfile.encode()
            files.setdefault(build.file, ContextFile(path=build.file, content=content))
            found[name] = files
        return found

    def context(self, name: str) -> list[ContextFile]:
        """List the files of a build's context, its Dockerfile included.

        A Dockerfile or .dockerignore that is another than the build before had is newer
        too, as someone who edits it has it: buildx sends no file again of the same size
        and time (measured), and would build the old Dockerfile. Of files to be copied
        that is behaviour, so they have the times that the case gives.

        Raises CaseError when a folder that is named does not exist.
        """
        edits = {
            path: self._edits[name, path] for path in _read(self.builds[name].file)
        }
        return [
            replace(each, mtime=MTIME + _EDIT * edits[each.path])
            if each.mtime == MTIME and edits.get(each.path)
            else each
            for each in self._files[name].values()
        ]

    @cached_property
    def _edits(self) -> dict[tuple[str, str], int]:
        """Count, by build and path, how often a file has changed up to the build."""
        found: dict[tuple[str, str], int] = {}
        paths = (path for build in self.builds.values() for path in _read(build.file))
        for path in dict.fromkeys(paths):
            count = 0
            before: ContextFile | None = None
            for name, files in self._files.items():
                if (file := files.get(path)) is not None:
                    file = replace(file, content=file.text(), random=None)
                    count += before is not None and file != before
                    before = file
                found[name, path] = count
        return found

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


def _read(file: str) -> tuple[str, ...]:
    """Name the files of a context that builders read, beside the Dockerfile `file`."""
    return file, f"{file}{IGNORE_FILE}", IGNORE_FILE


def argument(name: str) -> str:
    """Name the build argument that hands the image of build `name` to later ones."""
    return f"BUILD_{name.upper().replace('-', '_')}"


def load_case(path: Path, root: Path, builders: Builders) -> Case:
    """Read one case; CaseError for the first mistake, with its place and remedy.

    `builders` are those that its selectors may name.
    """
    relative = path.relative_to(root).with_suffix("")
    if len(relative.parts) != 2 or not all(map(_NAME.fullmatch, relative.parts)):
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


def load_cases(root: Path, builders: Builders) -> list[Case]:
    """Read all cases below `root`, sorted by id; CaseError at the first mistake."""
    return [load_case(path, root, builders) for path in find_cases(root)]


def load_groups(root: Path) -> dict[str, Group]:
    """Read `groups.toml`: headings by group; CaseError for what is wrong in it."""
    document = load_toml(groups_file(root))
    return {
        name: validate(Group, document, value, (name,))
        for name, value in document.value.items()
    }


def _check_builds(case: Case, document: Document) -> None:
    failing = {
        each.of or next(iter(case.builds)) for each in case.asked if each.may_fail
    }
    room = MAX_CONTEXTS
    for name, build in case.builds.items():
        at = place_of(document, name)
        room -= _check_context(case, document, name, at, room)
        parsed = parser.parse(build.dockerfile)
        if not parsed.stages and name not in failing:
            raise document.error(
                (*at, "dockerfile"),
                "a Dockerfile without FROM builds nowhere",
                "begin with `ARG BASE` and `FROM ${BASE}`, or expect "
                "`build: {error: ...}`",
            )


def _check_context(
    case: Case, document: Document, name: str, at: Location, room: int
) -> int:
    """Refuse what no context can be, and one of over `room` bytes; gives its size."""
    try:
        contexts = [case.context(name), *case.named_contexts(name).values()]
        size = sum(map(tar_size, contexts))
    except ValueError as error:
        raise context_error(case.builds[name], document, at, error) from error
    if size > room:
        raise document.error(
            (*at, "context"),
            f"the contexts of a case have over {size_text(MAX_CONTEXTS)} together",
            "a case shows one behaviour with the smallest context that does",
        )
    return size


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
