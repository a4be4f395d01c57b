"""Rules about the options, sources and destinations of COPY and ADD."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from harness.check.copied import copied, copies, from_context
from harness.check.rule import Occurrence, Rule
from harness.check.source import Source

_MODE = re.compile(r"[0-7]{3,4}")


def _flag(source: Source, name: str) -> Iterator[Occurrence]:
    for step in copies(source):
        value = step.flag(name)
        if value is not None:
            shown = f"--{name}={value}" if value else f"--{name}"
            yield Occurrence(line=step.line, detail=shown)


def _link(source: Source) -> Iterator[Occurrence]:
    for each in _flag(source, "link"):
        if not each.detail.endswith("=false"):
            yield each


def _parents(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "parents")


def _exclude(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "exclude")


def _chmod(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        value = step.flag("chmod")
        if value and _MODE.fullmatch(value) and not step.heredocs:
            yield Occurrence(line=step.line, detail=f"--chmod={value}")


def _chmod_symbolic(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        value = step.flag("chmod") or ""
        if re.search(r"[ugoa]*[-+=][rwxXst]", value):
            yield Occurrence(line=step.line, detail=f"--chmod={value}")


def _chmod_variable(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        value = step.flag("chmod") or ""
        if "$" in value:
            yield Occurrence(line=step.line, detail=f"--chmod={value}")


def _chmod_special(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        value = step.flag("chmod") or ""
        if _MODE.fullmatch(value) and len(value) == 4 and value[0] != "0":
            yield Occurrence(line=step.line, detail=f"--chmod={value}")


def _wildcard(source: Source) -> Iterator[Occurrence]:
    """Find wildcards that match nothing in the context."""
    for step in from_context(source):
        # one that finds something is enough
        if source.context is not None and copied(source, step) != []:
            continue
        for word in step.sources:
            if not re.search(r"[*?[]", word.text) or "\\" in word.raw:
                continue
            if source.context is None or not word.known:
                yield Occurrence(
                    line=step.line,
                    detail=word.text,
                    certain=False,
                    depends="whether the context has a file of that name",
                )
            else:
                yield Occurrence(line=step.line, detail=word.text)


def _double_star(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        for word in step.sources:
            if "**" in word.text:
                yield Occurrence(line=step.line, detail=word.text)


def _several_without_slash(source: Source) -> Iterator[Occurrence]:
    for step in from_context(source):
        place = step.destination
        if place is None or not place.known or place.text.endswith(("/", ".")):
            continue
        if len(step.sources) > 1:
            yield Occurrence(
                line=step.line,
                detail=place.text,
                certain=False,
                depends=f"whether {place.text} is a directory of the image",
            )


def _above_the_context(source: Source) -> Iterator[Occurrence]:
    for step in from_context(source):
        for word in step.sources:
            if posixpath.normpath(word.text).startswith("../"):
                yield Occurrence(line=step.line, detail=word.text)


def _above_the_root(source: Source) -> Iterator[Occurrence]:
    for step in copies(source):
        place = step.destination
        if place is None or not place.known:
            continue
        relative = not place.text.startswith("/")
        path = f"{step.before.workdir or '/'}/{place.text}" if relative else place.text
        depth = 0
        for part in path.split("/"):
            depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
            if depth < 0:
                yield Occurrence(line=step.line, detail=place.text)
                break


RULES = (
    Rule(
        id="copy-link",
        says="COPY or ADD has --link.",
        behaviours=("copy/link-flag",),
        match=_link,
    ),
    Rule(
        id="copy-parents",
        says="COPY has --parents.",
        behaviours=("copy/parents-flag",),
        match=_parents,
    ),
    Rule(
        id="copy-exclude",
        says="COPY or ADD has --exclude.",
        behaviours=("copy/exclude-flag",),
        match=_exclude,
    ),
    Rule(
        id="copy-chmod",
        says="COPY or ADD has --chmod.",
        behaviours=("copy/chmod",),
        match=_chmod,
    ),
    Rule(
        id="copy-chmod-symbolic",
        says="COPY or ADD has --chmod in letters.",
        behaviours=("copy/chmod-symbolic",),
        match=_chmod_symbolic,
    ),
    Rule(
        id="copy-chmod-variable",
        says="COPY or ADD has --chmod with a variable.",
        behaviours=("copy/chmod-with-a-variable",),
        match=_chmod_variable,
    ),
    Rule(
        id="copy-chmod-special-bits",
        says="COPY or ADD sets setuid, setgid or sticky bits with --chmod.",
        behaviours=("copy/chmod-special-bits",),
        match=_chmod_special,
    ),
    Rule(
        id="wildcard-without-a-match",
        says="A wildcard of COPY or ADD matches nothing.",
        behaviours=("copy/wildcard-without-a-match",),
        match=_wildcard,
    ),
    Rule(
        id="double-star",
        says="A source of COPY or ADD has two stars.",
        behaviours=("copy/double-star",),
        match=_double_star,
    ),
    Rule(
        id="several-sources-without-a-slash",
        says="Several sources go to a destination without a slash at its end.",
        behaviours=("copy/several-sources-without-a-slash",),
        match=_several_without_slash,
    ),
    Rule(
        id="source-above-the-context",
        says="A source leads out of the context.",
        behaviours=("copy/source-above-the-context",),
        match=_above_the_context,
    ),
    Rule(
        id="destination-above-the-root",
        says="A destination leads above the root directory.",
        behaviours=("copy/destination-above-the-root",),
        match=_above_the_root,
    ),
)
