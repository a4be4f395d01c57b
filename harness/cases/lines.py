"""The lines of a Dockerfile that expectations name: an instruction begins on each."""

from __future__ import annotations

from harness.cases.expectation import Expectation
from harness.cases.model import Build
from harness.dockerfile import parser
from harness.documents.document import Document, Location

#: Properties that name lines of the Dockerfile.
_LINES = ("makes_layer", "empty_layer", "no_layer", "cached", "rebuilt")


def check_lines(
    build: Build, document: Document, at: Location, expectation: Expectation
) -> None:
    """Refuse a line that an expectation names and no instruction begins on."""
    named = [
        ((*at, key, position), line)
        for key in _LINES
        for position, line in enumerate(getattr(expectation, key) or ())
    ]
    named += [((*at, "changes", str(line)), line) for line in expectation.changes or ()]
    if expectation.shares:
        lines = enumerate(expectation.shares.lines or ())
        named += [((*at, "shares", "lines", place), line) for place, line in lines]
    parsed = parser.parse(build.dockerfile, build.args)
    starts = [each.line for each in parsed.instructions]
    outside = {each.line for each in parsed.outside(build.target) or ()}
    for location, line in named:
        if line in outside and not {"cached", "rebuilt"} & set(location):
            raise document.error(
                location,
                f"line {line} stands in a stage that the image is not made of",
                "of such a line only `cached` and `rebuilt` can be expected",
            )
        if line not in starts:
            raise document.error(
                location,
                f"no instruction begins on line {line} of the Dockerfile",
                f"instructions begin on lines {', '.join(map(str, starts))}",
            )
