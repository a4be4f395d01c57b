"""The merged view of layers, and what each changes against those below."""

from __future__ import annotations

from harness.measure.merged_view import apply
from harness.measure.observation import Change, View


def file(path: str, digest: str = "1", **rest: str) -> Change:
    return Change(path=path, change="added", type="file", digest=digest, **rest)  # type: ignore[arg-type]


def folder(path: str, **rest: str) -> Change:
    return Change(path=path, change="added", type="dir", **rest)  # type: ignore[arg-type]


def whiteout(path: str) -> Change:
    return Change(path=path, change="deleted")


def merged(*layers: list[Change]) -> View:
    view: View = {}
    for layer in layers:
        _, view = apply(view, layer)
    return view


def changes(lower: list[Change], upper: list[Change]) -> list[tuple[str, str]]:
    found, _ = apply(merged(lower), upper)
    return [(each.path, each.change) for each in found]


def test_the_upper_layer_wins() -> None:
    assert merged([file("/a", "1")], [file("/a", "2")])["/a"].digest == "2"


def test_a_whiteout_hides_what_lies_below_but_not_what_its_layer_has() -> None:
    lower = [folder("/d"), file("/d/x"), file("/e", "1")]
    upper = [whiteout("/d"), whiteout("/e"), file("/e", "2")]
    assert {path: each.digest for path, each in merged(lower, upper).items()} == {
        "/e": "2"
    }


def test_an_opaque_marker_spares_its_own_layer_whatever_the_order() -> None:
    lower = [folder("/d"), file("/d/old"), folder("/d/s"), file("/d/s/old")]
    upper = [folder("/d"), file("/d/new"), Change(path="/d", change="opaque")]
    assert list(merged(lower, upper)) == ["/d", "/d/new"]


def test_a_file_in_place_of_a_directory_removes_what_was_in_it() -> None:
    assert list(merged([folder("/d"), file("/d/x")], [file("/d")])) == ["/d"]


def test_a_directory_over_a_directory_keeps_what_was_in_it() -> None:
    assert list(merged([folder("/d"), file("/d/x")], [folder("/d")])) == ["/d", "/d/x"]


def test_what_was_removed_can_come_back() -> None:
    view = merged([folder("/d"), file("/d/x")], [whiteout("/d")], [folder("/d")])
    assert list(view) == ["/d"]


def test_a_hard_link_keeps_its_content_when_what_it_links_is_replaced() -> None:
    link = Change(path="/c", change="added", type="hardlink", link="/b")
    view = merged([file("/b", "1"), link], [whiteout("/b")])
    assert (view["/c"].type, view["/c"].digest, view["/c"].link) == ("file", "1", "/b")


def test_a_path_is_new_or_changed_or_recorded_again() -> None:
    lower = [file("/same"), file("/other"), folder("/d", mode="0755")]
    upper = [
        file("/same", mtime="build"),
        file("/other", "2"),
        folder("/d", mode="0700"),
        file("/new"),
        whiteout("/gone"),
    ]
    assert changes(lower, upper) == [
        ("/same", "touched"),
        ("/other", "modified"),
        ("/d", "modified"),
        ("/new", "added"),
        ("/gone", "deleted"),
    ]


def test_a_hard_link_is_recorded_again_when_nothing_of_it_is_new() -> None:
    link = Change(path="/b", change="added", type="hardlink", link="/a")
    assert changes([file("/a"), link], [file("/a"), link]) == [
        ("/a", "touched"),
        ("/b", "touched"),
    ]
    assert changes([file("/a"), file("/b")], [file("/a"), link]) == [
        ("/a", "touched"),
        ("/b", "modified"),
    ]


def test_a_layer_keeps_its_hard_links_as_the_tar_had_them() -> None:
    link = Change(path="/b", change="added", type="hardlink", link="/a")
    found, _ = apply({}, [file("/a"), link])
    assert [each.type for each in found] == ["file", "hardlink"]


def test_names_that_begin_alike_are_not_below_each_other() -> None:
    lower = [folder("/d"), file("/d/x"), file("/dx")]
    assert list(merged(lower, [whiteout("/d")])) == ["/dx"]
