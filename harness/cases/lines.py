"""The lines of a Dockerfile that expectations name: an instruction begins on each."""

from __future__ import annotations

from harness.cases.expectation import Properties
from harness.cases.model import Build
from harness.dockerfile import parser
from harness.documents.document import Document, Location


def check_lines(
    build: Build, document: Document, at: Location, asked: Properties
) -> None:
    """Refuse a line that an expectation names and no instruction begins on."""
    parsed = parser.parse(build.dockerfile, build.args)
    starts = dict.fromkeys(each.line for each in parsed.instructions)
    outside = {each.line for each in parsed.outside(build.target) or ()}
    for place, line, any_stage in asked.lines():
        if line in outside and not any_stage:
            raise document.error(
                (*at, *place),
                f"line {line} is in a stage that the image is not made from",
                "only `cached` and `rebuilt` can be expected of such a line",
            )
        if line not in starts:
            raise document.error(
                (*at, *place),
                f"no instruction begins on line {line} of the Dockerfile",
                f"instructions begin on lines {', '.join(map(str, starts))}",
            )
