"""`Victim.from_keras`: models of Keras 3 that run on JAX."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import numpy as np

from ..errors import InputError
from .parts import Parts, picked


def parts_of(model: Any, output: int | str | None) -> Parts:
    """What a victim needs of a Keras model that takes images [B, H, W, C].

    Raises:
        InputError: Keras is absent or runs on another backend, or the model has no weights yet.
    """
    try:
        import keras
    except ModuleNotFoundError as error:
        raise InputError(f"from_keras needs Keras 3 ({error}): pip install keras") from None
    name = type(model).__name__
    if not isinstance(model, keras.Model):
        raise InputError(f"from_keras takes a keras.Model, got {name}")
    if keras.backend.backend() != "jax":
        raise InputError(
            f"Keras runs on {keras.backend.backend()!r} here, expected 'jax': set the environment variable "
            "KERAS_BACKEND=jax before Keras is imported, and load the model again (a .keras file fits every backend)"
        )
    if not model.built:
        raise InputError(f"the Keras model {model.name!r} has no weights yet: build it, or call it once")
    weights = tuple(
        [jax.numpy.asarray(variable.value) for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )

    def apply(weights: Any, images: jax.Array) -> Any:
        outputs, _ = model.stateless_call(*weights, images, training=False)
        return picked(outputs, output, model.name)

    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(weights)]
    mark = hashlib.sha256(model.to_json().encode()).digest()
    provenance = {"framework": f"keras {keras.__version__}", "module": f"{type(model).__module__}.{name}"}
    return Parts(apply, weights, leaves, mark, provenance, model.name)
