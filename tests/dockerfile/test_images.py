"""Which images a Dockerfile takes, as builders read their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dockerfile.images import canonical, origin, taken
from harness.dockerfile.parser import parse
from harness.dockerfile.variables import expand

VALUES = {"TAG": "20", "EMPTY": "", "IMAGE": "node"}


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("node:$TAG", "node:20"),
        ("node:${TAG}-slim", "node:20-slim"),
        ('"${IMAGE}:$TAG"', "node:20"),
        ("'$IMAGE'", "$IMAGE"),
        ("node:${NONE:-18}", "node:18"),
        ("node:${NONE-18}", "node:18"),
        ("node:${EMPTY:-18}", "node:18"),
        ("node:${EMPTY-18}", "node:"),
        ("node${TAG:+:$TAG}", "node:20"),
        ("node${EMPTY:+-x}", "node"),
        ("node${EMPTY+-x}", "node-x"),
        ("node$NONE", "node"),
        ("node$", "node$"),
        # what only some builders know
        ("${TAG%0}", None),
        ("${NONE:?no tag}", None),
    ],
)
def test_variables_are_put_in_as_builders_do(word: str, expanded: str | None) -> None:
    assert expand(word, VALUES) == expanded


@given(
    st.text(), st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), st.text())
)
def test_any_word_is_expanded_or_not_told(word: str, values: dict[str, str]) -> None:
    found = expand(word, values)
    assert found is None or isinstance(found, str)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("library/alpine:3", "docker.io/library/alpine:3"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1"),
        ("me/app", "docker.io/me/app:latest"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"),
        ("alpine:3@sha256:abc", "docker.io/library/alpine@sha256:abc"),
    ],
)
def test_a_name_is_written_in_full(name: str, full: str) -> None:
    assert canonical(name) == full
    assert canonical(full) == full


DOCKERFILE = """\
ARG TAG=18
ARG VARIANT="${TAG}-slim"
FROM --platform=linux/arm64 node:${TAG} AS deps
RUN --mount=type=cache,target=/c --mount=type=bind,from=busybox,target=/b true
FROM scratch AS files
COPY --from=deps /a /a
FROM node:${VARIANT} AS app
COPY --from=nginx:1.25 /etc/nginx /etc/nginx
COPY --from=0 /b /b
COPY --from=${IGNORED} /c /c
FROM deps AS test
FROM debian@sha256:0123 AS later
"""


def test_all_images_from_outside_are_found_with_their_lines() -> None:
    found = taken(parse(DOCKERFILE))
    assert {each.name: each.lines for each in found} == {
        "node:18": (3,),
        "busybox": (4,),
        "node:18-slim": (7,),
        "nginx:1.25": (8,),
        "debian@sha256:0123": (12,),
    }
    assert [each.platform for each in found if each.platform] == ["linux/arm64"]
    assert [each.digest for each in found if each.digest] == ["sha256:0123"]


def test_arguments_and_target_decide_which_are_taken() -> None:
    args = {"TAG": "22"}
    parsed = parse(DOCKERFILE, args)
    assert [each.name for each in taken(parsed, "deps", args)] == ["node:22", "busybox"]
    assert origin(parsed, "test", args) == "node:22"
    assert origin(parsed, "app", args) == "node:22-slim"
    assert origin(parsed, "files", args) == "scratch"
    assert origin(parsed, "", args) == "debian@sha256:0123"


def test_an_image_that_two_lines_take_is_told_once() -> None:
    text = "FROM a AS one\nFROM b\nCOPY --from=a / /\nCOPY --from=one / /\n"
    found = taken(parse(text))
    assert [(each.name, each.lines) for each in found] == [("a", (1, 3)), ("b", (2,))]
