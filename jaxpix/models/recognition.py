"""Which of our architectures a state dict is of, or is nearest to."""

import re
from collections.abc import Mapping
from itertools import zip_longest

from .sizes import SIZES, Dense, Residual
from .torch_names import Shape

_BLOCK = re.compile(r"(?:^|\.)layer([1-9])\.(\d+)\.conv\d\.weight$")
_DENSE_LAYER = re.compile(r"(?:^|\.)denseblock([1-9])\.denselayer(\d+)\.conv2\.weight$")
_STEM = re.compile(r"(?:^|\.)conv[01]\.weight$")
_INSIDE = re.compile(r"(?:^|\.)(layer|denseblock)\d")


def describe_weights(shapes: Mapping[str, Shape]) -> str:
    """What a state dict looks like: `resnet34 (grey, 14 classes)`, or what it is nearest to.

    Args:
        shapes: shapes in torch's layout, by torchvision's names behind any prefix.
    """
    stem = next((shape for key, shape in shapes.items() if _is_stem(key) and len(shape) == 4), None)
    found = None if stem is None else _found(shapes, stem[0])
    if found is None or stem is None:
        return f"none of {', '.join(SIZES)}"
    distances = {name: _distance(found, size) for name, size in SIZES.items()}
    name = min(distances, key=distances.__getitem__)
    outputs = [shape[0] for key, shape in shapes.items() if len(shape) == 2 and not _INSIDE.search(key)]
    channels = {1: "grey", 3: "colour"}.get(stem[1], f"{stem[1]} channels")
    text = f"{name} ({channels}, {f'{outputs[-1]} classes' if outputs else 'without a last layer'})"
    return f"no network of ours, nearest to {text}" if any(distances[name]) else text


def _is_stem(key: str) -> bool:
    return bool(_STEM.search(key)) and not _BLOCK.search(key) and "denselayer" not in key


def _found(shapes: Mapping[str, Shape], stem: int) -> tuple[Residual | Dense, int] | None:
    """Sizes of a network, and the channels within its first block; None where it has no blocks of ours."""
    for pattern in (_BLOCK, _DENSE_LAYER):
        inner: dict[tuple[int, int], int] = {}
        for key, shape in shapes.items():
            if (match := pattern.search(key)) and len(shape) == 4:
                inner.setdefault((int(match[1]), int(match[2])), shape[0])
        if inner:
            stages = range(1, max(stage for stage, _ in inner) + 1)
            counts = tuple(sum(stage == number for stage, _ in inner) for number in stages)
            first = inner[min(inner)]
            if pattern is _DENSE_LAYER:
                return Dense(counts, first), stem // 2
            return Residual(counts, stem, any(key.endswith("layer1.0.conv3.weight") for key in shapes)), first
    return None


def _distance(found: tuple[Residual | Dense, int], size: Residual | Dense) -> tuple[int, ...]:
    """How much differs, the gravest first: kind, depth of the blocks, their counts, widths."""
    (mine, inner), theirs = found, size
    counts = zip_longest(mine[0], theirs[0], fillvalue=0)
    is_deep = [isinstance(one, Residual) and one.is_deep for one in (mine, theirs)]
    return (
        type(mine) is not type(theirs),
        is_deep[0] != is_deep[1],
        sum(abs(left - right) for left, right in counts),
        abs(mine[1] - theirs[1]),
        abs(inner - theirs[1]),
    )
