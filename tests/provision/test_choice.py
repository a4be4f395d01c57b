"""Targets are chosen first, and only what they take is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.builders.command import Tool
from harness.builders.record import CommandBuilder
from harness.builders.records import known_records, standard_builders
from harness.engines import Suite, address, debian, roots
from harness.errors import EngineError, UsageError
from harness.provision.choice import Chooser
from harness.provision.events import Event
from harness.provision.settings import Settings


@dataclass
class Larder:
    """Fetches nothing, and counts what it was asked for; `now` has newer versions."""

    now: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    fetched: list[str] = field(default_factory=list)

    def engine(self, suite: Suite) -> str:
        return self._get("docker", suite)

    def tool(self, record: CommandBuilder, suite: Suite | None) -> Tool:
        assert suite is not None
        version = self._get(record.name, suite)
        return Tool(record=record, root=Path("/nowhere"), version=version)

    def _get(self, what: str, suite: Suite) -> str:
        name = f"{what} {suite.name}"
        self.fetched.append(name)
        if name in self.missing:
            raise EngineError("the mirror lacks it")
        return self.now.get(name, suite.version)


@pytest.fixture(autouse=True)
def _a_machine_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "obstacles", tuple)
    monkeypatch.setattr(address, "answers", lambda _: False)
    monkeypatch.setattr(address, "find", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)


def choose(
    larder: Larder, cache: Path, *selectors: str, **settings: object
) -> tuple[list[str], list[str]]:
    said: list[str] = []

    def hear(event: Event) -> None:
        said.append(event.text)

    chooser = Chooser(
        settings=Settings(selectors=selectors, **settings),  # type: ignore[arg-type]
        records=known_records(()),
        builders=standard_builders(),
        cache=cache,
        fetcher=larder,
        hear=hear,
    )
    return [each.target.id for each in chooser.chosen().planned], said


def test_one_version_of_a_tool_is_fetched_for_its_target_alone(tmp_path: Path) -> None:
    larder = Larder()
    chosen, _ = choose(larder, tmp_path, "buildah@1.39.3+overlay")
    assert chosen == ["buildah@1.39.3+overlay"]
    assert larder.fetched == ["buildah trixie"]


def test_what_a_negated_selector_takes_away_is_not_fetched(tmp_path: Path) -> None:
    larder = Larder()
    chosen, _ = choose(larder, tmp_path, "!podman", "!buildah*", every=True)
    assert not [each for each in chosen if each.startswith(("podman", "buildah"))]
    assert not [
        each for each in larder.fetched if each.startswith(("podman", "buildah"))
    ]
    assert "docker trixie" in larder.fetched


def test_an_engine_is_fetched_for_the_version_that_is_asked_for(tmp_path: Path) -> None:
    larder = Larder()
    chosen, _ = choose(larder, tmp_path, "legacy@26")
    assert set(larder.fetched) == {"docker trixie"}
    assert chosen[0] == "legacy@26.1.5"


def test_a_version_that_is_another_one_is_told_and_chosen_again(tmp_path: Path) -> None:
    larder = Larder(now={"docker trixie": "26.1.9"})
    chosen, said = choose(larder, tmp_path, "legacy", engines=("trixie",))
    assert chosen == ["legacy@26.1.9"]
    assert said[-1] == (
        "Docker of Debian trixie is 26.1.9, not 26.1.5 as recorded: targets are chosen "
        "again"
    )


def test_a_version_that_is_newer_than_asked_for_is_no_target(tmp_path: Path) -> None:
    larder = Larder(now={"docker trixie": "27.0.1"})
    with pytest.raises(UsageError, match="no target matches") as caught:
        choose(larder, tmp_path, "legacy@26.1.5", engines=("trixie",))
    assert "legacy@27.0.1" in caught.value.hint


def test_a_version_that_only_the_mirror_knows_is_looked_for(tmp_path: Path) -> None:
    larder = Larder(now={"buildah forky": "1.45.0"})
    chosen, _ = choose(larder, tmp_path, "buildah@1.45.0+vfs")
    assert chosen == ["buildah@1.45.0+vfs"]


def test_a_version_that_was_seen_before_counts_more_than_the_catalogue(
    tmp_path: Path,
) -> None:
    suite = next(
        each for each in known_records(())["buildah"].suites if each.name == "forky"
    )
    (tmp_path / "roots").mkdir()
    roots.remember(roots.place_of(suite, tmp_path), "buildah", "1.44.0")
    larder = Larder(now={"buildah forky": "1.44.0"})
    choose(larder, tmp_path, "buildah@1.44.0+vfs")
    assert larder.fetched == ["buildah forky"]


def test_of_all_engines_one_that_cannot_be_had_is_left_out(tmp_path: Path) -> None:
    larder = Larder(missing=frozenset({"docker bullseye"}))
    chosen, said = choose(larder, tmp_path, "legacy", every=True)
    assert "left out: bullseye: the mirror lacks it" in said
    assert "legacy@20.10.24" in chosen
    with pytest.raises(EngineError, match="the mirror lacks it"):
        choose(larder, tmp_path, "legacy", engines=("bullseye",))


def test_when_no_target_is_left_what_there_is_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no target matches") as caught:
        choose(Larder(), tmp_path, "buildkit@>=23", engines=("bookworm",))
    assert "legacy@20.10.24, buildkit@20.10.24" in caught.value.hint


def test_two_engines_of_one_version_and_store_are_refused(tmp_path: Path) -> None:
    larder = Larder(now={"docker bookworm": "26.1.5"})
    with pytest.raises(UsageError, match="same version and store"):
        choose(larder, tmp_path, engines=("bookworm", "trixie"))
