"""What a Dockerfile may try besides RUN: an attempt is a build of its own.

Most are refused, and a build that is refused makes nothing else known. One has reached
something if it prints the token of what was planted, or says that it has.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from escapes.attempts import talks
from escapes.host import Host
from harness.dockerfile.context import ContextFile

_UP = "../" * 24
_HEAD = "ARG BASE\nFROM ${BASE}\n"
#: An image with a link that leads to the root of whoever follows it.
_LINKED = "ARG BASE\nFROM ${BASE} AS linked\nRUN ln -s / /out\n"
_THEN = _LINKED + "FROM ${BASE}\n"
_MOUNT = "RUN --mount=type="
#: Connect to what listens on this machine.
_TALK = """COPY escapes /escapes
RUN{option} for each in {programs}; do timeout 3 /escapes/$each && {say}; done; true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """A Dockerfile, what its context has besides, and what is asked of the builder."""

    name: str
    dockerfile: str
    files: tuple[ContextFile, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)


def instructions(host: Host) -> tuple[Instruction, ...]:
    """List all that are tried."""
    return (*_copies(host), *_writes(host), *_mounts(host), *_asks(host))


def _copies(host: Host) -> Iterator[Instruction]:
    show = "RUN cat /got\n"
    up = _UP + str(host.secret).lstrip("/")
    link = ContextFile(path="out", kind="symlink", link=_UP)
    whole = ContextFile(path="out", kind="symlink", link=str(host.secret))
    for name, line, files in (
        ("add-parent", f"ADD {up} /got\n", ()),
        ("copy-parent", f"COPY {up} /got\n", ()),
        ("copy-absolute", f"COPY {host.secret} /got\n", ()),
        ("copy-by-link", f"COPY out{host.secret} /got\n", (link,)),
        ("copy-link", "COPY out /got\n", (whole,)),
        ("add-file-url", f"ADD file://{host.secret} /got\n", ()),
        ("add-url", f"ADD http://127.0.0.1:{host.port}/ /got\n", ()),
    ):
        yield Instruction(name=name, dockerfile=_HEAD + line + show, files=files)
    yield Instruction(
        name="copy-from-by-link",
        dockerfile=f"{_THEN}COPY --from=linked /out{host.secret} /got\n{show}",
    )
    yield Instruction(
        name="copy-from-up", dockerfile=f"{_THEN}COPY --from=linked {up} /got\n{show}"
    )
    image = f"docker-archive:{host.archive}"
    yield Instruction(
        name="from-archive", dockerfile=f"FROM {image}\nRUN {_say(host)}\n"
    )
    yield Instruction(
        name="copy-from-archive",
        dockerfile=f"{_HEAD}COPY --from={image} /etc/passwd /got\nRUN {_say(host)}\n",
    )
    yield Instruction(
        name="dockerfile-is-a-link",
        dockerfile="",
        files=(ContextFile(path="Dockerfile", kind="symlink", link=str(host.secret)),),
    )


def _writes(host: Host) -> Iterator[Instruction]:
    """Try to write to a folder of this machine, which is looked at afterwards."""
    file = ContextFile(path="file", content=b"written")
    place = str(host.written)
    yield Instruction(
        name="write-by-link",
        dockerfile=f"{_HEAD}RUN ln -s {_UP} /out\nCOPY file /out{place}/copied\n"
        f"ADD file /out{place}/added\nWORKDIR /out{place}/workdir\n"
        f"VOLUME /out{place}/volume\nRUN touch made\n",
        files=(file,),
    )
    members = tuple(
        ContextFile(path=f"{name}.tar", content=_archive(entries))
        for name, entries in (
            ("up", [(_UP + place.lstrip("/") + "/up", b"")]),
            ("absolute", [(place + "/absolute", b"")]),
            ("link", [("link", place.encode()), ("link/by-link", b"")]),
            ("up-link", [("link", (_UP + place).encode()), ("link/by-link", b"")]),
        )
    )
    for each in members:
        yield Instruction(
            name=f"add-archive-{each.path.removesuffix('.tar')}",
            dockerfile=f"{_HEAD}ADD {each.path} /x/\n",
            files=(each,),
        )


def _archive(entries: list[tuple[str, bytes]]) -> bytes:
    """Write a tar of files, and of links where a target is given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, target in entries:
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, os.fsdecode(target)
            tar.addfile(member)
    return out.getvalue()


def _mounts(host: Host) -> Iterator[Instruction]:
    look = f"cat /h{host.secret}; touch /h{host.written}/mounted; true\n"
    link = ContextFile(path="out", kind="symlink", link="/")
    for name, options in (
        ("bind-root", "bind,source=/,target=/h,rw"),
        ("bind-up", f"bind,source={_UP},target=/h,rw"),
        ("bind-link", "bind,source=out,target=/h,rw"),
        ("bind-target-up", f"bind,target={_UP}h,rw"),
        ("cache-id-up", f"cache,id={_UP},target=/h"),
        ("cache-source-up", f"cache,source={_UP},target=/h"),
    ):
        yield Instruction(
            name=f"mount-{name}",
            dockerfile=f"{_HEAD}{_MOUNT}{options} {look}",
            files=(link,),
        )
    for name, options in (
        ("bind-from-link", "bind,from=linked,source=/out,target=/h,rw"),
        ("bind-from-up", f"bind,from=linked,source={_UP},target=/h,rw"),
        ("cache-from-link", "cache,from=linked,source=/out,target=/h"),
    ):
        yield Instruction(
            name=f"mount-{name}", dockerfile=f"{_THEN}{_MOUNT}{options} {look}"
        )


def _asks(host: Host) -> Iterator[Instruction]:
    say = _say(host)
    yield Instruction(
        name="security-insecure",
        dockerfile=f"{_HEAD}RUN --security=insecure mount -t tmpfs x /tmp && {say}\n",
    )
    for name, device in (("device", "/dev/kvm"), ("device-cdi", "vendor.com/x=all")):
        yield Instruction(
            name=name,
            dockerfile=f"{_HEAD}RUN --device={device} : </dev/kvm && {say}\n",
        )
    programs = " ".join(name for name, _ in talks(host))
    for name, option, asked in (
        ("network-host", " --network=host", {}),
        ("network-host-asked", "", {"options": {"networkmode": "host"}}),
    ):
        yield Instruction(
            name=name,
            dockerfile=_HEAD + _TALK.format(option=option, programs=programs, say=say),
            asked=asked,
        )


def _say(host: Host) -> str:
    """Print the token, which the command's own text does not have."""
    return f"echo {host.token[:8]}''{host.token[8:]}"
