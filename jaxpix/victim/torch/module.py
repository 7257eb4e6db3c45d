"""`Victim.from_torch`: any torch module, made a function of images in 0..255, and compared with torch."""

from __future__ import annotations

import contextlib
import copy
import hashlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

from ...errors import InputError, first_line
from ..classifier import Apply
from ..parts import Normalisation, Parts, picked
from .graph import Graph, export
from .host import evaluated_by_torch

_HOST = "or let torch evaluate the images itself: from_torch(…, host=True), which is correct and slower"


class _Logits(torch.nn.Module):
    """The user's module as one that gives a single tensor."""

    def __init__(self, inner: torch.nn.Module, output: int | str | None):
        super().__init__()
        self.inner, self.output = inner, output

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images float32 [B, C, H, W] to [B, N]."""
        return picked(self.inner(images), self.output, type(self.inner).__name__)


def parts_of(
    module: torch.nn.Module,
    num_outputs: int,
    input_shape: tuple[int, int, int],
    output: int | str | None,
    host: bool,
) -> Parts:
    """What a victim needs of a torch module; the module itself is left as it was.

    Raises:
        InputError: no module; it cannot take such images or gives no single tensor; or it has operators that have no
            translation, all of which are named.
    """
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch takes a torch.nn.Module, got {type(module).__name__}")
    name = type(module).__name__
    fn: Apply
    weights: Any = ()
    with _evaluating(module):
        whole = _Logits(module, output)
        _try_once(whole, input_shape, name)
        if host:
            fn, meaning = evaluated_by_torch(whole, num_outputs), repr(module)
        else:
            graph = _translated(whole, input_shape, name)
            fn, weights, meaning = graph, graph.weights, graph.text()
        arrays = [tensor.detach().float().cpu().numpy() for tensor in module.state_dict().values()]

    def apply(weights: Any, images: Any) -> Any:
        return fn(weights, jnp.transpose(images, (0, 3, 1, 2)))

    provenance = {
        "framework": f"torch {torch.__version__}",
        "module": f"{type(module).__module__}.{type(module).__qualname__}",
        "route": "torch evaluates" if host else "translated into JAX",
    }
    return Parts(apply, weights, arrays, hashlib.sha256(meaning.encode()).digest(), provenance, name)


def _translated(whole: _Logits, input_shape: tuple[int, int, int], name: str) -> Graph:
    graph = export(whole, input_shape)
    missing = graph.untranslated()
    if missing:
        raise InputError(
            f"{name} has operators that jaxpix cannot translate into JAX: {', '.join(missing)}. Replace them in the "
            f"module, {_HOST}"
        )
    return graph


@contextlib.contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """In evaluation mode for a while; each part of the module gets its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _try_once(whole: _Logits, input_shape: tuple[int, int, int], name: str) -> None:
    height, width, channels = input_shape
    device = next(whole.parameters(), torch.zeros(0)).device
    try:
        with torch.no_grad():
            whole(torch.zeros(2, channels, height, width, device=device))
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name} cannot take images float32 [2, {channels}, {height}, {width}] (input_shape is (H, W, C) = "
            f"{tuple(input_shape)}): {first_line(error)}"
        ) from error


def outputs_of(
    module: torch.nn.Module, images: np.ndarray, normalisation: Normalisation, output: int | str | None
) -> tuple[np.ndarray, np.ndarray]:
    """What torch says of images [B, H, W, C], float32 [B, N], and by how much its rounding changes that, [B].

    On a GPU without TF32.
    """
    given = np.asarray(normalisation(images.astype(np.float32))).transpose(0, 3, 1, 2)
    shaken = given * (1 + np.random.default_rng(0).uniform(-2, 2, given.shape) * np.finfo(np.float32).eps)
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        with _evaluating(module):
            whole = _Logits(module, output)
            said = _say(whole, given.astype(np.float32))
            others = [_say(whole, shaken.astype(np.float32))]
            # Not every module can be made one of double precision.
            with contextlib.suppress(Exception):
                others.append(_say(copy.deepcopy(whole).double(), given.astype(np.float64)))
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
    return said, np.max([np.abs(other - said).max(1) for other in others], 0)


def _say(whole: _Logits, images: np.ndarray) -> np.ndarray:
    device = next(whole.parameters(), torch.zeros(0)).device
    with torch.no_grad():
        return whole(torch.from_numpy(np.ascontiguousarray(images)).to(device)).float().cpu().numpy()
