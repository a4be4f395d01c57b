"""What the oracle adds to pytest: an option, engines with its bases, and a summary."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from tabulate import tabulate

from harness.engines import Engine, debian
from harness.engines.address import connect
from harness.engines.roots import busybox, cache_folder
from harness.errors import HarnessError
from harness.images.base import Base
from harness.provision import sources
from oracle import make_base
from oracle.driver import Ground, bases

PROPERTY = "oracle"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--oracle-engine",
        action="append",
        default=[],
        metavar="NAME",
        help="engine of our own on which the whole catalogue is held against what was "
        "measured: bullseye, bookworm, trixie, forky, forky+containerd",
    )


class Grounds:
    """Gives engines with the catalogue's bases; one of them runs at a time.

    They have no other image. The legacy builder takes the `b` of `COPY --from=b` for an
    image if just one image's ID begins with it. With the 16 copies of a base that other
    tests have on their engine, that happens in one of three runs.
    """

    def __init__(self, full: Base, bare: Base) -> None:
        self._bases = full, bare
        self._stack = ExitStack()
        self._there: tuple[str, Ground] | None = None

    def get(self, name: str) -> Ground:
        """Give the engine called `name`; the one before it is stopped."""
        if self._there is None or self._there[0] != name:
            self.close()
            full, bare = self._bases
            engine = self._started(name)
            client = connect(engine.address, timeout=60)
            ground = Ground(engine=engine, client=client, full=full, bare=bare)
            self._there = name, ground
        return self._there[1]

    def close(self) -> None:
        self._there = None
        self._stack.close()

    def _started(self, name: str) -> Engine:
        if debian.named(name) is None:
            pytest.fail(f"--oracle-engine: `{name}` is no engine of our own")
        try:
            source = sources.source(name, cache_folder())
            manager = sources.start(source, cache_folder(), print)
            return self._stack.enter_context(manager)
        except HarnessError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"no engine, and CI must have one: {error}")
            pytest.skip(f"no engine: {error}")


@pytest.fixture(scope="session")
def sx(tmp_path_factory: pytest.TempPathFactory) -> bytes | None:
    """Compile the helper of some of the catalogue's cases; None without a compiler."""
    return make_base.compiled_sx(tmp_path_factory.mktemp("sx"))


@pytest.fixture(scope="session")
def grounds(
    sx: bytes | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Grounds]:
    """Give engines by name, with the bases that the catalogue was measured on."""
    program = busybox(cache_folder(), print)
    archives = {
        "full": make_base.image([], make_base.full(program, sx)),
        "bare": make_base.image([], make_base.bare(program)),
    }
    found = Grounds(*bases(tmp_path_factory.mktemp("bases"), archives))
    yield found
    found.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases were equal, explained and different, by target."""
    said = [
        json.loads(str(value))
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for key, value in report.user_properties
        if key == PROPERTY
    ]
    if said:
        terminalreporter.section("oracle: what was measured, and ours")
        terminalreporter.write_line(summary(said))


def summary(said: Sequence[tuple[str, str, list[str]]]) -> str:
    """Tabulate targets with their cases' words, and the reasons of differences."""
    words = ("equal", "explained", "different")
    counts = Counter((target, word) for target, word, _ in said)
    rows = [
        (target, *(counts[target, word] for word in words))
        for target in sorted({target for target, _ in counts})
    ]
    reasons = Counter((target, each) for target, _, names in said for each in names)
    table = tabulate(rows, ("target", *words))
    why = tabulate(
        [(*key, count) for key, count in sorted(reasons.items())],
        ("target", "explained by", "differences"),
    )
    return f"{table}\n\n{why}" if reasons else table
