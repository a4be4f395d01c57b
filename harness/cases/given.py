"""A build context that is somebody's own folder, as each client would send it.

Other than a case's, it has the owners and times of real files, and a Dockerfile that
may lie outside of it, or be kept from it by .dockerignore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.dockerfile.context import MTIME, ContextFile
from harness.dockerfile.dockerignore import IGNORE_FILE, ignored, parse, sent
from harness.targets.builder import Builder

#: The name that a Dockerfile has which is in no context, where it has to be sent in
#: one: `.dockerfile.` and a random text with the docker CLI.
OUTSIDE: Final = ".dockerfile.layer-harness"
#: The extended attribute that the docker CLI sends to the legacy builder (moby,
#: pkg/archive, ReadSecurityXattrToTarHeader).
_CAPABILITY: Final = "security.capability"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The files of a context; `outside` is a Dockerfile that is none of them.

    `ignore` is the text of a .dockerignore of the Dockerfile's own that is then beside
    it, None where there is none.
    """

    files: tuple[ContextFile, ...]
    outside: bytes | None = None
    ignore: bytes | None = None

    @property
    def beside(self) -> Mapping[str, bytes]:
        """Name what lies outside of the context, the Dockerfile first."""
        if self.outside is None:
            return {}
        found = {"Dockerfile": self.outside}
        if self.ignore is not None:
            found[f"Dockerfile{IGNORE_FILE}"] = self.ignore
        return found

    def posted(self, builder: Builder, file: str) -> tuple[list[ContextFile], str]:
        """Give what is posted to a builder inside an engine, and the Dockerfile's path.

        All files are 0:0, as with the docker CLI and buildx. BuildKit gets a Dockerfile
        that is ignored under a name of its own: without a session there is no way to it
        beside the context, and COPY would find it.
        """
        legacy = builder.family == "legacy"
        files = [_owned(each, legacy=legacy) for each in self.files]
        content = self.outside
        if content is None:
            if legacy or not self._is_ignored(file):
                return sent(files, file, builder.family), file
            content = next(each for each in self.files if each.path == file).text()
        own = [ContextFile(path=OUTSIDE, content=content)]
        if self.ignore is not None and not legacy:
            own.append(ContextFile(path=f"{OUTSIDE}{IGNORE_FILE}", content=self.ignore))
        elif not legacy and self.outside is None:
            own += [
                replace(each, path=f"{OUTSIDE}{IGNORE_FILE}")
                for each in files
                if each.path == f"{file}{IGNORE_FILE}"
            ]
        kept = [
            each
            for each in sent([*files, *own], OUTSIDE, builder.family)
            if not each.path.startswith(OUTSIDE)
        ]
        kept.append(own[0])
        return ([*_told_to_ignore(kept)] if legacy else kept), OUTSIDE

    def _is_ignored(self, file: str) -> bool:
        by_path = {each.path: each for each in self.files}
        for name in (f"{file}{IGNORE_FILE}", IGNORE_FILE):
            if name in by_path and by_path[name].kind == "file":
                text = by_path[name].text().decode("utf-8", "surrogateescape")
                return ignored(parse(text), file)
        return False


def _owned(file: ContextFile, *, legacy: bool) -> ContextFile:
    xattrs = file.xattrs
    if legacy and xattrs:
        xattrs = {key: xattrs[key] for key in xattrs if key == _CAPABILITY}
    # whole seconds, as moby's archives have (FileInfoHeaderNoLookups); BuildKit takes a
    # tar whose first file needs a PAX header for a Dockerfile (measured on 28.5.2)
    return replace(file, uid=0, gid=0, mtime=int(file.mtime), xattrs=xattrs)


def _told_to_ignore(files: list[ContextFile]) -> Iterator[ContextFile]:
    """Add the Dockerfile to .dockerignore, so that the daemon takes it out again.

    As docker/cli does (command/image/build, AddDockerfileToBuildContext).
    """
    text = IGNORE_FILE.encode()
    for each in files:
        if each.path == IGNORE_FILE:
            text = each.text()
        else:
            yield each
    content = text + f"\n{OUTSIDE}\n".encode()
    yield ContextFile(path=IGNORE_FILE, content=content, mtime=MTIME)
