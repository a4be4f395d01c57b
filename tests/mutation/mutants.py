"""The mutants of a module: cosmic-ray's, and five kinds that it does not have.

Which are tried is decided by a hash over the seed and what the mutant changes, so a
change elsewhere in the module does not change the choice.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

#: Of the many operators that cosmic-ray puts for one, those that say something: a
#: comparison turned around or moved by one, the opposite of a sum. `==` against `is` or
#: `<=` is the same for most texts and members of an enumeration.
CHOSEN = re.compile(
    r"Comparison\w*_(Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is|[LG]tE?_[LG]tE?)$"
    r"|Binary\w*_(Add_Sub|Sub_Add|Mul_Add|FloorDiv_Mul|Mod_Mul|BitOr_BitAnd"
    r"|BitAnd_BitOr|BitXor_BitAnd|LShift_RShift|RShift_LShift)$"
    r"|Unary\w*_Delete_|/(AddNot|Replace(True|False|And|Or|Break|Continue)With"
    r"|NumberReplacer|RemoveDecorator|ZeroIterationForLoop)"
)

#: Stands for any context that does nothing, wherever it is put.
NOTHING = '__import__("contextlib").nullcontext()'

Part: TypeAlias = ast.expr | ast.stmt | ast.keyword


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module with one change; `was` and `becomes` are the changed lines, stripped."""

    operator: str
    line: int
    was: str
    becomes: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Make every mutant of a module that compiles, each once, in the order of lines."""
    found: dict[str, Mutant] = {}
    for operator, changed in (*_of_cosmic_ray(source), *_of_our_own(source)):
        if changed not in found and changed != source and _compiles(changed):
            found[changed] = _described(operator, source, changed)
    return sorted(found.values(), key=lambda each: (each.line, each.becomes))


def sample(mutants: list[Mutant], number: int, seed: int) -> list[Mutant]:
    """Choose at most so many mutants; equal changes rank by where they stand."""
    ranked: list[tuple[bytes, int]] = []
    seen: dict[str, int] = {}
    for place, each in enumerate(mutants):
        text = f"{seed}\0{each.operator}\0{each.was}\0{each.becomes}"
        seen[text] = seen.get(text, 0) + 1
        key = hashlib.sha256(f"{text}\0{seen[text]}".encode()).digest()
        ranked.append((key, place))
    return [mutants[place] for place in sorted(p for _, p in sorted(ranked)[:number])]


def _of_cosmic_ray(source: str) -> Iterator[tuple[str, str]]:
    skipped = _declarations(source)
    for name in sorted(operator_names()):
        if not CHOSEN.search(name):
            continue
        operator = get_operator(name)()
        places = [
            start
            for node in ast_nodes(get_ast(source))
            for start, _ in operator.mutation_positions(node)
        ]
        for occurrence, start in enumerate(places):
            if not any(first <= start < last for first, last in skipped):
                changed = mutate_code(source, operator, occurrence)
                if changed is not None:
                    yield name.removeprefix("core/"), changed


def _declarations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Find what is not run: annotations, and how a class is declared, for mypy."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.AnnAssign | ast.arg):
            found.append(node.annotation)
        elif isinstance(node, ast.ClassDef):
            found += node.decorator_list
    return [
        # an operator on a decorator begins at its @
        ((node.lineno, node.col_offset - 1), (node.end_lineno or 0, last))
        for node in found
        if node is not None and (last := node.end_col_offset) is not None
    ]


def _of_our_own(source: str) -> Iterator[tuple[str, str]]:
    """Remove a statement, context, caught exception or argument; turn `in` around."""
    text = source.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def put(node: Part, by: str) -> str:
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        return (text[:first] + by.encode() + text[last:]).decode()

    skipped = _declarations(source)
    for node in ast.walk(ast.parse(source)):
        for operator, part, by in _removals(node):
            start = part.lineno, part.col_offset
            if not any(first <= start < last for first, last in skipped):
                yield operator, re.sub(r"\( *, *", "(", put(part, by))


def _removals(node: ast.AST) -> Iterator[tuple[str, Part, str]]:
    """Give what of a node can go, and what stands in its place then."""
    match node:
        case ast.stmt() if _can_be_missing(node):
            yield "RemoveStatement", node, "pass"
        case ast.With(items=items):
            for item in items:
                yield "RemoveContext", item.context_expr, NOTHING
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield "RemoveException", caught, "()"
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None:
                    yield "RemoveArgument", keyword, ""
        case ast.Compare(ops=[ast.In() | ast.NotIn(), *_]):
            yield "NegateIn", node, f"(not ({ast.unparse(node)}))"


def _can_be_missing(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Delete():
            return True
        case ast.Return(value=None | ast.Constant(value=None | False)):
            return False  # the caller sees nothing else
        case ast.Return():
            return True
        case ast.Assign(targets=targets):
            return isinstance(targets[0], ast.Subscript | ast.Attribute)
        case _:
            return False


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _described(operator: str, source: str, changed: str) -> Mutant:
    before, after = source.splitlines(), changed.splitlines()
    spans = [
        span
        for span in difflib.SequenceMatcher(
            None, before, after, autojunk=False
        ).get_opcodes()
        if span[0] != "equal"
    ]
    first, last = spans[0], spans[-1]
    return Mutant(
        operator=operator,
        line=first[1] + 1,
        was=" ".join(each.strip() for each in before[first[1] : last[2]]),
        becomes=" ".join(each.strip() for each in after[first[3] : last[4]]),
        source=changed,
    )
