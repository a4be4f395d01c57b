"""Write a program that makes system calls one after the other, for Linux on x86-64.

The shell of a base image cannot call fchdir or keyctl, and there may be no compiler.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_ORIGIN = 0x400000
_HEADERS = 120
#: Bytes that `BUFFER` has.
ROOM = 4096
#: movabs to rdi, rsi, rdx, r10, r8, r9; the same from a place behind rbp.
_SET = (b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x49\xba", b"\x49\xb8", b"\x49\xb9")
_GET = (
    b"\x48\x8b\xbd",
    b"\x48\x8b\xb5",
    b"\x48\x8b\x95",
    b"\x4c\x8b\x95",
    b"\x4c\x8b\x85",
    b"\x4c\x8b\x8d",
)
_EXIT = b"\xb8" + struct.pack("<I", 60) + b"\x0f\x05"


@dataclass(frozen=True, slots=True)
class Result:
    """What an earlier call of the program gave: -1 is the call before this one."""

    back: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """The address of some memory that calls can read and write."""


BUFFER = Buffer()
Argument = int | bytes | tuple[bytes, ...] | Result | Buffer
Call = tuple[int, *tuple[Argument, ...]]


def program(*calls: Call) -> bytes:
    """Give an executable: each call is a number and arguments.

    Bytes go by address, and so do several of them, as execve's do.

    It ends with 0 after the last call, and with the error's number at the first call
    that fails.
    """
    # the code's length is the same whatever the addresses are
    length = len(_code(calls, 0, 0)[0])
    data_at = _ORIGIN + _HEADERS + length
    size = len(_code(calls, 0, 0)[1])
    code, data = _code(calls, data_at, data_at + size)
    image = code + data
    filled = _HEADERS + len(image)
    memory = filled + 8 * len(calls) + ROOM
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01", 2, 62, 1, _ORIGIN + _HEADERS, 64, 0, 0),
        *(64, 56, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0, _ORIGIN, _ORIGIN, filled, memory, 4096)
    return header + segment + image


def _code(calls: tuple[Call, ...], data_at: int, results: int) -> tuple[bytes, bytes]:
    """Give code and data, for a data segment and results at these addresses."""
    code = b"\x48\xbd" + struct.pack("<Q", results)
    data = b""
    for index, (number, *arguments) in enumerate(calls):
        for register, argument in enumerate(arguments):
            if isinstance(argument, Result):
                code += _GET[register] + struct.pack("<I", 8 * (index + argument.back))
                continue
            if isinstance(argument, Buffer):
                value = results + 8 * len(calls)
            elif isinstance(argument, bytes):
                value = data_at + len(data)
                data += argument + b"\0"
            elif isinstance(argument, tuple):
                places = []
                for each in argument:
                    places.append(data_at + len(data))
                    data += each + b"\0"
                value = data_at + len(data)
                data += struct.pack(f"<{len(places) + 1}Q", *places, 0)
            else:
                value = argument
            code += _SET[register] + struct.pack("<Q", value % (1 << 64))
        code += b"\xb8" + struct.pack("<I", number) + b"\x0f\x05"
        code += b"\x48\x89\x85" + struct.pack("<I", 8 * index)
        # test rax, rax; jns over: neg eax; mov edi, eax; exit
        code += b"\x48\x85\xc0\x79\x0b\xf7\xd8\x89\xc7" + _EXIT
    return code + b"\x31\xff" + _EXIT, data
