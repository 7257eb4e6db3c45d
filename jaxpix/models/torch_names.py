"""Where our networks keep what torchvision keeps under its names, and the layouts of either."""

from collections.abc import Container
from typing import Any

import numpy as np
from flax import nnx

COUNTER = "num_batches_tracked"
_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}

# What torchvision's DenseNet keeps in `features`, by our names.
_FEATURES = ("conv0", "norm0", "denseblocks", "transitions", "norm5")

Shape = tuple[int, ...]


def named_variables(model: nnx.Module) -> dict[str, tuple[tuple[Any, ...], Any]]:
    """Weights and running statistics by torchvision's names, each as its path in `model` and its variable."""
    flat = nnx.to_flat_state(nnx.state(model, (nnx.Param, nnx.BatchStat)))
    return {_torch_name(path): (path, variable) for path, variable in flat}


def torch_shapes(model: nnx.Module) -> dict[str, Shape]:
    """Shapes in torch's layout, by torchvision's names; a model of `nnx.eval_shape` will do."""
    return {name: torch_shape(variable.shape) for name, (_, variable) in named_variables(model).items()}


def first_and_last(names: Container[str]) -> tuple[str, str]:
    """Of a network's names, that of the first convolution's weights and that of the last layer."""
    is_dense = "features.conv0.weight" in names
    return ("features.conv0.weight", "classifier") if is_dense else ("conv1.weight", "fc")


def torch_shape(shape: Shape) -> Shape:
    """[height, width, in, out] to [out, in, height, width]; of matrices and vectors, the reverse."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]


def to_flax(array: np.ndarray) -> np.ndarray:
    """An array in torch's layout, in ours."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def to_torch(array: np.ndarray) -> np.ndarray:
    """An array in our layout, in torch's."""
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T)


def _torch_name(path: tuple[Any, ...]) -> str:
    *modules, leaf = path
    if modules[0] in _FEATURES:
        if modules[0] == "denseblocks":
            block, layer = modules[1:3]
            modules[:3] = [f"denseblock{block + 1}", f"denselayer{layer + 1}"]
        elif modules[0] == "transitions":
            modules[:2] = [f"transition{modules[1] + 1}"]
        modules.insert(0, "features")
    return ".".join(map(str, [*modules, _LEAVES[leaf]]))
