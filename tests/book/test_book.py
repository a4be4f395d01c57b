"""The book is always that of the files as they are, whatever the cache has."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.book import book as book_module
from harness.book import ingredients
from harness.book.book import Book, open_book
from harness.book.cache import Cache
from harness.book.codec import plain
from harness.book.contents import known_entries
from harness.builders.records import standard_builders
from harness.judge.matrix import row
from harness.measure.observation import BuildRecord, Change, LayerRecord, Step
from harness.measure.standard_base import known_base
from harness.results import disk
from harness.results.record import Result, TargetRecord, encode, write
from harness.targets.builder import Builder
from harness.targets.conventions import LEGACY

TARGETS = ("legacy@20.10.24", "buildkit@20.10.24")
CASE = """title: Title of {name}
why: w
tags: [tag-{name}]
builds:
  build:
    context: {name}.d
    dockerfile: |
      ARG BASE
      FROM ${{BASE}}
      COPY a /
expect:
  - because: b
    claim: C1
    rootfs: {{/etc/motd: {{type: file}}}}
"""
GROUPS = '[demo]\ntitle = "Demo"\nclaims = { C1 = "one" }\n'


def record(mode: str = "0644") -> BuildRecord:
    change = Change(path="/a", change="added", type="file", mode=mode)
    return BuildRecord(
        name="build",
        outcome="ok",
        below=1,
        layers=(LayerRecord(line=3, diff_id=None, size=1, changes=(change,)),),
        steps=(Step(line=3, text="COPY a /", layer=1, cached=None),),
    )


class Place:
    """A folder of two cases, measured on two targets."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cases"
        self.results = folder / "results"
        self.cache = folder / ".layer-harness" / "book"
        for name in ("one", "two"):
            context = self.root / "demo" / f"{name}.d"
            context.mkdir(parents=True)
            (context / "a").write_text("a")
            self.file(name).write_text(CASE.format(name=name))
        (self.root / "groups.toml").write_text(GROUPS)
        for target in TARGETS:
            self.target(target)
        for case in self.book().files:
            for target in TARGETS:
                self.result(case.id, target)

    def file(self, name: str) -> Path:
        return self.root / "demo" / f"{name}.yaml"

    def book(self) -> Book:
        return open_book(self.root, self.results)

    def target(self, name: str, **rest: Any) -> None:
        builder, version = name.split("@")
        made = TargetRecord(
            target=name, builder=builder, version=version, api="", store="overlay2",
            architecture="", base={"diff_ids": list(known_base().diff_ids)},
        )  # fmt: skip
        write(disk.target_path(self.results, name), encode(replace(made, **rest)))

    def result(self, case: str, target: str, **rest: Any) -> None:
        digest = self.book().case(case).digest
        made = Result(
            case=case, case_digest=digest, target=target, builds=(record(),)
        )  # fmt: skip
        disk.save(self.results, replace(made, **rest))

    def snapshot(self) -> Any:
        """Tell everything that the book has, as JSON."""
        book = self.book()
        matrix = book.matrix()
        compared = book.compared(*TARGETS, {each.id for each in book.files})
        listed = [plain(each.summary) for each in book.entries]
        return json.loads(
            json.dumps(
                [plain(matrix.rows), plain(matrix.claims), plain(compared), listed]
            )
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def context(place: Place, name: str = "a") -> Path:
    return place.root / "demo" / "one.d" / name


def link(place: Place) -> None:
    context(place).unlink()
    context(place).symlink_to("nowhere")


def further(place: Place) -> None:
    shutil.copytree(place.root / "demo" / "one.d", place.root / "demo" / "three.d")
    place.file("three").write_text(CASE.format(name="three"))


CHANGES: dict[str, Callable[[Place], None]] = {
    "title": lambda p: edit(p.file("one"), "Title of", "Another title of"),
    "reason": lambda p: edit(p.file("one"), "why: w", "why: another"),
    "tag": lambda p: edit(p.file("one"), "tag-one", "tag-other"),
    "what is built": lambda p: edit(p.file("one"), "COPY a /", "COPY a /b"),
    "what is expected": lambda p: edit(p.file("one"), "type: file", "type: dir"),
    "a file of a context": lambda p: edit(context(p), "a", "b"),
    "the mode of one": lambda p: context(p).chmod(0o755),
    "a further file": lambda p: context(p, "b").touch(),
    "a file taken out": lambda p: context(p).unlink(),
    "a link instead of a file": link,
    "a claim": lambda p: edit(p.root / "groups.toml", '"one"', '"other"'),
    "a result": lambda p: p.result("demo/one", TARGETS[0], builds=(record("0600"),)),
    "a result of another case": lambda p: p.result(
        "demo/two", TARGETS[1], builds=(record("0600"),)
    ),
    "results taken out": lambda p: disk.path_of(p.results, "demo/one").unlink(),
    "a further target": lambda p: p.target("legacy@26.1.5"),
    "a target taken out": lambda p: disk.target_path(p.results, TARGETS[1]).unlink(),
    "the base of a target": lambda p: p.target(TARGETS[0], base={"diff_ids": ["x"]}),
    "a case taken out": lambda p: p.file("one").unlink(),
    "a further case": further,
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_is_seen(place: Place, what: str) -> None:
    before = place.snapshot()
    assert list(place.cache.iterdir())
    assert place.snapshot() == before
    CHANGES[what](place)
    found = place.snapshot()
    assert found != before
    shutil.rmtree(place.cache)
    assert found == place.snapshot()


def test_another_version_of_the_code_makes_everything_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.snapshot()
    made: list[str] = []

    def counted(case: Any, *rest: Any) -> Any:
        made.append(case.id)
        return row(case, *rest)

    monkeypatch.setattr(book_module, "row", counted)
    place.snapshot()
    assert made == []
    monkeypatch.setattr(ingredients, "code", lambda: "another")
    place.snapshot()
    assert made == ["demo/one", "demo/two"]


def test_the_code_is_that_of_the_package() -> None:
    assert len(ingredients.code()) == 64


def test_a_builder_that_is_described_otherwise_makes_rows_anew(place: Place) -> None:
    own = Builder(name="own", title="Own", family="own", conventions=LEGACY)
    place.snapshot()
    known = standard_builders()
    matrix = open_book(place.root, place.results, known.with_([own])).matrix()
    assert "own" in matrix.builders
    pages = [each.name for each in place.cache.glob("rows-*.json")]
    assert len(pages) == 2


def test_only_the_rows_of_changed_cases_are_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.snapshot()
    made: list[str] = []

    def counted(case: Any, *rest: Any) -> Any:
        made.append(case.id)
        return row(case, *rest)

    monkeypatch.setattr(book_module, "row", counted)
    place.result("demo/two", TARGETS[0], builds=(record("0600"),))
    place.snapshot()
    assert made == ["demo/two"]


def test_errors_of_a_run_are_not_kept(place: Place) -> None:
    key = ("demo/one", TARGETS[0])
    told = place.book().matrix(errors={key: "it broke"})
    assert told.rows[0].cells[TARGETS[0]].verdict == "error"
    assert place.book().matrix().rows[0].cells[TARGETS[0]].verdict == "pass"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"demo/one": 1}', b'{"demo/one": ["k"]}', b"\xff"],
)
def test_a_broken_cache_is_made_anew(place: Place, body: bytes) -> None:
    before = place.snapshot()
    for path in place.cache.iterdir():
        path.write_bytes(body)
    assert place.snapshot() == before
    assert all(path.read_bytes() != body for path in place.cache.iterdir())


@pytest.mark.parametrize("page", [None, 1, {}, [], {"case": 1}, {"title": 1, "why": 2}])
def test_a_page_of_another_form_is_made_anew(place: Place, page: Any) -> None:
    before = place.snapshot()
    for path in place.cache.iterdir():
        stored = json.loads(path.read_bytes())
        changed = {name: [key, page] for name, (key, _) in stored.items()}
        path.write_text(json.dumps(changed))
    assert place.snapshot() == before


def test_contents_are_known_until_something_changes(place: Place) -> None:
    def known() -> Any:
        made_of = ingredients.ingredients(place.root, place.results)
        return known_entries(place.root, made_of)

    assert known() is None
    place.snapshot()
    assert [each.summary.title for each in known()] == ["Title of one", "Title of two"]
    edit(place.file("one"), "why: w", "why: another")
    assert known() is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_to_is_no_error(place: Place) -> None:
    place.cache.parent.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert place.snapshot() == place.snapshot()
    finally:
        place.cache.parent.parent.chmod(0o755)


def test_a_file_in_the_way_of_the_cache_is_no_error(place: Place) -> None:
    shutil.rmtree(place.cache.parent, ignore_errors=True)
    place.cache.parent.write_text("in the way")
    assert place.snapshot() == place.snapshot()


def test_old_pages_are_removed(tmp_path: Path) -> None:
    cache = Cache(folder=tmp_path)
    for number in range(40):
        cache.put(f"rows-{number}", {"a": ("k", number)})
    assert len(list(tmp_path.iterdir())) <= 24
    assert cache.get("rows-39") == {"a": ("k", 39)}
