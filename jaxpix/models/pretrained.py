"""Weights in torchvision's and timm's format, read into our models and written from them."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..errors import InputError
from .recognition import describe_weights
from .torch_names import COUNTER, Shape, first_and_last, named_variables, to_flax, to_torch, torch_shapes
from .unwrapping import Opened, open_checkpoint

# On the 0..255 scale; a grey image is normalised by the averages over the colours.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def load_torchvision(
    model: nnx.Module,
    checkpoint: Mapping[Any, Any],
    *,
    adapt: bool = False,
    on_notice: Callable[[str], None] | None = None,
) -> None:
    """Overwrite the weights and running statistics of `model` (in place) with torchvision's.

    Understood besides a state dict under torchvision's names: what `open_checkpoint` finds in wrappers, behind
    prefixes and beside other things, and the `norm.1` style of old DenseNet files.

    Args:
        model: a `ResNet` or `DenseNet` of the same structure.
        checkpoint: torchvision's names to NumPy arrays or torch tensors, in torch's layout.
        adapt: fit other data: a colour first layer is summed over its colours for grey images (a grey
            image shown in all three channels gives the same activations), and a last layer that is absent or for
            other classes is left as it is in `model`.
        on_notice: told what was opened, stripped, renamed and left out, if anything; by default it is a warning of
            the logger `jaxpix`, which Python prints unless told otherwise.

    Raises:
        InputError: keys are missing or left over, or a shape differs; names the key and both shapes, and the
            architecture that the weights look like.
    """
    expected = torch_shapes(model)
    first, last = first_and_last(expected)
    opened = open_checkpoint(checkpoint, expected, last, adapt=adapt)
    head = {f"{last}.weight", f"{last}.bias"}
    notes = list(opened.notes)
    absent = expected.keys() - opened.state.keys()
    if adapt and absent == head:
        notes.append("without a last layer, which starts at random")
        absent = set()
    if absent or opened.unknown:
        raise InputError(_other_network(sorted(absent), opened, expected))
    _fill(model, opened, expected, first if adapt else None, head if adapt else set())
    if notes:
        # Not a Python warning: those are errors in many a test suite, and nothing is wrong here.
        (on_notice or logging.getLogger("jaxpix").warning)(f"weights: {'; '.join(notes)}")


def _fill(
    model: nnx.Module, opened: Opened, expected: Mapping[str, Shape], summed: str | None, kept: set[str]
) -> None:
    """Overwrite what was found; `summed` over its colours for grey images, `kept` where the shape is another."""
    filled = []
    for key, (path, variable) in named_variables(model).items():
        if key not in opened.state:
            continue
        array = _array(opened.state[key], key)
        if key == summed and array.shape[1:2] == (3,) and expected[key][1] == 1:
            array = array.sum(1, keepdims=True)
        if array.shape == expected[key]:
            filled.append((path, variable.replace(jnp.asarray(to_flax(array)))))
        elif key not in kept:
            raise InputError(_mismatch(key, array.shape, opened, expected, key == summed))
    nnx.update(model, nnx.from_flat_state(filled))


def export_torchvision(model: nnx.Module) -> dict[str, np.ndarray]:
    """The weights of `model` under torchvision's names, in torch's layout; `load_state_dict` takes them."""
    exported = {}
    for key, (path, variable) in named_variables(model).items():
        exported[key] = to_torch(np.asarray(variable[...]))
        if path[-1] == "mean":
            exported[f"{key.rpartition('.')[0]}.{COUNTER}"] = np.zeros((), np.int64)
    return exported


def _array(value: Any, key: str) -> np.ndarray:
    try:
        # Of parameters as well as tensors, and of types that NumPy lacks.
        numbers = value.detach().float().numpy() if hasattr(value, "detach") else value
        return np.asarray(numbers, np.float32)
    except (TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise InputError(f"weights {key}: expected numbers, got {type(value).__name__}: {error}") from None


def _other_network(missing: list[str], opened: Opened, expected: Mapping[str, Shape]) -> str:
    unknown, looks = list(opened.unknown), _looks(opened, expected)
    what = "are of another architecture" if looks else "have keys that the network has no place for"
    return (
        f"the weights {what}: {len(missing)} keys missing{_first_of(missing)}, "
        f"{len(unknown)} unknown{_first_of(unknown)}{looks}"
    )


def _first_of(names: list[str]) -> str:
    return f" (first: {names[0]})" if names else ""


def _looks(opened: Opened, expected: Mapping[str, Shape]) -> str:
    """Which network the weights are of, where it is not the expected one."""
    shapes = {key: tuple(value.shape) for key, value in (opened.state | opened.unknown).items()}
    wanted, given = describe_weights(expected), describe_weights(shapes)
    return "" if wanted == given else f"; expected {wanted}, these look like {given}"


def _mismatch(key: str, got: Shape, opened: Opened, expected: Mapping[str, Shape], is_fitted: bool) -> str:
    message = (
        f"weights {key}: expected shape {list(expected[key])}, got {list(got)}{_looks(opened, expected)}"
    )
    if is_fitted and expected[key][1:2] != got[1:2]:
        message += "; only weights for 3 channels can be fitted, to images of 1 channel"
    return message
