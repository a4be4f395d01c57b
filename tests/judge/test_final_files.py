"""What the layers of a build leave in the root file system."""

from __future__ import annotations

from harness.judge.final_files import final_files
from harness.measure.observation import Change, LayerRecord


def change(path: str, kind: str = "added", **rest: object) -> Change:
    given = {"type": "file", "mode": "0644", "owner": "0:0", "digest": "d"}
    if kind in {"deleted", "opaque"}:
        given = {}
    return Change(path=path, change=kind, **{**given, **rest})  # type: ignore[arg-type]


def layers(*made: tuple[Change, ...]) -> list[LayerRecord]:
    return [
        LayerRecord(line=number, diff_id=None, size=0, changes=changes)
        for number, changes in enumerate(made, 1)
    ]


def test_what_is_only_recorded_again_leaves_nothing() -> None:
    found = final_files(layers((change("/etc", "touched", type="dir"),)), None)
    assert (found.present, found.deleted) == ({}, frozenset())


def test_what_comes_and_goes_leaves_nothing() -> None:
    found = final_files(layers((change("/a"),), (change("/a", "deleted"),)), None)
    assert (found.present, found.deleted) == ({}, frozenset())


def test_what_is_deleted_from_below_is_gone_once_with_all_below_it() -> None:
    found = final_files(
        layers(
            (change("/d/own"), change("/d/f", "modified")),
            (change("/d", "deleted"),),
        ),
        None,
    )
    assert (found.present, found.deleted) == ({}, frozenset({"/d"}))
    below = {"/d": change("/d", type="dir"), "/d/f": change("/d/f", digest="e")}
    known = final_files(layers((change("/d", "deleted"),)), below)
    assert known.deleted == {"/d"}


def test_a_change_that_is_taken_back_leaves_nothing_where_that_can_be_known() -> None:
    made = layers((change("/f", "modified", mode="0600"),), (change("/f", "modified"),))
    assert final_files(made, {"/f": change("/f")}).present == {}
    assert set(final_files(made, None).present) == {"/f"}
    seen = layers((change("/f", "touched"),), *(each.changes for each in made))
    assert final_files(seen, None).present == {}


def test_an_emptied_directory_lacks_what_the_base_had_there() -> None:
    below = {"/d": change("/d", type="dir"), "/d/f": change("/d/f")}
    made = layers((change("/d", "touched", type="dir"), change("/d", "opaque")))
    assert final_files(made, below).deleted == {"/d/f"}


def test_hard_links_are_one_file_until_one_is_written_anew() -> None:
    linked = (change("/a"), change("/b", type="hardlink", link="/a", digest=""))
    found = final_files(layers(linked), None)
    assert found.linked == {"/a": ("/b",), "/b": ("/a",)}
    assert found.present["/b"].digest == "d"
    again = final_files(layers(linked, (change("/a", "modified"),)), None)
    assert again.linked == {}


BELOW = {
    "/d": change("/d", type="dir"),
    "/d/x": change("/d/x", digest="1"),
    "/d/y": change("/d/y", digest="2"),
}


def test_what_is_new_replaces_nothing_and_what_is_changed_does() -> None:
    made = layers((change("/new"), change("/d/x", "modified", digest="9")))
    for below in (None, BELOW):
        found = final_files(made, below)
        assert list(found.present) == ["/new", "/d/x"]
        assert found.replaced == {"/d/x"}
        assert found.deleted == frozenset()


def test_an_emptied_directory_is_not_gone_though_only_its_marker_is_there() -> None:
    made = layers((change("/d", "opaque"), change("/d/y", digest="2")))
    found = final_files(made, BELOW)
    assert (found.present, found.deleted) == ({}, frozenset({"/d/x"}))


def test_a_file_in_the_place_of_a_directory_takes_away_what_lay_in_it() -> None:
    found = final_files(layers((change("/d", "modified"),)), BELOW)
    assert list(found.present) == ["/d"]
    assert found.deleted == {"/d/x", "/d/y"}


def test_what_is_deleted_and_made_again_is_not_gone() -> None:
    made = layers((change("/d/x", "deleted"),), (change("/d/x", digest="9"),))
    found = final_files(made, BELOW)
    assert (list(found.present), found.deleted) == (["/d/x"], frozenset())
    assert found.replaced == {"/d/x"}


def test_of_three_hard_links_two_stay_one_file_when_one_is_gone() -> None:
    three = (
        change("/a"),
        change("/b", type="hardlink", link="/a", digest=""),
        change("/c", type="hardlink", link="/a", digest=""),
        change("/other"),
    )
    assert final_files(layers(three), None).linked == {
        "/a": ("/b", "/c"),
        "/b": ("/a", "/c"),
        "/c": ("/a", "/b"),
    }
    for last in (change("/b", "modified"), change("/b", "deleted")):
        found = final_files(layers(three, (last,)), None)
        assert found.linked == {"/a": ("/c",), "/c": ("/a",)}
