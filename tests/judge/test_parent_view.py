"""The merged root file system, judged of stored layers and a base that is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.judge.verdict import judged
from harness.measure.observation import BuildRecord, Change, LayerRecord, View
from harness.results.record import Result

TARGET = "legacy@20.10.24"
CASE = """title: t
why: w
builds:
  parent: {dockerfile: "ARG BASE\\nFROM ${BASE}\\nRUN p\\n"}
  child: {dockerfile: "ARG BUILD_PARENT\\nFROM ${BUILD_PARENT}\\nRUN c\\n"}
  scratch: {dockerfile: "FROM scratch\\nCOPY . /\\n"}
expect:
  - because: b
    of: OF
    rootfs: {"PATH": WANTED}
"""
BASE = {
    path: Change(path=path, change="added", type=kind)
    for path, kind in (("/etc", "dir"), ("/etc/motd", "file"), ("/srv", "dir"))
}


def layer(*changes: tuple[str, str, str]) -> LayerRecord:
    return LayerRecord(
        line=3,
        diff_id=None,
        size=1,
        changes=tuple(
            Change(path=path, change=how, type=kind)  # type: ignore[arg-type]
            for path, how, kind in changes
        ),
    )


BUILDS = (
    BuildRecord(
        name="parent",
        outcome="ok",
        below=1,
        layers=(layer(("/p", "added", "file"), ("/srv", "modified", "file")),),
    ),
    BuildRecord(
        name="child",
        outcome="ok",
        below=2,
        layers=(
            layer(
                ("/c", "added", "file"),
                ("/etc/motd", "deleted", ""),
                ("/gone", "deleted", ""),
                ("/new", "opaque", ""),
                ("/usr", "modified", "dir"),
            ),
        ),
    ),
    BuildRecord(name="scratch", outcome="ok", layers=(layer(("/s", "added", "file")),)),
)


def verdict(
    folder: Path,
    of: str,
    path: str,
    wanted: str,
    base: View | None,
    *,
    builds: tuple[BuildRecord, ...] = BUILDS,
) -> tuple[str, tuple[str, ...]]:
    place = folder / "g" / "c.yaml"
    place.parent.mkdir(exist_ok=True)
    text = CASE.replace("OF", of).replace("PATH", path).replace("WANTED", wanted)
    place.write_text(text)
    case = load_case(place, folder, standard_builders())
    result = Result(case=case.id, case_digest=case.digest, target=TARGET, builds=builds)
    bases = {TARGET: base}
    stored = judged(case, {TARGET: result}, bases, standard_builders())
    (check,) = stored[TARGET].checks
    return check.verdict, check.findings


@pytest.mark.parametrize("base", [BASE, None])
@pytest.mark.parametrize(
    ("of", "path", "wanted"),
    [
        ("parent", "/p", "{type: file}"),
        ("child", "/p", "{type: file}"),
        ("child", "/c", "{type: file}"),
        ("child", "/etc/motd", "absent"),
        # what lay below a folder is gone with it
        ("child", "/srv/in", "absent"),
        ("child", "/gone", "absent"),
        ("child", "/gone/in/it", "absent"),
        ("child", "/new/in", "absent"),
        ("scratch", "/s", "{type: file}"),
        ("scratch", "/etc", "absent"),
    ],
)
def test_what_layers_tell_is_judged_on_any_base(
    tmp_path: Path, of: str, path: str, wanted: str, base: View | None
) -> None:
    assert verdict(tmp_path, of, path, wanted, base) == ("pass", ())


def test_what_the_base_holds_is_judged_where_it_is_known(tmp_path: Path) -> None:
    assert verdict(tmp_path, "parent", "/etc/motd", "{type: file}", BASE)[0] == "pass"
    found, texts = verdict(tmp_path, "parent", "/etc/motd", "absent", BASE)
    assert (found, texts) == ("fail", ("rootfs: /etc/motd is there",))


# a folder that a layer only changes, or has anew, hides nothing that it does not name
@pytest.mark.parametrize("path", ["/opt/in", "/usr/in", "/new", "/goner"])
@pytest.mark.parametrize("wanted", ["absent", "{type: file}"])
def test_what_another_base_holds_is_not_measured(
    tmp_path: Path, path: str, wanted: str
) -> None:
    found, texts = verdict(tmp_path, "child", path, wanted, None)
    assert found == "unsupported"
    assert texts == (
        f"measured on a base of which it is not known what it has at {path}",
    )


def test_a_build_that_the_case_does_not_have_stands_on_the_base(tmp_path: Path) -> None:
    stray = replace(BUILDS[1], name="stray")
    builds = (*BUILDS, stray)
    wanted = "{type: file}"
    assert verdict(tmp_path, "child", "/p", wanted, BASE, builds=builds) == ("pass", ())
