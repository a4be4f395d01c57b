"""Write the two base images the catalogue was measured on, as archives to load.

A copy of the catalogue's tool that takes the busybox as an argument. All times are
fixed, so image ID and diff ID depend on the busybox and sx binaries alone; neither is
in any layer that was measured.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

TIME = 1_600_000_000
SX_SOURCE = Path(__file__).with_name("sx.c")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOCAL = "localhost localhost.localdomain"
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\n"
    "daemon:x:2:2:daemon:/sbin:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n"
    "app:x:1000:1001:app:/home/app:/bin/sh\n",
    "group": "root:x:0:root\nbin:x:1:root,bin,daemon\ndaemon:x:2:root,bin,daemon\n"
    "nobody:x:65534:\nusers:x:100:\nappgrp:x:1001:\n",
    "hosts": f"127.0.0.1\t{LOCAL}\n::1\t{LOCAL}\n",
    "hostname": "localhost\n",
    "resolv.conf": "",
    "profile": f"export {PATH}\n",
    "shells": "/bin/sh\n/bin/ash\n",
    "os-release": 'ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.0.0\n',
    "alpine-release": "3.0.0\n",
    "motd": "Welcome\n",
    "nsswitch.conf": "hosts: files dns\n",
}
SHADOW = "root:*::0:::::\nnobody:!::0:::::\napp:!::0:::::\n"
DIRS = (
    "bin sbin usr usr/bin usr/sbin usr/local usr/local/bin lib etc home mnt opt srv "
    "run var var/log var/lib var/cache var/tmp media dev dev/pts dev/shm proc sys tmp "
    "root etc/apk home/app"
)
MODES = {"var/tmp": 0o1777, "tmp": 0o1777, "proc": 0o555, "sys": 0o555, "root": 0o700}


class Root:
    """A root file system's tar, written entry by entry; a path counts once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._out = io.BytesIO()
        self._tar = tarfile.open(  # noqa: SIM115  # closed by `layer`
            fileobj=self._out, mode="w", format=tarfile.GNU_FORMAT
        )

    def add(
        self, name: str, kind: bytes, mode: int, content: bytes = b"", link: str = ""
    ) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime = kind, mode, TIME
        info.size, info.linkname = len(content), link
        self._tar.addfile(info, io.BytesIO(content))

    def layer(self) -> bytes:
        self._tar.close()
        return self._out.getvalue()


def full(busybox: Path, sx: bytes | None) -> bytes:
    """Make the root of alpine:latest and busybox:latest, the same image."""
    root = Root()
    for name in DIRS.split():
        root.add(name, tarfile.DIRTYPE, MODES.get(name, 0o755))
    for name, text in ETC.items():
        root.add(f"etc/{name}", tarfile.REGTYPE, 0o644, text.encode())
    root.add("etc/shadow", tarfile.REGTYPE, 0o640, SHADOW.encode())
    root.add("etc/mtab", tarfile.SYMTYPE, 0o777, link="/proc/mounts")
    root.add("var/run", tarfile.SYMTYPE, 0o777, link="/run")
    if sx is not None:
        root.add("usr/bin/sx", tarfile.REGTYPE, 0o755, sx)
    root.add("bin/busybox", tarfile.REGTYPE, 0o755, busybox.read_bytes())
    for applet in applets(busybox):
        if applet.rpartition("/")[0] in root.seen:
            root.add(applet, tarfile.SYMTYPE, 0o777, link="/bin/busybox")
    return root.layer()


def bare(busybox: Path) -> bytes:
    """Make the root of bare:latest, without /etc, /dev, /proc and /sys."""
    root = Root()
    root.add("bin", tarfile.DIRTYPE, 0o755)
    root.add("bin/busybox", tarfile.REGTYPE, 0o755, busybox.read_bytes())
    for applet in applets(busybox):
        name = "bin/" + applet.rpartition("/")[2]
        root.add(name, tarfile.SYMTYPE, 0o777, link="busybox")
    return root.layer()


def applets(busybox: Path) -> list[str]:
    return subprocess.check_output([busybox, "--list-full"], text=True).split()


def compiled_sx(folder: Path) -> bytes | None:
    """Compile the helper that sets xattrs and makes sockets; None without a compiler.

    The system's own compiler, since it has the static C library beside it.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    target = folder / "sx"
    subprocess.run(
        [compiler, "-static", "-Os", "-s", "-o", target, SX_SOURCE], check=True
    )
    return target.read_bytes()


def image(tags: list[str], root: bytes) -> bytes:
    """Write a root as an archive that every engine loads."""
    created = "2020-09-13T12:26:40Z"
    digest = hashlib.sha256(root).hexdigest()
    add = {"created": created, "created_by": "/bin/sh -c #(nop) ADD file:base in / "}
    cmd = {"created": created, "created_by": '/bin/sh -c #(nop)  CMD ["/bin/sh"]'}
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": created,
            "config": {"Env": [PATH], "Cmd": ["/bin/sh"]},
            "history": [add, {**cmd, "empty_layer": True}],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps(
        [{"Config": name, "RepoTags": tags, "Layers": ["l0/layer.tar"]}]
    ).encode()
    members = {name: config, "l0/layer.tar": root, "manifest.json": manifest}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size, info.mtime = len(content), TIME
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()
