"""The JSON Schemas of what people and programs read and write, from the models.

`python -m harness.report.schemas` writes them to `data/`; a test fails when they are
stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.cases.model import CaseFile
from harness.judge.comparison import Comparison
from harness.report.behaviours_record import BehavioursRecord
from harness.report.check_record import CheckRecord
from harness.report.explain_record import ExplainRecord
from harness.report.matrix_record import MatrixRecord
from harness.report.try_record import TriedRecord
from harness.report.verb_records import (
    DoctorRecord,
    EnginesRecord,
    LintRecord,
    ListedCase,
    ListedGroup,
    ListedTarget,
    SmokeRecord,
)
from harness.results.record import CaseRecord, TargetRecord

#: File under `data/` to what it describes.
SCHEMAS: Mapping[str, TypeAdapter[Any]] = {
    "behaviours.schema.json": TypeAdapter(BehavioursRecord),
    "check.schema.json": TypeAdapter(CheckRecord),
    "case.schema.json": TypeAdapter(CaseFile),
    "diff.schema.json": TypeAdapter(Comparison),
    "doctor.schema.json": TypeAdapter(DoctorRecord),
    "engines.schema.json": TypeAdapter(EnginesRecord),
    "explain.schema.json": TypeAdapter(ExplainRecord),
    "lint.schema.json": TypeAdapter(LintRecord),
    "list.schema.json": TypeAdapter(
        list[ListedCase] | list[ListedGroup] | list[ListedTarget]
    ),
    "matrix.schema.json": TypeAdapter(MatrixRecord),
    "try.schema.json": TypeAdapter(TriedRecord),
    "result.schema.json": TypeAdapter(CaseRecord),
    "smoke.schema.json": TypeAdapter(SmokeRecord),
    "target.schema.json": TypeAdapter(TargetRecord),
}


def text(name: str) -> str:
    """Write a schema, for JSON as a case or a result file has it."""
    schema = SCHEMAS[name].json_schema(by_alias=True, mode="validation")
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=1, sort_keys=True) + "\n"


def folder() -> Path:
    """Find the folder of the schemas in a checkout."""
    return Path(str(resources.files("harness"))) / "data"


if __name__ == "__main__":
    for each in SCHEMAS:
        (folder() / each).write_text(text(each), encoding="utf-8")
