"""Rules about .dockerignore; nothing where the context is not known."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.context import Context
from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.dockerfile.dockerignore import (
    IGNORE_FILE,
    IgnoreError,
    IgnorePattern,
    parse,
)

_WILD = ("*", "?", "[")


def _lines(context: Context, path: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate((context.text(path) or "").split("\n"), 1):
        text = line.strip().removeprefix("\ufeff")
        if text and not text.startswith("#"):
            yield number, text


def _copies_all(source: Source) -> bool:
    return any(
        each.text.strip("/") in {"", ".", "*"}
        for step in source.steps("COPY", "ADD")
        if step.flag("from") is None
        for each in step.sources
    )


def _exception_with_a_wildcard(source: Source) -> Iterator[Occurrence]:
    if source.context is None:
        return
    try:
        patterns = parse(source.context.text(IGNORE_FILE) or "")
    except IgnoreError:
        return
    numbers = {text: number for number, text in _lines(source.context, IGNORE_FILE)}
    for place, each in enumerate(patterns):
        if not each.exception or not _is_wild(each.text):
            continue
        line = numbers.get(f"!{each.text}", numbers.get(f"!/{each.text}", 0))
        for path in source.context.entries:
            before = any(p.matches(path) for p in patterns[:place])
            above = any(_is_above(p, path) for p in patterns[:place])
            later = any(
                not p.exception and (p.matches(path) or _is_above(p, path))
                for p in patterns[place + 1 :]
            )
            if each.matches(path) and (before or above) and not later and line:
                yield Occurrence(line=line, detail=f"!{each.text}", file=IGNORE_FILE)
                break


def _exception_below_a_folder(source: Source) -> Iterator[Occurrence]:
    if source.context is None or not _copies_all(source):
        return
    ignored: list[str] = []
    for number, text in _lines(source.context, IGNORE_FILE):
        path = text.lstrip("!/")
        if not text.startswith("!"):
            ignored.append(path.rstrip("/*"))
            continue
        above = path.rpartition("/")[0]
        for each in ignored:
            entry = source.context.entries.get(above)
            odd = entry is not None and entry.mode != 0o755
            if above and odd and f"{above}/".startswith(f"{each}/" if each else ""):
                yield Occurrence(line=number, detail=text, file=IGNORE_FILE)
                break


def _of_a_dockerfile(source: Source) -> Iterator[Occurrence]:
    if source.context is None:
        return
    path = f"{source.name}{IGNORE_FILE}"
    if source.context.text(path) is not None:
        yield Occurrence(line=1, file=path)


def _build_files(source: Source) -> Iterator[Occurrence]:
    """Find an ignored Dockerfile that is nevertheless in what COPY takes."""
    if source.context is None or not _copies_all(source):
        return
    text = source.context.text(IGNORE_FILE)
    if text is None:
        return
    try:
        patterns = parse(text)
    except IgnoreError:
        return
    for number, line in _lines(source.context, IGNORE_FILE):
        for each in patterns:
            if each.text == line.lstrip("/") and each.text == source.name:
                yield Occurrence(line=number, detail=line, file=IGNORE_FILE)


def _behind_a_wildcard(source: Source) -> Iterator[Occurrence]:
    """Find a Dockerfile that is ignored but for an exception with a wildcard."""
    text = source.context.text(IGNORE_FILE) if source.context else None
    if text is None or "/" not in source.name:
        return
    try:
        patterns = parse(text)
        named = [each for each in patterns if each.matches(source.name)]
        above = [each for each in patterns if each.text in {"*", "**"}]
    except IgnoreError:
        return
    if above and named and named[-1].exception and _is_wild(named[-1].text):
        yield Occurrence(line=1, detail=f"!{named[-1].text}", file=IGNORE_FILE)


def _is_above(pattern: IgnorePattern, path: str) -> bool:
    """Say whether a pattern takes a directory that the path lies in."""
    while path := path.rpartition("/")[0]:
        if pattern.matches(path):
            return True
    return False


def _is_wild(text: str) -> bool:
    return any(each in text for each in _WILD)


RULES = (
    Rule(
        id="dockerignore-exception-with-a-wildcard",
        says="An exception of .dockerignore has a wildcard.",
        behaviours=("dockerignore/exception-with-a-wildcard",),
        match=_exception_with_a_wildcard,
    ),
    Rule(
        id="dockerignore-exception-below-a-folder",
        says="An exception of .dockerignore lies in an ignored directory.",
        behaviours=("dockerignore/exception-below-a-folder",),
        match=_exception_below_a_folder,
    ),
    Rule(
        id="dockerignore-of-a-dockerfile",
        says="The Dockerfile has an ignore file of its own.",
        behaviours=("dockerignore/ignore-file-of-a-dockerfile",),
        match=_of_a_dockerfile,
    ),
    Rule(
        id="dockerignore-build-files",
        says=".dockerignore names the Dockerfile, and COPY takes the whole context.",
        behaviours=("dockerignore/build-files",),
        match=_build_files,
    ),
    Rule(
        id="dockerignore-dockerfile-by-wildcard",
        says="The Dockerfile is ignored but for an exception with a wildcard.",
        behaviours=("dockerignore/dockerfile-behind-a-wildcard",),
        match=_behind_a_wildcard,
    ),
)
