"""Rules about ADD: archives, URLs, repositories, flags of its own."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.context import Entry
from harness.check.copied import copied
from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.check.steps import Step

_MAGIC = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
}
_ENDINGS = {
    "gzip": (".tar.gz", ".tgz"),
    "bzip2": (".tar.bz2", ".tbz2"),
    "xz": (".tar.xz", ".txz"),
    "zstd": (".tar.zst", ".tzst"),
    "tar": (".tar",),
}


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://", "git@", "ssh://", "git://"))


def kind_of(each: Entry) -> str:
    """Say what an archive is packed with, by its first bytes; empty for no archive."""
    if each.kind != "file":
        return ""
    head = each.head()
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for kind, magic in _MAGIC.items() if head.startswith(magic)), "")


def _archives(source: Source, kind: str) -> Iterator[tuple[Step, str, bool]]:
    """Give the archives that ADD unpacks, and whether it is certain that they are."""
    for step in source.steps("ADD"):
        if step.flag("unpack") is not None:
            continue
        found = copied(source, step)
        for word in step.sources:
            if _is_url(word.text):
                continue
            if found is None:
                if word.text.endswith(_ENDINGS[kind]):
                    yield step, word.text, False
            else:
                for each in found:
                    # only archives that are named themselves are unpacked
                    named = each.path.count("/") == word.text.strip("/").count("/")
                    if named and kind_of(each) == kind:
                        yield step, each.path, True


def _packed(source: Source, kind: str, depends: str) -> Iterator[Occurrence]:
    for step, path, certain in _archives(source, kind):
        yield Occurrence(
            line=step.line,
            detail=path,
            certain=certain and not depends,
            depends=depends or "whether the file is an archive",
        )


def _zstd(source: Source) -> Iterator[Occurrence]:
    yield from _packed(source, "zstd", "")


def _xz(source: Source) -> Iterator[Occurrence]:
    yield from _packed(source, "xz", "whether the engine finds the program xz")


def _chown_of_archive(source: Source) -> Iterator[Occurrence]:
    for kind in _ENDINGS:
        for step, path, certain in _archives(source, kind):
            if step.flag("chown") is not None:
                yield Occurrence(
                    line=step.line,
                    detail=path,
                    certain=certain,
                    depends="whether the file is an archive",
                )


def _flag(source: Source, name: str) -> Iterator[Occurrence]:
    for step in source.steps("ADD"):
        if step.flag(name) is not None:
            yield Occurrence(line=step.line, detail=f"--{name}={step.flag(name)}")


def _unpack(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "unpack")


def _checksum_of_a_file(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("ADD"):
        local = not any(_is_url(each.text) for each in step.sources)
        if step.flag("checksum") is not None and local:
            yield Occurrence(
                line=step.line, detail=f"--checksum={step.flag('checksum')}"
            )


def _keep_git_dir(source: Source) -> Iterator[Occurrence]:
    yield from _flag(source, "keep-git-dir")


def _repository(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("ADD"):
        for each in step.sources:
            text = each.text.partition("#")[0]
            if _is_url(text) and text.endswith(".git"):
                yield Occurrence(line=step.line, detail=each.text)


RULES = (
    Rule(
        id="add-zstd",
        says="ADD gets an archive that is packed with zstd.",
        behaviours=("add/archive-zstd",),
        match=_zstd,
    ),
    Rule(
        id="add-xz",
        says="ADD gets an archive that is packed with xz.",
        behaviours=("add/archive-xz",),
        match=_xz,
    ),
    Rule(
        id="add-chown-of-an-archive",
        says="ADD --chown gets an archive.",
        behaviours=("add/chown-of-an-archive",),
        match=_chown_of_archive,
    ),
    Rule(
        id="add-unpack",
        says="ADD has --unpack.",
        behaviours=("add/unpack-false", "add/unpack-of-a-file"),
        match=_unpack,
    ),
    Rule(
        id="add-checksum-of-a-file",
        says="ADD has --checksum for a file of the context.",
        behaviours=("add/checksum-of-a-local-file",),
        match=_checksum_of_a_file,
    ),
    Rule(
        id="add-keep-git-dir",
        says="ADD has --keep-git-dir.",
        behaviours=("add/keep-git-dir-of-a-folder",),
        match=_keep_git_dir,
    ),
    Rule(
        id="add-repository",
        says="ADD names an address that ends with .git.",
        behaviours=("add/git-that-refuses",),
        match=_repository,
    ),
)
