"""What dockerd says of its containerd, in words that were measured."""

from __future__ import annotations

import pytest

from harness.engines import containerd

LOG = (
    'time="2026-11-27T18:20:38Z" level=error msg="containerd did not exit '
    'successfully" error="signal: killed" module=libcontainerd\n'
)


def test_the_log_tells_how_a_containerd_ended() -> None:
    assert containerd.end_in(LOG) == "the engine's containerd ended: signal: killed"


@pytest.mark.parametrize("log", ["", 'msg="containerd successfully booted in 0.01s"'])
def test_a_log_without_an_end_tells_of_none(log: str) -> None:
    assert containerd.end_in(log) == ""


@pytest.mark.parametrize(
    ("error", "away"),
    [
        # 20.10.24 and 26.1.5, while it is started again
        (
            'connection error: desc = "transport: Error while dialing: dial unix '
            "/var/run/docker/containerd/containerd.sock: connect: connection "
            'refused": unavailable',
            True,
        ),
        ("rpc error: code = Unavailable desc = transport is closing", True),
        ("The command '/bin/sh -c false' returned a non-zero code: 1", False),
        ("dial tcp 127.0.0.1:80: connect: connection refused", False),
    ],
)
def test_what_an_engine_refuses_without_its_containerd_is_known(
    error: str, away: bool
) -> None:
    assert containerd.is_away(error) is away
