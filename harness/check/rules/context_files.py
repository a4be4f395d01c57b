"""Rules about files of the context; nothing where that is not known."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.copied import copied, from_context
from harness.check.rule import Occurrence, Rule
from harness.check.source import Source


def _of_entries(
    source: Source, *, kinds: tuple[str, ...] = (), bits: int = 0
) -> Iterator[Occurrence]:
    for step in from_context(source):
        for each in copied(source, step) or ():
            if each.kind in kinds or (each.kind == "file" and each.mode & bits):
                yield Occurrence(line=step.line, detail=each.path)
                break


def _owners(source: Source) -> Iterator[Occurrence]:
    if source.context is None or source.context.place:
        # clients send a folder's files as root's
        return
    for step in from_context(source):
        if step.flag("chown") is None:
            for each in copied(source, step) or ():
                if each.uid or each.gid:
                    yield Occurrence(line=step.line, detail=each.path)
                    break


def _setuid(source: Source) -> Iterator[Occurrence]:
    yield from _of_entries(source, bits=0o6000)


def _capabilities(source: Source) -> Iterator[Occurrence]:
    for step in from_context(source):
        for each in copied(source, step) or ():
            if "security.capability" in each.xattrs:
                yield Occurrence(line=step.line, detail=each.path)
                break


def _fifo(source: Source) -> Iterator[Occurrence]:
    for step in from_context(source):
        named = {each.text.strip("/") for each in step.sources}
        for each in copied(source, step) or ():
            if each.kind == "fifo" and each.path in named:
                yield Occurrence(line=step.line, detail=each.path)


def _devices(source: Source) -> Iterator[Occurrence]:
    yield from _of_entries(source, kinds=("char", "block"))


RULES = (
    Rule(
        id="capability-of-the-context",
        says="A file of the context has capabilities.",
        behaviours=("metadata/capability-of-the-context",),
        match=_capabilities,
    ),
    Rule(
        id="owner-of-the-context",
        says="A file of the context has another owner than root.",
        behaviours=("copy/owner-of-the-context",),
        match=_owners,
    ),
    Rule(
        id="setuid-of-the-context",
        says="A file of the context has a setuid or setgid bit.",
        behaviours=("copy/setuid",),
        match=_setuid,
    ),
    Rule(
        id="fifo-in-the-context",
        says="The context has a fifo.",
        behaviours=("copy/fifo",),
        match=_fifo,
    ),
    Rule(
        id="device-in-the-context",
        says="The context has a device.",
        behaviours=("metadata/device-copied-alone",),
        match=_devices,
    ),
)
