"""Label spaces: from logits to labels, and from names to label vectors and back."""

import dataclasses
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from .config import Task
from .errors import InputError, did_you_mean, listed

NORMAL = "Normal"


def label_text(names: Sequence[str]) -> str:
    """One label for people: its classes, or `Normal` for the empty set."""
    return ", ".join(names) if names else NORMAL


def aim_text(target: Sequence[str] | None) -> str:
    """What an attack is after: `untargeted`, or `to` the label of these classes."""
    return "untargeted" if target is None else f"to {label_text(target)}"


@dataclasses.dataclass(frozen=True)
class LabelSpace:
    """What the N outputs of a victim mean.

    A label is a boolean vector [N] everywhere: one-hot for `multiclass`, the set of present classes for
    `multilabel`, where the empty set is "Normal" (paper 3.3).

    Attributes:
        task: `multiclass` or `multilabel`.
        class_names: names of the outputs, in order.
        normal_classes: multiclass: which of them are no disease.
        threshold: multilabel: a class is present when its confidence is above this (gamma, 0.5).
    """

    task: Task
    class_names: tuple[str, ...]
    normal_classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not self.class_names:
            raise InputError("there must be at least one class name")
        places: dict[str, int] = {}
        for place, name in enumerate(self.class_names):
            if places.setdefault(name, place) != place:
                raise InputError(
                    f"class names must be distinct: {name!r} is that of outputs {places[name]} and {place} (from 0); "
                    "add something to one of them"
                )
        if self.task == "multiclass" and len(self.class_names) < 2:
            raise InputError(
                f"a multiclass victim needs at least 2 classes, got {list(self.class_names)}; "
                "one sigmoid output is task='multilabel' with the class that it is for, or, as z, two classes by "
                "jnp.concatenate([jnp.zeros_like(z), z], 1)"
            )
        for name in self.normal_classes:
            if name not in self.class_names:
                raise InputError(
                    f"normal class {name!r} is none of the classes {listed(self.class_names, 20)}"
                )
        if not 0 < self.threshold < 1:
            raise InputError(f"threshold must lie between 0 and 1, got {self.threshold}")

    def confidences(self, logits: ArrayLike) -> jax.Array:
        """Softmax or sigmoid of logits [..., N], float32 in 0..1."""
        return jax.nn.softmax(logits) if self.task == "multiclass" else jax.nn.sigmoid(logits)

    def labels(self, logits: ArrayLike) -> jax.Array:
        """Boolean label vectors [..., N] of logits [..., N]."""
        if self.task == "multiclass":
            return jax.nn.one_hot(jnp.argmax(logits, -1), len(self.class_names), dtype=bool)
        return self.confidences(logits) > self.threshold

    def names(self, label: Sequence[bool] | np.ndarray) -> tuple[str, ...]:
        """Names of the classes present in one label vector; empty means Normal (multi-label)."""
        return tuple(name for name, present in zip(self.class_names, label, strict=True) if present)

    def vector(self, names: Iterable[str]) -> np.ndarray:
        """Boolean vector [N] of class names.

        Raises:
            InputError: a name is unknown, or a multiclass label is not exactly one class.
        """
        names = list(names)
        for name in names:
            if name not in self.class_names:
                allowed = [*self.class_names, *([NORMAL] if self.task == "multilabel" else [])]
                hint = did_you_mean(name, allowed)
                raise InputError(f"unknown class {name!r}{hint}; allowed: {', '.join(allowed)}")
        if self.task == "multiclass" and len(names) != 1:
            raise InputError(f"a multiclass label is exactly one class, got {names}")
        return np.array([name in names for name in self.class_names])

    def parse(self, text: str) -> np.ndarray:
        """Boolean vector [N] of `class`, `class|class`, or (multi-label) `Normal`.

        Raises:
            InputError: see `vector`.
        """
        parts = [part.strip() for part in text.split("|")]
        if self.task == "multilabel" and len(parts) == 1 and parts[0] == NORMAL:
            parts = []
        return self.vector(parts)

    def from_stored(self, labels: np.ndarray) -> np.ndarray:
        """Boolean vectors [B, N] of stored labels: class numbers [B], or 0/1 vectors [B, N].

        Raises:
            InputError: a number or a shape that this space does not have.
        """
        labels = np.asarray(labels)
        count = len(self.class_names)
        if self.task == "multilabel" or labels.ndim == 2:
            if labels.ndim != 2 or labels.shape[1] != count:
                raise InputError(f"expected labels [B, {count}] of 0 and 1, got shape {list(labels.shape)}")
            if not np.isin(labels, (0, 1)).all():
                raise InputError("expected label vectors of 0 and 1, got other values")
            return labels.astype(bool)
        if labels.ndim != 1 or (labels.size and not np.issubdtype(labels.dtype, np.integer)):
            raise InputError(f"expected class numbers [B], got {labels.dtype} {list(labels.shape)}")
        if labels.size and (labels.min() < 0 or labels.max() >= count):
            raise InputError(
                f"expected class numbers 0..{count - 1}, got {int(labels.min())}..{int(labels.max())}"
            )
        return np.eye(count, dtype=bool)[labels]
