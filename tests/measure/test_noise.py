"""What is noise is taken out by a named rule, and behaviour stays."""

from __future__ import annotations

from typing import Any

import pytest

from harness.images.layer import Entry
from harness.measure.noise import RULES, Noise, isoformat

BASE = "layer-harness/base:0123"


def noise() -> Noise:
    return Noise(since=1000.0, until=1010.0, base=BASE)


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (Entry(path="a", kind="file", mode=0o100644), "mode-type-bits"),
        (Entry(path="a", kind="file", uname="root"), "user-names"),
        (Entry(path="a", kind="file", gname="root"), "user-names"),
        (Entry(path="a", kind="whiteout", link="b", uid=7), "whiteout-attributes"),
        (Entry(path="a", kind="file", mtime=1005), "build-time"),
    ],
)
def test_a_rule_that_touched_an_entry_is_named(entry: Entry, rule: str) -> None:
    applied = noise()
    applied.entry(entry)
    assert applied.touched == {rule}


def test_an_entry_without_noise_touches_no_rule() -> None:
    applied = noise()
    entry = Entry(
        path="a/b", kind="file", mode=0o4755, uid=1, gid=2, mtime=0, size=3, digest="d"
    )
    change = applied.entry(entry)
    assert (change.path, change.mode, change.owner) == ("/a/b", "4755", "1:2")
    assert (change.mtime, change.size, change.digest) == (
        "1970-01-01T00:00:00Z",
        3,
        "d",
    )
    assert applied.touched == set()


def test_whiteouts_keep_their_path_alone() -> None:
    one = noise().entry(Entry(path="a", kind="whiteout", link="x", uid=7, mtime=1005))
    two = noise().entry(Entry(path="a", kind="whiteout"))
    assert one == two
    assert (one.path, one.change, one.mtime) == ("/a", "deleted", "")
    assert noise().entry(Entry(path="", kind="opaque")).change == "opaque"


def test_links_name_paths_of_the_image_or_what_they_say() -> None:
    hard = noise().entry(Entry(path="b", kind="hardlink", link="a"))
    soft = noise().entry(Entry(path="b", kind="symlink", link="../a"))
    assert (hard.link, soft.link) == ("/a", "../a")
    assert noise().entry(Entry(path="c", kind="char", device=(1, 3))).device == "1:3"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (998.0, "build"),
        (1012.0, "build"),
        (997.9, "1970-01-01T00:16:37.900000Z"),
        (1013, "1970-01-01T00:16:53Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (1e15, "1000000000000000.0"),
    ],
)
def test_only_times_within_the_build_are_the_word_build(
    seconds: float, told: str
) -> None:
    assert noise().time(seconds) == told


def test_times_are_in_utc() -> None:
    assert isoformat(1_577_836_800) == "2020-01-01T00:00:00Z"


def test_a_diff_id_that_another_run_would_not_give_is_dropped() -> None:
    applied = noise()
    old = applied.entry(Entry(path="a", kind="file", mtime=0))
    new = applied.entry(Entry(path="a", kind="file", mtime=1005))
    gone = applied.entry(Entry(path="a", kind="whiteout"))
    assert applied.diff_id("sha256:1", (old,)) == "sha256:1"
    assert applied.diff_id("sha256:1", ()) == "sha256:1"
    assert applied.diff_id("sha256:1", (old, new)) is None
    assert applied.diff_id("sha256:1", (gone,)) is None
    assert "build-time-diff-id" in applied.touched


@pytest.mark.parametrize(
    ("config", "kept", "rules"),
    [
        ({"config": {"User": "", "Cmd": None, "Env": []}}, {}, {"empty-config"}),
        ({"config": {"Cmd": ["a"]}}, {"Cmd": ["a"]}, set()),
        (
            {"config": {"Tty": False, "ArgsEscaped": True}},
            {"ArgsEscaped": True},
            {"empty-config"},
        ),
        ({"config": {"Labels": {"a": "b"}}}, {"Labels": {"a": "b"}}, set()),
        ({"config": {"Image": "sha256:1", "Hostname": "abc"}}, {}, {"config-ids"}),
        ({"config": None, "os": "linux"}, {"os": "linux"}, set()),
        ({"author": "me", "created": "now", "container": "x"}, {"author": "me"}, set()),
    ],
)
def test_a_config_keeps_what_it_says_to_those_who_run_it(
    config: dict[str, Any], kept: dict[str, object], rules: set[str]
) -> None:
    applied = noise()
    assert applied.config(config) == kept
    assert applied.touched == rules


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"pull access denied for {BASE}", "pull access denied for ${BASE}"),
        (f"docker.io/{BASE}: not found", "${BASE}: not found"),
        ("sha256:" + "a" * 64 + " failed", "ID failed"),
        ("lstat /var/lib/docker/tmp/buildkit-mount9/a: no", "lstat PATH: no"),
        ("open /tmp/buildkit-mount123456/a: no", "open PATH: no"),
        (
            "{Value:env Next:0xc0005c3260 StartLine:4}",
            "{Value:env Next:ADDRESS StartLine:4}",
        ),
        (
            "pushing to docker-archive:/run/harness/2af4e5ea084075db.tar",
            "pushing to docker-archive:PATH",
        ),
        ("container 0123456789ab left", "container ID left"),
        ("COPY failed: no file a.txt\n", "COPY failed: no file a.txt"),
        ("exit code: 137", "exit code: 137"),
    ],
)
def test_what_is_random_in_an_error_has_a_word_instead(text: str, told: str) -> None:
    assert noise().text(text) == told


FOUND = 'copier: get: lstat "/dead"("/nowhere"): no such file'
REQUEST = (
    'copier.request{Request:"GET", Globs:[]string{"/dead"}, A:copier.B{All:false}}'
)


@pytest.mark.parametrize(
    "around",
    [
        f"error during bulk transfer for {REQUEST}: {FOUND}",
        "waiting on subprocess: exit status 1; error encoding quit request for copier "
        f"subprocess: error during bulk transfer for {REQUEST}: {FOUND}: "
        "write |1: broken pipe",
    ],
)
def test_of_a_copier_only_what_it_found_is_kept(around: str) -> None:
    """Which of them it says is chance (buildah 1.43.2)."""
    applied = noise()
    assert applied.text(f'reading "/context/dead": {around}') == (
        f'reading "/context/dead": {FOUND}'
    )
    assert applied.touched == {"copier"}


def test_a_pipe_that_is_all_that_a_copier_tells_is_kept() -> None:
    text = "error encoding request for copier subprocess: write |1: broken pipe"
    assert noise().text(text) == text


def test_which_file_of_its_machine_buildah_could_not_copy_is_chance() -> None:
    said = 'reading "http://h/r.git": copier: get: "/"("/")'
    for failed in ("copying /dev/shm/a: write too long", "lstat /tmp/b: no such file"):
        assert noise().text(f"{said}: {failed}") == said
    told = 'reading "/context": copier: get: "/"("/"): syntax error in pattern'
    assert noise().text(told) == told


def test_the_digest_of_what_was_mounted_is_no_part_of_an_instruction() -> None:
    applied = noise()
    text = "/bin/sh -c --mount=type=bind,target=/src,source=.,rw true:sha256:"
    assert applied.instruction(text + "0f" * 32) == text.removesuffix("sha256:") + "ID"
    assert applied.touched == {"history-ids"}
    assert applied.instruction("COPY file:0f in /") == "COPY file:0f in /"


@pytest.mark.parametrize(
    ("comment", "told", "rules"),
    [
        ("FROM 07f636fa1078", "FROM IMAGE", {"history-ids"}),
        ("FROM localhost/layer-harness/build:0f", "FROM IMAGE", {"history-ids"}),
        (f"FROM localhost/{BASE}", "FROM ${BASE}", {"base-name"}),
        ("buildkit.dockerfile.v0", "buildkit.dockerfile.v0", set()),
    ],
)
def test_a_comment_names_no_image_of_this_run(
    comment: str, told: str, rules: set[str]
) -> None:
    applied = noise()
    assert applied.comment(comment) == told
    assert applied.touched == rules


def test_every_rule_has_its_reason() -> None:
    assert all(reason.strip() for reason in RULES.values())


def test_why_a_registry_is_not_reached_is_no_behaviour() -> None:
    noise = Noise(since=0, until=1, base="")
    said = (
        'failed to do request: Head "https://registry.example/v2/a/manifests/b": '
        "dial tcp: lookup registry.example on 192.0.2.1:53: no such host"
    )
    assert noise.text(said) == "failed to do request: the registry is not reached for a"
    assert noise.touched == {"registry"}


def test_the_version_that_buildah_writes_into_its_images_is_no_behaviour() -> None:
    noise = Noise(since=0, until=1, base="")
    labels = {"io.buildah.version": "1.28.2", "mine": "x"}
    assert noise.config({"config": {"Labels": labels}})["Labels"] == {
        "io.buildah.version": "VERSION",
        "mine": "x",
    }
    assert noise.touched == {"builder-version"}


def test_why_the_url_of_an_add_is_not_reached_is_behaviour() -> None:
    noise = Noise(since=0, until=1, base="")
    said = 'ADD failed: Get "http://127.0.0.1:9/x": connect: connection refused'
    assert noise.text(said) == said


def test_the_order_of_the_rules_that_a_dockerfile_breaks_is_chance() -> None:
    noise = Noise(since=0, until=1, base="")
    said = "lint violation found for rules: "
    assert noise.text(f"{said}B, A") == noise.text(f"{said}A, B") == f"{said}A, B"
    assert noise.touched == {"lint-order"}
