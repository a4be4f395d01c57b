"""What kind of failure an error text tells of: what two failures may share. Pure.

Conservative: two wordings are of one kind only where a pattern below says so. What an
error quotes of the Dockerfile says where it failed, not why, and is left out.
"""

from __future__ import annotations

import re

from harness.judge.properties import first_line

#: What stands around the reason: the instruction, its line, who reports it to whom, and
#: where a builder keeps its files.
_AROUND = (
    (re.compile(r'building at STEP "(?:[^"\\]|\\.)*": '), ""),
    (re.compile(r"[Dd]ockerfile parse error (?:on )?line \d+: "), ""),
    (re.compile(r'process ".*" (?=did not complete successfully)', re.DOTALL), ""),
    (re.compile(r"executor failed running \[.*\]: ", re.DOTALL), ""),
    (re.compile(r"The command '.*' (?=returned)", re.DOTALL), ""),
    (re.compile(r"[^\s\"':\[]*/storage/root/[^\s\"':\]]*"), "PATH"),
    (
        re.compile(
            r"^(?:[Ee]rror:? |failed to build: |failed to create LLB definition: "
            r"|rpc error: code = \w+ desc = |failed to parse Dockerfile: "
            r"|failed to solve(?: with frontend [\w.]+)?: )+"
        ),
        "",
    ),
)
#: Pattern to the words for its kind. Each stands for wordings of different builders
#: that were measured of the same Dockerfiles.
_KINDS = (
    (
        re.compile(r"(?:non-zero code|exit code|exit status)[: ]+(\d+)\W*$"),
        "a command ends with exit code {}",
    ),
    (
        re.compile(
            r"^(?:COPY|ADD) failed: (?:.*: )?stat .*: file does not exist$"
            r'|copier: stat: \[?"[^"]*"\]?: no such file or directory$'
            r'|^failed to compute cache key: .*"[^"]*"(?: not found)?: not found$'
            r'|^"[^"]*": not found$'
        ),
        "a source is not found",
    ),
    (
        re.compile(r"[Uu]nknown instruction: \"?(\S+?)\"?(?:\s|$)"),
        "unknown instruction {}",
    ),
    (re.compile(r"[Uu]nknown flag: (?:--)?([\w-]+)"), "unknown flag --{}"),
    (re.compile(r"connect: connection refused$"), "the connection is refused"),
)


def kind_of(error: str) -> str:
    """Name the kind of a failure, by the text of its error."""
    text = error.strip()
    for pattern, instead in _AROUND:
        text = pattern.sub(instead, text)
    line = first_line(text)
    for pattern, words in _KINDS:
        if found := pattern.search(line):
            return words.format(*found.groups())
    return line
