"""`Victim.from_onnx`: ONNX files, which onnxruntime evaluates, called from within JAX's programs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, first_line
from .parts import Parts, evaluated_outside, picked

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def parts_of(
    path: Path, num_outputs: int, input_shape: tuple[int, int, int], output: int | str | None
) -> Parts:
    """What a victim needs of an ONNX file that takes images [B, C, H, W] or [B, H, W, C].

    Raises:
        InputError: onnxruntime is absent or cannot read the file, or the model takes or gives something else.
    """
    network = _Network(path, input_shape, output)
    shape = network(np.zeros((2, *input_shape), np.float32)).shape
    if shape != (2, num_outputs):
        raise InputError(
            f"{path.name} gives {list(shape)} for 2 images, expected [2, {num_outputs}]: one score for each class"
        )
    digest = _digest(path)
    provenance = {
        "framework": f"onnxruntime {network.version}",
        "module": path.name,
        "route": "onnxruntime evaluates",
        "sha256": digest.hex(),
    }
    mark = b"" if output is None else str(output).encode()
    evaluate = evaluated_outside(network, num_outputs)
    return Parts(evaluate, (), [np.frombuffer(digest, np.uint8)], mark, provenance, path.stem)


class _Network:
    """The class scores of images [B, H, W, C]."""

    def __init__(self, path: Path, input_shape: tuple[int, int, int], output: int | str | None):
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise InputError(f'from_onnx needs onnxruntime ({error}): pip install "jaxpix[onnx]"') from None
        if not path.is_file():
            raise InputError(f"no ONNX file at {path}")
        try:
            self._session = onnxruntime.InferenceSession(
                path, providers=onnxruntime.get_available_providers()
            )
        except Exception as error:
            raise InputError(f"{path}: onnxruntime cannot read it: {first_line(error)}") from error
        self.version = onnxruntime.__version__
        self._name, self._output = path.name, output
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            listed = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise InputError(f"{path.name} takes {listed}, expected one input: a batch of images of floats")
        self._input, self._dtype = inputs[0].name, _TYPES[inputs[0].type]
        self._is_channels_last = _is_channels_last(inputs[0].shape, input_shape, path.name)
        # A file may have been written for batches of one size only.
        self._batch = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else None

    def __call__(self, images: Any) -> np.ndarray:
        """Normalised images float32 [B, H, W, C] to scores float32 [B, N]."""
        given = np.asarray(images).astype(self._dtype)
        if not self._is_channels_last:
            given = given.transpose(0, 3, 1, 2)
        given = np.ascontiguousarray(given)
        if self._batch is None:
            return self._scores(given)
        count, size = len(given), self._batch
        padded = np.concatenate([given, np.repeat(given[-1:], -count % size, 0)])
        parts = [self._scores(padded[start : start + size]) for start in range(0, count, size)]
        return np.concatenate(parts)[:count]

    def _scores(self, given: np.ndarray) -> np.ndarray:
        try:
            values: Sequence[Any] = self._session.run(None, {self._input: given})
        except Exception as error:
            raise InputError(
                f"{self._name} cannot take images {list(given.shape)}: {first_line(error)}"
            ) from error
        found: Any = values[0]
        if len(values) > 1 or self._output is not None:
            names = [one.name for one in self._session.get_outputs()]
            named: Mapping[str, Any] = dict(zip(names, values, strict=True))
            found = picked(values if isinstance(self._output, int) else named, self._output, self._name)
        return np.asarray(found, np.float32)


def _is_channels_last(found: Sequence[Any], input_shape: tuple[int, int, int], name: str) -> bool:
    """Where the file has its channels; a dimension that it leaves open has a name, or None, instead of a number."""
    height, width, channels = input_shape

    def fits(*wanted: int) -> bool:
        pairs = zip(found[1:], wanted, strict=True)
        return all(not isinstance(size, int) or size == number for size, number in pairs)

    if len(found) == 4 and fits(channels, height, width):
        return False
    if len(found) == 4 and fits(height, width, channels):
        return True
    raise InputError(
        f"{name} takes images {list(found)}, expected [B, {channels}, {height}, {width}] or [B, {height}, {width}, "
        f"{channels}]: input_shape is (H, W, C) = {tuple(input_shape)}"
    )


def _digest(path: Path) -> bytes:
    """SHA-256 of the file, and of those beside it that it names: larger weights lie in files of their own."""
    content = path.read_bytes()
    digest = hashlib.sha256(content)
    for beside in sorted(path.parent.iterdir()):
        if beside != path and beside.is_file() and beside.name.encode() in content:
            with beside.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.digest()
