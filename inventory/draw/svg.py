"""Tidy layered drawings as plain SVG: rows of boxes, curves between them, a legend; any browser shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from xml.sax.saxutils import escape, quoteattr

_CHAR, _BOLD, _LINE, _PAD = 7.0, 7.9, 16.0, 9.0  # width of a character, height of a line at 12 px, border of a box
_GAP_X, _GAP_Y, _MARGIN, _HEAD = 22.0, 74.0, 28.0, 62.0
STYLES = {  # border, background
    "source": ("#8a6d00", "#fff6d6"),
    "a": ("#1d5fa8", "#e5f0fb"),
    "b": ("#b4531a", "#fdeee3"),
    "rack": ("#555b66", "#f4f5f7"),
    "device": ("#1f6f54", "#e4f4ee"),
    "vlan": ("#6a3fa0", "#f1eafa"),
    "outside": ("#777777", "#ffffff"),
    "cooling": ("#0b7285", "#e3f6f9"),
}
_CSS = (
    "text{font:12px 'DejaVu Sans',Arial,sans-serif;fill:#1c1f24}.t{font-size:19px;font-weight:bold}"
    ".s{font-size:12px;fill:#555b66}.h{font-weight:bold}.e{font-size:10.5px;fill:#333;paint-order:stroke;stroke:#fff;"
    "stroke-width:4px}.l{fill:none;stroke-width:1.6}"
)


@dataclass(slots=True)
class Box:
    """One box: a heading and lines below it; its place is set by the layout."""

    key: str
    lines: Sequence[str]
    style: str = "device"
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        """Width in pixels, by the longest line."""
        sizes = (len(line) * (_CHAR if index else _BOLD) for index, line in enumerate(self.lines))
        return max(70.0, max(sizes, default=0.0) + 2 * _PAD)

    @property
    def height(self) -> float:
        """Height in pixels, by the number of lines."""
        return len(self.lines) * _LINE + 2 * _PAD - 4

    @property
    def middle(self) -> float:
        """Horizontal centre."""
        return self.x + self.width / 2

    def draw(self) -> str:
        """Return the box as SVG."""
        border, ground = STYLES[self.style]
        shape = (
            f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" height="{self.height:.1f}" rx="5" '
            f'fill="{ground}" stroke="{border}"/>'
        )
        rows = (
            text(self.x + _PAD, self.y + _PAD + 9 + index * _LINE, line, "h" if index == 0 else "")
            for index, line in enumerate(self.lines)
        )
        return shape + "".join(rows)


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes, from the upper to the lower, with an optional label near its upper end."""

    start: str
    end: str
    style: str = "device"
    label: str = ""


@dataclass(slots=True)
class Layers:
    """A drawing in rows, top to bottom. Boxes of a row are ordered by what they hang on above."""

    title: str
    subtitle: str
    rows: list[list[Box]]
    edges: list[Edge]
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)

    def draw(self) -> str:
        """Lay out and return the whole SVG document."""
        rows = [row for row in self.rows if row]
        self._order(rows)
        below = sum(_legend_step(words) for _style, words in self.legend)
        width = max([*(_width(row) for row in rows), len(self.title) * 11.5, len(self.subtitle) * _CHAR, below])
        y = _MARGIN + _HEAD
        for number, row in enumerate(rows):
            x, tallest = _MARGIN + (width - _width(row)) / 2, max(box.height for box in row)
            for box in row:
                box.x, box.y = x, y
                if number == 0:  # it stands on its foot: what starts there must not run behind a taller neighbour
                    box.y += tallest - box.height
                x += box.width + _GAP_X
            y += tallest + _GAP_Y
        boxes = {box.key: box for box in chain.from_iterable(rows)}
        parts = [self._edge(edge, boxes) for edge in self.edges if edge.start in boxes and edge.end in boxes]
        parts += [box.draw() for box in boxes.values()]
        # labels last: no line and no box may cover them
        parts += [self._label(edge, boxes) for edge in self.edges if edge.label and self._first(edge)]
        height = y - _GAP_Y + _MARGIN + 18
        parts += legend(self.legend, _MARGIN, height - 8)
        return document(self.title, self.subtitle, width + 2 * _MARGIN, height + _MARGIN / 2, parts)

    def _first(self, edge: Edge) -> bool:
        """Tell whether no earlier line from the same box says the same."""
        return next(e for e in self.edges if (e.start, e.label) == (edge.start, edge.label)) == edge

    def _order(self, rows: list[list[Box]]) -> None:
        place: dict[str, float] = {}
        for row in rows:
            weights: dict[str, float] = {}
            for index, box in enumerate(row):
                ups = [place[e.start] for e in self.edges if e.end == box.key and e.start in place]
                weights[box.key] = sum(ups) / len(ups) if ups else (index + 0.5) / len(row)
            row.sort(key=lambda box: weights[box.key])  # stable: equal weights keep the order of the files
            place |= {box.key: (index + 0.5) / len(row) for index, box in enumerate(row)}

    def _edge(self, edge: Edge, boxes: dict[str, Box]) -> str:
        one, other = boxes[edge.start], boxes[edge.end]
        colour = STYLES[edge.style][0]
        if one.y == other.y:  # neighbours in a row
            left, right = sorted((one, other), key=lambda box: box.x)
            x1, x2, y = left.x + left.width, right.x, one.y + one.height / 2
            path = f"M{x1:.1f},{y:.1f} L{x2:.1f},{y:.1f}"
        else:
            y1, y2 = one.y + one.height, other.y
            bend = (y2 - y1) * 0.5
            x1, x2 = one.middle + _spread(edge, self.edges, one), other.middle
            path = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{y1 + bend:.1f} {x2:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}"
        return f'<path class="l" d="{path}" stroke="{colour}"/>'

    def _label(self, edge: Edge, boxes: dict[str, Box]) -> str:
        one, other = boxes[edge.start], boxes[edge.end]
        if one.y == other.y:
            left, right = sorted((one, other), key=lambda box: box.x)
            return text((left.x + left.width + right.x) / 2, one.y - 5, edge.label, "e", "middle")
        x = one.middle + _spread(edge, self.edges, one)
        return text(x, one.y + one.height + 15, edge.label, "e", "middle")


def _spread(edge: Edge, edges: list[Edge], box: Box) -> float:
    """Return how far from the centre of its upper box an edge starts, so that several do not run together."""
    same = [item for item in edges if item.start == edge.start]
    step = min(24.0, (box.width - 16) / max(len(same), 1))
    return (same.index(edge) - (len(same) - 1) / 2) * step


def _width(row: list[Box]) -> float:
    return sum(box.width for box in row) + _GAP_X * (len(row) - 1)


def _legend_step(words: str) -> float:
    return 40 + len(words) * _CHAR


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """Return a text; whatever the estate holds is escaped."""
    said = f" class={quoteattr(style)}" if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{said} text-anchor="{anchor}">{escape(words)}</text>'


def legend(entries: Iterable[tuple[str, str]], x: float, y: float) -> list[str]:
    """Return the legend: a coloured square and what it means, side by side."""
    parts: list[str] = []
    for style, words in entries:
        border, ground = STYLES[style]
        parts.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" fill="{ground}" stroke="{border}"/>')
        parts.append(text(x + 18, y, words, "s"))
        x += _legend_step(words)
    return parts


def document(title: str, subtitle: str, width: float, height: float, parts: Iterable[str]) -> str:
    """Return an SVG document with a heading."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label={quoteattr(title)}><style>{_CSS}</style>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f"{text(_MARGIN, 36, title, 't')}{text(_MARGIN, 56, subtitle, 's')}{''.join(parts)}</svg>\n"
    )
