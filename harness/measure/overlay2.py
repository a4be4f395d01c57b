"""Where an engine on this machine keeps an image's layers: overlay2's directories.

The article's way of looking (C13): each directory's `diff` holds a layer, its `lower`
names the directories below by the short names in their `link` files. Read only.
https://docs.docker.com/engine/storage/drivers/overlayfs-driver/
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from harness.images.layer import Layer
from harness.measure.observation import OnDiskRecord

_OPAQUE = "trusted.overlay.opaque"
_CHUNK = 1 << 20

#: Path, type, mode, owner, and the content's digest or the link's target.
Row: TypeAlias = tuple[str, str, int, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One directory under `overlay2/`: its random name, its short name, those below.

    `lower` are the names of the directories below it, uppermost first, empty for the
    lowest; None where there is no `lower` file. `rows` are what its `diff` holds.
    """

    name: str
    link: str
    lower: tuple[str, ...] | None
    rows: frozenset[Row]


def read(
    graph_driver: Mapping[str, Any], root: str, data_root: str
) -> tuple[Directory, ...] | None:
    """Read the directories of an inspected image's layers, lowest first.

    `root` is the engine's DockerRootDir, `data_root` where this process sees it. None
    when the image is not on overlay2 or the directories cannot be read here.
    """
    places = graph_driver.get("Data") or {}
    if graph_driver.get("Name") != "overlay2" or not places.get("UpperDir"):
        return None
    inside = [places["UpperDir"], *filter(None, places.get("LowerDir", "").split(":"))]
    folders = [Path(data_root) / Path(each).parent.relative_to(root) for each in inside]
    try:
        links = {(each / "link").read_text().strip(): each.name for each in folders}
        return tuple(_directory(each, links) for each in reversed(folders))
    except OSError:
        return None


def compare(
    directories: tuple[Directory, ...], layers: tuple[Layer, ...]
) -> OnDiskRecord:
    """Hold the directories (lowest first) against an export's layers, base included."""
    names = [each.name for each in directories]
    return OnDiskRecord(
        layers=len(directories),
        lowest_has_no_lower=directories[0].lower is None,
        lower_gives_order=all(
            (each.lower or ()) == tuple(reversed(names[:place]))
            for place, each in enumerate(directories)
        ),
        names_are_diff_ids=any(
            each.name == layer.diff_id.removeprefix("sha256:")
            for each, layer in zip(directories, layers, strict=False)
        ),
        equals_export=len(directories) == len(layers)
        and all(
            each.rows == rows(layer)
            for each, layer in zip(directories, layers, strict=True)
        ),
    )


def rows(layer: Layer) -> frozenset[Row]:
    """Tell a layer of an export as its directory would show it."""
    digests = {each.path: each for each in layer.entries}
    found = set()
    for each in layer.entries:
        if not each.path:
            continue
        entry = digests.get(each.link, each) if each.kind == "hardlink" else each
        kind = "file" if each.kind == "hardlink" else each.kind
        detail = entry.digest or (each.link if kind == "symlink" else "")
        mode = 0 if kind in {"whiteout", "opaque"} else entry.mode & 0o7777
        owner = (0, 0) if kind in {"whiteout", "opaque"} else (entry.uid, entry.gid)
        found.add((each.path, kind, mode, *owner, detail))
    return frozenset(found)


def _directory(folder: Path, links: Mapping[str, str]) -> Directory:
    lower = folder / "lower"
    below = None
    if lower.is_file():
        shorts = (Path(each).name for each in lower.read_text().strip().split(":"))
        below = tuple(links.get(short, short) for short in shorts)
    return Directory(
        name=folder.name,
        link=(folder / "link").read_text().strip(),
        lower=below,
        rows=frozenset(_rows(folder / "diff")),
    )


def _rows(root: Path) -> Iterator[Row]:
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            status = path.lstat()
            plain = path.relative_to(root).as_posix()
            kind, detail = _kind(path, status)
            if kind == "whiteout":
                yield plain, kind, 0, 0, 0, ""
                continue
            mode = stat.S_IMODE(status.st_mode)
            yield plain, kind, mode, status.st_uid, status.st_gid, detail
            if kind == "dir" and _OPAQUE in os.listxattr(path, follow_symlinks=False):
                yield plain, "opaque", 0, 0, 0, ""


def _kind(path: Path, status: os.stat_result) -> tuple[str, str]:
    mode = status.st_mode
    if stat.S_ISCHR(mode):
        return ("whiteout" if status.st_rdev == 0 else "char"), ""
    if stat.S_ISREG(mode):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return "file", digest.hexdigest()
    if stat.S_ISLNK(mode):
        return "symlink", str(path.readlink())
    if stat.S_ISDIR(mode):
        return "dir", ""
    if stat.S_ISBLK(mode):
        return "block", ""
    return "fifo", ""
