"""Regular expressions that a file gives: compiled, or refused with the reason."""

from __future__ import annotations

import re
from typing import Final

#: Characters of a pattern; the longest of a case has 79.
MAX_PATTERN: Final = 1000


def compiled(text: str) -> re.Pattern[str]:
    """Compile a pattern; ValueError says why it is none."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    try:
        return re.compile(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from error
