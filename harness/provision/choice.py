"""Which targets a session has: chosen first, and only then is anything fetched.

What is not unpacked yet is taken for the version that was recorded: when it was
unpacked before, else in the catalogue. What is chosen is fetched and asked; if its
version is another one, it is told and the choice is made again with the true one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Protocol

from packaging.specifiers import SpecifierSet

from harness.builders.command import Tool, obtain
from harness.builders.record import CommandBuilder
from harness.builders.records import builders_of, known_records
from harness.engines import EngineSource, Suite, debian, roots
from harness.engines.process import Say
from harness.engines.roots import cache_folder
from harness.errors import EngineError, UsageError
from harness.provision import sources
from harness.provision.events import Hear, LeftOut, Noted, noting, unheard
from harness.provision.plan import (
    Plan,
    PlannedTarget,
    ToolSource,
    known_builders,
    plan_targets,
    wanted,
)
from harness.provision.settings import Settings
from harness.targets.registry import Builders
from harness.targets.selector import Selector, matches, parse_selector
from harness.targets.versions import plain_version


class Fetcher(Protocol):
    """What fetches an engine or a tool, and asks what version it is."""

    def engine(self, suite: Suite) -> str:
        """Have a suite's engine here, and give its version; EngineError if not."""

    def tool(self, record: CommandBuilder, suite: Suite | None) -> Tool:
        """Have a record's tool here; EngineError if it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianFetcher:
    """Unpacks Debian's packages into the cache, and remembers their versions."""

    cache: Path
    say: Say

    def engine(self, suite: Suite) -> str:
        """Unpack a suite's engine if need be, and ask its daemon."""
        root = roots.prepare(suite, self.cache, self.say)
        version = roots.engine_version(root)
        roots.remember(root, roots.DAEMON, version)
        return version

    def tool(self, record: CommandBuilder, suite: Suite | None) -> Tool:
        """Unpack a tool if need be, or find it on the PATH, and ask it."""
        tool = obtain(record, suite, self.cache, self.say)
        if tool.root is not None:
            roots.remember(tool.root, record.name, tool.version)
        return tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen targets, with the engines and the tools that they take."""

    planned: tuple[PlannedTarget, ...]
    sources: tuple[EngineSource, ...]
    tools: Mapping[str, Tool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What there is to choose from; what was not fetched yet is assumed."""

    sources: tuple[EngineSource, ...]
    tools: tuple[ToolSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """What targets are chosen by: the settings, and what is known of builders."""

    settings: Settings
    records: Mapping[str, CommandBuilder]
    builders: Builders
    cache: Path
    fetcher: Fetcher
    hear: Hear

    @property
    def patterns(self) -> list[Selector]:
        """Read the selectors; UsageError for one that names nothing known."""
        found = [parse_selector(each) for each in self.settings.selectors]
        for each in found:
            self.builders.check(each)
        return found

    def chosen(self) -> Choice:
        """Choose the targets, and fetch what they take; nothing else is fetched.

        Raises UsageError when no target is left, EngineError when what was asked for
        by name cannot be had.
        """
        offered = self.find()
        while True:
            planned = self.pick(offered)
            # a mirror may have a newer version than the one that was recorded
            again = self._fetched(offered, planned or self._unsure(offered))
            if again == offered:
                return Choice(
                    planned=planned or self._nothing_left(offered),
                    sources=tuple(
                        each
                        for each in offered.sources
                        if any(each.name == other.engine for other in planned)
                    ),
                    tools={each.name: each.tool for each in offered.tools if each.tool},
                )
            offered = again

    def assumed(self) -> tuple[PlannedTarget, ...]:
        """Choose the targets by what is recorded of them; nothing is unpacked."""
        offered = self.find()
        return self.pick(offered) or self._nothing_left(offered)

    def find(self) -> Offered:
        """Find the engines and tools that the settings name; nothing is unpacked.

        Without an engine's name, what the selectors ask for decides: a builder with a
        storage of its own needs none, and what the usual engine does not have is looked
        for among all that can run here.
        """
        cache, say, patterns = self.cache, noting(self.hear), self.patterns
        if self.settings.every:
            every = tuple(sources.everything(cache))
            return Offered(sources=every, tools=self._tools(self.records))
        tools = self._tools(wanted(self.records.values(), self.settings.selectors))
        if self.settings.engines or not patterns:
            named = sources.find(self.settings.engines, cache, say)
            return Offered(sources=tuple(named), tools=tools)
        alone = Offered(sources=(), tools=tools)
        if self.pick(alone):
            return alone
        usual = Offered(sources=tuple(sources.find([], cache, say)), tools=tools)
        if self.pick(usual):
            return usual
        return Offered(sources=tuple(sources.everything(cache)), tools=tools)

    def pick(self, offered: Offered) -> tuple[PlannedTarget, ...]:
        """Pick the targets that the selectors name; UsageError when two are one."""
        found = plan_targets(offered.sources, offered.tools, self.builders)
        seen: dict[str, PlannedTarget] = {}
        for each in found:
            other = seen.setdefault(each.target.id, each)
            if other is not each:
                raise UsageError(
                    f"`{each.engine or each.tool}` and `{other.engine or other.tool}` "
                    "are the same version and store",
                    hint="name one of them: results are kept by version, not by engine",
                )
        return tuple(each for each in found if matches(self.patterns, each.target))

    def _nothing_left(self, offered: Offered) -> NoReturn:
        found = plan_targets(offered.sources, offered.tools, self.builders)
        names = ", ".join(each.target.id for each in found)
        raise UsageError("no target matches", hint=f"the engines offer {names}")

    def _unsure(self, offered: Offered) -> tuple[PlannedTarget, ...]:
        """Pick what selectors would name if its version were not what is assumed."""
        unseen = {each.name for each in offered.sources if each.assumed}
        untried = {each.name for each in offered.tools if each.tool is None}
        loose = [
            each if each.negated else replace(each, versions=SpecifierSet())
            for each in self.patterns
        ]
        return tuple(
            each
            for each in plan_targets(offered.sources, offered.tools, self.builders)
            if matches(loose, each.target)
            and (each.engine in unseen or (not each.engine and each.tool in untried))
        )

    def _tools(self, names: Iterable[str]) -> tuple[ToolSource, ...]:
        """List the tools of command builders, each version that can be had here.

        A record has Debian suites, or names a command on the PATH, which is asked. One
        that is asked for by its name and is neither is an EngineError.
        """
        found: list[ToolSource] = []
        for record in map(self.records.__getitem__, names):
            if record.suites and not debian.obstacles():
                found += [self._of_suite(record, suite) for suite in record.suites]
            elif record.path and shutil.which(record.path):
                found += self._tried(ToolSource(name=record.name, record=record))
            elif self._is_needed(record):
                raise EngineError(
                    f"{record.title} is not here",
                    where=record.name,
                    hint=f"install it: {record.homepage}; `layer-harness doctor` says "
                    "what else there is",
                )
        return tuple(found)

    def _of_suite(self, record: CommandBuilder, suite: Suite) -> ToolSource:
        before = roots.remembered(suite, self.cache, record.name)
        return ToolSource(
            name=f"{record.name} of Debian {suite.name}",
            record=record,
            version=before or suite.version,
            suite=suite,
        )

    def _is_needed(self, record: CommandBuilder) -> bool:
        return any(record.name == each.builder for each in self.patterns)

    def _fetched(self, offered: Offered, planned: Sequence[PlannedTarget]) -> Offered:
        """Fetch what the targets take, and ask it; what cannot be had is left out."""
        engines = {each.engine for each in planned}
        tools = {each.tool for each in planned}
        found: list[EngineSource] = []
        for source in offered.sources:
            new = source.assumed and source.name in engines
            found += self._asked(source) if new else [source]
        got: list[ToolSource] = []
        for offer in offered.tools:
            new = offer.tool is None and offer.name in tools
            got += self._tried(offer) if new else [offer]
        return Offered(sources=tuple(found), tools=tuple(got))

    def _asked(self, source: EngineSource) -> list[EngineSource]:
        if source.suite is None:
            return [replace(source, assumed=False)]
        try:
            version = self.fetcher.engine(source.suite)
        except EngineError as error:
            if not self.settings.every:
                raise
            self._leave_out(source.name, error)
            return []
        self._compare(f"Docker of Debian {source.suite.name}", source.version, version)
        suite = replace(source.suite, version=version)
        return [replace(source, version=version, suite=suite, assumed=False)]

    def _tried(self, offer: ToolSource) -> list[ToolSource]:
        try:
            tool = self.fetcher.tool(offer.record, offer.suite)
        except EngineError as error:
            if self._is_needed(offer.record):
                raise
            self._leave_out(offer.name, error)
            return []
        if not offer.record.is_measured:
            text = f"{offer.name}: not measured, its record is from documentation alone"
            self.hear(Noted(text=text))
        if offer.version:
            self._compare(offer.name, offer.version, tool.version)
        return [replace(offer, version=tool.version, tool=tool)]

    def _leave_out(self, name: str, error: EngineError) -> None:
        self.hear(LeftOut(name=name, reason=error.message.splitlines()[0]))

    def _compare(self, name: str, assumed: str, found: str) -> None:
        if plain_version(assumed) != plain_version(found):
            text = f"{name} is {found}, not {assumed} as recorded: targets are chosen"
            self.hear(Noted(text=f"{text} again"))


def looked_at(settings: Settings, hear: Hear = unheard) -> Plan:
    """Plan a session that will not be opened: its targets by what is recorded of them.

    Nothing is fetched and no engine is started.
    """
    chooser = chooser_of(settings, hear)
    return Plan(
        settings=settings,
        builders=known_builders(settings, chooser.records),
        planned=chooser.assumed(),
        folder=chooser.cache,
        base=chooser.cache,
        shared="",
    )


def chooser_of(settings: Settings, hear: Hear) -> Chooser:
    """Give what chooses the targets for settings, with what is known of builders."""
    cache, records = cache_folder(), known_records(settings.builders)
    return Chooser(
        settings=settings,
        records=records,
        builders=builders_of(records.values()),
        cache=cache,
        fetcher=DebianFetcher(cache=cache, say=noting(hear)),
        hear=hear,
    )
