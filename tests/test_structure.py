"""The structure of the package, read off the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import harness
from harness.report import schemas

ROOT = Path(harness.__file__).parent

#: The order of the data flow: a module imports only what stands above it.
ORDER = """
pytest_entry
errors
documents
documents.whole_file documents.document documents.mistakes
tar
tar.byte_stream tar.write tar.read
dockerfile
dockerfile.parser dockerfile.context dockerfile.dockerignore
targets
targets.conventions targets.versions targets.builder targets.target
targets.selector targets.registry targets.group_names
engines
builders
builders.record builders.recordfile builders.records
cases
cases.selection cases.notation cases.property cases.expectation
cases.model cases.build_files
cases.digest cases.lines cases.case cases.lint
images
images.layer images.archive images.image images.base
measure
measure.observation measure.merged_view measure.standard_base measure.engine_lock
engines.unreachable engines.address engines.catalogue engines.process engines.apt
engines.roots engines.namespace engines.debian engines.released
engines.owner engines.dial engines.dind engines.image engines.watchdog
images.oci_layout
builders.panic builders.trace builders.transcript builders.engine_api
builders.dialects builders.agent builders.arguments builders.sandbox
builders.command
measure.containers measure.overlay2 measure.base_copies measure.driver
measure.open_target measure.engine_death measure.build_case
measure.instruction_layers measure.announced_steps measure.noise
measure.shared_layers measure.observe measure.write_standard_base
results
results.record results.disk
judge
judge.parent_view judge.properties judge.failure judge.final_files judge.facts
judge.agreement judge.differences judge.divergence judge.comparable
judge.verdict judge.row judge.matrix judge.statements judge.comparison
book
book.ingredients book.cache book.codec book.contents book.stored book.book
measure.measure
report
report.matrix_record report.schemas
report.cells report.counts report.text report.files report.explain report.diff
provision
provision.settings provision.events provision.memory provision.plan
provision.sources provision.choice provision.fleet provision.workspace
provision.target_record provision.known_targets provision.survey
session
run
run.time_left run.progress run.durations run.options run.items run.plugin
verbs
verbs.options verbs.places verbs.listed_targets
verbs.run verbs.smoke verbs.explain verbs.matrix verbs.diff
verbs.list verbs.lint verbs.engines verbs.doctor
cli
__main__
""".split()  # noqa: SIM905  # read as a list from top to bottom

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in ROOT.rglob("*.py")
    if path != ROOT / "__init__.py"
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "harness":
                inner = ".".join(parts[1:])
                names = [f"{inner}.{each.name}".strip(".") for each in node.names]
                found |= {name if name in MODULES else inner for name in names}
        elif isinstance(node, ast.Import):
            found |= {
                each.name.removeprefix("harness.")
                for each in node.names
                if each.name.startswith("harness.")
            }
    return found - {""}


def test_every_module_has_its_place_in_the_order() -> None:
    assert sorted(MODULES) == sorted(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_what_stands_above_it(name: str) -> None:
    above = set(ORDER[: ORDER.index(name)])
    assert imports(MODULES[name]) <= above


@pytest.mark.parametrize("name", ORDER)
def test_nothing_is_imported_inside_a_function(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    inside = [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


@pytest.mark.parametrize("name", ORDER)
def test_a_module_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= 350


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_schema_says_what_the_model_says(name: str) -> None:
    stored = (schemas.folder() / name).read_text()
    assert stored == schemas.text(name), "run: python -m harness.report.schemas"
