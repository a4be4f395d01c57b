"""A build context as a deterministic tar: the same files give the same bytes.

What a case does not say of a file has a fixed default, so no checkout, umask or clock
shows in a build. The first step of the flow: a case's context goes to every target.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from posixpath import join, normpath
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol, cast

from harness.documents.regular_file import DOCUMENT, size_text
from harness.documents.relative_path import too_long
from harness.tar.write import BLOCK, END, FileKind, Header, encode, padding

MTIME = 1_700_000_000
_MODES: Mapping[FileKind, int] = {"dir": 0o755, "symlink": 0o777}
_MODE = 0o644
_RANDOM_CHUNK = 1 << 20
_SPOOL = 8 << 20
_MAX_ID = (1 << 32) - 1
_MAX_DEVICE = 8**7 - 1
#: As many links in a row as Linux follows.
_MAX_LINKS = 40


class Content(Protocol):
    """The content of a file, made or read when it is needed; its size is known."""

    @property
    def size(self) -> int:
        """Its length in bytes."""

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes, a part at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file of a context; a ValueError says what of it cannot be.

    `random` is the size and seed of bytes made up the same way for ever. A hardlink's
    `link` is a path in the context, a symlink's is free to point anywhere.
    """

    path: str
    kind: FileKind = "file"
    content: bytes | Content = b""
    random: tuple[int, int] | None = None
    link: str = ""
    device: tuple[int, int] | None = None
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    uname: str = ""
    gname: str = ""
    mtime: int | float = MTIME
    xattrs: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(f"{self.path!r:.300}: {problem}")

    @property
    def permissions(self) -> int:
        """Give the mode, or the default one of the kind."""
        return _MODES.get(self.kind, _MODE) if self.mode is None else self.mode

    @property
    def size(self) -> int:
        """Give the content's length in bytes."""
        if self.random:
            return self.random[0]
        content = self.content
        return len(content) if isinstance(content, bytes) else content.size

    def pieces(self) -> Iterator[bytes]:
        """Give the content, a part at a time."""
        if self.random:
            yield from random_bytes(*self.random)
        elif isinstance(self.content, bytes):
            yield self.content
        else:
            yield from self.content.pieces()

    def text(self) -> bytes:
        """Give the content of a file that is read here; ValueError if it is no text."""
        if self.size > DOCUMENT:
            raise ValueError(
                f"{self.path!r}: is larger than {size_text(DOCUMENT)}, the most that "
                "is read of a Dockerfile or .dockerignore"
            )
        return b"".join(self.pieces())

    def _problems(self) -> Iterator[str]:
        yield from _path_problems("path", self.path)
        yield from self._content_problems()
        if self.kind == "hardlink":
            yield from _path_problems("link", self.link)
        if self.kind == "symlink" and (problem := too_long(self.link)):
            yield f"the link has {problem}"
        if (self.kind in {"symlink", "hardlink"}) != bool(self.link):
            yield f"a {self.kind} {'has no' if self.link else 'needs a'} link"
        if (self.kind in {"char", "block"}) != (self.device is not None):
            yield f"a {self.kind} {'has no' if self.device else 'needs a'} device"
        if self.device and not all(0 <= part <= _MAX_DEVICE for part in self.device):
            yield f"device numbers are 0 to {_MAX_DEVICE}"
        if not 0 <= self.permissions <= 0o7777:
            yield "a mode is 0 to 07777"
        if not (0 <= self.uid <= _MAX_ID and 0 <= self.gid <= _MAX_ID):
            yield f"owners are 0 to {_MAX_ID}"
        if not isfinite(self.mtime):
            yield "mtime is not a number of seconds"
        texts = (self.path, self.link, self.uname, self.gname, *self.xattrs)
        if any("\0" in text for text in texts):
            yield "text in a tar cannot contain a NUL"
        if any(not name or "=" in name for name in self.xattrs):
            yield "an extended attribute needs a name, without `=`"

    def _content_problems(self) -> Iterator[str]:
        if self.kind != "file" and (self.content or self.random):
            yield f"a {self.kind} has no content"
        if self.random and self.content:
            yield "content is either literal or random"
        if self.random and min(self.random) < 0:
            yield "size and seed of random content are 0 or more"


def write_tar(files: Iterable[ContextFile], out: BinaryIO) -> None:
    """Write a context, sorted, with the parent directories it leaves out.

    Hardlinks come last, since what they name has to be there before them.
    """
    out.writelines(_tar_pieces(_complete(files)))


def tar_size(files: Iterable[ContextFile]) -> int:
    """Add up what `write_tar` writes, without making it; it raises what that does."""
    return len(END) + sum(
        len(_header(file)) + file.size + -file.size % BLOCK for file in _complete(files)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TarContent:
    """A tar of files as the content of a file; `packed` makes it."""

    files: tuple[ContextFile, ...]
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Give the tar, a part at a time."""
        return _tar_pieces(_complete(self.files))


def packed(files: Iterable[ContextFile]) -> TarContent:
    """Give a tar of `files`; ValueError where they cannot be together."""
    every = tuple(files)
    return TarContent(files=every, size=tar_size(every))


def _tar_pieces(files: Iterable[ContextFile]) -> Iterator[bytes]:
    for file in files:
        yield _header(file)
        yield from file.pieces()
        yield padding(file.size)
    yield END


def _header(file: ContextFile) -> bytes:
    return encode(
        Header(
            path=file.path,
            kind=file.kind,
            mode=file.permissions,
            uid=file.uid,
            gid=file.gid,
            uname=file.uname,
            gname=file.gname,
            mtime=file.mtime,
            size=file.size,
            link=file.link,
            device=file.device or (0, 0),
            xattrs=file.xattrs,
        )
    )


def tar_bytes(files: Iterable[ContextFile]) -> bytes:
    """Give a context's tar as bytes; for small ones."""
    out = io.BytesIO()
    write_tar(files, out)
    return out.getvalue()


def tar_file(files: Iterable[ContextFile]) -> BinaryIO:
    """Give a context's tar as an open file at its start, on disk only when large."""
    # Closing it, which removes it, is the caller's: the file is the result.
    out = cast("BinaryIO", SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115
    write_tar(files, out)
    out.seek(0)
    return out


def random_bytes(size: int, seed: int) -> Iterator[bytes]:
    """Give made-up bytes in chunks; a smaller size is the beginning of a larger one.

    Chunk number N is the first MiB of SHAKE-128 over the text `SEED:N`.
    """
    for number, start in enumerate(range(0, size, _RANDOM_CHUNK)):
        length = min(_RANDOM_CHUNK, size - start)
        yield hashlib.shake_128(f"{seed}:{number}".encode()).digest(length)


def text_at(files: Iterable[ContextFile], path: str) -> str | None:
    """Read the file at `path` as a builder would, which follows links in the context.

    None when the context has nothing there; empty for a folder, or a link to nothing.
    Raises ValueError for a file that is too large to be one that is read.
    """
    by_path = {file.path: file for file in files}
    found = by_path.get(path)
    if found is None:
        return None
    for _ in range(_MAX_LINKS):
        if found is None or found.kind not in {"symlink", "hardlink"}:
            break
        folder = path.rpartition("/")[0] if found.kind == "symlink" else ""
        # What leads out of the context ends at its root.
        path = normpath(join("/", folder, found.link)).lstrip("/")
        found = by_path.get(path)
    plain = found is not None and found.kind == "file"
    return found.text().decode(errors="replace") if found and plain else ""


def _path_problems(what: str, path: str) -> Iterator[str]:
    parts = path.split("/")
    if problem := too_long(path):
        yield f"the {what} has {problem}"
    if path.startswith("/"):
        yield f"the {what} is absolute; give it relative to the context"
    elif ".." in parts:
        yield f"the {what} may not contain `..`"
    elif "" in parts or "." in parts:
        yield f"the {what} is not in its plain form, like `folder/file`"


def _complete(files: Iterable[ContextFile]) -> list[ContextFile]:
    by_path: dict[str, ContextFile] = {}
    for file in files:
        if file.path in by_path:
            raise ValueError(f"{file.path!r}: is in the context twice")
        by_path[file.path] = file
    for path in list(by_path):
        for parent in _parents(path):
            above = by_path.get(parent)
            if above is None:
                by_path[parent] = ContextFile(path=parent, kind="dir")
            elif above.kind != "dir":
                raise ValueError(f"{path!r}: lies below {parent!r}, a {above.kind}")
            else:
                # what it lies in is seen to where it comes up itself, or was
                break
    for file in by_path.values():
        if file.kind == "hardlink":
            _check_hardlink(file, by_path.get(file.link))
    return sorted(
        by_path.values(),
        key=lambda file: (file.kind == "hardlink", _bytes(file.path)),
    )


def _check_hardlink(file: ContextFile, target: ContextFile | None) -> None:
    if target is None:
        raise ValueError(f"{file.path!r}: links to {file.link!r}, which is not there")
    if target.kind in {"dir", "hardlink"}:
        raise ValueError(f"{file.path!r}: links to {file.link!r}, a {target.kind}")


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
