"""A plot of lines on logarithmic axes, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 420, 300, 56
COLOURS = ("#0b6", "#06c", "#c50", "#909", "#555")

#: Points of a line: x and y, both above zero.
Points = Sequence[tuple[float, float]]


def plots(titled: Mapping[str, Mapping[str, Points]], x: str) -> str:
    """Draw some plots side by side, each with its lines by name; `x` is below."""
    drawn = [
        f'<g transform="translate({number * WIDTH},0)">{_plot(title, lines, x)}</g>'
        for number, (title, lines) in enumerate(titled.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * len(drawn)}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _plot(title: str, lines: Mapping[str, Points], x: str) -> str:
    xs = [point[0] for points in lines.values() for point in points]
    ys = [point[1] for points in lines.values() for point in points]
    across, up = _Axis(xs, MARGIN, WIDTH - 16), _Axis(ys, HEIGHT - 40, 30)
    parts = [f'<text x="{MARGIN}" y="18" font-weight="bold">{escape(title)}</text>']
    for value in across.ticks:
        place = across.place(value)
        parts.append(
            f'<path d="M{place:.1f} 30V{HEIGHT - 40}" stroke="#ddd"/>'
            f'<text x="{place:.1f}" y="{HEIGHT - 26}" text-anchor="middle">'
            f"{value:,g}</text>"
        )
    for value in up.ticks:
        place = up.place(value)
        parts.append(
            f'<path d="M{MARGIN} {place:.1f}H{WIDTH - 16}" stroke="#ddd"/>'
            f'<text x="{MARGIN - 4}" y="{place + 4:.1f}" text-anchor="end">'
            f"{value:,g}</text>"
        )
    parts.append(
        f'<text x="{(MARGIN + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{escape(x)}</text>"
    )
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        way = "L".join(f"{across.place(a):.1f} {up.place(b):.1f}" for a, b in points)
        parts.append(
            f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{MARGIN + 6}" y="{44 + 14 * number}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join(parts)


class _Axis:
    """Powers of ten between two places."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))
        self._begin, self._end = begin, end

    @property
    def ticks(self) -> list[float]:
        return [10.0**each for each in range(self._low, self._high + 1)]

    def place(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)
