"""Build with a command: a record's tool, and a runner for the builds of one case.

Each runner has a storage of its own, gone with it: no case takes from another's cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from harness.builders import Request, sandbox
from harness.builders.agent import agent
from harness.builders.arguments import CommandInputs, Layout, command, filled
from harness.builders.dialects import Heard
from harness.builders.record import CommandBuilder
from harness.builders.sandbox import EngineAccess, Sandbox
from harness.builders.transcript import Transcript
from harness.engines import Address, Suite, room, roots
from harness.engines.bounds import Bounds
from harness.engines.output import Output
from harness.engines.process import tail
from harness.errors import EngineError, Unexportable, Unsupported
from harness.images.oci_layout import unpack, write_layout, written

#: Seconds for a command that is no build: to load, to export, to say a version.
_SHORT = 300.0
#: What buildah says by chance instead of what its copier found (measured on 1.19.6 to
#: 1.43.2).
_UNTOLD = re.compile(r"errors? occurred:$|subprocess: (?:write \|1: broken pipe|EOF)$")
#: How often it is asked then.
_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A record's tool as it is here: in the unpacked `root`, or on the PATH.

    `suite` names the Debian suite that `root` is of; `cgroup2` is its `Suite.cgroup2`.
    """

    record: CommandBuilder
    root: Path | None
    version: str
    suite: str = ""
    cgroup2: bool = False

    @property
    def how(self) -> str:
        """Say how the tool comes to be there."""
        return f"packages of Debian {self.suite}" if self.suite else "on the PATH"


def obtain(
    record: CommandBuilder, suite: Suite | None, cache: Path, say: Callable[[str], None]
) -> Tool:
    """Get a record's tool from a Debian suite, or from the PATH; asks its version.

    Raises EngineError when it cannot be had, or does not say its version.
    """
    root = roots.prepare(suite, cache, say) if suite else None
    name, cgroup2 = (suite.name, suite.cgroup2) if suite else ("", False)
    tool = Tool(record=record, root=root, version="", suite=name, cgroup2=cgroup2)
    return replace(tool, version=ask_version(tool, cache))


def ask_version(tool: Tool, cache: Path) -> str:
    """Ask a tool for its version, in words of its own."""
    with CommandRunner(tool, cache / "tmp") as runner:
        status, said = runner.call(tool.record.ask, {})
    match = re.search(tool.record.pattern, said)
    if status or match is None:
        raise EngineError(
            f"{tool.record.title} does not say its version:\n{tail(said)}",
            hint=f"run it by hand: {' '.join(tool.record.ask)}",
        )
    return match[1]


class CommandRunner:
    """One case's place to build in; as a context manager it is cleared at the end.

    `folder` is where the runner's own folder is made, `store` one of the record's,
    `bounds` are those of each command.
    """

    def __init__(
        self,
        tool: Tool,
        folder: Path,
        *,
        store: str = "",
        bounds: Bounds | None = None,
    ) -> None:
        self.tool = tool
        self.store = store or next(iter(tool.record.stores), "")
        if store and store not in tool.record.stores:
            raise Unsupported(f"{tool.record.title} has no store `{store}`")
        # `sources.workspace` removes what is named so when its process is gone.
        name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.sandbox = Sandbox(
            folder=folder / name, root=tool.root, bounds=bounds, cgroup2=tool.cgroup2
        )
        self._layouts: list[Layout] = []
        self._builds = 0
        self._host: Address | None = None
        self._begun = False

    def __enter__(self) -> Self:
        """Make the runner's folder."""
        self.sandbox.folder.parent.mkdir(parents=True, exist_ok=True)
        self.sandbox.make()
        for name, text in self.tool.record.files.items():
            file = self.sandbox.work / "config" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove all that was loaded, built and exported."""
        try:
            if self._begun:
                self.call(self.tool.record.end, {})
        finally:
            self.sandbox.clear()

    def load(self, archive: BinaryIO, reference: str) -> None:
        """Give the builder a base: an archive that names its image `reference`."""
        record = self.tool.record
        if "base" in record.cannot:
            raise Unsupported(f"{record.title}: {record.cannot['base']}")
        if not record.load:
            self._layout(archive, reference)
            return
        file = self.sandbox.work / "base.tar"
        with file.open("wb") as out:
            shutil.copyfileobj(archive, out)
        words = {"archive": str(self.sandbox.seen(file)), "reference": reference}
        self._must(record.load, words, f"does not load the base {reference}")
        file.unlink()

    def build(
        self, request: Request, *, limit: float, host: Address | None = None
    ) -> Transcript:
        """Run one build to its end, or end it after `limit` seconds.

        One that does not tell its error, by chance, is run again. `host` is the engine
        that a builder with `place` engine drives. Raises Unsupported for what the
        record cannot say, EngineError when nothing runs.
        """
        for _ in range(_TRIES):
            transcript = self._build(request, limit=limit, host=host)
            if not _UNTOLD.search(transcript.error):
                break
            # it is still the case's first build, to which other limits may apply
            self._builds -= 1
            for tar in (request.context, *request.contexts.values()):
                tar.seek(0)
        return transcript

    def _build(
        self, request: Request, *, limit: float, host: Address | None
    ) -> Transcript:
        record = self.tool.record
        heard = Heard(dialect=record.dialect)
        self._host = host
        if record.begin and not self._begun:
            self._begun = True
            self._must(record.begin, {}, "does not begin")
        with self._laid_out(request, host) as (inputs, access):
            ended = sandbox.run(
                self.sandbox,
                command(record, request, inputs),
                environment={**self._environment(access.words), **access.environment},
                hear=heard.hear,
                limit=limit,
                access=access,
            )
        self._builds += 1
        transcript = heard.transcript(status=ended.status, timed_out=ended.timed_out)
        if transcript.ending == "ok" and not record.load and self._written(request.tag):
            with self._output(request.tag).open("rb") as stream:
                self._layout(stream, request.tag)
        return transcript

    @contextlib.contextmanager
    def export(self, tag: str) -> Iterator[BinaryIO]:
        """Give the archive of a built image, for `image.read_archive`.

        Raises Unexportable with the last line that a failing export says.
        """
        record = self.tool.record
        file = self._output(tag)
        if record.export:
            file.unlink(missing_ok=True)
            words = {"archive": str(self.sandbox.seen(file)), "tag": tag}
            status, said = self.call(record.export, words)
            if status:
                raise Unexportable(tail(said, lines=1).strip())
        try:
            with file.open("rb") as stream:
                yield stream
        except FileNotFoundError as error:
            raise EngineError(
                f"{record.title} wrote no archive of {tag}", where=str(file)
            ) from error
        finally:
            if record.export:
                file.unlink(missing_ok=True)

    def remove(self, tag: str) -> None:
        """Remove a built image; where a record has no command, its archive only."""
        self._output(tag).unlink(missing_ok=True)
        if self.tool.record.remove:
            self.call(self.tool.record.remove, {"tag": tag})

    def version_inside(self, host: Address) -> str:
        """Ask for the version of the engine's builder; empty if it does not say."""
        self._host = host
        record = self.tool.record
        if not record.inside:
            return ""
        status, said = self.call(record.inside, {})
        match = re.search(record.inside_pattern, said)
        return match[1] if match and not status else ""

    def call(
        self, template: Sequence[str], words: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run a command that is no build; gives its status and what it said."""
        said = Output()
        access = sandbox.reach(self._host, self.sandbox)
        every = {**self._words(), **access.words, **words}
        ended = sandbox.run(
            self.sandbox,
            filled(template, every),
            environment={**self._environment(every), **access.environment},
            hear=lambda line, _: said.add(f"{line}\n"),
            limit=_SHORT,
            access=access,
        )
        if ended.timed_out:
            raise EngineError(f"{self.tool.record.title} hangs: {template}")
        return ended.status, str(said).rstrip("\n")

    def _must(
        self, template: Sequence[str], words: Mapping[str, str], failure: str
    ) -> None:
        status, said = self.call(template, words)
        if status:
            message = f"{self.tool.record.title} {failure}:\n{tail(said)}"
            raise EngineError(message, hint=room.HINT if room.is_said(said) else "")

    def _words(self) -> dict[str, str]:
        work = self.sandbox.work
        return {
            "storage": str(self.sandbox.seen(work / "storage")),
            "config": str(self.sandbox.seen(work / "config")),
            "name": self.sandbox.folder.name,
            "store": self.store,
            "host": "",
        }

    def _environment(self, words: Mapping[str, str]) -> dict[str, str]:
        names = self.tool.record.environment
        return dict(zip(names, filled(names.values(), words), strict=True))

    def _output(self, tag: str) -> Path:
        """Name the archive of an image; a tag has signs that a path cannot have."""
        return (
            self.sandbox.work / f"{hashlib.sha256(tag.encode()).hexdigest()[:16]}.tar"
        )

    def _written(self, tag: str) -> bool:
        return "base" in self.tool.record.options and self._output(tag).is_file()

    def _layout(self, archive: BinaryIO, reference: str) -> None:
        if "base" not in self.tool.record.options:
            raise Unsupported(f"{self.tool.record.title} takes no base from an archive")
        name = f"base{len(self._layouts)}"
        folder = self.sandbox.work / name
        digest = write_layout(archive, folder)
        self._layouts = [
            *(each for each in self._layouts if each.reference != reference),
            Layout(
                reference=reference,
                folder=self.sandbox.seen(folder),
                name=name,
                digest=digest,
            ),
        ]

    @contextlib.contextmanager
    def _laid_out(
        self, request: Request, host: Address | None
    ) -> Iterator[tuple[CommandInputs, EngineAccess]]:
        """Lay a request's parts out as files; they are removed after the build."""
        seen = self.sandbox.seen
        place = self.sandbox.work / "build"
        place.mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, place, ignore_errors=True)
            context = unpack(request.context, place / "context")
            contexts = {
                name: seen(unpack(tar, place / f"context-{number}"))
                for number, (name, tar) in enumerate(sorted(request.contexts.items()))
            }
            secrets = {}
            for number, (name, content) in enumerate(sorted(request.secrets.items())):
                file = place / f"secret-{number}"
                file.write_bytes(content)
                file.chmod(0o600)
                secrets[name] = seen(file)
            socket = None
            if request.ssh:
                socket = seen(stack.enter_context(agent(place / "agent")))
            dockerfile = written(request.outside, place) or context / request.file
            access = sandbox.reach(host, self.sandbox)
            words = {
                **self._words(),
                **access.words,
                "context": str(seen(context)),
                "dockerfile": str(seen(dockerfile)),
                "file": request.file,
                "output": str(seen(self._output(request.tag))),
                "tag": request.tag,
            }
            inputs = CommandInputs(
                words=words,
                secrets=secrets,
                socket=socket,
                contexts=contexts,
                layouts=tuple(self._layouts),
                version=self.tool.version,
                first=self._builds == 0,
            )
            yield inputs, replace(access, words=words)
