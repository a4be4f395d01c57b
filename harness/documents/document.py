"""Read a YAML file into plain values that remember where they stood.

Every mistake in a case is reported at its line and column, which PyYAML's own
constructors lose; and duplicate keys, unknown tags and aliases that explode, which
they let through, are refused here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import yaml

from harness.documents import regular_file
from harness.errors import CaseError

#: A document larger than this is no case: three hundred lines make some 2,000 nodes.
MAX_NODES = 50_000
#: libyaml's composer recurses in C: where it is too deep, the process is gone.
MAX_DEPTH = 200
#: Characters of a number or a time; a number of more bits than this is none.
MAX_NUMBER = 100
MAX_BITS = 64
#: So many words are listed in a hint; of more, only the nearest.
MAX_WORDS = 40
#: Characters of what a file says that a message repeats, and of a whole message.
MAX_SHOWN = 60
MAX_MESSAGE = 2000

Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Location: TypeAlias = tuple[str | int, ...]

TOO_DEEP = "nested too deeply"
TOO_LONG = f"a number of more than {MAX_BITS} bits"
AS_TEXT = "put it in quotes if it is meant as text"
_TAGS = "tag:yaml.org,2002:"
_NUMBERS = {f"{_TAGS}{kind}" for kind in ("int", "float", "timestamp")}
#: What PyYAML's constructors raise for `2020-13-45`, `!!bool x`, `!!int ""` and so on.
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError)


class _Mark(Protocol):
    """The two things used of a PyYAML mark; both count from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The values of one YAML file, and the (line, column) of each key and item."""

    path: Path
    value: Any
    marks: Mapping[Location, tuple[int, int]]

    def known(self, location: Sequence[str | int]) -> Location:
        """Give the deepest part of `location` that has a place.

        Parts that are in no document (pydantic names the branch of a union in its
        locations) are passed over.
        """
        found: Location = ()
        for part in location:
            if (*found, part) in self.marks:
                found = (*found, part)
        return found

    def place(self, location: Sequence[str | int]) -> str:
        """Give `file:line:column` of the deepest known part of `location`."""
        line, column = self.marks.get(self.known(location), (1, 1))
        return f"{self.path}:{line}:{column}"

    def error(
        self, location: Sequence[str | int], message: str, hint: str
    ) -> CaseError:
        """Make the error for a mistake at `location`."""
        return CaseError(_cut(message), where=self.place(location), hint=_cut(hint))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}..."


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Say what is allowed, and which of it was probably meant."""
    words = sorted(set(allowed))
    close = difflib.get_close_matches(word[:MAX_SHOWN], words, n=5, cutoff=0.5)
    meant = f"did you mean `{close[0]}`? " if close else ""
    if len(words) <= MAX_WORDS:
        return f"{meant}allowed: {', '.join(words)}"
    near = f", such as {', '.join(close)}" if close else ""
    return f"{meant}there are {len(words)} names{near}"


def load(path: Path) -> Document:
    """Read `path`; CaseError with file, line and column for anything but plain YAML."""
    text = text_of(path)
    loader = None
    try:
        _check_depth(text, path)
        loader = Loader(text)
        node = loader.get_single_node()
        reader = _Reader(path, loader)
        value = reader.read(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        if "nesting depth" in str(error.problem):
            # libyaml's own limit, met before ours where brackets stand in one line
            raise CaseError(TOO_DEEP, where=place, hint="flatten it") from error
        raise CaseError(
            f"not YAML: {error.problem or error.context}",
            where=place,
            hint="check quotes and indentation; a text with `: ` or `#` needs quotes",
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        number = error.character
        raise CaseError(
            f"not YAML: the character U+{number:04X} is not allowed"
            if isinstance(number, int)
            else f"not YAML: {error.reason}",
            where=f"{path}:{line}",
            hint="write it as an escape in double quotes",
        ) from error
    finally:
        if loader is not None:
            loader.dispose()
    return Document(path=path, value=value, marks=reader.marks)


def text_of(path: Path) -> str:
    """Read a document's text, its lines ending as a text file's do."""
    try:
        text = regular_file.read(path).decode("utf-8")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CaseError(
            f"not UTF-8 at byte {error.start}",
            where=f"{path}:{line}",
            hint="save the file as UTF-8",
        ) from error


def _check_depth(text: str, path: Path) -> None:
    """Refuse what is nested too deeply, by its events, which are no recursion."""
    longest = max(map(len, text.split("\n")))
    if max(text.count("[") + text.count("{"), longest) < MAX_DEPTH:
        # That deep takes so many brackets, or so long an indentation.
        return
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise CaseError(
                TOO_DEEP,
                where=f"{path}{_at(event.start_mark)}",
                hint="flatten it",
            )


def _at(mark: _Mark | None) -> str:
    return f":{mark.line + 1}:{mark.column + 1}" if mark else ""


class _Reader:
    """One walk over a composed document: values, marks, and the refusals."""

    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self.path = path
        self.loader = loader
        self.marks: dict[Location, tuple[int, int]] = {}
        self.count = 0
        self.open: set[int] = set()

    def refuse(self, mark: _Mark, message: str, hint: str) -> CaseError:
        place = f"{self.path}:{mark.line + 1}:{mark.column + 1}"
        return CaseError(message, where=place, hint=hint)

    def read(self, node: yaml.Node, at: Location) -> Any:
        mark = node.start_mark
        self.marks.setdefault(at, (mark.line + 1, mark.column + 1))
        self.count += 1
        if self.count > MAX_NODES:
            raise self.refuse(
                mark,
                f"over {MAX_NODES:,} values, those that aliases (`*name`) repeat too",
                "write fewer values, or split the file",
            )
        if id(node) in self.open:
            raise self.refuse(
                mark, "an alias (`*name`) of what it stands in", "write the values out"
            )
        if not node.tag.startswith(_TAGS):
            tag = f"{node.tag:.{MAX_SHOWN}}"
            raise self.refuse(mark, f"unknown tag {tag}", "write a plain value")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        self.open.add(id(node))
        value = (
            self.mapping(node, at)
            if isinstance(node, yaml.MappingNode)
            else [
                self.read(item, (*at, index)) for index, item in enumerate(node.value)
            ]
        )
        self.open.remove(id(node))
        return value

    def scalar(self, node: yaml.ScalarNode) -> Any:
        number = node.tag in _NUMBERS
        if number and len(node.value) > MAX_NUMBER:
            raise self.refuse(node.start_mark, TOO_LONG, AS_TEXT)
        try:
            value = self.loader.construct_object(node)
        except _UNREADABLE as error:
            raise self.refuse(
                node.start_mark,
                f"no such value: {node.value:.{MAX_SHOWN}}",
                AS_TEXT,
            ) from error
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise self.refuse(node.start_mark, TOO_LONG, AS_TEXT)
        return value

    def mapping(self, node: yaml.MappingNode, at: Location) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.refuse(mark, "a key must be a word", "write `key: value`")
            # YAML 1.1 takes the key `on` for a boolean and `8` for a number; keys
            # here are words and line numbers, both kept as they are written.
            key = key_node.value
            if key in values:
                raise self.refuse(
                    mark,
                    f"`{key:.{MAX_SHOWN}}` appears twice in one mapping",
                    f"first on line {self.marks[(*at, key)][0]}; keep one of them",
                )
            self.marks[(*at, key)] = (mark.line + 1, mark.column + 1)
            values[key] = self.read(value_node, (*at, key))
        return values
