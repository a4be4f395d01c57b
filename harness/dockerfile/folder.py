"""A folder beside a case as a build context; its files are read when they are sent."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.dockerfile.context import ContextFile
from harness.documents import regular_file
from harness.errors import CaseError

#: Files and folders of one context.
MAX_FILES: Final = 20_000
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    """The content of a file of a folder: `size` bytes when the folder was listed."""

    path: Path
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Read the file, a part at a time; CaseError where it is not as it was."""
        left = self.size
        with regular_file.opened(self.path, most=self.size) as file:
            while left and (piece := file.read(min(left, _CHUNK))):
                left -= len(piece)
                yield piece
        if left:
            raise CaseError("became shorter while it was read", where=str(self.path))


def read_folder(folder: Path) -> list[ContextFile]:
    """List a folder beside a case, keeping of each mode only the executable bit.

    Raises CaseError for what no context can have, and for what cannot be listed.
    """
    files: list[ContextFile] = []
    pending = [folder]
    while pending:
        for path in _entries(pending.pop()):
            file = _file(path, path.relative_to(folder).as_posix())
            files.append(file)
            if file.kind == "dir":
                pending.append(path)
            if len(files) > MAX_FILES:
                raise CaseError(
                    f"has over {MAX_FILES:,} files", where=str(folder), hint=_SMALLER
                )
    return sorted(files, key=lambda file: file.path)


_SMALLER = "a case shows one behaviour with the smallest context that does"


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise CaseError(
            f"cannot be read: {error.strerror}", where=f"{folder!s:.200}"
        ) from error


def _file(path: Path, name: str) -> ContextFile:
    try:
        told = path.lstat()
        link = str(path.readlink()) if stat.S_ISLNK(told.st_mode) else ""
    except OSError as error:
        raise CaseError(
            f"cannot be read: {error.strerror}", where=f"{path!s:.200}"
        ) from error
    if link:
        return ContextFile(path=name, kind="symlink", link=link)
    if stat.S_ISDIR(told.st_mode):
        return ContextFile(path=name, kind="dir")
    if stat.S_ISREG(told.st_mode):
        return ContextFile(
            path=name,
            content=FolderFile(path=path, size=told.st_size),
            mode=0o755 if told.st_mode & 0o111 else 0o644,
        )
    raise CaseError(
        "neither file, directory nor symlink",
        where=str(path),
        hint="give devices and fifos inline, in the case's `context`",
    )
