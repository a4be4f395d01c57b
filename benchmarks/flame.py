"""A flame graph as SVG: stacks from the top down, as wide as the time in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

from benchmarks.sampler import Stack

WIDTH, ROW, LETTER = 1200, 17, 6.6
#: What takes less of the width than this is left out, in pixels.
LEAST = 1.0


@dataclass
class _Node:
    seconds: float = 0.0
    below: dict[str, _Node] = field(default_factory=dict)


def flame_graph(stacks: Mapping[Stack, float], title: str) -> str:
    """Draw stacks with their seconds."""
    root = _Node()
    for stack, seconds in stacks.items():
        node = root
        node.seconds += seconds
        for call in stack:
            node = node.below.setdefault(call.title, _Node())
            node.seconds += seconds
    boxes = list(_boxes(root, 0.0, 1, root.seconds or 1.0))
    height = (max((depth for depth, _ in boxes), default=0) + 2) * ROW
    head = f'<text x="4" y="13">{escape(title)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="monospace" font-size="11">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join([head, *(box for _, box in boxes)])
        + "\n</svg>\n"
    )


def _boxes(
    node: _Node, left: float, depth: int, whole: float
) -> Iterator[tuple[int, str]]:
    for name, each in sorted(node.below.items()):
        width = each.seconds / whole * WIDTH
        if width >= LEAST:
            yield depth, _box(name, each.seconds, left, depth, width)
            yield from _boxes(each, left, depth + 1, whole)
        left += width


def _box(name: str, seconds: float, left: float, depth: int, width: float) -> str:
    # one colour for a module, the same in every graph
    hue = crc32(name.rpartition(".")[0].encode()) % 360
    room = int((width - 4) / LETTER)
    shown = name if len(name) <= room else f"{name[: room - 1]}…" if room > 3 else ""
    top = depth * ROW
    return (
        f"<g><title>{escape(name)}: {seconds:.2f} s</title>"
        f'<rect x="{left:.1f}" y="{top}" width="{max(width - 0.5, 0.5):.1f}" '
        f'height="{ROW - 1}" fill="hsl({hue},55%,75%)"/>'
        f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(shown)}</text></g>'
    )
