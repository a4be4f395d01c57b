"""What arrives of a context is the same over the API, filtered by us, as through the
docker CLI and buildx, which filter themselves.

The clients are those of Debian trixie, fetched once into the cache: Docker 26.1.5 and
buildx 0.13.1. All agreed on engines 20.10.5, 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.builders import Request
from harness.builders.engine_api import build
from harness.builders.records import standard_builders
from harness.dockerfile.context import ContextFile, tar_file
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.engines import Engine, apt
from harness.engines.address import connect
from harness.engines.roots import cache_folder, locked
from harness.errors import HarnessError
from harness.images.image import read_archive
from harness.measure.base_copies import PREFIX

pytestmark = pytest.mark.engine

SUITE = "trixie"
PACKAGES = ("docker-buildx", "docker-cli")

#: A file of the client's, found again by its path, kind, mode, content and link.
Arrived = frozenset[tuple[str, str, int, str | None, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One row: files (a `/` ends a folder's name, `->` makes a link), ignore files."""

    files: str
    ignore: str = ""
    own: str | None = None
    dockerfile: str = "Dockerfile"


TREE = "a.md b.md README.md sub/a.md sub/deep/b.md sub/deep/c.txt empty/ src/m.go .env"

CONTEXTS = {
    "negation": Context(files=TREE, ignore="*.md\n!README.md\n"),
    "allow-list": Context(files=TREE, ignore="*\n!src\n!sub/deep/c.txt\n"),
    "anywhere": Context(files=TREE, ignore="**/*.md\n!**/a.md\n"),
    "build-files": Context(files=TREE, ignore="Dockerfile\n.dockerignore\n"),
    "own-file": Context(files=TREE, ignore="*.md\n", own="sub\n"),
    "written-badly": Context(
        files=TREE,
        ignore="\ufeff/a.md\r\n# b.md\n ./sub//deep/ \n\n#\n !/sub/deep/c*\n",
    ),
    "wildcard-below": Context(
        files=TREE + " x/y/z/f x/y/g x/h", ignore="*\n!x/*/z\n!**/c.txt\n"
    ),
    "bad-class": Context(files=TREE, ignore="a.md\n[\n"),
    "none": Context(files=TREE),
    "all": Context(files=TREE, ignore="*\n"),
    "all-stars": Context(files=TREE, ignore="**\n!sub/deep\nsub/deep/b.md\n"),
    "folder": Context(files=TREE, ignore="sub\n"),
    "folder-contents": Context(files=TREE, ignore="sub/*\nempty/**\n"),
    "folder-but-one": Context(files=TREE, ignore="sub\n!sub/deep/c.txt\n"),
    "folder-but-folder": Context(files=TREE, ignore="sub\n!sub/deep\n"),
    "shut-folders": Context(
        files="a shut/ shut/a shut/deep/ shut/deep/kept", ignore="shut\n!shut/deep/kept"
    ),
    "order": Context(files=TREE, ignore="!README.md\n*.md\n!a.md\na.*\n"),
    "characters": Context(
        files=TREE + " a?b a[b ab", ignore="[a-b].md\na\\?b\na[[]b\n"
    ),
    "question": Context(files=TREE + " tmp tmpa tmpab", ignore="tmp?\n???.go\n"),
    "case": Context(files=TREE + " Makefile makefile", ignore="MAKEFILE\nmakefile\n"),
    "dot": Context(files=TREE, ignore=".\n/\n..\n../a.md\n./b.md\n"),
    "hidden": Context(files=TREE + " .git/x sub/.git/y", ignore=".*\n"),
    "links": Context(
        files=TREE + " to-a->a.md to-sub->sub gone->nowhere", ignore="a.md\nto-sub\n"
    ),
    "through-a-link": Context(files=TREE + " to-sub->sub", ignore="to-sub/deep\n"),
    "backwards": Context(files=TREE, ignore="a.md\n[z-a].md\n"),
    "nothing-excepted": Context(files=TREE, ignore="*.md\n!\n"),
    "dockerfile-below": Context(
        files=TREE, ignore="sub\n!sub/a.md\n", dockerfile="sub/Dockerfile"
    ),
    "dockerfile-behind-a-wildcard": Context(
        files=TREE, ignore="*\n!sub/*/Dockerfile\n", dockerfile="sub/x/Dockerfile"
    ),
    "own-file-empty": Context(files=TREE, ignore="*.md\n", own=""),
    "own-file-below": Context(
        files=TREE, ignore="*.md\n", own="deep\n", dockerfile="sub/Dockerfile"
    ),
    "caret": Context(files=TREE + " ^x ^xy x^y", ignore="^x\nx^*\n"),
    "trailing-stars": Context(files=TREE + " abc/x abd", ignore="ab**\nsub/**/b.md\n"),
}


def files(context: Context) -> list[ContextFile]:
    found = {
        context.dockerfile: ContextFile(
            path=context.dockerfile, content=b"FROM scratch\nCOPY . /ctx/\n"
        )
    }
    for word in context.files.split():
        path, _, link = word.partition("->")
        if link:
            found[path] = ContextFile(path=path, kind="symlink", link=link)
        elif path.endswith("/"):
            found[path[:-1]] = ContextFile(path=path[:-1], kind="dir", mode=0o750)
        else:
            found[path] = ContextFile(path=path, content=path.encode(), mode=0o640)
    for name, text in [
        (".dockerignore", context.ignore or None),
        (f"{context.dockerfile}.dockerignore", context.own),
    ]:
        if text is not None:
            found[name] = ContextFile(path=name, content=text.encode())
    return list(found.values())


@pytest.fixture(scope="session")
def clients() -> Path:
    """Fetch Debian's docker CLI and buildx: the configuration folder of a user."""
    place = cache_folder() / "roots" / f"clients-{SUITE}"
    try:
        with locked(place.with_name(f"{place.name}.lock")) as lock:
            if not place.is_dir():
                part = place.with_name(f"{place.name}.part")
                shutil.rmtree(part, ignore_errors=True)
                (part / "cli-plugins").mkdir(parents=True)
                for package in PACKAGES:
                    folder = part / package
                    folder.mkdir()
                    root = apt.download(package, SUITE, folder, lock=lock)
                    for binary in root.glob("usr/libexec/docker/cli-plugins/*"):
                        binary.rename(part / "cli-plugins" / binary.name)
                part.rename(place)
    except HarnessError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no clients, and CI must have them: {error}")
        pytest.skip(f"no clients: {error}")
    return place


Build = Callable[[Context, str], Arrived | str]


@pytest.fixture
def through_the_client(engine: Engine, clients: Path, tmp_path: Path) -> Build:
    """Build as people do: what arrived, or the client's last words."""

    def run(context: Context, builder: str) -> Arrived | str:
        with tarfile.open(fileobj=tar_file(files(context))) as tar:
            tar.extractall(tmp_path, filter="fully_trusted")
        tag = f"{PREFIX}/test:{uuid.uuid4().hex}"
        docker = clients / "docker-cli" / "root" / "usr" / "bin" / "docker"
        done = subprocess.run(
            [
                *(str(docker), "--config", str(clients)),
                *("build", "--no-cache", "-t", tag),
                *("-f", str(tmp_path / context.dockerfile), str(tmp_path)),
            ],
            env={
                "DOCKER_HOST": engine.address.url,
                "DOCKER_BUILDKIT": "1" if builder == "buildkit" else "0",
                "HOME": str(clients),
                "BUILDX_CONFIG": str(tmp_path.with_name("buildx")),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return done.stderr
        return arrived(engine, tag)

    return run


@pytest.fixture
def over_the_api(engine: Engine) -> Build:
    """Build as we do: what arrived, or the refusal."""

    def run(context: Context, builder: str) -> Arrived | str:
        try:
            chosen = sent(files(context), context.dockerfile, builder)
        except IgnoreError as error:
            return str(error)
        tag = f"{PREFIX}/test:{uuid.uuid4().hex}"
        request = Request(context=tar_file(chosen), tag=tag, file=context.dockerfile)
        client = connect(engine.address, timeout=60)
        transcript = build(client, standard_builders()[builder], request, limit=60)
        return transcript.error or arrived(engine, tag)

    return run


def arrived(engine: Engine, tag: str) -> Arrived:
    client = connect(engine.address, timeout=60)
    try:
        (image,) = read_archive(client.get_image(tag))
    finally:
        client.remove_image(tag, force=True)
    return frozenset(
        (each.path, each.kind, each.mode & 0o7777, each.digest, each.link)
        for layer in image.layers
        for each in layer.entries
    )


#: How refusals end. A bad pattern is refused by buildx up to 26.1.5, by BuildKit itself
#: on 28.5.2, with other words in front; on a busy machine buildx says only that it gave
#: up (measured on 26.1.5).
REFUSALS = {
    "legacy": r"(error checking context|Cannot locate specified Dockerfile).*",
    "buildkit": r"(syntax error in pattern|illegal exclusion pattern: .*)$",
}
GAVE_UP = "context canceled"


def reason(words: str, builder: str) -> str:
    """Leave of a refusal what is the same whoever says it."""
    last = words.strip().splitlines()[-1]
    found = re.search(REFUSALS[builder], last)
    return found[0] if found else last


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
@pytest.mark.parametrize("name", CONTEXTS)
def test_what_we_send_arrives_as_what_the_client_sends(
    name: str, builder: str, through_the_client: Build, over_the_api: Build
) -> None:
    context = CONTEXTS[name]
    theirs = through_the_client(context, builder)
    ours = over_the_api(context, builder)
    if isinstance(theirs, str):
        assert isinstance(ours, str), f"only the client refuses: {theirs}"
        if builder == "legacy" or not theirs.strip().endswith(GAVE_UP):
            assert reason(ours, builder) == reason(theirs, builder)
        return
    assert not isinstance(ours, str), ours
    # without a session BuildKit reads the Dockerfile from the context, ignored or not
    needed = {f"ctx/{context.dockerfile}"} if builder == "buildkit" else set()
    needed |= {path.rpartition("/")[0] for path in needed}
    there = {path for path, *_ in theirs}
    assert {each for each in ours if each[0] not in needed - there} == theirs
