"""Rules about how a Dockerfile is read: here-documents, directives, the list form."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecoder

from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.dockerfile.parser import Heredoc


def _run_heredoc(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        opens = step.rest.lstrip().startswith("<<")
        if opens and all(each.ended for each in step.heredocs[:1]):
            yield Occurrence(line=step.line, detail=step.rest.split()[0])


def _command_heredoc(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        opens = step.rest.lstrip().startswith("<<")
        if step.heredocs and step.heredocs[0].ended and not opens:
            yield Occurrence(line=step.line, detail=_opening(step.heredocs[0]))


def _run_heredoc_interpreter(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        if step.heredocs and step.heredocs[0].body.startswith("#!"):
            yield Occurrence(
                line=step.line, detail=step.heredocs[0].body.split("\n", 1)[0]
            )


def _file_heredoc(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", "ADD"):
        if step.heredocs:
            yield Occurrence(line=step.line, detail=_opening(step.heredocs[0]))


def _file_heredoc_backslash(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", "ADD"):
        for each in step.heredocs:
            if not each.quoted and "\\" in each.body:
                yield Occurrence(line=each.line, detail=_opening(each))


def _file_heredoc_quotes(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", "ADD"):
        for each in step.heredocs:
            quoted = each.body.count('"') + each.body.count("'")
            if not each.quoted and quoted and "$" in each.body:
                yield Occurrence(line=each.line, detail=_opening(each))


def _empty_heredoc(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", "ADD"):
        for each in step.heredocs:
            if each.ended and not each.body:
                yield Occurrence(line=step.line, detail=_opening(each))


def _open_heredoc(source: Source) -> Iterator[Occurrence]:
    for step in source.steps(unneeded=True):
        for each in step.heredocs:
            if not each.ended:
                yield Occurrence(line=step.line, detail=_opening(each))


def _opening(each: Heredoc) -> str:
    return f"<<{'-' if each.dashed else ''}{each.name}"


def _syntax(source: Source) -> Iterator[Occurrence]:
    if "syntax" in source.directives:
        yield Occurrence(line=1, detail=f"syntax={source.directives['syntax']}")


def _check_as_error(source: Source) -> Iterator[Occurrence]:
    if "error=true" in source.directives.get("check", "").replace(" ", ""):
        yield Occurrence(
            line=1,
            detail=f"check={source.directives['check']}",
            certain=False,
            depends="whether a check warns",
        )


def _run_nothing(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        if not step.rest and not step.heredocs:
            yield Occurrence(line=step.line)


def _list_and_more(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("CMD", "ENTRYPOINT", "RUN"):
        if step.rest.startswith("[") and not step.is_list:
            try:
                found, end = JSONDecoder().raw_decode(step.rest)
            except (ValueError, RecursionError):
                # `[` is a program too
                continue
            if found and all(isinstance(each, str) for each in found):
                yield Occurrence(line=step.line, detail=step.rest[end:].strip())


def _escape_in_values(source: Source) -> Iterator[Occurrence]:
    if source.directives.get("escape", "\\")[:1] != "`":
        return
    for step in source.steps("ENV", "LABEL"):
        if "`" in step.rest:
            yield Occurrence(line=step.line)


RULES = (
    Rule(
        id="run-heredoc",
        says="RUN gets its script from a here-document.",
        behaviours=("heredoc/run", "heredoc/several"),
        match=_run_heredoc,
    ),
    Rule(
        id="run-command-heredoc",
        says="RUN gives a here-document to a command.",
        behaviours=("heredoc/quoted-word",),
        match=_command_heredoc,
    ),
    Rule(
        id="run-heredoc-interpreter",
        says="The here-document of a RUN names its interpreter.",
        behaviours=("heredoc/interpreter",),
        match=_run_heredoc_interpreter,
    ),
    Rule(
        id="file-heredoc",
        says="COPY or ADD writes a here-document into a file.",
        behaviours=("heredoc/copy", "heredoc/add"),
        match=_file_heredoc,
    ),
    Rule(
        id="file-heredoc-backslash",
        says="A here-document of COPY or ADD has backslashes, and its word no quotes.",
        behaviours=("heredoc/backslash-in-a-copy",),
        match=_file_heredoc_backslash,
    ),
    Rule(
        id="file-heredoc-quotes",
        says="A here-document of COPY or ADD has variables and quotes.",
        behaviours=("heredoc/quotes-in-a-copy",),
        match=_file_heredoc_quotes,
    ),
    Rule(
        id="file-heredoc-empty",
        says="A here-document of COPY or ADD is empty.",
        behaviours=("heredoc/empty",),
        match=_empty_heredoc,
    ),
    Rule(
        id="heredoc-without-an-end",
        says="A here-document never ends.",
        behaviours=("heredoc/without-an-end",),
        match=_open_heredoc,
    ),
    Rule(
        id="syntax-line",
        says="A syntax line names the image of a frontend.",
        behaviours=("parser/syntax-not-there",),
        match=_syntax,
    ),
    Rule(
        id="check-as-error",
        says="A check line asks that warnings stop the build.",
        behaviours=("parser/check-error",),
        match=_check_as_error,
    ),
    Rule(
        id="run-without-a-command",
        says="RUN has no command.",
        behaviours=("parser/run-without-a-command",),
        match=_run_nothing,
    ),
    Rule(
        id="list-with-more-behind-it",
        says="A list in brackets has more text behind it.",
        behaviours=("config/list-with-more-behind-it",),
        match=_list_and_more,
    ),
    Rule(
        id="escape-in-values",
        says="A value has the character that the escape directive names.",
        behaviours=("parser/escape-in-values",),
        match=_escape_in_values,
    ),
)
