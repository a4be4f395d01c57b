"""The catalogue of engines, and which image a name of `-e` means."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from harness.engines import catalogue, released
from harness.errors import CaseError, UsageError

GOOD = """\
[[debian]]
name = "bookworm"
version = "20.10.24"
stores = ["overlay2"]
packages = ["docker.io"]

[[image]]
version = "28.5.2"
stores = ["overlay2", "containerd"]
digest = "sha256:%s"
"""


def test_images_stand_oldest_first_one_for_each_minor() -> None:
    versions = [Version(each.version) for each in catalogue.standard_catalogue().images]
    assert versions == sorted(versions)
    minors = [(each.major, each.minor) for each in versions]
    assert len(set(minors)) == len(minors)
    assert minors[0] == (18, 9)


def test_a_pinned_image_is_named_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "engines.toml"
    path.write_text(GOOD % ("0" * 64))
    (found,) = catalogue.read(path).images
    assert found.image == f"docker:28.5.2-dind@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message"),
    [
        ('"bookworm"', "12", 2, "needs a text"),
        ("overlay2", "overlay", 4, "no such value 'overlay'"),
        ("stores", "stors", 4, "unknown key `stors`"),
        ("[[image]]", "[[imgae]]", 7, "unknown key `imgae`"),
        ("28.5.2", "28.5", 8, r"image.0.version.*pattern"),
        ("sha256:", "sha512:", 10, r"image.0.digest.*pattern"),
    ],
)
def test_a_mistake_in_the_catalogue_is_told_with_its_line(
    tmp_path: Path, right: str, wrong: str, line: int, message: str
) -> None:
    path = tmp_path / "engines.toml"
    path.write_text((GOOD % ("0" * 64)).replace(right, wrong, 1))
    with pytest.raises(CaseError, match=message) as caught:
        catalogue.read(path)
    assert caught.value.where.startswith(f"{path}:{line}:")


@pytest.mark.parametrize(
    ("text", "version", "image", "store"),
    [
        ("docker:27-dind", "27.5.1", "docker:27.5.1-dind", "overlay2"),
        ("docker:27.3-dind", "27.3.1", "docker:27.3.1-dind", "overlay2"),
        ("docker:27.4.0-dind", "27.4.0", "docker:27.4.0-dind", "overlay2"),
        ("docker:29.0.4-dind", "29.0.4", "docker:29.0.4-dind", "containerd"),
        ("docker:28.5.2-dind+vfs", "28.5.2", "docker:28.5.2-dind", "vfs"),
        (
            "docker:27-dind-alpine3.21",
            "27.5.1",
            "docker:27.5.1-dind-alpine3.21",
            "overlay2",
        ),
        (
            "mirror.example:5000/docker:27-dind",
            "27.5.1",
            "mirror.example:5000/docker:27.5.1-dind",
            "overlay2",
        ),
        (
            "docker:29.0.0-rc.1-dind",
            "29.0.0-rc.1",
            "docker:29.0.0-rc.1-dind",
            "overlay2",
        ),
        ("docker:99.1.2-dind", "99.1.2", "docker:99.1.2-dind", "containerd"),
        ("own/it:18.9.1-dind", "18.9.1", "own/it:18.9.1-dind", "overlay2"),
    ],
)
def test_a_name_means_an_image_and_a_store(
    text: str, version: str, image: str, store: str
) -> None:
    found = released.find(text)
    assert found is not None
    assert (found[0].version, found[0].image, found[1]) == (version, image, store)


@pytest.mark.parametrize(
    "text", ["bookworm", "trixie+containerd", "unix:///docker.sock", "docker:27", ""]
)
def test_what_is_no_engine_in_an_image_is_left_to_others(text: str) -> None:
    assert released.find(text) is None


def test_a_digest_of_the_users_own_is_kept() -> None:
    pinned = f"docker:27.5.1-dind@sha256:{'a' * 64}"
    found = released.find(pinned)
    assert found is not None
    assert found[0].image == pinned


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("docker:dind", "does not say a version", "write docker:27-dind"),
        ("docker:28.6-dind", "no release of 28.6", "did you mean `28.5`?"),
        ("docker:20.10-dind+containerd", "no store `containerd`", "allowed: overlay2"),
        ("docker:28-dind+overlay", "no store `overlay`", "did you mean `overlay2`?"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_nearest(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        released.find(text)
    assert hint in caught.value.hint
