from __future__ import annotations

import gzip
import random
from typing import Any

import pytest
import zstandard

from harness.errors import ArchiveError
from harness.tar.budget import Account
from harness.tar.byte_stream import ByteSource
from harness.tar.compression import is_compressed, unpacked

NOISE = random.Random(1).randbytes(300_000)
PLAIN = NOISE + bytes(1 << 20) + b"ab" * 100_000
SKIPPABLE = b"\x5a\x2a\x4d\x18" + (300).to_bytes(4, "little") + bytes(300)


def framed(data: bytes, **how: Any) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, **how)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


def plain(data: bytes, cut: int = 1 << 20) -> bytes:
    parts = [data[at : at + cut] for at in range(0, len(data), cut)]
    return b"".join(unpacked(ByteSource(parts), Account()))


FORMS = {
    "plain": PLAIN,
    "gzip": gzip.compress(PLAIN),
    "gzip, padded": gzip.compress(PLAIN) + bytes(70_000),
    "gzip, members": gzip.compress(PLAIN[:7])
    + gzip.compress(b"") * 3
    # a member of its own for the rest
    + gzip.compress(PLAIN[7:]),
    "zstd": framed(PLAIN),
    "zstd, checked": framed(PLAIN, write_checksum=True),
    "zstd, of unknown size": framed(PLAIN, write_content_size=False),
    "zstd, stored": framed(NOISE) + framed(PLAIN[len(NOISE) :]),
    "zstd, small": framed(PLAIN[:200])
    + framed(PLAIN[200:70_000])
    # sizes are written in one, two and four bytes
    + framed(PLAIN[70_000:]),
    "zstd, frames of nothing": framed(b"") + framed(PLAIN) + framed(b""),
    "zstd, frames to skip": SKIPPABLE + framed(PLAIN) + SKIPPABLE,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [1000, 1 << 20])
def test_every_form_unpacks_to_the_same(form: str, cut: int) -> None:
    assert plain(FORMS[form], cut) == PLAIN
    assert is_compressed(FORMS[form][:512]) == (form != "plain")


@pytest.mark.parametrize("form", [each for each in FORMS if each.startswith("zstd")])
def test_a_zstd_stream_cut_anywhere_is_truncated_or_ends_with_a_frame(
    form: str,
) -> None:
    data = FORMS[form]
    chance = random.Random(form)
    messages = []
    for size in [len(data) - 1, *(chance.randrange(4, len(data)) for _ in range(40))]:
        try:
            found = plain(data[:size])
        except ArchiveError as error:
            messages.append(error.message)
        else:
            # the rest was a frame that can be left out
            assert PLAIN.startswith(found)
            assert is_compressed(data[size : size + 4])
    assert messages
    assert all("truncated" in each for each in messages)


@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (gzip.compress, "something else after its gzip stream"),
        (zstandard.compress, "Unknown frame"),
    ],
)
def test_what_follows_a_stream_and_is_none_is_an_error(pack: Any, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        plain(pack(PLAIN) + b"garbage")


def test_an_error_of_the_source_is_passed_on() -> None:
    def broken() -> Any:
        yield FORMS["zstd"][:100_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        b"".join(unpacked(ByteSource(broken()), Account()))
