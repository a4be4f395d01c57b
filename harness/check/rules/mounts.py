"""Rules about RUN --mount."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.shell import commands
from harness.check.source import Source
from harness.check.steps import Step, mounts


def _each(source: Source) -> Iterator[tuple[Step, dict[str, str]]]:
    for step in source.steps("RUN"):
        for mount in mounts(step):
            yield step, mount


def _of_type(kind: str, source: Source) -> Iterator[Occurrence]:
    for step, mount in _each(source):
        if mount["type"] == kind and not _fails_anyway(source, step, mount):
            yield Occurrence(line=step.line, detail=f"--mount=type={kind}")


def _bind(source: Source) -> Iterator[Occurrence]:
    yield from _of_type("bind", source)


def _cache(source: Source) -> Iterator[Occurrence]:
    yield from _of_type("cache", source)


def _tmpfs(source: Source) -> Iterator[Occurrence]:
    yield from _of_type("tmpfs", source)


def _size(source: Source) -> Iterator[Occurrence]:
    for step, mount in _each(source):
        if mount["type"] == "tmpfs" and "size" in mount:
            yield Occurrence(line=step.line, detail=f"size={mount['size']}")


def _variable(source: Source) -> Iterator[Occurrence]:
    for step, mount in _each(source):
        for key, value in mount.items():
            if "$" in value:
                yield Occurrence(line=step.line, detail=f"{key}={value}")


def _private(source: Source) -> Iterator[Occurrence]:
    for step, mount in _each(source):
        if mount["type"] == "cache" and mount.get("sharing") == "private":
            yield Occurrence(line=step.line, detail="sharing=private")


def _owner(source: Source) -> Iterator[Occurrence]:
    seen: dict[str, str] = {}
    for step, mount in _each(source):
        if mount["type"] != "cache":
            continue
        name = mount.get("id") or _target(mount)
        owner = mount.get("uid", "0")
        if seen.setdefault(name, owner) != owner:
            yield Occurrence(line=step.line, detail=f"uid={owner}")


def _fails_anyway(source: Source, step: Step, mount: dict[str, str]) -> bool:
    """Say whether a mount fails where it is supported, for what is asked of it."""
    if mount["type"] == "tmpfs":
        # what a size does is a rule of its own
        return "size" in mount
    writable = mount["type"] == "cache"
    for name in ("readonly", "ro"):
        if name in mount and mount[name] != "false":
            writable = False
    for name in ("readwrite", "rw"):
        if name in mount and mount[name] != "false":
            writable = True
    place = step.before.path(_target(mount)) or ""
    below = any(
        (step.before.path(path) or "").startswith(f"{place}/")
        for each in commands(step.script)
        for path in each.changes
    )
    if place and not writable and below:
        return True
    wanted = mount.get("source", mount.get("src", "")).strip("/")
    if mount["type"] != "bind" or "from" in mount or source.context is None:
        return False
    return wanted not in {"", "."} and wanted not in source.context.entries


def _target(mount: dict[str, str]) -> str:
    return next((mount[k] for k in ("target", "dst", "destination") if k in mount), "")


RULES = (
    Rule(
        id="mount-bind",
        says="RUN mounts files of the context or of a stage.",
        behaviours=("mount/bind",),
        match=_bind,
    ),
    Rule(
        id="mount-cache",
        says="RUN mounts a cache.",
        behaviours=("mount/cache",),
        match=_cache,
    ),
    Rule(
        id="mount-tmpfs",
        says="RUN mounts a tmpfs.",
        behaviours=("mount/tmpfs",),
        match=_tmpfs,
    ),
    Rule(
        id="mount-tmpfs-size",
        says="RUN mounts a tmpfs of a size that is given.",
        behaviours=("mount/tmpfs-size",),
        match=_size,
    ),
    Rule(
        id="mount-variable",
        says="RUN --mount has a variable.",
        behaviours=("mount/variable",),
        match=_variable,
    ),
    Rule(
        id="mount-cache-sharing",
        says="RUN mounts a cache that several builds do not share at a time.",
        behaviours=("mount/cache-sharing",),
        match=_private,
    ),
    Rule(
        id="mount-cache-of-another-owner",
        says="Two lines mount one cache with different owners.",
        behaviours=("mount/cache-of-another-owner",),
        match=_owner,
    ),
)
