"""The targets that are known, whether they are here or not."""

from __future__ import annotations

from harness.provision.known_targets import known_targets


def test_known_targets_are_builders_on_engines_and_stores_and_tools() -> None:
    ids = {each.id for each in known_targets()}
    assert "buildah@1.43.2+vfs" in ids
    assert {"legacy@20.10.5", "buildkit@28.5.2+containerd", "legacy@26.1.5+vfs"} < ids
    assert "legacy@20.10.24+containerd" not in ids
