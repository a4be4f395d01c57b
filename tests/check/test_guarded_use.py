"""What rules leave alone, and what they say is not certain."""

from __future__ import annotations

import pytest

from harness.check.context import of_files
from harness.check.rule import Occurrence
from harness.check.rules import RULES
from harness.check.source import Source
from harness.dockerfile.context import ContextFile

FILES = [ContextFile(path="a.txt", content=b"a")]


def found(rule: str, text: str) -> list[Occurrence]:
    own = next(each for each in RULES if each.id == rule)
    source = Source(path="-", text=text, context=of_files(FILES))
    return [*own.match(source)]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("run-writes-a-volume", "FROM a\nRUN echo > /d/x\nVOLUME /d\n"),
        ("run-writes-a-volume", "FROM a\nVOLUME /d\nRUN echo > /data/x\n"),
        ("run-writes-a-volume", "FROM a\nVOLUME /d\nFROM b\nRUN echo > /d/x\n"),
        ("owner-of-a-volume", "FROM a\nVOLUME /d\nRUN chown app /e\n"),
        ("workdir-after-user", "FROM a\nWORKDIR /app\nUSER app\nWORKDIR /app\n"),
        ("workdir-after-user", "FROM a\nRUN mkdir /app\nUSER x\nWORKDIR /app\n"),
        ("workdir-after-user", "FROM a\nUSER app\nUSER root\nWORKDIR /app\n"),
        ("unused-stage", "FROM a AS b\nRUN x\nFROM c\nCOPY --from=b /x /\n"),
        ("unused-stage", "FROM a AS b\nRUN x\nFROM b\n"),
        ("unused-stage", "FROM a AS b\nRUN x\nFROM c\nRUN --mount=from=b x\n"),
        ("wildcard-without-a-match", "FROM a\nCOPY *.txt /\n"),
        ("wildcard-without-a-match", "FROM a\nCOPY a.txt *.md /w/\n"),
        ("chown-unknown-user", "FROM a\nRUN adduser app\nCOPY --chown=app a.txt /\n"),
        ("chown-unknown-user", "FROM a\nCOPY --chown=1000:1000 a.txt /\n"),
        ("list-with-more-behind-it", "FROM a\nRUN [ -e /x ] && echo yes\n"),
        ("run-without-a-change", "FROM a\nRUN echo x > /y\n"),
        ("run-without-a-change", "FROM a\nRUN make\n"),
        ("run-heredoc", "FROM a\nRUN cat <<E > /x\nhi\nE\n"),
        ("heredoc-without-an-end", "FROM a\nRUN <<E\ntrue\nE\n"),
        ("arg-below-env", "FROM a\nENV B=1\nARG B\n"),
    ],
)
def test_guarded_use_is_no_occurrence(rule: str, text: str) -> None:
    assert found(rule, text) == []


@pytest.mark.parametrize(
    ("rule", "text", "depends"),
    [
        ("run-writes-a-volume", "FROM a\nVOLUME /d\nRUN ./x /d\n", "writes below /d"),
        ("chown-unknown-user", "FROM a\nCOPY --chown=app a.txt /\n", "the user app"),
        ("workdir-after-user", "FROM a\nUSER u\nWORKDIR /home/u\n", "has /home/u"),
    ],
)
def test_what_the_base_or_a_script_decides_is_not_certain(
    rule: str, text: str, depends: str
) -> None:
    (one,) = found(rule, text)
    assert not one.certain
    assert depends in one.depends


@pytest.mark.parametrize(
    ("rule", "text", "line"),
    [
        ("run-writes-a-volume", "FROM a\nWORKDIR /d\nVOLUME $X /d\nRUN rm x\n", 4),
        ("run-writes-a-volume", "FROM a AS b\nVOLUME /d\nFROM b\nRUN rm /d/x\n", 4),
        ("workdir-after-user", "FROM a\nARG U=app\nUSER ${U}\nWORKDIR /srv/x\n", 4),
        ("run-heredoc", "FROM a\r\nRUN <<-'E'\r\n\ttrue\r\n\tE\r\n", 2),
        ("mount-cache", "FROM a\nRUN --mount=type=cache,target=/c \\\n  make\n", 2),
    ],
)
def test_a_pattern_is_found_in_other_words(rule: str, text: str, line: int) -> None:
    (one,) = found(rule, text)
    assert one.certain
    assert one.line == line
