"""A root is unpacked once, from the mirror that apt is configured with."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import Suite, apt, namespace, roots
from harness.engines.namespace import Space
from harness.errors import EngineError, UsageError

SUITE = Suite(name="bookworm", version="20.10.24", packages=("docker.io",))


@pytest.mark.parametrize(
    ("uris", "found"),
    [
        (
            "'http://mirror.example/security/dists/bookworm-security/InRelease' a 0 \n"
            "'http://mirror.example/debian/dists/bookworm-updates/InRelease' b 0 \n"
            "'http://mirror.example/debian/dists/bookworm/InRelease' c 0 \n",
            "http://mirror.example/debian",
        ),
        (
            "'https://mirror.example/dists/stable/InRelease' a 0 \n",
            "https://mirror.example",
        ),
        ("'file:/srv/debian/dists/trixie/InRelease' a 0 \n", "file:/srv/debian"),
        ("'http://mirror.example/ubuntu/dists/noble/InRelease' a 0 \n", None),
        ("'http://mirror.example/tool/dists/nodistro/InRelease' a 0 \n", None),
        ("", None),
    ],
)
def test_the_mirror_is_the_debian_one_of_apt(uris: str, found: str | None) -> None:
    assert apt.parse_mirror(uris) == found


def test_a_mirror_of_the_users_choice_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian/")
    assert apt.mirror("bookworm") == "http://mirror.example/debian"


def test_a_suite_that_other_mirrors_lack_has_a_mirror_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian")
    monkeypatch.setenv("LAYER_HARNESS_DEBIAN_MIRROR_BULLSEYE", "http://old.example/d/")
    assert apt.mirror("bullseye") == "http://old.example/d"
    assert apt.mirror("bookworm") == "http://mirror.example/debian"


def test_no_apt_is_said_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(apt.MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineError) as caught:
        apt.mirror("bookworm")
    assert caught.value.hint == apt.WAYS_OUT


def test_the_catalogue_has_the_suites_oldest_first() -> None:
    versions = [(each.name, each.version) for each in roots.suites()]
    assert versions == [
        ("bullseye", "20.10.5"),
        ("bookworm", "20.10.24"),
        ("trixie", "26.1.5"),
        ("forky", "28.5.2"),
    ]


def test_a_suite_is_found_with_and_without_its_prefix() -> None:
    assert roots.suite("debian:trixie") == roots.suite("trixie")


def test_an_unknown_suite_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        roots.suite("bokworm")
    assert caught.value.hint.startswith("did you mean `bookworm`?")


def test_the_cache_folder_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(roots.CACHE_VARIABLE, str(tmp_path))
    assert roots.cache_folder() == tmp_path
    monkeypatch.setenv(roots.CACHE_VARIABLE, "here")
    assert roots.cache_folder() == Path.cwd() / "here"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="setpriv and unshare are Linux's"
)
def test_a_failing_tool_shows_its_last_lines() -> None:
    program = "for i in 1 2 3; do echo line $i; done; echo NO_PUBKEY 1234; exit 7"
    with pytest.raises(EngineError) as caught:
        apt.run(["sh", "-c", program], what="unpacking")
    assert caught.value.message == (
        "unpacking failed (sh ended with 7):\n"
        "  line 1\n  line 2\n  line 3\n  NO_PUBKEY 1234"
    )
    assert "debian-archive-keyring" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets as far as unpacking")
def test_an_unreachable_mirror_leaves_no_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apt, "need", lambda *_: None)
    monkeypatch.setattr(apt, "run", refuse)
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian")
    with pytest.raises(EngineError, match="refused"):
        roots.prepare(SUITE, tmp_path, print)
    (left,) = (tmp_path / "roots").iterdir()
    assert re.fullmatch(r"bookworm-\w+\.lock", left.name)
    assert roots.prepared(SUITE, tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets as far as unpacking")
def test_packages_come_from_a_suite_and_from_the_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []

    def unpack(command: Sequence[str], **_: object) -> str:
        asked.append(command)
        (tmp_path / "roots").joinpath(Path(command[-3]).parent.name, "root").mkdir()
        return ""

    monkeypatch.setattr(apt, "need", lambda *_: None)
    monkeypatch.setattr(apt, "run", unpack)
    monkeypatch.setattr(apt, "_KEYS", tmp_path / "nowhere")
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian")
    monkeypatch.setenv("LAYER_HARNESS_DEBIAN_MIRROR_EXPERIMENTAL", "http://new.example")
    packages = ("buildah=1.45.0*", "netavark")
    plain = Suite(name="experimental", version="1.45.0", packages=packages)
    suite = replace(plain, beside="forky")
    said: list[str] = []
    roots.prepare(suite, tmp_path, said.append)
    (command,) = asked
    assert "--include=buildah=1.45.0*,netavark" in command
    # the whole distribution is the one that mmdebstrap is asked for
    assert (command[-4], *command[-2:]) == (
        "forky",
        "http://mirror.example/debian",
        "deb http://new.example experimental main",
    )
    assert said[0].startswith("unpacking Debian experimental's buildah (once")
    assert roots.place_of(suite, tmp_path) != roots.place_of(plain, tmp_path)


def test_a_version_that_a_mirror_has_no_more_is_told_with_what_to_do() -> None:
    said = "echo \"E: Version '1.45.0*' for 'buildah' was not found\"; exit 100"
    with pytest.raises(EngineError) as caught:
        apt.run(["sh", "-c", said], what="unpacking")
    assert "another version by now" in caught.value.hint


def refuse(*_: object, **__: object) -> str:
    raise EngineError("refused")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets as far as unpacking")
def test_what_a_killed_unpacking_left_is_no_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(command: list[str], **_: object) -> str:
        root = Path(command[-2])
        assert not list(root.parent.iterdir())
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/busybox").touch()
        return ""

    monkeypatch.setattr(apt, "need", lambda *_: None)
    monkeypatch.setattr(apt, "run", unpack)
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian")
    done = roots.prepare(SUITE, tmp_path, print)
    done.rename(done.with_name(f"{done.name}.part"))
    assert roots.prepared(SUITE, tmp_path) is None
    again = roots.prepare(SUITE, tmp_path, print)
    assert again == done
    assert roots.busybox_of(again) == again / "usr/bin/busybox"
    assert (again / "bin").is_symlink()
    assert not done.with_name(f"{done.name}.part").exists()


def test_two_that_use_an_empty_cache_first_unpack_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flock, waiting, unpacked = fcntl.flock, threading.Event(), []

    def lock(descriptor: int, kind: int) -> None:
        try:
            flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting.set()
            flock(descriptor, kind)

    def unpack(command: Sequence[str], **_: object) -> str:
        unpacked.append(command)
        # the other one is there before this one is done
        assert waiting.wait(20)
        Path(command[-2]).mkdir()
        return ""

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(fcntl, "flock", lock)
    monkeypatch.setattr(apt, "run", unpack)
    monkeypatch.setattr(apt, "need", lambda *_: None)
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mirror.example/debian")
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(roots.prepare, SUITE, cache, lambda _: None) for _ in range(2)
        ]
        assert {each.result(30) for each in both} == {roots.place_of(SUITE, cache)}
    assert len(unpacked) == 1
    assert (roots.place_of(SUITE, cache) / "etc" / "passwd").is_file()
    assert not list(cache.rglob("*.part"))


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError) as caught:
        roots.busybox(tmp_path / "file", print)
    assert roots.CACHE_VARIABLE in caught.value.hint


def test_a_sweep_spares_the_held(tmp_path: Path) -> None:
    held, lock = namespace._claim("held", tmp_path)
    left, other = namespace._claim("left", tmp_path)
    os.close(other)
    assert namespace.spaces(tmp_path) == [held]
    assert namespace.sweep(tmp_path) == [left]
    assert held.folder.is_dir()
    assert not left.folder.exists()
    os.close(lock)
    assert namespace.sweep(tmp_path) == [held]


def test_too_long_a_path_for_a_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        namespace._claim("bookworm", tmp_path / ("x" * 90))
    assert roots.CACHE_VARIABLE in caught.value.hint


def test_a_note_that_was_cut_is_none(tmp_path: Path) -> None:
    space = Space(folder=tmp_path)
    space.note("state", {"kept": True})
    assert space.noted("state") == {"kept": True}
    (tmp_path / "state.json").write_text('{"kept"')
    assert space.noted("state") is None
