"""Rules about RUN: its flags, and what its script may rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.shell import Command, commands
from harness.check.source import Source

_NODE = ("uname", "-n")


def _flag(source: Source, name: str, value: str = "") -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        told = step.flag(name)
        if told is not None and (not value or told == value):
            yield Occurrence(line=step.line, detail=f"--{name}={told}")


def _network_none(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "network", "none")


def _network_host(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "network", "host")


def _network_default(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "network", "default")


def _insecure(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "security", "insecure")


def _sandbox(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "security", "sandbox")


def _device(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "device")


def _reads_host_name(each: Command) -> bool:
    alone = each.name == "hostname" and len(each.words) == 1
    return alone or "/etc/hostname" in each.operands or each.words[:2] == _NODE


def _hostname(source: Source) -> Iterator[Occurrence]:
    """Find what writes the host name that a RUN sees into the image."""
    for step in source.image_steps("RUN"):
        parts = commands(step.script)
        writes = any(not each.is_quiet for each in parts)
        for each in parts:
            if _reads_host_name(each) and writes:
                yield Occurrence(
                    line=step.line,
                    detail=" ".join(each.words),
                    certain=bool(each.writes),
                    depends="whether the name comes into a file",
                )
                break


def _hostname_variable(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("RUN"):
        if "HOSTNAME" in step.before.values:
            continue
        parts = commands(step.script)
        lists = any(each.words in {("env",), ("printenv",)} for each in parts)
        writes = any(not each.is_quiet for each in parts)
        if re.search(r"\$\{?HOSTNAME\b", step.script) or (lists and writes):
            yield Occurrence(
                line=step.line,
                certain=False,
                depends="whether HOSTNAME comes into a file",
            )


def _hostname_given(source: Source) -> Iterator[Occurrence]:
    """Find what reads a host name that a build argument gives."""
    name = "BUILDKIT_SANDBOX_HOSTNAME"
    for step in source.image_steps("RUN"):
        given = name in source.args or step.before.values.get(name)
        script = step.script
        if given and re.search(r"\bhostname\b|\$HOSTNAME\b|uname -n", script):
            yield Occurrence(line=step.line, detail=name)


def _hostname_file(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("RUN"):
        for each in commands(step.script):
            if "/etc/hostname" in each.changes:
                yield Occurrence(line=step.line, detail="/etc/hostname")


def _hosts_file(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        for each in commands(step.script):
            if "/etc/hosts" in each.changes:
                yield Occurrence(line=step.line, detail="/etc/hosts")


def _background(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        if re.search(r"(?<![&>|])&\s*(?:$|\n|\))", step.script):
            yield Occurrence(
                line=step.line,
                detail="&",
                certain=False,
                depends="whether a later RUN needs the process",
            )


def _shell_with_e(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        shell = step.before.shell or ()
        stops = any(re.fullmatch(r"-\w*e\w*", each) for each in shell[1:])
        if stops and ";" in step.script and not step.heredocs:
            yield Occurrence(
                line=step.line,
                certain=False,
                depends="whether a command before a semicolon fails",
            )


def _kills(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        inner = re.search(r"\bsh\s+-c\b", step.rest) and not step.is_list
        if re.search(r"kill\b[^;&|]*\$\$", step.script) and not inner:
            yield Occurrence(line=step.line, detail="kill $$")


RULES = (
    Rule(
        id="run-network-none",
        says="RUN asks for --network=none.",
        behaviours=("security/network-none",),
        match=_network_none,
    ),
    Rule(
        id="run-network-host",
        says="RUN asks for --network=host.",
        behaviours=("security/network-host",),
        match=_network_host,
    ),
    Rule(
        id="run-network-default",
        says="RUN asks for --network=default.",
        behaviours=("security/network-default",),
        match=_network_default,
    ),
    Rule(
        id="run-security-insecure",
        says="RUN asks for --security=insecure.",
        behaviours=("security/insecure",),
        match=_insecure,
    ),
    Rule(
        id="run-security-sandbox",
        says="RUN asks for --security=sandbox.",
        behaviours=("security/sandbox",),
        match=_sandbox,
    ),
    Rule(
        id="run-device",
        says="RUN asks for a device.",
        behaviours=("security/device",),
        match=_device,
    ),
    Rule(
        id="run-host-name",
        says="RUN writes its host name into a file.",
        behaviours=("run/hostname",),
        match=_hostname,
    ),
    Rule(
        id="run-host-name-given",
        says="RUN reads the host name that BUILDKIT_SANDBOX_HOSTNAME gives.",
        behaviours=("arg/sandbox-hostname", "run/hostname-given"),
        match=_hostname_given,
    ),
    Rule(
        id="run-host-name-variable",
        says="RUN uses HOSTNAME, which no line sets.",
        behaviours=("run/variables-of-the-environment",),
        match=_hostname_variable,
    ),
    Rule(
        id="run-writes-etc-hostname",
        says="RUN writes /etc/hostname.",
        behaviours=("run/hostname-file-written",),
        match=_hostname_file,
    ),
    Rule(
        id="run-writes-etc-hosts",
        says="RUN writes /etc/hosts.",
        behaviours=("run/hosts-appended",),
        match=_hosts_file,
    ),
    Rule(
        id="run-background-process",
        says="RUN leaves a process running.",
        behaviours=("run/background",),
        match=_background,
    ),
    Rule(
        id="run-shell-with-e",
        says="SHELL has -e, and RUN has commands before a semicolon.",
        behaviours=("run/errors-in-the-middle",),
        match=_shell_with_e,
    ),
    Rule(
        id="run-kills-its-shell",
        says="RUN kills its own shell.",
        behaviours=("run/kills-itself",),
        match=_kills,
    ),
)
