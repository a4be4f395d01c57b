"""Rules about what is in the image's config: HEALTHCHECK, SHELL, ONBUILD, EXPOSE."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.source import Source


def _last(source: Source, *keywords: str) -> Iterator[Occurrence]:
    found = None
    for step in source.image_steps(*keywords):
        found = step
    if found is not None:
        yield Occurrence(line=found.line)


def _healthcheck(source: Source) -> Iterator[Occurrence]:
    yield from _last(source, "HEALTHCHECK")


def _start_interval(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("HEALTHCHECK"):
        if step.flag("start-interval") is not None:
            yield Occurrence(line=step.line, detail="--start-interval")


def _shell(source: Source) -> Iterator[Occurrence]:
    yield from _last(source, "SHELL")


def _onbuild(source: Source) -> Iterator[Occurrence]:
    yield from _last(source, "ONBUILD")


def _command(source: Source) -> Iterator[Occurrence]:
    yield from _last(source, "CMD")


def _ports(source: Source) -> Iterator[tuple[int, str]]:
    for step in source.image_steps("EXPOSE"):
        for word in step.words:
            if word.known:
                yield step.line, word.text


def _host_port(source: Source) -> Iterator[Occurrence]:
    for line, port in _ports(source):
        if ":" in port:
            yield Occurrence(line=line, detail=port)


def _range(source: Source) -> Iterator[Occurrence]:
    for line, port in _ports(source):
        if re.fullmatch(r"\d+-\d+(/\w+)?", port):
            yield Occurrence(line=line, detail=port)


def _capitals(source: Source) -> Iterator[Occurrence]:
    for line, port in _ports(source):
        if re.search(r"/.*[A-Z]", port):
            yield Occurrence(line=line, detail=port)


def _no_port(source: Source) -> Iterator[Occurrence]:
    for line, port in _ports(source):
        if not re.fullmatch(r"(.*:)?\d+(-\d+)?(/(tcp|udp|sctp))?", port, re.IGNORECASE):
            yield Occurrence(line=line, detail=port)


RULES = (
    Rule(
        id="healthcheck",
        says="The image has a HEALTHCHECK.",
        behaviours=("config/healthcheck",),
        match=_healthcheck,
    ),
    Rule(
        id="healthcheck-start-interval",
        says="HEALTHCHECK has --start-interval.",
        behaviours=("config/healthcheck-start-interval",),
        match=_start_interval,
    ),
    Rule(
        id="shell-in-the-config",
        says="SHELL is recorded in the image.",
        behaviours=("config/shell",),
        match=_shell,
    ),
    Rule(
        id="onbuild",
        says="The image has ONBUILD triggers.",
        behaviours=("config/onbuild",),
        match=_onbuild,
    ),
    Rule(
        id="args-escaped",
        says="The image has a CMD.",
        behaviours=("config/args-escaped",),
        match=_command,
    ),
    Rule(
        id="expose-host-port",
        says="EXPOSE names a port of the host.",
        behaviours=("config/expose-host-port",),
        match=_host_port,
    ),
    Rule(
        id="expose-range",
        says="EXPOSE names a range of ports.",
        behaviours=("config/expose-range",),
        match=_range,
    ),
    Rule(
        id="expose-protocol-in-capitals",
        says="EXPOSE has a protocol in capital letters.",
        behaviours=("config/expose-protocol-in-capitals",),
        match=_capitals,
    ),
    Rule(
        id="expose-no-port",
        says="EXPOSE names what is no port.",
        behaviours=("config/expose-invalid",),
        match=_no_port,
    ),
)
