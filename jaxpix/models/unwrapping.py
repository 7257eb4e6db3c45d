"""State dicts as people have them: in wrappers, behind prefixes, beside losses and optimisers, with heads renamed."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .torch_names import COUNTER, Shape

# Of torch.compile, FullyShardedDataParallel and activation checkpointing: they stand inside names, too.
_SHELLS = re.compile(r"(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)")
# A DenseNet's `features` alone, and a ResNet's children in an nn.Sequential: its layers by position.
_BARE_DENSENET = re.compile(r"(^|\.)((?:conv0|norm0|denseblock\d|transition\d|norm5)\.)")
_POSITIONAL_RESNET = re.compile(r"^(.*?)4\.0\.conv1\.weight$")
_POSITIONS = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# Copies that follow the trained network; it is taken before them where both fit.
_COPY = re.compile(r"ema|teacher|momentum|averaged|swa|target|encoder_k\b")
_BESIDE = re.compile(
    r"(^|[._])(loss(es)?|criterion|metrics?|acc(uracy)?|au(ro)?c|f1|confmat|optim(izer)?|scaler|ema|teacher)([._]|$)"
)
# torch's count of batches, and what profilers leave behind.
_COUNTS = (COUNTER, "total_ops", "total_params")
_DEPTH = 4


@dataclasses.dataclass(frozen=True)
class Opened:
    """What a checkpoint holds of one network.

    Attributes:
        state: by the network's own names, values as they were.
        unknown: weights that the network has no place for, likewise.
        notes: what was done to get there, for people.
    """

    state: dict[str, Any]
    unknown: dict[str, Any]
    notes: tuple[str, ...]


def open_checkpoint(
    content: Mapping[Any, Any], expected: Mapping[str, Shape], last: str, *, adapt: bool = False
) -> Opened:
    """Find the weights of one network in a checkpoint.

    Of all nested mappings of tensors, and all prefixes in them, those with most of the network's names are taken;
    of equals the first that is no moving average. What is no weight (counters, losses, metrics, another copy of
    the network) is left out; weights that belong to a network without a place in ours stay as `unknown`.

    Args:
        content: what was saved.
        expected: shapes in torch's layout, by the network's names.
        last: name of the last layer. Where all else fits, the only linear layer of its shape is taken for it.
        adapt: linear layers that are not the network's are other heads, and are left out.
    """
    found = [_Candidate(where, tensors, expected) for where, tensors in _mappings(content)]
    fitting = [candidate for candidate in found if candidate.matches[0]]
    if not fitting:
        return Opened({}, found[0].tensors if found else {}, ())
    most = max(candidate.matches for candidate in fitting)
    equals = [candidate for candidate in fitting if candidate.matches == most]
    chosen = min(equals, key=lambda candidate: any(map(_COPY.search, candidate.where)))
    notes = chosen.notes([other for other in equals if other is not chosen])
    state, rest = chosen.split(expected)
    head = _head(state, rest, expected, last)
    if head is not None:
        state |= {f"{last}.{leaf}": rest.pop(f"{head}.{leaf}") for leaf in ("weight", "bias")}
        notes.append(f"{head} is taken as the last layer")
    unknown = {key: value for key, value in rest.items() if not chosen.is_beside(key, expected, last, adapt)}
    left_out = [key for key in rest.keys() - unknown.keys() if key.rpartition(".")[2] not in _COUNTS]
    if left_out:
        notes.append(f"left out: {_listed(sorted(left_out))}")
    return Opened(state, unknown, tuple(notes))


class _Candidate:
    """One mapping of tensors, seen with the prefix behind which most of the network's names stand."""

    def __init__(self, where: tuple[str, ...], tensors: dict[str, Any], expected: Mapping[str, Shape]):
        self.where = where
        plain = {_OLD_DENSENET.sub(r"\1\2", _SHELLS.sub(r"\1", key)): tensors[key] for key in tensors}
        self._shelled = any(_SHELLS.search(key) for key in tensors)
        self.tensors = _named_as_torchvision(plain, expected)
        self._was_part = self.tensors is not plain
        names, shapes = Counter[str](), Counter[str]()
        for key, value in self.tensors.items():
            parts = key.split(".")
            for cut in range(len(parts)):
                shape = expected.get(".".join(parts[cut:]))
                if shape is not None:
                    prefix = "".join(f"{part}." for part in parts[:cut])
                    names[prefix] += 1
                    shapes[prefix] += tuple(value.shape) == shape
        # Names decide; of two copies with other heads, the one that has the network's shapes.
        self.matches = max(((names[prefix], shapes[prefix]) for prefix in names), default=(0, 0))
        prefixes = [prefix for prefix in names if (names[prefix], shapes[prefix]) == self.matches]
        self.prefix = min(prefixes, key=lambda prefix: bool(_COPY.search(prefix)), default="")
        self._others = tuple(prefix for prefix in prefixes if prefix != self.prefix)

    def notes(self, others: list["_Candidate"]) -> list[str]:
        """What was opened, stripped and chosen."""
        part = "layers that an nn.Sequential or a backbone has renamed are named as torchvision's"
        notes: tuple[tuple[Any, str], ...] = (
            (self.where, f"taken from {_path(self.where)}"),
            (others, f"{_listed([_path(other.where) for other in others])} would fit as well"),
            (self.prefix, f"the prefix {self.prefix!r} is removed"),
            (self._others, f"{_listed(list(map(repr, self._others)))} would fit as well"),
            (self._shelled, "torch.compile's _orig_mod and its like are removed"),
            (self._was_part, part),
        )
        return [note for applies, note in notes if applies]

    def split(self, expected: Mapping[str, Shape]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The network's tensors by its names, and the rest; what stands outside the prefix keeps its whole name."""
        state, rest = {}, {}
        for key, value in self.tensors.items():
            name = key.removeprefix(self.prefix)
            if key.startswith(self.prefix) and name in expected:
                state[name] = value
            else:
                rest[name] = value
        return state, rest

    def is_beside(self, key: str, expected: Mapping[str, Shape], last: str, adapt: bool) -> bool:
        """Whether a left-over tensor is no weight of a network: without it, ours computes what was trained."""
        if key.rpartition(".")[2] in _COUNTS:
            return True
        if key.split(".", maxsplit=1)[0] in {name.split(".")[0] for name in expected}:
            return adapt and key.startswith(f"{last}.")
        is_beside = key.startswith(self._others) or bool(_BESIDE.search(key.lower())) or self._is_buffer(key)
        return is_beside or (adapt and self._is_linear(key))

    def _siblings(self, key: str) -> dict[str, Any]:
        """The tensors of the same layer, by their last names."""
        parts = {name.removeprefix(self.prefix).rpartition("."): self.tensors[name] for name in self.tensors}
        return {leaf: value for (layer, _, leaf), value in parts.items() if layer == key.rpartition(".")[0]}

    def _is_linear(self, key: str) -> bool:
        weight = self._siblings(key).get("weight")
        return weight is not None and len(weight.shape) == 2

    def _is_buffer(self, key: str) -> bool:
        """Vectors and scalars that are no normalisation: class weights, counters, means of images."""
        siblings = self._siblings(key)
        is_layer = {"weight", "bias"} <= siblings.keys() or "running_mean" in siblings
        return not is_layer and all(len(value.shape) <= 1 for value in siblings.values())


def _named_as_torchvision(tensors: dict[str, Any], expected: Mapping[str, Shape]) -> dict[str, Any]:
    """The same tensors where their names are torchvision's, else renamed from those of two common idioms."""
    if "features.conv0.weight" in expected:
        if any("features." in key for key in tensors) or not any(map(_BARE_DENSENET.search, tensors)):
            return tensors
        return {_BARE_DENSENET.sub(r"\1features.\2", key, count=1): tensors[key] for key in tensors}
    first = next(filter(None, map(_POSITIONAL_RESNET.match, tensors)), None)
    if first is None or any("layer1." in key for key in tensors):
        return tensors
    renamed = {}
    for key, value in tensors.items():
        position, dot, rest = key.removeprefix(first[1]).partition(".")
        known = key.startswith(first[1]) and position in _POSITIONS
        renamed[f"{first[1]}{_POSITIONS[position]}{dot}{rest}" if known else key] = value
    return renamed


def _mappings(
    content: Mapping[Any, Any], where: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All mappings of names to tensors in a checkpoint, outer ones first, with where they stand."""
    tensors = {key: value for key, value in content.items() if isinstance(key, str) and _is_tensor(value)}
    if tensors:
        yield where, tensors
    for key, value in content.items():
        if isinstance(key, str) and isinstance(value, Mapping) and len(where) < _DEPTH:
            yield from _mappings(value, (*where, key))


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _head(
    state: Mapping[str, Any], rest: Mapping[str, Any], expected: Mapping[str, Shape], last: str
) -> str | None:
    """The only left-over linear layer of the last layer's shape, where nothing but the last layer is missing."""
    weight, bias = f"{last}.weight", f"{last}.bias"
    if expected.keys() - state.keys() != {weight, bias}:
        return None
    heads = [
        layer
        for layer, _, leaf in (key.rpartition(".") for key in rest)
        if leaf == "weight"
        and tuple(rest[f"{layer}.weight"].shape) == expected[weight]
        and f"{layer}.bias" in rest
        and tuple(rest[f"{layer}.bias"].shape) == expected[bias]
    ]
    return heads[0] if len(heads) == 1 else None


def _path(where: tuple[str, ...]) -> str:
    return repr(".".join(where)) if where else "the outermost names"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
