"""Unpack a Debian suite's engine or tool once into the cache, ready for chroot.

A root is finished in a folder beside its place and renamed into it, under a lock that
the unpacking tool holds too: two processes do not meet, and one that was killed leaves
nothing that could be taken for a root.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from harness.documents.document import nearest
from harness.engines import Suite, apt, catalogue
from harness.engines.process import Say
from harness.errors import EngineError, UsageError

CACHE_VARIABLE = "LAYER_HARNESS_CACHE"

BUSYBOX_SUITE = "bookworm"

#: What an engine's version is remembered by.
DAEMON = "dockerd"

# raised when what `_finish` makes of a root changes
_FORM = 1

_FOLDERS = (
    "dev", "etc/docker", "opt/containerd", "proc", "root", "run", "sys", "tmp",
    "var/lib/docker", "var/tmp",
)  # fmt: skip

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/resolv.conf": "",
}


def cache_folder() -> Path:
    """Give the folder for all that outlives a run, as an absolute path.

    `LAYER_HARNESS_CACHE` names it, else it is in the user's cache.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    place = Path(chosen) if chosen else platformdirs.user_cache_path("layer-harness")
    return place.expanduser().absolute()


def suites() -> tuple[Suite, ...]:
    """Give the Debian suites of `harness/data/engines.toml`, oldest engine first."""
    return catalogue.standard_catalogue().suites


def suite(name: str) -> Suite:
    """Find a suite by its name, with or without `debian:` in front."""
    known = {each.name: each for each in suites()}
    plain = name.removeprefix("debian:")
    if plain not in known:
        raise UsageError(
            f"`{name}` is not a Debian suite whose engine we know",
            hint=nearest(plain, known),
        )
    return known[plain]


def prepared(suite: Suite, cache: Path) -> Path | None:
    """Give the unpacked root of `suite` when there is one."""
    place = place_of(suite, cache)
    return place if place.is_dir() else None


def prepare(suite: Suite, cache: Path, say: Say) -> Path:
    """Give the unpacked root of `suite`, unpacking it when the cache has none.

    EngineError with the last lines of the tool's output when it cannot be had.
    """
    place = place_of(suite, cache)
    if place.is_dir():
        return place
    if os.geteuid() != 0:
        raise EngineError(
            f"unpacking Debian {suite.name} needs root", hint=apt.WAYS_OUT
        )
    with _building(place) as (folder, lock):
        if folder is None:
            return place
        whole = suite.beside or suite.name
        mirrors = [apt.mirror(whole)]
        if suite.beside:
            mirrors.append(apt.source(suite.name))
        apt.need("mmdebstrap", say)
        first = next(each for each in suite.packages if each != "busybox-static")
        what = first.partition("=")[0]
        say(f"unpacking Debian {suite.name}'s {what} (once, 100 to 350 MB)")
        began = time.monotonic()
        root = folder / "root"
        options = [
            f'--aptopt={key} "{value}"'
            for key, value in apt.freshness(stale=suite.stale).items()
        ]
        apt.run(
            [
                "mmdebstrap",
                "--variant=extract",
                f"--include={','.join(suite.packages)}",
                *options,
                whole,
                str(root),
                *mirrors,
            ],
            what=f"unpacking Debian {suite.name}",
            lock=lock,
        )
        _finish(root)
        root.rename(place)
        say(f"unpacked Debian {suite.name} in {time.monotonic() - began:.0f} s")
    return place


def remembered(suite: Suite, cache: Path, name: str) -> str:
    """Give the version that a program of an unpacked root had; empty if not known."""
    try:
        return _version_file(place_of(suite, cache), name).read_text(encoding="utf-8")
    except OSError:
        return ""


def remember(root: Path, name: str, version: str) -> None:
    """Keep the version of a program of an unpacked root, for `remembered`."""
    _version_file(root, name).write_text(version, encoding="utf-8")


def _version_file(root: Path, name: str) -> Path:
    # beside the root, which is left as it was unpacked
    return root.with_name(f"{root.name}.{name}.version")


def engine_version(root: Path) -> str:
    """Ask an unpacked root's dockerd for its version, such as 26.1.5.

    The mirror decides which one a suite has; the catalogue says which was measured.
    """
    try:
        said = subprocess.run(
            ["chroot", str(root), "dockerd", "--version"],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineError(
            f"dockerd does not say its version: {error}",
            where=str(root),
            hint="remove this folder; it is unpacked again",
        ) from error
    match = re.search(r"version (\d[\d.]*)", said)
    if match is None:
        raise EngineError(
            f"dockerd does not say its version: {said.strip()}", where=str(root)
        )
    return match[1]


def busybox(cache: Path, say: Say) -> Path:
    """Give bookworm's static busybox, fetching only its package when need be.

    It comes from bookworm always, so that a base made of it is the same everywhere.
    """
    source = suite(BUSYBOX_SUITE)
    root = prepared(source, cache)
    if root is not None:
        return busybox_of(root)
    place = cache / "roots" / f"busybox-{BUSYBOX_SUITE}"
    if not place.is_dir():
        with _building(place) as (folder, lock):
            if folder is not None:
                say(f"fetching Debian {BUSYBOX_SUITE}'s busybox-static")
                unpacked = apt.download(
                    "busybox-static", source.name, folder, lock=lock, stale=source.stale
                )
                unpacked.rename(place)
    return busybox_of(place)


def busybox_of(root: Path) -> Path:
    """Find the static busybox of an unpacked root, where /usr is merged or not."""
    for each in ("usr/bin/busybox", "bin/busybox"):
        if (root / each).is_file():
            return root / each
    raise EngineError(
        "the unpacked root has no busybox",
        where=str(root),
        hint="remove this folder; it is unpacked again",
    )


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Tell as EngineError what keeps the cache from being written to."""
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"the cache cannot be written: {error.strerror}",
            where=str(error.filename or place),
            hint=f"free space there, or set {CACHE_VARIABLE} to another folder",
        ) from error


@contextlib.contextmanager
def locked(file: Path) -> Iterator[int]:
    """Hold an exclusive lock on `file`, waiting for it; gives the descriptor."""
    with writing(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _building(place: Path) -> Iterator[tuple[Path | None, int]]:
    """Give an empty folder to build `place` in, or None: another made it meanwhile."""
    with (
        writing(place.parent),
        locked(place.with_name(f"{place.name}.lock")) as lock,
    ):
        if place.is_dir():
            yield None, lock
            return
        folder = place.with_name(f"{place.name}.part")
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        try:
            yield folder, lock
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def place_of(suite: Suite, cache: Path) -> Path:
    """Name the folder that a suite is unpacked into, whether it is there or not."""
    parts = (_FORM, suite.packages, *([suite.beside] if suite.beside else []))
    what = repr(parts).encode()
    return cache / "roots" / f"{suite.name}-{hashlib.sha256(what).hexdigest()[:8]}"


def _finish(root: Path) -> None:
    """Make what maintainer scripts and base-files would have made, as far as needed."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if (root / "usr" / name).is_dir() and not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    if not (root / "var/run").exists():
        (root / "var/run").symlink_to("/run")
