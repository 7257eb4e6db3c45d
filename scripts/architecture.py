"""Draws docs/architecture.svg from the code: the rooms of jaxpix, how large they are, and who imports whom.

    python scripts/architecture.py            draws the picture anew
    python scripts/architecture.py --check    status 1 where the picture is not what the code gives

A room is a folder of the package or a module beside them. Only the standard library is used; nothing is imported.
"""

import argparse
import dataclasses
import html
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from architecture_imports import read_modules
from architecture_layout import Layout, arrange, circles, without_detours

ROOT = Path(__file__).resolve().parents[1]

_BOX, _TALL, _GAP, _RISE, _MARGIN = 156, 44, 16, 92, 24
# Middle tones, so that they can be read on a light and on a dark page.
_STYLE = """
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;text-anchor:middle;fill:#fff}
.name{font-size:15px;font-weight:600}.size{font-size:11px;fill:#e8ecf2}
.note{font-size:12px;fill:#7d8797;text-anchor:start}
.door{fill:#0b7a75}.room{fill:#4a5f80}.ground{fill:#6b7280}
.arrow{fill:none;stroke:#8f9bad;stroke-width:1.3}.head{fill:#8f9bad}.circle{fill:none;stroke:#d1495b;stroke-width:2}
"""


@dataclasses.dataclass
class Room:
    """A folder of the package, or a module beside the folders.

    Attributes:
        modules, lines: how many of them.
        is_folder: a module alone is none.
        is_door: one of its modules can be started.
        imports: names of other rooms.
    """

    modules: int = 0
    lines: int = 0
    is_folder: bool = False
    is_door: bool = False
    imports: set[str] = dataclasses.field(default_factory=set)


def read_rooms(package: Path) -> dict[str, Room]:
    """Every room of a package by its name; the package's own `__init__` has the package's name."""
    rooms: dict[str, Room] = {}
    for name, module in read_modules(package).items():
        room = rooms.setdefault(_room_of(name), Room())
        room.modules += 1
        room.lines += len(module.text.splitlines())
        room.is_folder |= module.path.parent != package
        room.is_door |= module.path.stem == "__main__" or '__name__ == "__main__"' in module.text
        room.imports |= {_room_of(other) for other in module.imports | module.named | module.for_types}
    for name, room in rooms.items():
        room.imports.discard(name)
    return rooms


def _room_of(module: str) -> str:
    parts = module.split(".")
    return parts[min(1, len(parts) - 1)]


def draw(rooms: dict[str, Room], title: str) -> str:
    """The picture as SVG."""
    arrows = {name: set(room.imports) for name, room in rooms.items()}
    closing = circles(arrows)
    for name, target in closing:
        arrows[name].discard(target)
    layout = arrange(without_detours(arrows), _BOX, _GAP)
    height = {name: _top(layout, number) for number, row in enumerate(layout.rows) for name in row}
    width = layout.width + 2 * _MARGIN
    tall = _top(layout, 0) + _TALL + 64
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {tall:.0f}" role="img">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{''.join(_STYLE.splitlines())}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 .8 7.4 4 0 7.2z"/></marker></defs>',
        *(_arrow(ends, path, height, layout) for ends, path in sorted(layout.paths.items())),
        *(_circle(name, target, height, layout) for name, target in sorted(closing)),
        *(_box(name, rooms[name], height[name], layout.centres[name]) for name in sorted(rooms)),
        *_legend(rooms, closing, tall),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _top(layout: Layout, number: int) -> float:
    return _MARGIN + (len(layout.rows) - 1 - number) * _RISE


def _arrow(ends: tuple[str, str], path: list[float], height: dict[str, float], layout: Layout) -> str:
    """From the foot of a box through the gaps of the layers between to the head of another."""
    y = height[ends[0]] + _TALL
    words = [f"M{path[0] + _MARGIN:.0f} {y:.0f}"]
    for step, (before, x) in enumerate(itertools.pairwise(path), start=1):
        below = height[ends[0]] + step * _RISE
        middle = (y + below) / 2
        words.append(
            f"C{before + _MARGIN:.0f} {middle:.0f} {x + _MARGIN:.0f} {middle:.0f} {x + _MARGIN:.0f} {below:.0f}"
        )
        if step < len(path) - 1:
            y = below + _TALL
            words.append(f"V{y:.0f}")
    return f'<path class="arrow" marker-end="url(#head)" d="{"".join(words)}"/>'


def _circle(name: str, target: str, height: dict[str, float], layout: Layout) -> str:
    x, y = layout.centres[name] + _MARGIN, height[name]
    z, w = layout.centres[target] + _MARGIN, height[target] + _TALL
    return f'<path class="circle" d="M{x:.0f} {y:.0f}L{z:.0f} {w:.0f}"/>'


def _box(name: str, room: Room, top: float, centre: float) -> str:
    kind = "door" if room.is_door else "room" if room.is_folder else "ground"
    x = centre + _MARGIN
    size = (
        f"{room.modules} modules · {_about(room.lines)} lines"
        if room.is_folder
        else f"{_about(room.lines)} lines"
    )
    told = f"{name} imports {', '.join(sorted(room.imports)) or 'no other room'}"
    return (
        f"<g><title>{html.escape(told)}</title>"
        f'<rect class="{kind}" x="{x - _BOX / 2:.0f}" y="{top:.0f}" width="{_BOX}" height="{_TALL}" rx="8"/>'
        f'<text class="name" x="{x:.0f}" y="{top + 19:.0f}">{html.escape(name)}</text>'
        f'<text class="size" x="{x:.0f}" y="{top + 35:.0f}">{size}</text></g>'
    )


def _about(lines: int) -> str:
    """Two digits, so that a new line is not a new picture."""
    return f"{float(f'{lines:.2g}'):,.0f}"


def _legend(rooms: dict[str, Room], closing: set[tuple[str, str]], tall: float) -> Iterator[str]:
    total, modules = sum(room.lines for room in rooms.values()), sum(room.modules for room in rooms.values())
    pairs = sum(len(room.imports) for room in rooms.values())
    lines = [
        f"{len(rooms)} rooms, {modules} modules, {_about(total)} lines. "
        "Green: doors; blue: folders; grey: single modules.",
        f"An arrow: imports. Of {pairs} pairs of rooms, those that follow from other arrows are left out."
        + (f" Red: {len(closing)} that close a circle." if closing else ""),
    ]
    for number, line in enumerate(lines):
        yield f'<text class="note" x="{_MARGIN}" y="{tall - 30 + 18 * number:.0f}">{html.escape(line)}</text>'


def main() -> int:
    """Draw, or compare; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where the picture is another one"
    )
    parser.add_argument("--package", type=Path, default=ROOT / "jaxpix")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "architecture.svg")
    options = parser.parse_args()
    picture = draw(read_rooms(options.package), f"The rooms of {options.package.name} and who imports whom")
    if not options.check:
        options.out.write_text(picture, encoding="utf-8")
        return 0
    if options.out.exists() and options.out.read_text(encoding="utf-8") == picture:
        return 0
    print(
        f"{options.out} is not what the code gives; draw it anew: python scripts/architecture.py",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
