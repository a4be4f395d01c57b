"""Read a Dockerfile's instructions with their lines, as far as layers need it.

The text is measured on the builders; here it is only cut into instructions and stages,
so that a layer can be named by its line. Follows
https://docs.docker.com/reference/dockerfile/. Never fails: of 666 Dockerfiles of the
corpus, BuildKit's own parser (PyPI `dockerfile`, in Go) refuses nine and so says
nothing of them, and dockerfile-parse knows no here-documents.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=(.*)")
#: A word of its own: `a<<b`, `<< b` and what stands inside quotes open none.
_HEREDOC = re.compile(r"(?<!\S)\d*<<(-?)([\"']?)([^\s<\"']+)\2(?!\S)")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_FLAGS = re.compile(r"(?:--[a-z][a-z-]*(?:=\S*)?\s+)*")

#: Characters of a FROM's source that are looked at, and of a value in it.
_LONGEST = 1000

#: What builders may commit a layer for; all other instructions are metadata.
LAYER_INSTRUCTIONS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heredoc:
    """A here-document: its name, its first line, its body as it stands in the file.

    `quoted` says that variables in it are left as they are, `dashed` that tabs in front
    of its lines are taken away. One that never ends is not `ended` and has no body; the
    lines behind its instruction are then instructions of their own.
    """

    name: str
    line: int
    body: str
    quoted: bool
    dashed: bool
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: lines from 1, its text on one line, the stage it stands in.

    `stage` counts from 0; -1 is the ARG of the lines before the first FROM. `raw` is
    the text with its white space, lines joined. `escape` is the Dockerfile's.
    """

    line: int
    last_line: int
    keyword: str
    text: str
    stage: int
    raw: str = ""
    heredocs: tuple[Heredoc, ...] = ()
    escape: str = "\\"

    @property
    def arguments(self) -> str:
        """What follows the keyword and its flags."""
        rest = self.text.partition(" ")[2].strip()
        flags = _FLAGS.match(f"{rest} ")
        return rest[flags.end() :].strip() if flags else rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: its FROM, its name if any, the stage it is built from if any."""

    index: int
    name: str
    source: str
    parent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A Dockerfile's instructions in order, and its stages."""

    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]

    @property
    def declared(self) -> frozenset[str]:
        """The names of all build arguments that ARG declares, in whatever stage."""
        return frozenset(
            word.partition("=")[0]
            for each in self.instructions
            if each.keyword == "ARG"
            for word in each.arguments.split()
        )

    def at(self, line: int) -> Instruction | None:
        """Find the instruction whose lines include `line`."""
        for each in self.instructions:
            if each.line <= line <= each.last_line:
                return each
        return None

    def stage(self, name: str) -> Stage | None:
        """Find the stage `--target name` selects: the last if `name` is empty."""
        if not self.stages:
            return None
        if not name:
            return self.stages[-1]
        for each in reversed(self.stages):
            if each.name.lower() == name.lower():
                return each
        if name.isdecimal() and len(name) < 10 and int(name) < len(self.stages):
            return self.stages[int(name)]
        return None

    def stages_of(self, target: str = "") -> tuple[int, ...]:
        """Give the numbers of the stages an image is made of, the lowest first."""
        numbers: list[int] = []
        stage = self.stage(target)
        while stage is not None:
            numbers.append(stage.index)
            stage = None if stage.parent is None else self.stages[stage.parent]
        return tuple(reversed(numbers))

    def chain(self, target: str = "") -> tuple[Instruction, ...]:
        """List the instructions whose history is the image's, without any FROM."""
        # a stage stands behind those that it is built from
        inside = {*self.stages_of(target)}
        return tuple(
            each
            for each in self.instructions
            if each.stage in inside and each.keyword != "FROM"
        )

    def outside(self, target: str = "") -> tuple[Instruction, ...] | None:
        """List the instructions of other stages than the image's, without any FROM.

        None when there is no other stage.
        """
        inside = {-1, *self.stages_of(target)}
        if len(inside) > len(self.stages):
            return None
        return tuple(
            each
            for each in self.instructions
            if each.stage not in inside and each.keyword != "FROM"
        )


def parse(text: str, args: Mapping[str, str] | None = None) -> Dockerfile:
    """Cut `text` into instructions; never fails: what is wrong is the builders' say.

    `args` are the build arguments given: a FROM can name a stage by one.
    """
    return _parsed(text, frozenset((args or {}).items()))


# a case's Dockerfile is asked for its lines again and again
@lru_cache(maxsize=64)
def _parsed(text: str, args: frozenset[tuple[str, str]]) -> Dockerfile:
    given = dict(args)
    # Builders end lines at a line feed only, not at all that `splitlines` knows.
    lines = [each.rstrip("\r") for each in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(lines)
    ends = _Ends(lines)
    found: list[Instruction] = []
    stages: list[Stage] = []
    named: dict[str, int] = {}
    values: dict[str, str] = {}
    number = 0
    while number < len(lines):
        start = number
        if not lines[number].strip() or lines[number].lstrip().startswith("#"):
            number += 1
            continue
        joined, number = _join(lines, number, escape)
        keyword = joined.split(maxsplit=1)[0].upper() if joined.split() else ""
        heredocs: tuple[Heredoc, ...] = ()
        if keyword in {"RUN", "COPY", "ADD", "ONBUILD"}:
            heredocs, number = ends.heredocs(number, joined)
        if keyword == "ARG" and not stages:
            values |= _global(joined, given)
        if keyword == "FROM":
            stages.append(_stage(joined, len(stages), named, values))
            if stages[-1].name:
                named[stages[-1].name.lower()] = stages[-1].index
        found.append(
            Instruction(
                line=start + 1,
                last_line=number,
                keyword=keyword,
                text=" ".join(joined.split()),
                stage=len(stages) - 1,
                raw=joined,
                heredocs=heredocs,
                escape=escape,
            )
        )
    return Dockerfile(instructions=tuple(found), stages=tuple(stages))


def directives(text: str) -> dict[str, str]:
    """Read the parser directives in front of all else, such as `syntax`."""
    return dict(_directives(text.removeprefix("\ufeff").split("\n")))


def _directives(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _DIRECTIVE.match(line)
        value = match[2].strip() if match else ""
        if not match or not value:
            break
        yield match[1].lower(), value


def _escape(lines: list[str]) -> str:
    """Find the escape character: directives stand before all else."""
    for name, value in _directives(lines):
        if name == "escape":
            return value[:1]
    return "\\"


def _join(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """Join continued lines; comments and blank lines inside are passed over."""
    parts: list[str] = []
    while number < len(lines):
        line = lines[number]
        number += 1
        if parts and (not line.strip() or line.lstrip().startswith("#")):
            continue
        stripped = line.rstrip()
        if not stripped.endswith(escape):
            parts.append(stripped)
            break
        parts.append(stripped[: -len(escape)])
    return "".join(parts).strip(), number


class _Ends:
    """Where heredocs end: the lines that a word stands on alone."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    @cached_property
    def _plain(self) -> dict[str, list[int]]:
        return _numbers(self._lines)

    @cached_property
    def _dashed(self) -> dict[str, list[int]]:
        return _numbers([line.lstrip("\t") for line in self._lines])

    def heredocs(self, number: int, joined: str) -> tuple[tuple[Heredoc, ...], int]:
        """Read the heredocs that an instruction opens; give the line behind them."""
        found: list[Heredoc] = []
        for dash, quote, word in _HEREDOC.findall(joined):
            ends = (self._dashed if dash else self._plain).get(word, [])
            place = bisect_left(ends, number)
            ended = place < len(ends)
            body = self._lines[number : ends[place]] if ended else []
            found.append(
                Heredoc(
                    name=word,
                    line=number + 1,
                    body="".join(f"{line}\n" for line in body),
                    quoted=bool(quote),
                    dashed=bool(dash),
                    ended=ended,
                )
            )
            number = ends[place] + 1 if ended else number
        return tuple(found), number


def _numbers(lines: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        found.setdefault(line, []).append(number)
    return found


def _global(joined: str, args: Mapping[str, str]) -> dict[str, str]:
    """Give the values of arguments declared before the first FROM."""
    words = [word.partition("=") for word in joined.split()[1:]]
    return {name: args.get(name, value.strip("\"'")) for name, _, value in words}


def _stage(
    joined: str, number: int, named: Mapping[str, int], values: Mapping[str, str]
) -> Stage:
    """Read a FROM; `named` are the stages before it by their names in small letters."""
    words = [word for word in joined.split()[1:] if not word.startswith("--")]
    source = words[0] if words else ""
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    # no stage has a name so long that more than this could be part of it
    meant = _VARIABLE.sub(
        lambda found: values.get(found[1], found[0])[:_LONGEST],
        source[:_LONGEST],
        _LONGEST // 10,
    )
    parent = named.get(meant.lower())
    return Stage(index=number, name=name, source=source, parent=parent)
