"""Where a target's cases are built: its engine or tool, the base, and its driver."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

import docker

from harness.builders.command import CommandRunner, Tool
from harness.cases.case import Case
from harness.engines import Engine
from harness.engines.bounds import Bounds
from harness.engines.meter import Meter
from harness.errors import EngineError
from harness.images.base import Base
from harness.measure.driver import ClientDriver, CommandDriver, Driver, EngineDriver
from harness.measure.given_images import GivenImage
from harness.measure.slots import Slots
from harness.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTarget:
    """Where cases are built: a target, what it takes, seconds for one build.

    `engine` and its `client` are None for a builder with a storage of its own; `tool`
    is the command of a command builder, which builds in `folder`. `shared` is the
    reference under which an engine has the base for all cases that need no copy of
    their own; where it has several, `bases` gives the next one's. `alone` says that
    nothing else is built on the engine, so that a build that breaks off is what broke
    it. `began` is when the first build of this run may have been, in seconds of our
    clock. `bounds` are those of a tool's commands, `meter` tells which of the engine's
    were met; `slots` are those of all builds that run at a time. With `on_disk`
    overlay2's directories are read of every image. `given` are images of the user's
    that Dockerfiles name.
    """

    target: Target
    base: Base
    shared: str
    limit: float
    bases: Iterator[str] | None = None
    engine: Engine | None = None
    client: docker.APIClient | None = None
    tool: Tool | None = None
    folder: Path | None = None
    slots: Slots | None = None
    alone: bool = False
    began: float = inf
    on_disk: bool = False
    bounds: Bounds | None = None
    meter: Meter | None = None
    given: tuple[GivenImage, ...] = ()

    @property
    def name(self) -> str:
        """Name the engine, or the target where there is none."""
        return self.engine.name if self.engine else self.target.id

    @property
    def log(self) -> Path | None:
        """Where the engine's daemon writes to, if that is on this machine."""
        return Path(self.engine.log) if self.engine and self.engine.log else None

    def log_size(self) -> int:
        """Tell the length of the daemon's log, in bytes; 0 where it is not at hand."""
        return self.log.stat().st_size if self.log else 0

    def now(self) -> float:
        """Tell the engine's time, which is what its files have."""
        return time.time() + (self.engine.clock_offset if self.engine else 0.0)

    @contextmanager
    def driver(self, case: Case) -> Iterator[Driver]:
        """Give what drives the target's builder for one case."""
        with ExitStack() as stack:
            runner = None
            if self.tool is not None:
                folder = self.folder or Path(tempfile.gettempdir())
                store = "" if self.engine else self.target.store
                runner = stack.enter_context(
                    CommandRunner(self.tool, folder, store=store, bounds=self.bounds)
                )
            if self.engine is None or self.client is None:
                if runner is None:
                    raise EngineError("neither an engine nor a tool", where=self.name)
                yield CommandDriver(runner=runner, standard=self.base, given=self.given)
                return
            inside = EngineDriver(
                target=self.target,
                client=self.client,
                standard=self.base,
                shared=next(self.bases) if self.bases else self.shared,
                case=case,
            )
            if runner is None:
                yield inside
            else:
                host = self.engine.address
                yield ClientDriver(
                    inside=inside, runner=runner, host=host, given=self.given
                )
