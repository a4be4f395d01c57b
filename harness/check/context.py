"""The files of a build context, listed: what rules need of them, and no more."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.dockerfile.context import ContextFile
from harness.dockerfile.dockerignore import IGNORE_FILE
from harness.errors import UsageError

#: Files and folders that are listed of one context.
MAX_FILES = 200_000
#: Bytes of a .dockerignore that are read.
_LARGEST = 1 << 20
#: Bytes that tell what a file is.
HEAD = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a context. `kind` is as in a tar: file, dir, symlink, fifo, ...

    `head` gives the first bytes of a file, to tell archives.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str
    xattrs: tuple[str, ...]
    head: Callable[[], bytes]


# without slots: what is read is kept
@dataclass(frozen=True, kw_only=True)
class Context:
    """A build context: where it is, and its entries by path when they are asked for."""

    place: str
    listed: Callable[[], Mapping[str, Entry]]

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by path, sorted, whatever .dockerignore says."""
        return self.listed()

    def text(self, path: str) -> str | None:
        """Read a small file of it, such as .dockerignore; None if there is none."""
        entry = self.entries.get(path)
        if entry is None or entry.kind != "file" or entry.size > _LARGEST:
            return None
        return entry.head().decode(errors="replace")

    def ignore_file(self, dockerfile: str) -> tuple[str, str] | None:
        """Give path and text of the ignore file that BuildKit reads, if any."""
        for path in (f"{dockerfile}{IGNORE_FILE}", IGNORE_FILE):
            text = self.text(path)
            if text is not None:
                return path, text
        return None


def of_folder(folder: Path) -> Context:
    """Give a folder as a context; UsageError when it is listed and cannot be."""
    return Context(place=str(folder), listed=lambda: _listed(folder))


def of_files(files: Iterable[ContextFile]) -> Context:
    """Give the files of a case as a context."""
    every = {each.path: _of_file(each) for each in files}
    for path in list(every):
        while path := path.rpartition("/")[0]:
            every.setdefault(path, _folder(path))
    return Context(place="", listed=lambda: dict(sorted(every.items())))


def _of_file(file: ContextFile) -> Entry:
    def head() -> bytes:
        most = _LARGEST if "dockerignore" in file.path else HEAD
        found = b""
        for piece in file.pieces():
            found += piece
            if len(found) >= most:
                break
        return found[:most]

    return Entry(
        path=file.path,
        kind=file.kind,
        mode=file.permissions,
        uid=file.uid,
        gid=file.gid,
        size=file.size,
        link=file.link,
        xattrs=tuple(file.xattrs),
        head=head,
    )


def _folder(path: str) -> Entry:
    return Entry(
        path=path,
        kind="dir",
        mode=0o755,
        uid=0,
        gid=0,
        size=0,
        link="",
        xattrs=(),
        head=bytes,
    )


def _listed(folder: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(folder / below) as scanned:
                entries = list(scanned)
        except OSError as error:
            if not below:
                raise UsageError(
                    f"cannot be read: {error.strerror}", where=str(folder)
                ) from error
            # what the client cannot read either is told when it is built
            continue
        for each in entries:
            path = f"{below}/{each.name}" if below else each.name
            found[path] = _entry(each, path)
            if found[path].kind == "dir":
                pending.append(path)
            if len(found) > MAX_FILES:
                raise UsageError(
                    f"the context has over {MAX_FILES:,} files",
                    where=str(folder),
                    hint="give a smaller folder with --context, or leave it out",
                )
    return dict(sorted(found.items()))


def _entry(each: os.DirEntry[str], path: str) -> Entry:
    told = each.stat(follow_symlinks=False)
    place = each.path

    def head() -> bytes:
        try:
            with open(place, "rb") as file:  # noqa: PTH123  # a name may be no text
                return file.read(_LARGEST if "dockerignore" in path else HEAD)
        except OSError:
            return b""

    kind = _KINDS.get(stat.S_IFMT(told.st_mode), "file")
    return Entry(
        path=path,
        kind=kind,
        mode=stat.S_IMODE(told.st_mode),
        uid=told.st_uid,
        gid=told.st_gid,
        size=told.st_size,
        link=str(Path(place).readlink()) if kind == "symlink" else "",
        xattrs=(),
        head=head if kind == "file" else bytes,
    )


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}
