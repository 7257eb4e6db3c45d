"""Victims made of other frameworks' models; each framework is imported when it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from ..errors import InputError
from .classifier import Classifier, Weights
from .parity import largest_difference, shown_images
from .parts import Normalisation, Parts
from .probe import identify


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OtherFrameworks(Classifier):
    """The doors of a `Victim` for models of other frameworks.

    Attributes:
        victim_id: hash that changes when the weights or the meaning of the outputs change.
        provenance: where it came from (data set, split, versions, module), as JSON-able values.
    """

    victim_id: str
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)

    @classmethod
    def from_function(cls, *arguments: Any, **meaning: Any) -> Self:
        """See `Victim`, which has it."""
        raise NotImplementedError

    @classmethod
    def _from_parts(cls, parts: Parts, normalisation: Normalisation, **meaning: Any) -> Self:
        """Probed as any other function; `meaning` is for `from_function`."""

        def apply(weights: Weights, images: jax.Array) -> jax.Array:
            return parts.apply(weights, normalisation(images))

        weights = jax.device_put(parts.weights)
        victim = cls.from_function(apply, weights=weights, **{"name": parts.name, **meaning})
        marks = [np.frombuffer(parts.mark, np.uint8)] if parts.mark else []
        identity = [*parts.identity, normalisation.mean, normalisation.std, *marks]
        return dataclasses.replace(
            victim, victim_id=identify(victim.space, identity), provenance=dict(parts.provenance)
        )

    @classmethod
    def from_torch(
        cls,
        module: Any,
        *,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        output: int | str | None = None,
        images: np.ndarray | None = None,
        host: bool = False,
        **meaning: Any,
    ) -> Self:
        """Make a victim of any `torch.nn.Module`, translated into JAX and compared with torch.

        Args:
            module: takes float32 [B, C, H, W], `(image - mean) / std`. It is evaluated in evaluation mode and left in
                the mode that it was in.
            class_names, **meaning: as in `from_function`.
            input_shape: (H, W, C) of the images, not torch's order.
            mean, std: per channel, on the 0..255 scale; by default images arrive as they are, 0..255.
            output: number, key or attribute of the class scores, where the module returns several things.
            images: uint8 [B, H, W, C], compared besides the made-up ones.
            host: torch evaluates a copy of the module itself, on its own device: for what cannot be translated.

        Raises:
            InputError: torch is not installed, an operator has no translation (all are named), or outputs differ.
        """
        modules = _torch_modules()
        normalisation, shown = Normalisation(mean, std, input_shape[2]), shown_images(input_shape, images)
        parts = modules.parts_of(module, len(class_names), input_shape, output, host)
        meaning |= {"class_names": class_names, "input_shape": input_shape}
        victim = cls._from_parts(parts, normalisation, **meaning)
        said = modules.outputs_of(module, shown, normalisation, output)
        of_confidences = meaning.get("outputs") == "probabilities"
        difference = largest_difference(victim, shown, *said, of_confidences=of_confidences)
        provenance = {**victim.provenance, "largest_difference_from_torch": difference}
        return dataclasses.replace(victim, provenance=provenance)

    @classmethod
    def from_flax(
        cls,
        module: Any,
        variables: Mapping[str, Any] | None = None,
        *,
        input_shape: tuple[int, int, int],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        output: int | str | None = None,
        **meaning: Any,
    ) -> Self:
        """Make a victim of a Flax module, linen (with its variables) or NNX, in evaluation mode.

        It takes float32 [B, H, W, C]; the other arguments are as in `from_torch`.

        Raises:
            InputError: no way to evaluation mode was found, or the probe fails.
        """
        from . import flax_modules

        normalisation = Normalisation(mean, std, input_shape[2])
        parts = flax_modules.parts_of(module, variables, output)
        return cls._from_parts(parts, normalisation, input_shape=input_shape, **meaning)

    @classmethod
    def from_keras(
        cls,
        model: Any,
        *,
        input_shape: tuple[int, int, int],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        output: int | str | None = None,
        **meaning: Any,
    ) -> Self:
        """Make a victim of a Keras 3 model that runs on JAX; the other arguments are as in `from_torch`.

        Raises:
            InputError: Keras is absent or runs on another backend, or the probe fails.
        """
        from . import keras_models

        normalisation = Normalisation(mean, std, input_shape[2])
        parts = keras_models.parts_of(model, output)
        return cls._from_parts(parts, normalisation, input_shape=input_shape, **meaning)

    @classmethod
    def from_onnx(
        cls,
        path: str | Path,
        *,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        output: int | str | None = None,
        **meaning: Any,
    ) -> Self:
        """Make a victim of an ONNX file, which onnxruntime evaluates; the other arguments are as in `from_torch`.

        Args:
            path: the file; it takes floats, [B, C, H, W] or [B, H, W, C].
            class_names, **meaning: as in `from_function`.
            input_shape: (H, W, C) of the images, whatever the file's order.
            mean, std: per channel, on the 0..255 scale; by default images arrive as they are, 0..255.
            output: number or name of the class scores, where the file has several outputs.

        Raises:
            InputError: onnxruntime is absent or cannot read the file, it takes or gives something else, or the probe
                fails.
        """
        from . import onnx_models

        normalisation = Normalisation(mean, std, input_shape[2])
        parts = onnx_models.parts_of(Path(path), len(class_names), input_shape, output)
        meaning |= {"class_names": class_names, "input_shape": input_shape}
        return cls._from_parts(parts, normalisation, **meaning)


def _torch_modules() -> Any:
    try:
        from .torch import module
    except ModuleNotFoundError as error:
        raise InputError(f'from_torch needs torch ({error}): pip install "jaxpix[torch]"') from None
    return module
