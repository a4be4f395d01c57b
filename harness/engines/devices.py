"""Close devices to the processes of a cgroup, all but those that any container has.

A builder whose RUN is no container leaves open to it what it has copied from a context,
such as a disk. Files of devices may still be made: that is what a builder does.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from pathlib import Path

#: Character devices by their numbers (the kernel's devices.txt), None for all: null,
#: zero, full, random, urandom, tty, ptmx, and terminals.
_OPEN = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, None))

_BPF = {"x86_64": 321, "i686": 357, "armv7l": 386, "ppc64le": 361, "s390x": 351}
#: Its number where the kernel's generic table is used: aarch64, riscv64, loongarch64.
_GENERIC_BPF = 280
_LOAD, _ATTACH = 5, 8
_CGROUP_DEVICE_PROGRAM, _CGROUP_DEVICE, _SEVERAL = 15, 6, 2
# linux/bpf.h: instructions, and struct bpf_cgroup_dev_ctx
_WORD, _COPY, _SHIFT, _AND = 0x61, 0xBF, 0x77, 0x57
_UNLESS_EQUAL, _SET, _EXIT = 0x55, 0xB7, 0x95
_MAKE, _CHARACTER = 1, 2


def close_devices(folder: Path) -> None:
    """Close devices to the processes that will be in a cgroup; OSError where it fails.

    On cgroup v1 `folder` is in the tree of the controller `devices`.
    """
    if (folder / "devices.deny").exists():
        (folder / "devices.deny").write_text("a")
        for each in ("b *:* m", "c *:* m", *map(_allowed, _OPEN)):
            (folder / "devices.allow").write_text(each)
    else:
        _attach(_program(), folder)


def _allowed(numbers: tuple[int, int | None]) -> str:
    major, minor = numbers
    return f"c {major}:{'*' if minor is None else minor} rw"


def _program() -> bytes:
    """Write the program that is asked at each opening: 1 is yes, and 0 is no."""
    return b"".join(_steps())


def _steps() -> Iterator[bytes]:
    for register, place in ((2, 0), (3, 4), (4, 8)):
        yield _step(_WORD, register, source=1, offset=place)
    # the upper half is what is done, the lower one the type
    yield _step(_COPY, 5, source=2)
    yield _step(_SHIFT, 5, value=16)
    yield from _yes_if((5, _MAKE))
    yield _step(_AND, 2, value=0xFFFF)
    for major, minor in _OPEN:
        numbers = [(3, major)] if minor is None else [(3, major), (4, minor)]
        yield from _yes_if((2, _CHARACTER), *numbers)
    yield _step(_SET, 0, value=0)
    yield _step(_EXIT, 0)


def _yes_if(*equal: tuple[int, int]) -> Iterator[bytes]:
    """Answer yes where all these registers have these values."""
    for left, (register, value) in zip(range(len(equal), 0, -1), equal, strict=True):
        yield _step(_UNLESS_EQUAL, register, value=value, offset=left + 1)
    yield _step(_SET, 0, value=1)
    yield _step(_EXIT, 0)


def _step(
    code: int, register: int, *, source: int = 0, offset: int = 0, value: int = 0
) -> bytes:
    return struct.pack("=BBhi", code, source << 4 | register, offset, value)


def _attach(program: bytes, folder: Path) -> None:
    steps = ctypes.create_string_buffer(program)
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    pointers = (ctypes.addressof(steps), ctypes.addressof(licence))
    count = len(program) // 8
    loaded = _bpf(_LOAD, struct.pack("=IIQQ", _CGROUP_DEVICE_PROGRAM, count, *pointers))
    try:
        group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _bpf(_ATTACH, struct.pack("=IIII", group, loaded, _CGROUP_DEVICE, _SEVERAL))
        finally:
            os.close(group)
    finally:
        os.close(loaded)


def _bpf(command: int, attributes: bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(_BPF.get(platform.machine(), _GENERIC_BPF))
    given = ctypes.create_string_buffer(attributes, 128)
    result: int = libc.syscall(number, ctypes.c_int(command), given, ctypes.c_uint(128))
    if result < 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))
    return result
