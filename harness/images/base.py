"""The base image that every engine is given: the same bytes wherever it is made.

It has what a container's start would otherwise leave behind in the first RUN's layer,
so that what a layer shows is the instruction's doing. Any saved image can replace it.
"""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from harness.documents import regular_file
from harness.errors import HarnessError
from harness.images.image import Image, read_archive
from harness.images.layer import Layer
from harness.images.write_archive import CREATED, TIME, write_archive, write_file
from harness.tar.write import END, FileKind, Header, encode

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# A container's start mounts over dev, proc, sys and three files of etc, and makes the
# link etc/mtab: all are here, with run and the rest of what images commonly have.
_DIRS: Final = frozenset(
    {
        "bin",
        "dev",
        "dev/pts",
        "dev/shm",
        "etc",
        "etc/apk",
        "home",
        "home/app",
        "lib",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "usr/bin",
        "usr/local",
        "usr/local/bin",
        "usr/sbin",
        "var",
        "var/cache",
        "var/lib",
        "var/log",
        "var/tmp",
    }
)
_MODES: Final = {
    "proc": 0o555,
    "root": 0o700,
    "sys": 0o555,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}
_LINKS: Final = {"etc/mtab": "/proc/mounts", "var/run": "/run"}
_FILES: Final = {
    "etc/alpine-release": "3.0.0\n",
    "etc/group": "root:x:0:root\nbin:x:1:root,bin,daemon\n"
    "daemon:x:2:root,bin,daemon\nnobody:x:65534:\nusers:x:100:\nappgrp:x:1001:\n",
    "etc/hostname": "localhost\n",
    "etc/hosts": "127.0.0.1\tlocalhost localhost.localdomain\n"
    "::1\tlocalhost localhost.localdomain\n",
    "etc/motd": "Welcome\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/os-release": 'ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.0.0\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\n"
    "daemon:x:2:2:daemon:/sbin:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n"
    "app:x:1000:1001:app:/home/app:/bin/sh\n",
    "etc/profile": f"export {PATH}\n",
    "etc/resolv.conf": "",
    "etc/shells": "/bin/sh\n/bin/ash\n",
}
_SHADOW: Final = b"root:*::0:::::\nnobody:!::0:::::\napp:!::0:::::\n"
# The machine of an ELF header: https://www.sco.com/developers/gabi/latest/ch4.eheader.html
_MACHINES: Final = {
    3: "386",
    21: "ppc64le",
    22: "s390x",
    40: "arm",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
    258: "loong64",
}
_PT_INTERP: Final = 3
#: Layers of more bytes than this together are not sent anew for each copy.
_SMALL: Final = 8 << 20
#: Bytes of a base's archive; what it unpacks to has a budget of its own.
_MOST: Final = 64 << 30

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image to build on: its archive, and what was read of it.

    `archive` is the archive itself, or where it is.
    """

    archive: bytes | Path
    image: Image = field(hash=False)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Give its layers, lowest first."""
        return self.image.layers

    @property
    def config(self) -> Json:
        """Give its config as parsed."""
        return self.image.config

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Give the diff IDs of its layers, lowest first."""
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def size(self) -> int:
        """Count the bytes of its layers' plain tars."""
        return sum(layer.size for layer in self.layers)

    @property
    def is_large(self) -> bool:
        """Say whether a copy of it has to go without its layers (`salted`)."""
        return self.size > _SMALL

    @property
    def history(self) -> int:
        """Count its entries of history, which stand before a build's own."""
        return len(self.config.get("history") or ())

    def open(self) -> BinaryIO:
        """Open its archive, to load it into an engine as it is."""
        if isinstance(self.archive, Path):
            return self.archive.open("rb")
        return io.BytesIO(self.archive)


def standard_base(busybox: Path) -> Base:
    """Make the harness's own base from a statically linked busybox."""
    root = busybox_root(busybox)
    step = {"created": CREATED, "created_by": "/bin/sh -c #(nop) ADD file:base in / "}
    end = {"created": CREATED, "created_by": '/bin/sh -c #(nop)  CMD ["/bin/sh"]'}
    config = {
        "architecture": architecture(busybox),
        "os": "linux",
        "created": CREATED,
        "config": {"Env": [PATH], "Cmd": ["/bin/sh"]},
        "history": [step, {**end, "empty_layer": True}],
    }
    out = io.BytesIO()
    write_archive([root], config, [], out)
    out.seek(0)
    return Base(archive=out.getvalue(), image=read_archive(out)[0])


def from_archive(archive: Path) -> Base:
    """Take the first image of a saved archive as the base.

    HarnessError for what is no file or cannot be read, ArchiveError for no archive.
    """
    opened = regular_file.opened(archive, most=_MOST, error=HarnessError)
    try:
        with opened as stream:
            return Base(archive=archive, image=read_archive(stream)[0])
    except OSError as error:
        raise HarnessError(
            f"cannot be read: {error.strerror}", where=str(archive)
        ) from None


def busybox_root(busybox: Path) -> bytes:
    """Make the tar of the root file system, with every applet the busybox has."""
    files = {path: text.encode() for path, text in _FILES.items()}
    modes = {"etc/shadow": 0o640, "bin/busybox": 0o755}
    files |= {"etc/shadow": _SHADOW, "bin/busybox": busybox.read_bytes()}
    links = dict.fromkeys(_applets(busybox), "/bin/busybox")
    links = {path: link for path, link in links.items() if path not in files} | _LINKS
    out = io.BytesIO()
    for path in sorted({*_DIRS, *files, *links}):
        if path in files:
            content = files[path]
            mode = modes.get(path, 0o644)
            write_file(out, path, len(content), [content], mode=mode)
        elif path in links:
            out.write(_header(path, "symlink", mode=0o777, link=links[path]))
        else:
            out.write(_header(path, "dir", mode=_MODES.get(path, 0o755)))
    out.write(END)
    return out.getvalue()


def architecture(busybox: Path) -> str:
    """Name the architecture of a binary that needs no loader, as images name it."""
    head = busybox.read_bytes()
    hint = "install the package busybox-static, or give another base with --base"
    try:
        if head[:4] != b"\x7fELF":
            raise HarnessError("not a Linux program", where=str(busybox), hint=hint)
        wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
        machine = struct.unpack_from(f"{order}H", head, 18)[0]
        start = struct.unpack_from(
            f"{order}{'Q' if wide else 'I'}", head, 32 if wide else 28
        )[0]
        size, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
        kinds = {
            struct.unpack_from(f"{order}I", head, start + number * size)[0]
            for number in range(count)
        }
    except (IndexError, struct.error):
        raise HarnessError("a broken program", where=str(busybox), hint=hint) from None
    if _PT_INTERP in kinds:
        raise HarnessError("needs shared libraries", where=str(busybox), hint=hint)
    if machine not in _MACHINES:
        raise HarnessError(f"for the unknown machine {machine}", where=str(busybox))
    return _MACHINES[machine]


def _applets(busybox: Path) -> list[str]:
    """Ask for the applets; those outside the root's own folders are left out."""
    try:
        listed = subprocess.run(
            [busybox, "--list-full"], capture_output=True, text=True, check=True
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise HarnessError(f"does not run here: {error}", where=str(busybox)) from None
    return sorted({path for path in listed if path.rpartition("/")[0] in _DIRS})


def _header(path: str, kind: FileKind, *, mode: int, link: str = "") -> bytes:
    return encode(Header(path=path, kind=kind, mode=mode, link=link, mtime=TIME))
