"""The builders that stored results are of: those that ship, and users' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.errors import ResultError
from harness.results import disk
from harness.results.record import TargetRecord, decode, encode, write
from harness.targets.builder import Builder
from harness.targets.conventions import Conventions

STANDARD = standard_builders()
MINE = Builder(
    name="mine",
    title="My builder",
    family="buildah",
    conventions=Conventions(steps="stages", history="last"),
    place="own",
    stores=("stargz", "vfs"),
    measured=False,
)


def store(
    folder: Path, target: str, record: Builder | None = None, api: str = ""
) -> None:
    name, _, rest = target.partition("@")
    version, _, kept = rest.partition("+")
    told = TargetRecord(
        target=target,
        builder=name,
        version=version,
        api=api,
        store=kept,
        architecture="",
        record=record,
    )
    write(disk.target_path(folder, target), encode(told))


def test_a_users_builder_is_known_from_its_targets_file(tmp_path: Path) -> None:
    store(tmp_path, "legacy@20.10.24", api="1.41")
    store(tmp_path, "mine@1.2.3+stargz", MINE)
    found = disk.builders(tmp_path, STANDARD)
    assert list(found) == [*STANDARD, "mine"]
    assert replace(found["mine"], rank=0) == MINE
    assert [each.id for each in disk.targets(tmp_path, found)] == [
        "legacy@20.10.24",
        "mine@1.2.3+stargz",
    ]


def test_the_newest_description_counts(tmp_path: Path) -> None:
    for version, title in (("9.0.0", "Nine"), ("10.0.0", "Ten"), ("8.0.0", "Eight")):
        store(tmp_path, f"mine@{version}+vfs", replace(MINE, title=title))
    assert disk.builders(tmp_path, STANDARD)["mine"].title == "Ten"


def test_what_is_known_already_wins_over_what_results_say(tmp_path: Path) -> None:
    store(tmp_path, "mine@1.2.3+vfs", replace(MINE, title="As it was then"))
    known = STANDARD.with_([MINE])
    assert disk.builders(tmp_path, known) == known


def test_a_file_without_a_description_still_loads(tmp_path: Path) -> None:
    store(tmp_path, "other@1.2.3+vfs")
    store(tmp_path, "client@20.10.24", api="1.41")
    found = disk.builders(tmp_path, STANDARD)
    assert found["other"].title == "other"
    assert found["other"].place == "own"
    # inside an engine, so that its default store is left out of the id
    assert found.target("client@20.10.24").store == "overlay2"
    ids = [each.id for each in disk.targets(tmp_path, found)]
    assert ids == ["client@20.10.24", "other@1.2.3+vfs"]


def test_a_description_of_another_builder_is_named_as_broken(tmp_path: Path) -> None:
    store(tmp_path, "other@1.2.3+vfs", MINE)
    with pytest.raises(ResultError, match="`record` does not describe `other`"):
        disk.builders(tmp_path, STANDARD)


NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)


@given(
    st.builds(
        Builder,
        name=NAMES,
        title=st.text(st.characters(exclude_categories=["Cs"])),
        family=NAMES,
        conventions=st.builds(
            Conventions,
            steps=st.sampled_from(["whole", "vertexes", "stages"]),
            history=st.sampled_from(["every", "layers-only", "last"]),
            onbuild=st.booleans(),
            labels=st.sampled_from(["none", "each", "any"]),
        ),
        place=st.sampled_from(["engine", "own"]),
        stores=st.lists(NAMES, max_size=3).map(tuple),
        measured=st.booleans(),
    )
)
def test_a_description_reads_back_as_it_was(builder: Builder) -> None:
    told = TargetRecord(
        target=f"{builder.name}@1.0.0",
        builder=builder.name,
        version="1.0.0",
        api="",
        store="",
        architecture="",
        record=builder,
    )
    assert decode(TargetRecord, encode(told), where="here") == told
