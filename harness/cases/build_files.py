"""The files that a build of a case is given with, and its Dockerfile among them.

A Dockerfile stands in one place, in the case as `dockerfile:` or in the context, so
that `lint` and `explain` show the text that is built.
"""

from __future__ import annotations

from pathlib import Path

from harness.cases.model import Build
from harness.dockerfile.context import ContextFile, read_folder, text_at
from harness.documents.document import Document, Location
from harness.errors import CaseError


def given_files(build: Build, path: Path) -> list[ContextFile]:
    """List the files that the context of a case's build is given with."""
    if not isinstance(build.context, str):
        return [source.file(each) for each, source in build.context.items()]
    folder = path.parent / build.context
    if not folder.is_dir():
        raise CaseError(
            f"the context folder `{build.context}` is not there",
            where=str(path),
            hint="put it beside the case file, or give the context inline",
        )
    return read_folder(folder)


def place_of(document: Document, name: str) -> Location:
    """Say where a build stands in its case's document."""
    return ("builds", name) if document.value.get("builds") else ()


def with_dockerfile(build: Build, path: Path, document: Document, name: str) -> Build:
    """Give a build the text of its Dockerfile, which has to stand in one place."""
    at = place_of(document, name)
    if isinstance(build.context, str) and not (path.parent / build.context).is_dir():
        raise document.error(
            (*at, "context"),
            f"the context folder `{build.context}` is not there",
            "put it beside the case file, or give the context inline",
        )
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
    path = next((each for each in build.context if text.startswith(f"{each!r}: ")), "")
    return document.error(
        (*at, "context", path), text, "see `context` in CONTRIBUTING.md"
    )
