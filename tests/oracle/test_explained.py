"""The oracle can fail: differences are found, and explanations are held to them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from oracle import catalogue, explained, plain
from oracle.explained import Entry
from oracle.plain import Difference

BOOKWORM = "legacy@20.10.24"
DIFFERENCE = Difference(build=1, place="layers", measured="2", ours="3")
ENTRY = Entry(
    reason="because",
    case="demo",
    on=(BOOKWORM,),
    build=1,
    place="layers",
    measured="2",
    ours="3",
)


def test_each_attribute_of_an_entry_has_a_place_of_its_own() -> None:
    (facts,) = plain.measured("copy_existing_dir", BOOKWORM)
    other = {**facts, "layer 1 /opt/f mode": "0600"}
    assert list(plain.differences([facts], [other])) == [
        Difference(build=1, place="layer 1 /opt/f mode", measured="0644", ours="0600")
    ]


def test_an_entry_that_one_of_them_lacks_is_a_difference() -> None:
    (facts,) = plain.measured("fs_two_deletes", BOOKWORM)
    other = {key: text for key, text in facts.items() if "deleted" not in key}
    places = [each.place for each in plain.differences([facts], [other])]
    assert places == ["layer 2 /f deleted"]


def test_of_builds_that_ended_otherwise_only_the_outcome_is_compared() -> None:
    (facts,) = plain.measured("add_file", BOOKWORM)
    failed = {"outcome": "error", "error": "no", "status": "200"}
    places = [each.place for each in plain.differences([facts], [failed])]
    assert places == ["outcome"]


def test_random_contents_are_compared_by_where_they_come_up_again() -> None:
    first, second = plain.measured("cache_same", BOOKWORM)
    assert first["layer 3 /d digest"] == "random 1"
    assert second["layer 3 /d digest"] == "random 1"
    first, second = plain.measured("cache_env_change", BOOKWORM)
    assert first["layer 2 /1 digest"] == "random 1"
    assert second["layer 2 /1 digest"] == "random 2"


def test_a_time_of_the_build_has_no_lasting_diff_id() -> None:
    (facts,) = plain.measured("fs_rename_file", BOOKWORM)
    assert facts["layer 1 /etc mtime"] == "build"
    assert "layer 1 diff ID" not in facts


def test_an_explained_difference_is_told_by_its_reason() -> None:
    judged = explained.judge("demo", BOOKWORM, [DIFFERENCE], [ENTRY])
    assert (judged.word, judged.reasons) == ("explained", ("because",))


def test_a_difference_is_explained_by_its_values_too() -> None:
    other = replace(DIFFERENCE, ours="4")
    judged = explained.judge("demo", BOOKWORM, [other], [ENTRY])
    assert judged.unexplained == (other,)
    assert judged.word == "different"


def test_an_explanation_that_is_not_needed_is_a_failure() -> None:
    judged = explained.judge("demo", BOOKWORM, [], [ENTRY])
    assert judged.unneeded == (ENTRY,)
    assert judged.word == "different"


def test_an_explanation_speaks_of_its_targets_only() -> None:
    judged = explained.judge("demo", "legacy@28.5.2", [DIFFERENCE], [ENTRY])
    assert judged.unexplained == (DIFFERENCE,)


def test_what_is_explained_was_measured() -> None:
    for each in explained.entries():
        assert each.case in catalogue.names()
        for target in each.on:
            assert each.build <= len(catalogue.measured(each.case, target))


def test_every_reason_is_one_of_an_entry() -> None:
    assert sorted(explained.reasons()) == sorted(
        {each.reason for each in explained.entries()}
    )


def test_names_of_the_engines_machine_are_all_that_the_diff_ids_differ_by() -> None:
    (entry,) = (
        each for each in explained.entries() if each.case == "copy_chown_scratch"
    )
    assert diff_id("", "") == entry.ours
    assert diff_id("daemon", "bin") == entry.measured


def diff_id(uname: str, gname: str) -> str:
    """Give the diff ID of copy_chown_scratch's layer as 20.10 writes it (measured)."""
    (step,) = catalogue.steps("copy_chown_scratch", words={})
    content = next(each.text() for each in step.files if each.path == "a.txt")
    fields = {
        0: b"x",
        100: b"0100644",
        108: b"0000001",
        116: b"0000002",
        124: b"%011o" % len(content),
        136: b"%011o" % 1_700_000_000,
        148: b" " * 8,
        156: b"0",
        257: b"ustar\x0000",
        265: uname.encode(),
        297: gname.encode(),
        329: b"0000000",
        337: b"0000000",
    }
    header = bytearray(512)
    for offset, value in fields.items():
        header[offset : offset + len(value)] = value
    header[148:156] = b"%06o\x00 " % sum(header)
    tar = bytes(header) + content.ljust(512, b"\0") + bytes(1024)
    return f"sha256:{hashlib.sha256(tar).hexdigest()}"
