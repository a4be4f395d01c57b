"""Rules about USER and WORKDIR."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.shell import commands
from harness.check.source import Source
from harness.check.steps import Step
from harness.dockerfile.words import expand

_ROOT = frozenset({"", "0", "root", "0:0", "root:root"})
#: Directories that every image with a shell has.
_USUAL = frozenset({"/", "/tmp", "/root", "/etc", "/home", "/usr", "/var", "/opt"})


def path_of(step: Step) -> str | None:
    """Give the directory of a WORKDIR; None where it is not known."""
    word = expand(step.rest, step.before.values, step.instruction.escape)
    return step.before.path(word.text) if word.known else None


def is_made_above(source: Source, step: Step, path: str) -> bool:
    """Say whether a line above plainly makes the directory."""
    for each in source.above(step):
        if each.keyword == "WORKDIR" and f"{path_of(each)}/".startswith(f"{path}/"):
            return True
        if each.keyword == "RUN":
            for command in commands(each.script):
                makes = command.name in {"mkdir", "install"}
                if makes and path in map(each.before.path, command.changes):
                    return True
                # a home directory of its own
                if command.name in {"useradd", "adduser"} and path in command.words:
                    return True
    return False


def _after_user(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("WORKDIR"):
        user, path = step.before.user, path_of(step)
        if user is None or user in _ROOT or path is None or path in _USUAL:
            continue
        if is_made_above(source, step, path):
            continue
        known = source.stage_of(step).base.text == "scratch"
        yield Occurrence(
            line=step.line,
            detail=path,
            certain=not path.startswith(("/home/", "/usr/", "/var/")) or known,
            depends=f"whether the base image has {path}",
        )


def _trailing_slash(source: Source) -> Iterator[Occurrence]:
    last = None
    for step in source.image_steps("WORKDIR"):
        last = step
    if last is not None and last.rest.rstrip("\"'").endswith("/") and last.rest != "/":
        yield Occurrence(line=last.line, detail=last.rest)


def _undefined(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("WORKDIR"):
        word = expand(step.rest, step.before.values, step.instruction.escape)
        if not word.known:
            missing = [n for n in word.variables if n not in step.before.values]
            if missing:
                yield Occurrence(
                    line=step.line,
                    detail=f"${missing[0]}",
                    certain=False,
                    depends=f"whether the base image sets {missing[0]}",
                )


RULES = (
    Rule(
        id="workdir-after-user",
        says="WORKDIR makes a directory below a USER that is not root.",
        behaviours=("workdir/after-user",),
        match=_after_user,
    ),
    Rule(
        id="workdir-trailing-slash",
        says="The last WORKDIR ends with a slash.",
        behaviours=("workdir/trailing-slash",),
        match=_trailing_slash,
    ),
    Rule(
        id="workdir-undefined-variable",
        says="WORKDIR has a variable that no line sets.",
        behaviours=("workdir/undefined-variable",),
        match=_undefined,
    ),
)
