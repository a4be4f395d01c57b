"""Start processes with fewer rights than ours, which nothing they start gets back.

What may be given up belongs to a thread and goes to what the thread starts. So one
thread gives it up for good, and starts all these processes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from harness.errors import EngineError

T = TypeVar("T")

#: What builders of Debian's suites need, by the numbers of capability.h: to mount, to
#: write any file with any owner, to make devices, to start RUN with what Docker gives
#: it, and to bring up a loopback device. Without CAP_DAC_READ_SEARCH no file is opened
#: by its handle, behind all mounts.
_KEPT = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_admin": 12,
    "net_raw": 13,
    "sys_chroot": 18,
    "sys_admin": 21,
    "sys_resource": 24,
    "mknod": 27,
    "audit_write": 29,
    "setfcap": 31,
}
#: add_key, request_key, keyctl, by what the kernel calls an architecture (audit.h):
#: root's keyrings are not in a namespace, and buildah's own filter lets them pass.
_KEY_CALLS = {
    0xC000003E: (248, 249, 250, *(0x40000000 + each for each in (248, 249, 250))),
    0x40000003: (286, 287, 288),
    0xC00000B7: (217, 218, 219),
    0x40000028: (309, 310, 311),
    0xC00000F3: (217, 218, 219),
    0xC0000102: (217, 218, 219),
    0xC0000015: (269, 270, 271),
    0x80000016: (278, 279, 280),
}
_PR_SET_SECCOMP, _PR_CAPBSET_DROP, _FILTER = 22, 24, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


def confined(start: Callable[[], T]) -> T:
    """Call `start` with fewer rights, and give what it gives.

    EngineError where they cannot be given up: a process with all of them is not
    started.
    """
    try:
        return _thread().submit(start).result()
    except BrokenExecutor as error:
        raise EngineError(
            "capabilities cannot be given up, or no system calls filtered",
            hint="builders of a Debian suite need root outside a locked-down "
            "container: `layer-harness doctor`",
        ) from error


@cache
def _thread() -> ThreadPoolExecutor:
    # it lives as long as we do: its end would be the death of its parent to a process
    return ThreadPoolExecutor(1, initializer=_give_up)


def _give_up() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for each in sorted(set(range(last + 1)) - set(_KEPT.values())):
        _prctl(_PR_CAPBSET_DROP, each, None)
    steps = list(_steps())
    code = ctypes.create_string_buffer(b"".join(steps))
    # struct sock_fprog: https://docs.kernel.org/userspace-api/seccomp_filter.html
    form = struct.pack("@HP", len(steps), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(form))


def _steps() -> Iterator[bytes]:
    """Write the filter; struct seccomp_data has the call at 0, what it is of at 4."""
    for architecture, calls in _KEY_CALLS.items():
        yield _step(_LOAD, 4)
        yield _step(_IF_EQUAL, architecture, otherwise=1 + 2 * len(calls))
        yield _step(_LOAD, 0)
        for each in calls:
            yield _step(_IF_EQUAL, each, otherwise=1)
            yield _step(_RETURN, _REFUSE)
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, *, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, 0, otherwise, value)


def _prctl(
    option: int, number: int, pointer: ctypes.Array[ctypes.c_char] | None
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    given = ctypes.byref(pointer) if pointer is not None else ctypes.c_ulong(0)
    unused = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(number), given, unused, unused) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))
