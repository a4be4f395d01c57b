"""What a shell script plainly does, as far as its text tells. Pure, and no shell.

A script is cut into simple commands; what it does in variables, substitutions, loops
or programs of its own is not told, and said to be so.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_COMMENT = re.compile(r"(?m)^\s*#.*$")
#: What stands between simple commands.
_OPERATOR = frozenset(";&|()\n")
_REDIRECTS = frozenset({">>", ">|", ">&", ">", "<", "<<", "<<<", "<>"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "exec"}
)
_CLOSING = frozenset({"fi", "done", "}", "esac", "in"})
_WRITERS = frozenset({">", ">>", ">|"})
#: Programs that write nothing but to their output, whatever their arguments.
QUIET = frozenset(
    """: [ arch basename cat cd cmp cut date df diff dirname du echo env expr export
    false find getent grep groups head hostname id ls md5sum nproc od printenv printf
    ps pwd readlink seq set sha256sum shift sleep sort stat tail test tr true tty
    umask uname unset wc which whoami""".split()  # noqa: SIM905
)
#: What of these makes them write.
_WRITING_WORDS = frozenset({"-delete", "-exec", "-execdir", "-fprint", "-o"})
#: Programs whose operands are what they change.
CHANGERS = frozenset(
    "chgrp chmod chown cp install ln mkdir mv rm rmdir tee touch truncate".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A simple command: its words without quotes, and the files it redirects into."""

    words: tuple[str, ...]
    writes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The program, without its directory."""
        return self.words[0].rpartition("/")[2] if self.words else ""

    @property
    def operands(self) -> tuple[str, ...]:
        """The words behind the program that are no options."""
        return tuple(each for each in self.words[1:] if not each.startswith("-"))

    @property
    def is_quiet(self) -> bool:
        """Say whether it plainly changes no file."""
        if any(not each.startswith("/dev/") for each in self.writes):
            return False
        if not self.words:
            return True
        return self.name in QUIET and not (
            self.name in {"find", "sort"} and _WRITING_WORDS.intersection(self.words)
        )

    @property
    def changes(self) -> tuple[str, ...]:
        """The paths that it plainly changes, as they are written."""
        found = [each for each in self.writes if not each.startswith("/dev/")]
        if self.name in CHANGERS:
            operands = list(self.operands)
            if self.name in {"chown", "chmod", "chgrp"}:
                operands = operands[1:]
            elif self.name in {"cp", "install", "ln"}:
                operands = operands[-1:]
            found += operands
        return tuple(found)

    @property
    def is_plain(self) -> bool:
        """Say whether its changes are all that it changes, by what its words tell."""
        text = " ".join((*self.words, *self.writes))
        known = self.is_quiet or self.name in CHANGERS or self.name in QUIET
        return known and "$" not in text and "`" not in text


@lru_cache(maxsize=512)
def commands(script: str) -> tuple[Command, ...]:
    """Cut a script into its simple commands."""
    return tuple(_commands(script))


def _commands(script: str) -> Iterator[Command]:
    words: list[str] = []
    for token, is_operator in _tokens(script):
        if not is_operator:
            words.append(token)
            continue
        yield from _command(words)
        words = []
    yield from _command(words)


def _command(tokens: list[str]) -> Iterator[Command]:
    words: list[str] = []
    writes: list[str] = []
    pending = ""
    for token in tokens:
        if pending:
            if pending in _WRITERS:
                writes.append(token)
            pending = ""
            continue
        if token in _REDIRECTS:
            pending = token
            if words and words[-1] in {"1", "2"}:
                words.pop()
            continue
        if not words and (token in _KEYWORDS or _ASSIGNMENT.match(token)):
            continue
        words.append(token)
    if words and words[0] in _CLOSING:
        words = words[1:]
    if words or writes:
        yield Command(words=tuple(words), writes=tuple(writes))


def _tokens(script: str) -> Iterator[tuple[str, bool]]:
    """Give words, quotes taken off, and operators; what is not closed ends it."""
    plain = _COMMENT.sub("", script.replace("\\\n", ""))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        for token in lexer:
            yield token, bool(token) and _OPERATOR.issuperset(token)
    except ValueError:
        # an open quote: the shell's say, and no plain script
        return
