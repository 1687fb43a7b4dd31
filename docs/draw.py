"""The map of the modules, drawn from the imports of the code.

python -m docs.draw    # writes docs/images/modules.svg

A box is a folder with its modules. An arrow goes from what imports to what is imported; one that others already imply
(the box is reached through a third) is left out. What all folders import, the ground, lies below without arrows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "modules.svg"
GROUND = ("types", "task", "errors", "events", "home", "basics")
WHAT_IT_IS = {
    "tui": "the terminal UI",
    "cli": "the command line",
    "run": "the live run: its loop and two lanes",
    "report": "a run for people",
    "tasks": "from files to a task",
    "store": "runs in DuckDB",
    "evaluate": "folds, scores, the final answer",
    "llm": "the model's process",
    "sandbox": "scripts, confined",
    "prompts": "what the model reads, and back to code",
    "search": "tree, policies, digest, tuner",
    "metrics": "metrics by name",
    "playbook": "expert scripts",
    "basics": "small tools",
    "events": "what happens in a run",
    "home": "where all is written",
    "types": "the values that travel",
    "task": "what a task is",
    "errors": "what a person is told",
}
MARGIN, GAP, ROW_GAP, LINE, CHARACTER = 24, 28, 44, 15, 6.4
WRAP = 38  # characters of a line of module names


@dataclass(slots=True)
class Box:
    """A folder or a module of the top: its name, what it is, its modules; where it stands in the picture."""

    name: str
    lines: list[str]
    x: float = 0.0
    y: float = 0.0
    width: float = field(init=False)
    height: float = field(init=False)

    def __post_init__(self) -> None:
        title = max(len(self.name) * 1.25, len(WHAT_IT_IS[self.name]))
        self.width = 20 + CHARACTER * max([title, *map(len, self.lines)])
        self.height = 46 + LINE * len(self.lines)


def folder_of(module: str) -> str:
    """Return the box of a module: ``tui``, or the second part of its name; empty for ``aide_local`` itself."""
    first, *rest = module.split(".")
    return "tui" if first == "tui" else (rest or [""])[0]


def imports_of_folders(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """Return which other boxes each box imports; the command line's one door to the window is left out."""
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        here = folder_of(module)
        others = {folder_of(other) for other in graph.find_modules_directly_imported_by(module)}
        found.setdefault(here, set()).update(others - {here, "", "tui", *GROUND})
    return {name: others for name, others in found.items() if name not in ("", *GROUND)}


def rows_of(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the boxes in rows: each in the first row below all that import it, under those as far as it can be."""
    users = {name: [one for one, others in arrows.items() if name in others] for name in arrows}
    row: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in row:
            row[name] = 1 + max((depth(user) for user in users[name]), default=-1)
        return row[name]

    rows: list[list[str]] = [[] for _ in range(1 + max(map(depth, arrows)))]
    across: dict[str, float] = {}
    for name in sorted(arrows, key=lambda one: (row[one], one)):
        rows[row[name]].append(name)
    for names in rows:
        middle = {name: [across[user] for user in users[name]] or [0.5] for name in names}
        names.sort(key=lambda name: (sum(middle[name]) / len(middle[name]), name))
        across |= {name: (at + 0.5) / len(names) for at, name in enumerate(names)}
    return rows


def without_implied(arrows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows that no way over a third box implies."""

    def reached(start: str) -> set[str]:
        ends = set(arrows[start])
        for other in arrows[start]:
            ends |= reached(other)
        return ends

    return {
        name: {one for one in others if not any(one in reached(other) for other in others - {one})}
        for name, others in arrows.items()
    }


def modules_of(graph: grimp.ImportGraph, name: str) -> list[str]:
    """Return the lines of a box: the names of its modules, a folder in it with the number of its modules."""
    package = name if name == "tui" else f"aide_local.{name}"
    shown = []
    for child in sorted(graph.find_children(package)):
        inside = graph.find_descendants(child)
        last = child.rpartition(".")[2]
        shown.append(f"{last}/ ({len(inside)})" if inside else last)
    return textwrap.wrap(
        ", ".join(shown), 2 * WRAP if name == "tui" else WRAP, break_long_words=False, break_on_hyphens=False
    )


def place(rows: list[list[Box]]) -> tuple[float, float]:
    """Give every box its place, rows centred; return the size of the picture."""
    widths = [sum(box.width for box in row) + GAP * (len(row) - 1) for row in rows]
    y = float(MARGIN)
    for row, width in zip(rows, widths, strict=True):
        x = MARGIN + (max(widths) - width) / 2
        tallest = max(box.height for box in row)
        for box in row:
            box.x, box.y, box.height = x, y, tallest
            x += box.width + GAP
        y += tallest + ROW_GAP
    return max(widths) + 2 * MARGIN, y - ROW_GAP + MARGIN


def drawn_box(box: Box) -> str:
    middle = box.x + box.width / 2
    lines = [
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="6"/>',
        f'<text class="name" x="{middle:.0f}" y="{box.y + 20:.0f}">{escape(box.name)}</text>',
        f'<text x="{middle:.0f}" y="{box.y + 36:.0f}">{escape(WHAT_IT_IS[box.name])}</text>',
    ]
    lines += [
        f'<text class="module" x="{middle:.0f}" y="{box.y + 54 + LINE * at:.0f}">{escape(line)}</text>'
        for at, line in enumerate(box.lines)
    ]
    return "\n".join(lines)


def drawn_arrow(box: Box, other: Box) -> str:
    """Draw from the lower edge of ``box`` to the upper edge of ``other``, each end shifted towards the other box."""
    start, end = box.x + box.width / 2, other.x + other.width / 2
    shift = max(-0.4, min(0.4, (end - start) / 900))
    start, end = start + shift * box.width, end - shift * other.width
    top, bottom = box.y + box.height, other.y - 4
    bend = (bottom - top) / 2
    return (
        f'<path d="M{start:.0f} {top:.0f} C{start:.0f} {top + bend:.0f} {end:.0f} {bottom - bend:.0f}'
        f' {end:.0f} {bottom:.0f}"/>'
    )


STYLE = """<style>
text { font: 11px sans-serif; fill: #333; text-anchor: middle }
.name { font: bold 14px sans-serif; fill: #111 }
.module { font: 10px monospace; fill: #666 }
rect { fill: #f4f6fa; stroke: #8aa }
path { fill: none; stroke: #7a8fa6; stroke-width: 1.3; marker-end: url(#head) }
</style>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<polygon points="0 0 8 4 0 8" style="fill: #7a8fa6"/></marker>"""


def picture() -> str:
    """Return the map as SVG."""
    graph = grimp.build_graph("aide_local", "tui", cache_dir=None)
    arrows = without_implied(imports_of_folders(graph))
    names = [*rows_of(arrows), list(GROUND)]
    rows = [[Box(name, modules_of(graph, name)) for name in row] for row in names]
    width, height = place(rows)
    ground = f'<text x="{width / 2:.0f}" y="{rows[-1][0].y - 12:.0f}">the ground: every folder may import it</text>'
    boxes = {box.name: box for row in rows for box in row}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">',
            STYLE,
            '<rect width="100%" height="100%" style="fill: white; stroke: none"/>',
            *(
                drawn_arrow(boxes[name], boxes[other])
                for name in boxes
                for other in sorted(arrows.get(name, ()))
            ),
            *map(drawn_box, boxes.values()),
            ground,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
