"""The numbers of tar headers, as Go's archive/tar reads them: strictly, in 64 bits."""

from __future__ import annotations

import re
from typing import Final

from harness.errors import ArchiveError

_LIMIT: Final = 1 << 63
_OCTAL = re.compile(rb"[0-7]*")
_SECONDS = re.compile(rb"-?\d{1,19}(\.\d{0,40})?")
_CACHE: dict[bytes, int] = {}


def number(field: bytes) -> int:
    """Read a number of a header: octal digits, or base 256 with its first bit set."""
    known = _CACHE.get(field)
    if known is not None:
        return known
    if field[0] & 0x80:
        # Base 256, two's complement above the marking bit.
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if not -_LIMIT <= value < _LIMIT:
            raise ArchiveError(f"the impossible number {value} in a tar header")
        return value
    # int() takes more than digits: signs, underscores, 0o.
    digits = field.strip(b" \0").split(b"\0", 1)[0].rstrip(b" ")
    if not _OCTAL.fullmatch(digits):
        raise ArchiveError(f"{field!r} is not a number of a tar header")
    value = int(digits, 8) if digits else 0
    if len(_CACHE) < 4096:
        _CACHE[field] = value
    return value


def decimal(value: bytes) -> int:
    """Read a whole number of a PAX record."""
    if not value.isdigit() or len(value) > 19 or int(value) >= _LIMIT:
        raise ArchiveError(f"{value[:40]!r} is not a number of a PAX header")
    return int(value)


def seconds(value: bytes) -> int | float:
    """Read a time of a PAX record."""
    if not _SECONDS.fullmatch(value):
        raise ArchiveError(f"{value[:40]!r} is not a time of a PAX header")
    whole, _, fraction = value.partition(b".")
    return float(value) if fraction.strip(b"0") else int(whole)
