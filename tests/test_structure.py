"""The structure of the package, read off the syntax trees."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import harness
from harness.report import schemas

ROOT = Path(harness.__file__).parent

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in ROOT.rglob("*.py")
    if path != ROOT / "__init__.py"
}

PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


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


def room(module: str) -> str:
    """Name the package of a module, or the module that stands beside packages."""
    return module.partition(".")[0]


def may_import(package: str) -> set[str]:
    """Read what a package says that it may import."""
    said = ast.get_docstring(ast.parse(MODULES[package].read_text())) or ""
    match = re.search(r"^May import: (.*?)\.$", said, re.DOTALL | re.MULTILINE)
    assert match, f"harness/{package}/__init__.py does not say what it may import"
    return set(match[1].replace(",", " ").split()) - {"nothing"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_what_it_says_and_no_other(package: str) -> None:
    used = {
        room(each)
        for name, path in MODULES.items()
        if room(name) == package
        for each in imports(path)
    }
    assert used - {package} == may_import(package)


def test_no_package_and_no_module_imports_in_a_circle() -> None:
    modules = {name: imports(path) - {name} for name, path in MODULES.items()}
    rooms: dict[str, set[str]] = {}
    for name, used in modules.items():
        rooms.setdefault(room(name), set()).update(map(room, used))
    for graph in (modules, {name: used - {name} for name, used in rooms.items()}):
        TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", sorted(MODULES))
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


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= 350


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_schema_says_what_the_model_says(name: str) -> None:
    stored = (schemas.folder() / name).read_text()
    assert stored == schemas.text(name), "run: python -m harness.report.schemas"
