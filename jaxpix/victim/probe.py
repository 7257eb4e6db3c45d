"""What a model must show before it is attacked: a made-up batch, evaluated and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError, first_line

if TYPE_CHECKING:
    from ..config import Task
    from ..labels import LabelSpace

IGNORES_IMAGES = "its output does not depend on the image"

_PROBE_IMAGES = 6


def logits_of(probabilities: jax.Array, task: Task) -> jax.Array:
    """Logits whose softmax or sigmoid gives these probabilities back."""
    tiny = jnp.finfo(jnp.float32).tiny
    if task == "multiclass":
        return jnp.log(jnp.maximum(probabilities, tiny))
    return jnp.log(jnp.maximum(probabilities, tiny)) - jnp.log(jnp.maximum(1 - probabilities, tiny))


def identify(space: LabelSpace, arrays: Sequence[np.ndarray]) -> str:
    """Hash of a label space and arrays, 16 hexadecimal digits."""
    digest = hashlib.sha256(repr(space).encode())
    for array in arrays:
        digest.update(str((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def probe(
    logits_fn: Callable[[np.ndarray], jax.Array | np.ndarray],
    space: LabelSpace,
    input_shape: tuple[int, int, int],
    name: str,
    *,
    refuse_probabilities: bool,
) -> np.ndarray:
    """Evaluate a few made-up images and check what comes back; returns the logits [6, N].

    Raises:
        InputError: the model fails on images of this shape; a wrong shape, non-finite values, probabilities, or
            outputs that depend on the batch.
    """
    height, width, channels = input_shape
    images = made_up(input_shape)
    try:
        logits = np.asarray(logits_fn(images))
    except (InputError, jax.errors.JaxRuntimeError):
        raise
    except Exception as error:
        raise InputError(
            f"victim {name!r} cannot take images [B, {height}, {width}, {channels}]: {_reason(error)}"
        ) from error
    _check_shape(logits, space, name)
    if not np.isfinite(logits).all():
        raise InputError(f"victim {name!r}: outputs of a probe batch are not all finite")
    sums_to_one = space.task == "multilabel" or bool(np.allclose(logits.sum(1), 1, atol=1e-3))
    if refuse_probabilities and logits.min() >= 0 and logits.max() <= 1 and sums_to_one:
        raise InputError(
            f"victim {name!r}: expected logits, got what looks like probabilities (all in 0..1); "
            'return the values before softmax or sigmoid, or say outputs="probabilities" '
            '(outputs="logits" if they really are logits)'
        )
    alone = np.concatenate([np.asarray(logits_fn(image[None])) for image in images[-2:]])
    if not np.allclose(alone, logits[-2:], rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(logits).max()))):
        raise InputError(
            f"victim {name!r}: the output of an image changes with the other images of its batch; "
            "is a batch normalisation in training mode?"
        )
    return logits


def _advice(logits: np.ndarray, space: LabelSpace) -> str:
    """What to do about outputs that are one number an image."""
    if logits.size != _PROBE_IMAGES:
        return ""
    if len(space.class_names) == 1:
        return "; return outputs[:, None]" if logits.ndim == 1 else "; return outputs.reshape(-1, 1)"
    column = "z" if logits.ndim == 2 else "z[:, None]"
    return (
        "; one sigmoid output z is task='multilabel' with one class name, or two classes by "
        f"jnp.concatenate([jnp.zeros_like({column}), {column}], 1)"
    )


def _reason(error: Exception) -> str:
    """What it says, and what to do about a Flax module that is not in evaluation mode."""
    kind, said = type(error).__name__, first_line(error)
    if kind == "TraceContextError":
        return f"is it an nnx module in training mode? Call its eval(), or use Victim.from_flax. Flax says: {said}"
    if kind in ("ModifyScopeVariableError", "InvalidRngError"):
        return (
            "is it a linen module in training mode? Apply it in evaluation mode, or use Victim.from_flax(module, "
            f"variables). Flax says: {said}"
        )
    return said


def check_function(fn: Any, name: str) -> None:
    """Refuse what is no JAX function.

    Raises:
        InputError: it is a torch module.
    """
    if any(kind.__module__ == "torch.nn.modules.module" for kind in type(fn).__mro__):
        raise InputError(
            f"victim {name!r}: expected a JAX function, got a torch module ({type(fn).__name__}); use "
            "Victim.from_torch(module, …)"
        )


def checked_output(output: Any, name: str) -> Any:
    """What a user's function returned, if it is one array.

    Raises:
        InputError: it is several things.
    """
    if hasattr(output, "shape"):
        return output
    parts = f" of {len(output)}" if isinstance(output, list | tuple | Mapping) else ""
    raise InputError(
        f"victim {name!r}: expected one array [B, N] of class scores, got a {type(output).__name__}{parts}; return "
        "the scores alone, as in `lambda images: model(images)[0]`. A linen module returns a tuple when "
        "it is applied with `mutable`: leave that out, or use Victim.from_flax(module, variables)"
    )


def made_up(shape: tuple[int, int, int]) -> np.ndarray:
    """Black, white and noise, uint8 [6, H, W, C]."""
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (_PROBE_IMAGES - 2, *shape))
    return np.stack([np.zeros(shape), np.full(shape, 255), *noise]).astype(np.uint8)


def _check_shape(logits: np.ndarray, space: LabelSpace, name: str) -> None:
    expected = (_PROBE_IMAGES, len(space.class_names))
    if logits.shape != expected:
        raise InputError(
            f"victim {name!r}: expected outputs {list(expected)} for {_PROBE_IMAGES} images and "
            f"{expected[1]} classes, got {list(logits.shape)}{_advice(logits, space)}"
        )


def check_finite(logits: np.ndarray, image_ids: Sequence[str], name: str) -> None:
    """Refuse a victim that has no answer for an image which nobody has changed yet.

    Args:
        logits: [B, N], of untouched images.
        image_ids: names [B].
        name: what reports call the victim.

    Raises:
        InputError: a value is NaN or infinite; names the first such image.
    """
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if bad.size:
        more = f" and {bad.size - 1:,} more" if bad.size > 1 else ""
        raise InputError(
            f"victim {name!r}: expected finite outputs, got {logits[bad[0]].tolist()} for the untouched image "
            f"{image_ids[bad[0]]!r}{more}"
        )
