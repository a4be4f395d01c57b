"""What a daemon or a command says of its end: the panic, without what is random.

Pure. Go writes a panic as `panic: MESSAGE`, the goroutine, then its calls with their
arguments, https://pkg.go.dev/runtime#hdr-Environment_Variables (GOTRACEBACK).
"""

from __future__ import annotations

import re

#: So many of the innermost calls are told: enough to find the place.
CALLS = 3

_BEGIN = re.compile(
    r"^(?:panic|fatal error|runtime): .+|.*http: panic serving [^ ]*: .+"
)
_SERVING = re.compile(r".*http: panic serving [^ ]*: ")
_CALL = re.compile(r"^(?P<name>[\w./*()%-]+(?:\[\.\.\.\])?[\w.*()]*)\(.*\)$")
_GOROUTINE = re.compile(r"^goroutine (\d+) \[running\]:", re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-f]+")
#: Calls of the runtime and of what carries a panic on.
_PASSING = re.compile(
    r"^(?:panic|runtime[./]|net/http\.|sync\.|go\.opentelemetry\.io/)"
)


def is_caught(log: str) -> bool:
    """Say whether the panic was one of a request's handler, which the server outlives.

    https://pkg.go.dev/net/http#Handler
    """
    return any(_SERVING.match(line) for line in log.splitlines())


def of_a_command(output: str) -> str:
    """Give the panic that ended a command, as `first_lines` does; empty if none did.

    Whether the main goroutine panics too, for want of what another was to give, is
    chance (measured on podman 4.3.1), so the other's is told.
    """
    parts = re.split(r"^(?=panic: )", output, flags=re.MULTILINE)[1:]
    found = {each: match[1] for each in parts if (match := _GOROUTINE.search(each))}
    own = [each for each, number in found.items() if number != "1"]
    return next(map(first_lines, own or found), "")


def first_lines(log: str) -> str:
    """Give a log's last panic: its message and the innermost calls; empty if none."""
    lines = [line.rstrip() for line in log.splitlines()]
    begins = [place for place, line in enumerate(lines) if _BEGIN.match(line)]
    if not begins:
        return ""
    # a panic in a panic's handling is written behind the first, on lines of its own
    start = begins[-1]
    while start - 1 in begins:
        start -= 1
    message = _ADDRESS.sub("ADDRESS", _SERVING.sub("panic: ", lines[start]))
    calls: list[str] = []
    for line in lines[start + 1 :]:
        call = _CALL.match(line)
        if call and not _PASSING.match(call["name"]):
            calls.append(call["name"])
        if len(calls) == CALLS:
            break
    return "\n".join([message, *(f"  {each}" for each in calls)])
