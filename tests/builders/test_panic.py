"""What is told of an engine's last words, as engines wrote them."""

from __future__ import annotations

import pytest

from harness.builders.panic import first_lines, is_caught, of_a_command

#: dockerd 26.1.5 at a Dockerfile without a stage, with labels; cut in the middle.
DIED = """\
time="2026-11-25T11:34:43Z" level=warning msg="Could not get operating system version"
panic: runtime error: index out of range [-1]

goroutine 240 [running]:
github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb.(*dispatchStates).lastTarget(...)
\tgithub.com/moby/buildkit/frontend/dockerfile/dockerfile2llb/convert.go:904
github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb.toDispatchState({_, _}, {0xc001050c60})
\tgithub.com/moby/buildkit/frontend/dockerfile/dockerfile2llb/convert.go:323 +0x406a
github.com/moby/buildkit/frontend/dockerfile/builder.Build.func5({0x563ae956f958, 0xc0011aca00}, 0x0, 0x0?)
\tgithub.com/moby/buildkit/frontend/dockerfile/builder/build.go:125 +0x11e
golang.org/x/sync/errgroup.(*Group).Go.func1()
\tgolang.org/x/sync/errgroup/errgroup.go:78 +0x50
layer-harness: dockerd ended with status 2
layer-harness: starting dockerd again
"""  # noqa: E501  # as it was written

CAUGHT = """\
2026/11/25 11:43:40 http: panic serving @: runtime error: index out of range [-1]
goroutine 208 [running]:
net/http.(*conn).serve.func1()
\tnet/http/server.go:1947 +0xbe
panic({0x5613fe1c9f40?, 0xc00099f4d0?})
\truntime/panic.go:785 +0x132
go.opentelemetry.io/otel/sdk/trace.(*recordingSpan).End.deferwrap1()
\tgo.opentelemetry.io/otel/sdk/trace/span.go:468 +0x25
github.com/docker/docker/builder/dockerfile.buildLabelOptions(0xc000a6c060, {0x0, 0x0, 0x0})
\tgithub.com/docker/docker/builder/dockerfile/builder.go:335 +0x1b8
"""  # noqa: E501  # as it was written

#: podman 4.3.1 at a COPY --from of a stage that is none; cut in the middle.
ENDED = """\
panic: runtime error: index out of range [2] with length 2

goroutine 8 [running]:
github.com/containers/buildah/imagebuildah.(*Executor).Build(0xc0000eb200, {0x1975980?})
\tgithub.com/containers/buildah/imagebuildah/executor.go:687 +0x239e
created by github.com/hashicorp/go-multierror.(*Group).Go
"""
#: What came behind it, before it, or not at all.
FOLLOWS = """\
panic: runtime error: index out of range [0] with length 0

goroutine 1 [running]:
github.com/containers/buildah/imagebuildah.BuildDockerfiles({_, _}, {{0x0, 0x0}})
\tgithub.com/containers/buildah/imagebuildah/build.go:306 +0x2356
"""


PLACE = "github.com/moby/buildkit/frontend/dockerfile"


def test_a_panic_is_told_by_its_message_and_the_innermost_calls() -> None:
    assert first_lines(DIED).splitlines() == [
        "panic: runtime error: index out of range [-1]",
        f"  {PLACE}/dockerfile2llb.(*dispatchStates).lastTarget",
        f"  {PLACE}/dockerfile2llb.toDispatchState",
        f"  {PLACE}/builder.Build.func5",
    ]
    assert not is_caught(DIED)


def test_a_panic_in_a_handler_is_told_from_an_end_of_the_engine() -> None:
    assert first_lines(CAUGHT) == (
        "panic: runtime error: index out of range [-1]\n"
        "  github.com/docker/docker/builder/dockerfile.buildLabelOptions"
    )
    assert is_caught(CAUGHT)


@pytest.mark.parametrize("output", [ENDED, ENDED + FOLLOWS, FOLLOWS + ENDED])
def test_of_a_command_is_told_the_panic_that_others_follow_of(output: str) -> None:
    assert of_a_command(f"STEP 1/2: FROM x\n{output}") == (
        "panic: runtime error: index out of range [2] with length 2\n"
        "  github.com/containers/buildah/imagebuildah.(*Executor).Build"
    )
    assert of_a_command(FOLLOWS).startswith(
        "panic: runtime error: index out of range [0]"
    )
    assert of_a_command("panic: said by a script\n") == ""


def test_a_log_without_a_panic_has_none() -> None:
    assert first_lines('time="x" level=info msg="panic button pressed"\n') == ""


def test_an_address_is_no_part_of_the_message() -> None:
    told = first_lines("panic: bad pointer 0xc000123\n\ngoroutine 1 [running]:\n")
    assert told == "panic: bad pointer ADDRESS"
