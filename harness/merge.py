"""The root file system that layers make together, whiteouts and opaque ones applied.

Pure: layers in, the merged view out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.layer import Entry, Layer


def merge(layers: Iterable[Layer]) -> dict[str, Entry]:
    """Give the merged view of layers, lowest first, sorted by path.

    A layer's whiteouts and opaque markers hide what lies below it, never its own
    entries. Of the paths that are one inode the first is the file and the others are
    hardlinks to it with its content. A directory no layer has an entry for is left out.
    """
    view = _View()
    for number, layer in enumerate(layers):
        for entry in layer.entries:
            if entry.kind == "whiteout":
                view.remove(entry.path)
            elif entry.kind == "opaque":
                view.empty(entry.path)
        for entry in layer.entries:
            if entry.kind not in {"whiteout", "opaque"}:
                view.add(entry, number)
    return view.result()


class _View:
    """The merged view as it grows: entries, children by directory, shared inodes."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._children: dict[str, set[str]] = {}
        self._inodes: dict[str, tuple[int, str]] = {}

    def add(self, entry: Entry, layer: int) -> None:
        """Put an entry in place of what was there."""
        path, link = entry.path, entry.link
        if entry.kind == "hardlink" and link in self._entries and link != path:
            self._inodes[path] = self._inodes.setdefault(link, (layer, link))
            entry = replace(self._entries[link], path=path)
        else:
            self._inodes.pop(path, None)
        if entry.kind != "dir":
            self.empty(path)
        self._entries[path] = entry
        self._place(path)

    def remove(self, path: str) -> None:
        """Take a path away, and everything below it."""
        self._drop(path)
        self.empty(path)
        self._children.get(_parent(path), set()).discard(path)

    def empty(self, path: str) -> None:
        """Take away everything below a path."""
        pending = [path]
        while pending:
            for child in self._children.pop(pending.pop(), ()):
                self._drop(child)
                pending.append(child)

    def result(self) -> dict[str, Entry]:
        """Give the entries, one of each shared inode as the file."""
        first: dict[tuple[int, str], str] = {}
        found = {}
        for path in sorted(self._entries):
            entry = self._entries[path]
            if path in self._inodes:
                name = first.setdefault(self._inodes[path], path)
                if name != path:
                    entry = replace(entry, kind="hardlink", link=name)
            found[path] = entry
        return found

    def _place(self, path: str) -> None:
        """Make a path known to its parents; what is no directory gives way to one."""
        while path:
            parent = _parent(path)
            above = self._entries.get(parent)
            if above is not None and above.kind != "dir":
                self._drop(parent)
            names = self._children.setdefault(parent, set())
            if path in names:
                return
            names.add(path)
            path = parent

    def _drop(self, path: str) -> None:
        self._entries.pop(path, None)
        self._inodes.pop(path, None)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
