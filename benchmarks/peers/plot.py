"""A plain SVG: one line for each case, one mark for each tool, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, LINE = 880, 150, 40, 96, 34
#: Colours that differ for colour-blind readers too (Okabe and Ito), and shapes beside them.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#555555", "#D55E00")
RADIUS = 5.5
TICKS = (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200)


def draw(title: str, cases: Mapping[str, Mapping[str, float]]) -> str:
    """
    The picture as text.

    :param title: what the horizontal axis shows.
    :param cases: for each case, by its label, the value (1 or more) of each tool by its name.
    """
    tools = list(dict.fromkeys(name for values in cases.values() for name in values))
    most = max((v for values in cases.values() for v in values.values()), default=1.0)
    end = next((tick for tick in TICKS if tick >= most), most)
    height = TOP + LINE * len(cases) + 24

    def across(value: float) -> float:
        share = math.log(max(value, 1.0)) / math.log(end) if end > 1 else 0.0
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="24" y="22" font-weight="bold">{escape(title)}</text>',
        *_legend(tools),
        *_grid([tick for tick in TICKS if tick <= end], across, height),
    ]
    for row, (label, values) in enumerate(cases.items()):
        y = TOP + LINE * row + LINE / 2
        parts.append(
            f'<text x="{LEFT - 14}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        )
        parts += [_mark(tools.index(name), across(value), y) for name, value in values.items()]
    return "\n".join([*parts, "</svg>", ""])


def _legend(tools: Sequence[str]) -> list[str]:
    parts, x = [], 24.0
    for number, name in enumerate(tools):
        parts.append(_mark(number, x + RADIUS, 44))
        parts.append(f'<text x="{x + 16:.1f}" y="48">{escape(name)}</text>')
        x += 34 + 6.6 * len(name)
    return parts


def _grid(ticks: Sequence[float], across, height: float) -> list[str]:
    parts = []
    for tick in ticks:
        x = across(tick)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 16}" stroke="#dddddd"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#555555">{tick:g}×</text>'
        )
    return parts


def _mark(number: int, x: float, y: float) -> str:
    fill, r = COLOURS[number % len(COLOURS)], RADIUS
    shape = number % 4
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{fill}"/>'
    corners = (
        [(-r, -r), (r, -r), (r, r), (-r, r)],
        [(0, -r - 1), (r + 1, r), (-r - 1, r)],
        [(0, -r - 1), (r + 1, 0), (0, r + 1), (-r - 1, 0)],
    )[shape - 1]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{fill}"/>'
