"""What builds may take of the machine: processes, memory, CPU time.

The default fits the machine; `--bounds` gives other numbers. `cgroups` sets them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from harness.documents.document import nearest
from harness.engines.machine import memory_kib
from harness.errors import BoundMet, UsageError

#: What `--bounds` takes instead of numbers.
NONE = "none"

#: Processes and threads of an engine's builds, or of a builder's command: so many at
#: the least, and so many for each core.
_PROCESSES = 4096
_PER_CORE = 512
#: The machine's memory divided by this is for the builds of one engine.
_ENGINE_PART = 4
#: And divided by this for all builders' commands that run at a time.
_COMMANDS_PART = 2
_LEAST_KIB = 1 << 20
_WORDS = ("processes", "memory", "cpus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a group of processes may take in all; None is no bound.

    `processes` counts threads too, as the kernel does; `memory_kib` is what they may
    take besides `data_kib` of files in memory; `cpus` are cores' worth of time.
    """

    processes: int | None = None
    memory_kib: int | None = None
    cpus: float | None = None
    data_kib: int = 0

    @property
    def text(self) -> str:
        """Tell them in a line."""
        found = [
            self.processes and processes_text(self.processes),
            self.memory_kib and memory_text(self.memory_kib),
            self.cpus and f"{self.cpus:g} cores",
        ]
        return ", ".join(each for each in found if each) or NONE


def processes_text(number: int) -> str:
    """Tell a bound on processes."""
    return f"{number:,} processes"


def memory_text(kib: int) -> str:
    """Tell a bound on memory."""
    return f"{kib / (1 << 20):.1f} GiB of memory"


def for_engine(asked: str, data_kib: int = 0) -> Bounds | None:
    """Give the bounds of an engine's builds, whose data takes `data_kib` of memory."""
    found = _asked(asked, memory_kib() // _ENGINE_PART)
    return found and replace(found, data_kib=data_kib)


def for_command(asked: str, jobs: int, data_kib: int = 0) -> Bounds | None:
    """Give the bounds of a builder's command, `jobs` of which run at a time.

    What they write takes `data_kib` of memory.
    """
    found = _asked(asked, memory_kib() // _COMMANDS_PART // max(1, jobs))
    return found and replace(found, data_kib=data_kib)


def check(asked: str) -> None:
    """Raise UsageError for what is no value of `--bounds`."""
    for_command(asked, 1)


def bound_met(what: str, bound: str) -> BoundMet:
    """Word that `what` met a bound, such as "4,096 processes"."""
    return BoundMet(
        f"{what} met the harness's bound of {bound}",
        hint="what it does without it is not known; give it more with --bounds, such "
        "as --bounds processes=20000,memory=16 (GiB)",
    )


def _asked(asked: str, memory_kib: int) -> Bounds | None:
    if asked == NONE:
        return None
    found = Bounds(
        processes=max(_PROCESSES, _PER_CORE * (os.cpu_count() or 1)),
        memory_kib=max(_LEAST_KIB, memory_kib),
    )
    for part in filter(None, asked.split(",")):
        name, _, text = part.partition("=")
        if name not in _WORDS:
            raise UsageError(
                f"`{name}` is no bound", where="--bounds", hint=nearest(name, _WORDS)
            )
        number = _number(part, text)
        if name == "processes":
            found = replace(found, processes=int(number))
        elif name == "memory":
            found = replace(found, memory_kib=int(number * (1 << 20)))
        else:
            found = replace(found, cpus=number)
    return found


def _number(part: str, text: str) -> float:
    # no sign, exponent or name of a number, and few enough digits for any counter
    if len(text) <= 9 and text.replace(".", "", 1).isdecimal() and text.isascii():
        number = float(text)
        if number >= (1 if part.startswith("processes") else 0.01):
            return number
    raise UsageError(
        f"`{part}` does not say how much",
        where="--bounds",
        hint="write processes=20000, memory=16 (GiB), cpus=2; several with commas "
        "between, or `none`",
    )
