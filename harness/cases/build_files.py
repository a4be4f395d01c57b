"""The files that a build of a case is given with, and its Dockerfile among them.

A Dockerfile stands in one place, in the case as `dockerfile:` or in the context, so
that `lint` and `explain` show the text that is built.
"""

from __future__ import annotations

import stat
from pathlib import Path

from harness.cases.find import leads_out
from harness.cases.model import Build
from harness.dockerfile.context import ContextFile, text_at
from harness.dockerfile.folder import read_folder
from harness.documents.document import Document, Location
from harness.errors import CaseError

_BESIDE = "put it beside the case file, or give the context inline"


def given_files(build: Build, path: Path) -> list[ContextFile]:
    """List the files that the context of a case's build is given with.

    Raises CaseError for a folder that is not there, or not among the cases.
    """
    if not isinstance(build.context, str):
        return [source.file(each) for each, source in build.context.items()]
    if problem := _folder_problem(build.context, path):
        raise CaseError(problem, where=str(path), hint=_BESIDE)
    return read_folder(path.parent / build.context)


def _folder_problem(context: str, path: Path) -> str:
    """Say what is wrong with a context folder, beside the case at `path`."""
    folder = path.parent / context
    try:
        there = stat.S_ISDIR(folder.stat().st_mode)
    except OSError:
        there = False
    if not there:
        return f"the context folder `{context}` is not there"
    if leads_out(folder, path.parent.parent):
        return f"the context folder `{context}` leads out of the folder of cases"
    return ""


def place_of(document: Document, name: str) -> Location:
    """Say where a build stands in its case's document."""
    return ("builds", name) if document.value.get("builds") else ()


def with_dockerfile(build: Build, path: Path, document: Document, name: str) -> Build:
    """Give a build the text of its Dockerfile, which has to stand in one place."""
    at = place_of(document, name)
    if isinstance(build.context, str) and (
        problem := _folder_problem(build.context, path)
    ):
        raise document.error((*at, "context"), problem, _BESIDE)
    given = "dockerfile" in build.model_fields_set
    try:
        found = text_at(given_files(build, path), build.file)
    except ValueError as error:
        raise context_error(build, document, at, error) from error
    if found is not None and given:
        raise document.error(
            (*at, "dockerfile"),
            f"the context has a `{build.file}` too",
            "leave out `dockerfile`, or the file in the context",
        )
    if found is None and not given:
        raise document.error(
            at,
            f"there is no Dockerfile: the context has no `{build.file}`",
            "add `dockerfile: |`, or the file to the context",
        )
    return build if found is None else build.model_copy(update={"dockerfile": found})


def context_error(
    build: Build, document: Document, at: Location, error: ValueError
) -> CaseError:
    """Name the place in the case of a file that no context can have."""
    text = str(error)
    given = {} if isinstance(build.context, str) else build.context
    places: list[Location] = [("context", path) for path in given]
    for name, files in build.contexts.items():
        places += [("contexts", name, path) for path in files]
    place = next((x for x in places if text.startswith(f"{x[-1]!r}: ")), ("context",))
    return document.error((*at, *place), text, "see `context` in CONTRIBUTING.md")
