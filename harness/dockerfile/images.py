"""Which images a Dockerfile takes: from FROM, COPY --from and RUN --mount.

Names are read as builders read them, so that it is known before a build what has to be
there, and after it which layers and entries of the history the base has brought.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.dockerfile.parser import Dockerfile, Instruction, Stage
from harness.dockerfile.variables import expand

#: What a FROM names where there is nothing below.
SCRATCH = "scratch"
_FLAG = re.compile(r"--(?P<name>[a-z][a-z-]*)(?:=(?P<value>\S*))?")
_ARG = re.compile(r"""([A-Za-z_]\w*)(?:=((?:"[^"]*"|'[^']*'|[^\s"'])*))?""")
_DOMAIN = "docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenImage:
    """An image from outside that a Dockerfile takes.

    `name` is as builders see it, with variables put in; `words` are how the lines write
    it. `platform` is that of FROM, with variables put in.
    """

    name: str
    lines: tuple[int, ...]
    words: tuple[str, ...]
    platform: str = ""

    @property
    def digest(self) -> str:
        """The digest that the name ends in, if any."""
        return self.name.partition("@")[2]


def canonical(name: str) -> str:
    """Write an image's name in full: `alpine` is `docker.io/library/alpine:latest`.

    https://pkg.go.dev/github.com/distribution/reference#ParseNormalizedNamed
    """
    plain, _, digest = name.partition("@")
    domain, slash, path = plain.partition("/")
    if not slash or not (set(domain) & set(".:") or domain == "localhost"):
        domain, path = _DOMAIN, plain
    if domain in {_DOMAIN, "index.docker.io"}:
        domain = _DOMAIN
        path = path if "/" in path else f"library/{path}"
    if digest:
        # a tag beside a digest says nothing
        folder, slash, last = path.rpartition("/")
        return f"{domain}/{folder}{slash}{last.partition(':')[0]}@{digest}"
    tagged = ":" in path.rpartition("/")[2]
    return f"{domain}/{path}" if tagged else f"{domain}/{path}:latest"


def origin(
    parsed: Dockerfile, target: str = "", args: Mapping[str, str] | None = None
) -> str | None:
    """Name the image at the bottom of a stage's chain; None where it is not known.

    `SCRATCH` where nothing is below.
    """
    stage = parsed.stage(target)
    while stage is not None and stage.parent is not None:
        stage = parsed.stages[stage.parent]
    return expand(stage.source, values(parsed, args)) or None if stage else None


def values(parsed: Dockerfile, args: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the arguments that a FROM sees: those declared before the first one."""
    given = args or {}
    found: dict[str, str] = {}
    for each in parsed.instructions:
        if each.keyword == "ARG" and each.stage < 0:
            for name, default in _ARG.findall(each.arguments):
                text = given.get(name)
                if text is None:
                    text = expand(default, found) or ""
                found[name] = text
    return found


def taken(
    parsed: Dockerfile,
    target: str = "",
    args: Mapping[str, str] | None = None,
    others: Sequence[str] = (),
) -> tuple[TakenImage, ...]:
    """List the images from outside that are taken up to the target's stage.

    The legacy builder builds all stages up to it, needed or not. `others` are names
    that stand for something else, such as those of named contexts.
    """
    last = parsed.stage(target)
    until = last.index if last else len(parsed.stages) - 1
    found: dict[str, TakenImage] = {}
    for each in _all(parsed, until, values(parsed, args)):
        if each.name in others:
            continue
        before = found.get(each.name)
        found[each.name] = TakenImage(
            name=each.name,
            lines=(*(before.lines if before else ()), *each.lines),
            words=tuple(
                dict.fromkeys((*(before.words if before else ()), *each.words))
            ),
            platform=before.platform if before else each.platform,
        )
    return tuple(found.values())


def _all(
    parsed: Dockerfile, until: int, known: Mapping[str, str]
) -> Iterator[TakenImage]:
    for each in parsed.instructions:
        if each.stage < 0 or each.stage > until:
            continue
        if each.keyword == "FROM":
            yield from _of_stage(each, parsed.stages[each.stage], known)
        elif each.keyword in {"COPY", "RUN"}:
            for word in _from_words(each):
                if not _is_stage(parsed, word):
                    yield TakenImage(name=word, lines=(each.line,), words=(word,))


def _of_stage(
    line: Instruction, stage: Stage, known: Mapping[str, str]
) -> Iterator[TakenImage]:
    name = expand(stage.source, known)
    if stage.parent is None and name and name != SCRATCH:
        platform = dict(_flags(line)).get("platform", "")
        yield TakenImage(
            name=name,
            lines=(line.line,),
            words=(stage.source,),
            platform=expand(platform, known) or "",
        )


def _from_words(line: Instruction) -> Iterator[str]:
    """Name what COPY --from and RUN --mount=from= take from; variables are not told."""
    for name, value in _flags(line):
        if line.keyword == "COPY" and name == "from":
            found = value
        elif line.keyword == "RUN" and name == "mount":
            parts = dict(each.partition("=")[::2] for each in value.split(","))
            found = parts.get("from", "")
        else:
            continue
        if found and "$" not in found and found != SCRATCH:
            yield found.strip("\"'")


def _is_stage(parsed: Dockerfile, word: str) -> bool:
    """Say whether a word names a stage, by its name or its number."""
    if word.isdecimal():
        return True
    return any(word.lower() == each.name.lower() for each in parsed.stages)


def _flags(line: Instruction) -> Iterator[tuple[str, str]]:
    for word in line.text.split()[1:]:
        match = _FLAG.fullmatch(word)
        if match is None:
            return
        yield match["name"], match["value"] or ""
