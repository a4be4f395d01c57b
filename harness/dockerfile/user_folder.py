"""A folder of the user's as a build context, as the docker CLI and buildx see it.

Modes, times, owners, hard links and extended attributes are those of the files; what of
them a client sends is decided later. Files are read when they are sent, so that a large
context is never in memory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.dockerfile.context import ContextFile
from harness.dockerfile.folder import FolderFile
from harness.errors import UsageError
from harness.tar.write import FileKind

_KINDS: Mapping[int, FileKind] = {
    stat.S_IFDIR: "dir",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}
_DEVICES = frozenset({"char", "block"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFolder:
    """What a folder holds: its files, by path, and the sockets, which nobody sends."""

    files: tuple[ContextFile, ...]
    sockets: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """Count the bytes of its files."""
        return sum(each.size for each in self.files)


def read_user_folder(folder: Path) -> UserFolder:
    """List a folder with all below it; nothing but the names and attributes is read.

    Raises UsageError for a folder, or a file, that cannot be looked at.
    """
    files: list[ContextFile] = []
    sockets: list[str] = []
    links: dict[tuple[int, int], str] = {}
    try:
        for entry in _walk(folder):
            told = entry.stat(follow_symlinks=False)
            path = os.path.relpath(entry.path, folder)
            kind = _KINDS.get(stat.S_IFMT(told.st_mode))
            if kind is None:
                sockets.append(path)
                continue
            files.append(_file(entry.path, path, kind, told, links))
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            where=str(error.filename or folder),
            hint="a client would refuse to send it too: let yourself read it, or name "
            "it in .dockerignore and keep it elsewhere",
        ) from error
    return UserFolder(files=tuple(files), sockets=tuple(sockets))


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give all below a folder, in the order of their names."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda each: os.fsencode(each.name))
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _file(
    place: str,
    path: str,
    kind: FileKind,
    told: os.stat_result,
    links: dict[tuple[int, int], str],
) -> ContextFile:
    content: bytes | FolderFile = b""
    link = ""
    xattrs: dict[str, bytes] = {}
    if kind == "symlink":
        link = os.readlink(place)  # noqa: PTH115  # Path would shorten `./x` and `x/`
    elif kind == "file":
        first = (told.st_dev, told.st_ino)
        if told.st_nlink > 1 and first in links:
            kind, link = "hardlink", links[first]
        else:
            links[first] = path
            content = FolderFile(path=Path(place), size=told.st_size)
    if kind in {"file", "dir"}:
        xattrs = _xattrs(place)
    return ContextFile(
        path=path,
        kind=kind,
        content=content,
        link=link,
        device=(os.major(told.st_rdev), os.minor(told.st_rdev))
        if kind in _DEVICES
        else None,
        mode=stat.S_IMODE(told.st_mode),
        uid=told.st_uid,
        gid=told.st_gid,
        mtime=_seconds(told.st_mtime_ns),
        xattrs=xattrs,
    )


def _seconds(nanoseconds: int) -> int | float:
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    return nanoseconds / 1_000_000_000 if rest else whole


def _xattrs(place: str) -> dict[str, bytes]:
    found = {}
    # not every file system has them, and some names only root reads
    with suppress(OSError):
        for name in os.listxattr(place, follow_symlinks=False):
            if name.startswith(("user.", "security.capability")):
                found[name] = os.getxattr(place, name, follow_symlinks=False)
    return found
