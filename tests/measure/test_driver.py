"""What keeps builds apart, and what an engine tells of an image without layers."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
from docker.errors import APIError

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.dockerfile.context import ContextFile
from harness.engines import Engine
from harness.images.base import Base
from harness.images.image import Image
from harness.measure.base_copies import base_of, remove
from harness.measure.driver import EngineDriver
from harness.measure.open_target import OpenTarget

STEP = {"CreatedBy": "LABEL a=b", "Comment": "buildkit.dockerfile.v0"}


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ([STEP], [("LABEL a=b", True)]),
        # the containerd store of 26.1.5 and 28.5.2 answers null
        (None, []),
    ],
)
def test_an_image_without_layers_is_told_by_inspect(
    history: Any, told: list[tuple[str, bool]]
) -> None:
    inspected = {
        "RootFS": {"Type": "layers"},
        "Config": {"Labels": {"a": "b"}},
        "Architecture": "amd64",
        "Os": "linux",
    }

    def get_image(_: str) -> None:
        response: Any = SimpleNamespace(status_code=500)
        raise APIError("empty", response, "empty export - not implemented")

    client = SimpleNamespace(
        get_image=get_image,
        inspect_image=lambda _: inspected,
        history=lambda _: history,
    )
    base = Image(reference="base", config={}, config_digest="", layers=())
    driver = EngineDriver(
        target=standard_builders().target("buildkit@28.5.2+containerd"),
        client=cast("docker.APIClient", client),
        standard=Base(archive=b"", image=base),
        shared="base",
        case=cast("Case", None),
    )
    image = driver.image("tag", {})
    assert image.layers == ()
    assert image.config["config"] == {"Labels": {"a": "b"}}
    assert [
        (each["created_by"], each["empty_layer"]) for each in image.config["history"]
    ] == told


def test_only_what_the_engine_did_not_remove_with_an_image_is_asked_for() -> None:
    """The legacy builder names each step's image; most go with the last one."""
    asked: list[str] = []
    gone = {"tag": ["0123456789ab" + "0" * 52], "aaaaaaaaaaaa": ["a" * 64, "b" * 64]}

    def remove_image(name: str, **_: Any) -> list[dict[str, str]]:
        untagged = {"Untagged": name}
        return [untagged, *({"Deleted": f"sha256:{each}"} for each in gone[name])]

    def inspect_image(name: str) -> dict[str, Any]:
        asked.append(name)
        return {"RepoTags": [], "Created": "2026-01-01T00:00:00Z"}

    client = SimpleNamespace(remove_image=remove_image, inspect_image=inspect_image)
    images = ("bbbbbbbbbbbb", "aaaaaaaaaaaa", "0123456789ab")
    remove(cast("docker.APIClient", client), "tag", images, since=0)
    assert asked == ["aaaaaaaaaaaa"]


def test_builders_of_an_engine_have_bases_of_their_own() -> None:
    names = ["legacy", "buildkit", "buildx-0.13", "buildx-0.29"]
    assert len({base_of("run", each) for each in names}) == len(names)
    assert base_of("run", "legacy") == base_of("run", "legacy")
    assert base_of("run", "legacy") != base_of("other", "legacy")


def test_workers_have_bases_of_their_own() -> None:
    assert len({base_of("run", "buildkit", number) for number in range(5)}) == 5
    assert len({base_of("run", "buildkit", 0, number) for number in range(5)}) == 5


def test_builds_take_a_worker_s_bases_in_turn() -> None:
    """Two builds within a second may make layers of one chain ID on one base."""
    open_target = OpenTarget(
        target=standard_builders().target("buildkit@20.10.24"),
        base=cast("Base", None),
        shared="one",
        limit=1,
        engine=cast("Engine", object()),
        client=cast("docker.APIClient", object()),
        bases=cycle(["one", "two", "three"]),
    )
    taken = []
    for _ in range(4):
        with open_target.driver(cast("Case", None)) as driver:
            taken.append(cast("EngineDriver", driver).shared)
    assert taken == ["one", "two", "three", "one"]


def test_a_dockerfile_that_changes_is_newer_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "demo" / "edits.yaml"
    place.parent.mkdir()
    lines = [
        "title: t",
        "why: w",
        "builds:",
        *(
            f"  {name}: {{context: {{a: '{name}'}}, dockerfile: 'FROM {image}'}}"
            for name, image in [("one", "x"), ("two", "x"), ("three", "y")]
        ),
    ]
    place.write_text("\n".join(lines) + "\n")
    case = load_case(place, tmp_path, standard_builders())
    times = {
        name: {each.path: each.mtime for each in case.context(name)}
        for name in case.builds
    }
    default = ContextFile(path="a").mtime
    assert times["one"] == times["two"] == {"a": default, "Dockerfile": default}
    assert times["three"]["Dockerfile"] > default
    assert times["three"]["a"] == default
