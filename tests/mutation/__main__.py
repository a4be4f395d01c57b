"""Mutation testing: which changes of a module no test notices.

`tox run -e mutation -- images measure/noise` tries a seeded sample of the mutants of
each module on the tests of its package that need no engine, and prints the survivors.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from mutation.mutants import Mutant, mutants_of, sample
from mutation.trial import copy_tree, run_tests

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Loaded once, before the first fork.
LIBRARIES = (
    "click",
    "concurrent.futures.thread",
    "docker",
    "google.protobuf.message",
    "hypothesis",
    "jsonschema",
    "pydantic",
    "tabulate",
    "yaml",
    "zstandard",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What became of the mutants of one module."""

    module: str
    all: int
    tried: int
    equivalent: int
    survivors: tuple[Mutant, ...]

    @property
    def killed(self) -> int:
        """How many a test noticed."""
        return self.tried - self.equivalent - len(self.survivors)


def main() -> int:
    """Try mutants module by module; 1 says that some survive."""
    words = _parser().parse_args()
    for name in LIBRARIES:
        importlib.import_module(name)
    known = tomllib.loads((HERE / "modules.toml").read_text())
    counts: list[Count] = []
    with tempfile.TemporaryDirectory(prefix="mutation-") as place:
        tree = Path(place)
        copy_tree(ROOT, words.at, tree)
        try:
            for module in _modules(tree, words.modules or known["modules"]):
                counts.append(_count(tree, module, known, words))
                for each in counts[-1].survivors:
                    print(f"harness/{module}.py:{each.line}: {each.operator}")
                    print(f"  - {each.was}\n  + {each.becomes}", flush=True)
        finally:
            _print(counts)
    return int(any(each.survivors for each in counts))


def _print(counts: list[Count]) -> None:
    print(
        "\n"
        + tabulate(
            [
                (
                    each.module,
                    each.all,
                    each.tried,
                    each.killed,
                    len(each.survivors) + each.equivalent,
                    each.equivalent,
                    len(each.survivors),
                )
                for each in counts
            ],
            headers=(
                "module",
                "mutants",
                "tried",
                "killed",
                "survived",
                "of these equivalent",
                "left",
            ),
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tox run -e mutation --", description=__doc__)
    parser.add_argument("modules", nargs="*", help="`images`, `measure/noise`, ...")
    parser.add_argument("--at", metavar="COMMIT", help="the tree of this commit")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--sample", type=int, default=80, help="mutants per module")
    return parser


def _modules(tree: Path, names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        folder = tree / "harness" / name
        if folder.is_dir():
            found += (
                f"{name}/{each.stem}"
                for each in sorted(folder.glob("*.py"))
                if each.stem != "__init__"
            )
        elif folder.with_suffix(".py").is_file():
            found.append(name)
        else:
            sys.exit(f"no module or package harness/{name}")
    return found


def _tests(tree: Path, module: str, known: dict[str, Any]) -> list[str]:
    """Give the tests of a module: its own file first, then those of its package."""
    package, _, name = module.partition("/")
    named = known["tests"].get(module)
    if named is not None:
        return [each for each in named if (tree / each).exists()]
    own = tree / "tests" / package / f"test_{name}.py"
    return [str(own.relative_to(tree))] * own.exists() + [f"tests/{package}"]


def _count(
    tree: Path, module: str, known: dict[str, Any], words: argparse.Namespace
) -> Count:
    path = tree / "harness" / f"{module}.py"
    source = path.read_text()
    every = mutants_of(source)
    chosen = sample(every, words.sample, words.seed)
    tests = _tests(tree, module, known)
    for _ in range(2):  # the second finds its bytecode, as those of the mutants do
        plain = run_tests(
            tree, tests, seed=words.seed, limit=(600, 1200), keep_bytecode=True
        )
        if plain.code != 0:
            sys.exit(f"{module}: {tests} fail without a mutant\n{plain.printed}")
    for bytecode in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        bytecode.unlink()
    excused = {
        (each["was"], each["becomes"]): each["because"]
        for each in known["equivalent"]
        if each["module"] == module
    }
    survivors: list[Mutant] = []
    equivalent = 0
    limit = 5 * plain.cpu + 10, 10 * plain.wall + 30
    try:
        for number, each in enumerate(chosen, 1):
            _tell(f"{module}: {number} of {len(chosen)}, {len(survivors)} survive")
            path.write_text(each.source)
            lives = run_tests(tree, tests, seed=words.seed, limit=limit).code == 0
            if (each.was, each.becomes) in excused:
                equivalent += lives
                if not lives:
                    print(
                        f"harness/{module}.py:{each.line}: killed, yet in modules.toml"
                    )
            elif lives:
                survivors.append(each)
    finally:
        path.write_text(source)
        _tell("")
    return Count(
        module=module,
        all=len(every),
        tried=len(chosen),
        equivalent=equivalent,
        survivors=tuple(survivors),
    )


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
