"""Places the boxes of a layered picture: each above those that it points at, few crossings, short arrows."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Arrows = Mapping[str, set[str]]

_SWEEPS = 24


class Layout(NamedTuple):
    """Where everything is.

    Attributes:
        rows: boxes from the lowest layer (0) upwards.
        centres: horizontal centre of each box.
        paths: of each arrow (from, to) the horizontal positions at its layers, from top to bottom.
        width: of the whole picture.
    """

    rows: list[list[str]]
    centres: dict[str, float]
    paths: dict[tuple[str, str], list[float]]
    width: float


def circles(arrows: Arrows) -> set[tuple[str, str]]:
    """Arrows that close a circle; without them the others point one way."""
    closing: set[tuple[str, str]] = set()
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        for target in sorted(arrows[name]):
            if target in (*trail, name):
                closing.add((name, target))
            elif target not in finished:
                visit(target, (*trail, name))
        finished.add(name)

    for name in sorted(arrows):
        if name not in finished:
            visit(name, ())
    return closing


def without_detours(arrows: Arrows) -> dict[str, set[str]]:
    """The arrows that do not follow from others: what is reached by a longer way has none of its own."""

    @functools.cache
    def everything_below(name: str) -> set[str]:
        return set().union(*({target} | everything_below(target) for target in arrows[name]))

    return {
        name: {
            target
            for target in targets
            if not any(target in everything_below(other) for other in targets - {target})
        }
        for name, targets in arrows.items()
    }


def layers(arrows: Arrows) -> dict[str, int]:
    """The layer of each box, 0 at the bottom: as low as its imports allow, or higher where that shortens arrows."""

    @functools.cache
    def lowest(name: str) -> int:
        return 1 + max(map(lowest, arrows[name]), default=-1)

    layer = {name: lowest(name) for name in arrows}
    above = {name: {other for other, targets in arrows.items() if name in targets} for name in arrows}
    for name in sorted(arrows, key=lambda name: (-layer[name], name)):
        # Whoever imports nothing is the ground that the house stands on.
        if above[name] and arrows[name] and len(above[name]) >= len(arrows[name]):
            layer[name] = min(layer[other] for other in above[name]) - 1
    return layer


def arrange(arrows: Arrows, box: float, gap: float) -> Layout:
    """Boxes of one width in rows, and the ways of the arrows between them.

    Args:
        arrows: of each box those that it points at; no circles.
        box: width of a box.
        gap: least space between two.
    """
    layer = layers(arrows)
    chains = {
        (name, target): [name, *(f"{name}>{target}>{step}" for step in _between(layer, name, target)), target]
        for name in sorted(arrows)
        for target in sorted(arrows[name])
    }
    rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in sorted(arrows):
        rows[layer[name]].append(name)
    for (name, target), chain in chains.items():
        for step, passing in zip(_between(layer, name, target), chain[1:-1], strict=True):
            rows[step].append(passing)
    neighbours: dict[str, list[str]] = {place: [] for row in rows for place in row}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            neighbours[upper].append(lower)
            neighbours[lower].append(upper)
    width = {place: box if place in arrows else box / 6 for place in neighbours}
    centres = _settle(rows, neighbours, width, gap)
    left = min(centres[place] - width[place] / 2 for place in centres)
    centres = {place: centre - left for place, centre in centres.items()}
    return Layout(
        [[place for place in row if place in arrows] for row in rows],
        {name: centres[name] for name in arrows},
        {ends: [centres[place] for place in chain] for ends, chain in chains.items()},
        max(centres[place] + width[place] / 2 for place in centres),
    )


def _between(layer: Mapping[str, int], name: str, target: str) -> range:
    return range(layer[name] - 1, layer[target], -1)


def _settle(
    rows: list[list[str]], neighbours: Mapping[str, list[str]], width: Mapping[str, float], gap: float
) -> dict[str, float]:
    """Centres of all places, and `rows` in the order with the fewest crossings that was seen.

    Sweeps go down and up in turns; each row is ordered by where its neighbours in the row before lie.
    """
    number_of = {place: number for number, row in enumerate(rows) for place in row}
    centres = {place: (index - len(row) / 2) * gap for row in rows for index, place in enumerate(row)}
    best = _crossings(rows, neighbours), [list(row) for row in rows]
    for sweep in range(_SWEEPS):
        step = -1 if sweep % 2 else 1
        for row in rows[::step]:
            seen = {
                place: [other for other in neighbours[place] if number_of[other] == number_of[place] - step]
                for place in row
            }
            wish = {place: _mean(centres, seen[place], place) for place in row}
            row.sort(key=wish.__getitem__)
            centres |= _spread(row, wish, width, gap)
        found = _crossings(rows, neighbours), [list(row) for row in rows]
        best = min(best, found, key=lambda one: one[0])
    rows[:] = best[1]
    for _ in range(_SWEEPS):
        for row in rows:
            wish = {place: _mean(centres, neighbours[place], place) for place in row}
            centres |= _spread(row, wish, width, gap)
    return centres


def _mean(centres: Mapping[str, float], places: Sequence[str], otherwise: str) -> float:
    return sum(centres[place] for place in places) / len(places) if places else centres[otherwise]


def _spread(
    row: Sequence[str], wish: Mapping[str, float], width: Mapping[str, float], gap: float
) -> dict[str, float]:
    """Centres as near to the wishes as order and distance allow (least squares: pooled neighbours)."""
    offsets, reach = [], 0.0
    for index, place in enumerate(row):
        reach += (width[row[index - 1]] + width[place]) / 2 + gap if index else 0.0
        offsets.append(reach)
    pools: list[tuple[float, int]] = []
    for place, offset in zip(row, offsets, strict=True):
        mean, count = wish[place] - offset, 1
        while pools and pools[-1][0] >= mean:
            other, size = pools.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        pools.append((mean, count))
    starts = [mean for mean, count in pools for _ in range(count)]
    return {place: start + offset for place, start, offset in zip(row, starts, offsets, strict=True)}


def _crossings(rows: Iterable[Sequence[str]], neighbours: Mapping[str, Sequence[str]]) -> int:
    place_of = {place: index for row in rows for index, place in enumerate(row)}
    total, rows = 0, list(rows)
    for lower, upper in itertools.pairwise(rows):
        below = set(lower)
        lines = [(place_of[u], place_of[n]) for u in upper for n in neighbours[u] if n in below]
        total += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(lines) for c, d in lines[:i])
    return total
