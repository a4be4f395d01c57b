"""An instruction cut into its parts, and what holds before it. Pure.

What is not known, such as what the base image sets, is None, and never a guess.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from shlex import join

from harness.dockerfile import words
from harness.dockerfile.parser import Heredoc, Instruction
from harness.dockerfile.words import Flag, Word

#: Arguments that BuildKit sets by the platform,
#: https://docs.docker.com/reference/dockerfile/ "Automatic platform ARGs".
PLATFORM_ARGS = frozenset(
    f"{side}{what}"
    for side in ("TARGET", "BUILD")
    for what in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
_LISTS = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "VOLUME", "COPY", "ADD"})
_SHELL_FORM = frozenset({"RUN", "CMD", "ENTRYPOINT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What holds before a step.

    `values` has ENV and ARG by name, None where a value is set and not known. `user`,
    `workdir` and `shell` are None where the base image decides. `volumes` has the line
    of the VOLUME by path; `base` is the image that the stage is made of in the end.
    """

    base: str
    values: Mapping[str, str | None] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    user: str | None = None
    workdir: str | None = None
    shell: tuple[str, ...] | None = None
    volumes: Mapping[str, int] = field(default_factory=dict)

    def path(self, text: str) -> str | None:
        """Make a path absolute; None where the directory before it is not known."""
        if text.startswith("/"):
            return posixpath.normpath(text)
        if self.workdir is None:
            return None
        return posixpath.normpath(posixpath.join(self.workdir, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction, cut into its parts, and what holds before it.

    `rest` is what follows the flags, as written. `words` are the words of it, those of
    the list form if `is_list`. `trigger` is the step behind ONBUILD.
    """

    instruction: Instruction
    keyword: str
    stage: int
    flags: tuple[Flag, ...]
    rest: str
    words: tuple[Word, ...]
    is_list: bool
    before: State
    trigger: Step | None = None

    @property
    def line(self) -> int:
        """Its first line, from 1."""
        return self.instruction.line

    @property
    def heredocs(self) -> tuple[Heredoc, ...]:
        """The here-documents that it opens."""
        return self.instruction.heredocs

    def flag(self, name: str) -> str | None:
        """Give the value of a flag, empty if it has none; None if it is missing."""
        return next((each.value for each in self.flags if each.name == name), None)

    @property
    def sources(self) -> tuple[Word, ...]:
        """The sources of COPY and ADD, without here-documents."""
        return tuple(each for each in self.words[:-1] if not _opens(each))

    @property
    def destination(self) -> Word | None:
        """The destination of COPY and ADD."""
        return self.words[-1] if len(self.words) > 1 else None

    @property
    def script(self) -> str:
        """What the shell of a RUN gets: its text, or the bodies of here-documents.

        Of the list form it is what `sh -c` in it gets, or else its words.
        """
        if self.is_list:
            texts = [each.text for each in self.words]
            return texts[2] if texts[1:2] == ["-c"] and texts[2:] else join(texts)
        if not self.heredocs:
            return self.rest
        return self.rest + "\n" + "".join(each.body for each in self.heredocs)


def make_step(instruction: Instruction, before: State) -> Step:
    """Cut an instruction into its parts."""
    keyword, escape = instruction.keyword, instruction.escape
    behind = instruction.raw[len(keyword) :].strip()
    if keyword == "ONBUILD":
        inner = behind.split(maxsplit=1)
        name = inner[0].upper() if inner else ""
        own = replace(instruction, keyword=name, raw=behind, text=" ".join(inner))
        return Step(
            instruction=instruction,
            keyword=keyword,
            stage=instruction.stage,
            flags=(),
            rest=behind,
            words=(),
            is_list=False,
            before=before,
            trigger=make_step(own, before) if name and name != "ONBUILD" else None,
        )
    flags, rest = words.flags_of(behind, escape)
    as_list = words.listed(rest) if keyword in _LISTS else None
    if as_list is not None:
        found = tuple(_of_list(keyword, each, before, escape) for each in as_list)
    else:
        # a script may have quotes that no Dockerfile's word has
        values = {} if keyword in _SHELL_FORM else before.values
        found = tuple(
            words.expand(e, values, escape) for e in words.split(rest, escape)
        )
    return Step(
        instruction=instruction,
        keyword=keyword,
        stage=instruction.stage,
        flags=flags,
        rest=rest,
        words=found,
        is_list=as_list is not None,
        before=before,
    )


def _of_list(keyword: str, text: str, before: State, escape: str) -> Word:
    if keyword in {"COPY", "ADD", "VOLUME"}:
        return words.expand(text, before.values, escape)
    return Word(raw=text, text=text)


def mounts(step: Step) -> list[dict[str, str]]:
    """Read the --mount flags of a RUN: by key, `type` always there."""
    found = []
    for flag in step.flags:
        if flag.name == "mount" and step.keyword == "RUN":
            parts = (each.partition("=") for each in flag.value.split(","))
            options = {name.strip().lower(): value for name, _, value in parts}
            found.append({"type": "bind"} | options)
    return found


def declared(step: Step) -> Iterator[tuple[str, str | None]]:
    """Give each argument of an ARG with its default, None for none that is known."""
    values = dict(step.before.values)
    for raw in words.split(step.rest, step.instruction.escape):
        name, equals, default = raw.partition("=")
        word = words.expand(default, values, step.instruction.escape)
        value = word.text if equals and word.known else None
        values[name] = value
        yield name, value


def assigned(step: Step) -> Iterator[tuple[str, Word]]:
    """Give the names of an ENV or LABEL with their values, expanded."""
    escape = step.instruction.escape
    for name, value in words.pairs(step.rest, escape):
        yield name, words.expand(value, step.before.values, escape)


def _opens(word: Word) -> bool:
    return word.raw.startswith("<<")
