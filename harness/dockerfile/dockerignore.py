"""The part of a build context that the client of a builder sends: .dockerignore.

The API of an engine filters nothing, so a context posted to it is filtered here as the
docker CLI does for the legacy builder, and buildx for BuildKit. Second step of a
context on its way to a target; held against the real clients in
`tests/engine/test_sent_context.py`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from harness.dockerfile.context import ContextFile
from harness.dockerfile.wildcards import Matcher, matcher

Family = Literal["legacy", "buildkit"]

IGNORE_FILE: Final = ".dockerignore"
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
# Go's unicode.IsSpace; Python's strip() takes U+001C to U+001F too
_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_WILD: Final = frozenset("*?[]\\")
_GLOB: Final = _WILD | {"^"}
_MAX_LINKS: Final = 40


class IgnoreError(ValueError):
    """A pattern that clients refuse, so that nothing is built; the text is theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnorePattern:
    """One line of an ignore file; `exception` when it had `!` in front."""

    text: str
    exception: bool = False

    def matches(self, path: str) -> bool:
        """Say whether the path itself matches, whatever lies above it."""
        return bool(_expression(self.text).fullmatch(path))

    @property
    def stem(self) -> str:
        """Give the text without a last `/*` or `/**`."""
        return self.text.removesuffix("/**").removesuffix("/*")


def sent(
    files: Iterable[ContextFile], dockerfile: str, family: str, *, raw: bool = False
) -> list[ContextFile]:
    """List what of a context is posted for a Dockerfile, owners as they are.

    Of what is ignored, the legacy builder gets the Dockerfile and .dockerignore, since
    its daemon takes them out again (docker/cli, TrimBuildFilesFromExcludes; moby,
    removeDockerfile). BuildKit gets the Dockerfile, since without a session it has no
    other way to it: COPY still finds it there, other than with buildx. `raw` sends all.

    Raises IgnoreError, in the words of the client, for what it refuses.
    """
    every = list(files)
    if raw:
        return every
    legacy = family == "legacy"
    text = _ignore_file(every, dockerfile, legacy=legacy)
    if text is None:
        return every
    refusal = "error checking context"
    try:
        if not legacy:
            refusal = f"invalid excludepatterns: [{' '.join(lines(text))}]"
        patterns = parse(text)
        if legacy:
            patterns += [
                IgnorePattern(text=name, exception=True)
                for name in (IGNORE_FILE, dockerfile)
                if ignored(patterns, name)
            ]
        else:
            refusal = "failed to match excludepatterns"
        kept = _kept(_with_parents(every), patterns, legacy=legacy)
    except IgnoreError as error:
        raise IgnoreError(f"{refusal}: {error}") from error
    if not legacy:
        kept |= {dockerfile, *_parents(dockerfile)}
    return _relinked(_with_parents(every), kept)


def lines(text: str) -> list[str]:
    """Read an ignore file's patterns, cleaned (moby/patternmatcher, ignorefile)."""
    found = []
    for line in text.removeprefix(_BOM).split("\n"):
        pattern = line.strip(_SPACE)
        if line.startswith("#") or not pattern:
            continue
        sign = "!" if pattern.startswith("!") else ""
        pattern = pattern.removeprefix(sign).strip(_SPACE)
        if pattern:
            pattern = _clean(pattern)
            if len(pattern) > 1:
                pattern = pattern.removeprefix("/")
        found.append(sign + pattern)
    return found


def parse(text: str) -> list[IgnorePattern]:
    """Read an ignore file (moby/patternmatcher, New); IgnoreError for a bad pattern."""
    patterns = []
    for line in lines(text):
        cleaned = _clean(line)
        if cleaned == "!":
            raise IgnoreError('illegal exclusion pattern: "!"')
        exception = cleaned.startswith("!")
        plain = cleaned.removeprefix("!") if exception else cleaned
        _check(plain)
        patterns.append(IgnorePattern(text=plain, exception=exception))
    return patterns


def ignored(patterns: Sequence[IgnorePattern], path: str) -> bool:
    """Say whether a path is ignored, for itself or for a folder above it.

    The last pattern that matches counts (moby/patternmatcher, MatchesOrParentMatches).
    """
    result = False
    for pattern in patterns:
        # bad patterns are found out only where they are tried, as the client does
        if pattern.exception == result and any(
            map(pattern.matches, (path, *_parents(path)))
        ):
            result = not pattern.exception
    return result


def _kept(
    files: Sequence[ContextFile], patterns: Sequence[IgnorePattern], *, legacy: bool
) -> set[str]:
    """Walk a context as the clients do; name what is sent, folders included.

    What lies in an ignored folder is looked at only where an exception may be below
    it: the docker CLI compares the texts, so that no exception with a wildcard in a
    folder's name is found (moby/moby#45608), buildx looks into all folders once an
    exception has a wildcard (tonistiigi/fsutil, filter.go). buildx sends the folders
    above what it sends, the docker CLI not those that are ignored.
    """
    exceptions = [each for each in patterns if each.exception]
    stems = [each.text if legacy else each.stem for each in exceptions]
    everywhere = not legacy and any(_GLOB & set(stem) for stem in stems)
    kept: set[str] = set()
    hits: dict[str, list[bool]] = {"": [False] * len(patterns)}
    for file in files:
        above = hits.get(posixpath.dirname(file.path))
        if above is None:
            continue
        skipped, matched = _match(patterns, file.path, above)
        if file.kind == "dir" and (
            not skipped
            or everywhere
            or any(f"{stem}/".startswith(f"{file.path}/") for stem in stems)
        ):
            hits[file.path] = matched
        if not skipped:
            kept.add(file.path)
            if not legacy:
                kept.update(_parents(file.path))
    return kept


def _match(
    patterns: Sequence[IgnorePattern], path: str, above: Sequence[bool]
) -> tuple[bool, list[bool]]:
    """Tell whether a path is ignored, and which patterns match it or a folder above.

    A pattern that would change nothing is not tried, and counts as no match further
    down (moby/patternmatcher, MatchesUsingParentResults).
    """
    result = False
    hits = []
    for pattern, inherited in zip(patterns, above, strict=True):
        hit = inherited or (pattern.exception == result and pattern.matches(path))
        hits.append(hit)
        if hit:
            result = not pattern.exception
    return result, hits


def _ignore_file(
    files: Sequence[ContextFile], dockerfile: str, *, legacy: bool
) -> str | None:
    """Find the ignore file that counts; a Dockerfile's own one for BuildKit only.

    An empty one counts too (measured with buildx 0.13.1 on 20.10.24 and 28.5.2).
    """
    by_path = {each.path: each for each in files}
    names = [IGNORE_FILE] if legacy else [f"{dockerfile}{IGNORE_FILE}", IGNORE_FILE]
    for name in names:
        path = name
        for _ in range(_MAX_LINKS):
            file = by_path.get(path)
            if file is None or file.kind not in {"symlink", "hardlink"}:
                break
            folder = posixpath.dirname(path) if file.kind == "symlink" else ""
            path = _clean(posixpath.join(folder, file.link))
        if file is not None and file.kind == "file":
            return file.text().decode("utf-8", "surrogateescape")
    return None


def _with_parents(files: Iterable[ContextFile]) -> list[ContextFile]:
    """Add the folders a context leaves out, since clients walk a real one."""
    every = {each.path: each for each in files}
    for path in list(every):
        for parent in _parents(path):
            if parent in every:
                break
            every[parent] = ContextFile(path=parent, kind="dir")
    return [every[path] for path in sorted(every, key=lambda path: path.split("/"))]


def _relinked(files: Sequence[ContextFile], kept: set[str]) -> list[ContextFile]:
    """Leave out what is not kept; a hardlink to it is sent as the file itself."""
    by_path = {each.path: each for each in files}
    stands_for: dict[str, str] = {}
    found = []
    for file in files:
        if file.path not in kept:
            continue
        if file.kind == "hardlink" and file.link not in kept and file.link in by_path:
            first = stands_for.setdefault(file.link, file.path)
            found.append(
                replace(by_path[file.link], path=file.path)
                if first == file.path
                else replace(file, link=first)
            )
        else:
            found.append(file)
    return found


def _check(pattern: str) -> None:
    """Refuse what Go's filepath.Match calls a syntax error."""
    at = 0
    while at < len(pattern):
        if pattern[at] == "[":
            at = _end_of_class(pattern, at + 1)
        else:
            at = _end_of_character(pattern, at, outside=True)


def _end_of_class(pattern: str, at: int) -> int:
    at += pattern.startswith("^", at)
    first = True
    while first or not pattern.startswith("]", at):
        at = _end_of_character(pattern, at)
        if pattern.startswith("-", at):
            at = _end_of_character(pattern, at + 1)
        first = False
    return at + 1


def _end_of_character(pattern: str, at: int, *, outside: bool = False) -> int:
    """Skip one character, which may be escaped; in a class `-` and `]` have to be."""
    escaped = pattern.startswith("\\", at)
    at += escaped
    if at >= len(pattern) or (not escaped and not outside and pattern[at] in "-]"):
        raise IgnoreError("syntax error in pattern")
    return at + 1


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> Matcher:
    """Translate a pattern (moby/patternmatcher, compile); fullmatch it.

    `**` at the end matches all below, `**` elsewhere any number of folders, and in
    front, with nothing but plain text behind it, any beginning.
    """
    front, rest = pattern.startswith("**"), pattern.removeprefix("**")
    end = rest.endswith("**")
    if _WILD & set(rest.removesuffix("**")) or (front and end):
        return _compiled(pattern)
    if rest.startswith("/") and front:
        text = "(?:.*/)?" + re.escape(rest[1:])
    else:
        text = (".*" if front else "") + re.escape(rest.removesuffix("**"))
    return re.compile(text + (".*" if end else ""), re.DOTALL)


def _compiled(pattern: str) -> Matcher:
    """Translate a pattern with a wildcard in it to what moby's matcher makes of it."""
    parts: list[str] = []
    inside = False
    at = 0
    while at < len(pattern):
        char, two = pattern[at], pattern[at : at + 2]
        at += 1
        if two == "**":
            at += 1 + pattern.startswith("/", at + 1)
            parts.append("(?:.*/)?" if at < len(pattern) else ".*")
        elif char in "*?":
            # in a class, what stands for the wildcard ends the class
            parts.append(("\\[" if inside else "[") + "^/]" + char.strip("?"))
            inside = False
        elif char == "\\":
            parts.append(two)
            at += 1
        elif char in "[]":
            # Python keeps a second `[` in a class for later, Go takes it as it is
            parts.append("\\[" if inside and char == "[" else char)
            inside = char == "["
        elif inside:
            parts.append(f"\\{char}" if char in "&~|" else char)
        elif char == "^":
            # not escaped by moby either: it never matches in a text's middle
            parts.append(char)
        else:
            parts.append(re.escape(char))
    try:
        return matcher("".join(parts), re.ASCII)
    except re.error as error:
        raise IgnoreError("syntax error in pattern") from error


def _parents(path: str) -> list[str]:
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def _clean(path: str) -> str:
    """Shorten a path as Go's filepath.Clean does."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean
