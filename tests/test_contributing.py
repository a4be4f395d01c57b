"""What CONTRIBUTING.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

from harness.builders.recordfile import Record
from harness.builders.records import load_records, standard_records

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("## A builder, in five lines")[2].partition("\n## ")[0]


def test_the_builder_in_five_lines_is_one_and_does_not_ship(tmp_path: Path) -> None:
    match = re.search(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    assert match
    assert len(match[1].splitlines()) == 5
    path = tmp_path / "mine.toml"
    path.write_text(match[1], encoding="utf-8")
    (record,) = load_records(path).values()
    assert record.name not in standard_records()
    assert record.suites == standard_records()["buildah-layers"].suites


def test_every_key_of_a_record_is_told_of() -> None:
    named = set(re.findall(r"`([a-z_]+)`", SECTION))
    assert set(Record.model_fields) - named == set()
