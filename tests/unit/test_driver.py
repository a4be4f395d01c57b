"""What an engine tells of an image that cannot be exported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from harness.base import Base
from harness.case import Case
from harness.driver import EngineDriver
from harness.image import Image
from harness.target import parse_target

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
    client = SimpleNamespace(
        inspect_image=lambda _: inspected, history=lambda _: history
    )
    base = Image(reference="base", config={}, config_digest="", layers=())
    driver = EngineDriver(
        target=parse_target("buildkit@28.5.2+containerd"),
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
