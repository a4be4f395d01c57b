"""Words as plain text in Markdown. Pure."""

from __future__ import annotations

import re

#: What CommonMark reads as emphasis, code, a tag or an escape.
_MARKUP = re.compile(r"[*`]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|\\(?=[!-/:-@\[-`{-~])")
_ENTITY = {"<": "&lt;"}


def plain(text: str) -> str:
    """Mark what Markdown would take for markup: globs, words in angles, backslashes."""
    # a backslash in front of `<` is not known to every renderer
    return _MARKUP.sub(lambda each: _ENTITY.get(each[0], f"\\{each[0]}"), text)
