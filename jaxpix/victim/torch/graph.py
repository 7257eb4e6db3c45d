"""A torch module as a pure JAX function: its exported graph, walked operator by operator."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from ...errors import InputError, first_line
from . import elementwise, layers, norms, pools, reductions, shapes

_TABLES = (elementwise, reductions, shapes, norms, layers, pools)
TABLE = {name: operator for module in _TABLES for name, operator in module.TABLE.items()}
_ATEN = "aten."
# What only checks sizes that JAX knows when it traces.
_IGNORED = ("_assert", "sym_constrain", "_assert_tensor_metadata")


@dataclasses.dataclass(frozen=True)
class _Ref:
    """The value of that name: a weight, the images, or what an earlier step gave."""

    name: str


@dataclasses.dataclass(frozen=True)
class _Step:
    """One operator of the graph.

    Attributes:
        name: of its value.
        operator: its name in torch, `aten.conv2d.default`.
        function: what computes it here; None where there is no translation.
        scope: path of the module it belongs to, `layer1.0.conv1`.
    """

    name: str
    operator: str
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    scope: str


@dataclasses.dataclass(frozen=True)
class Graph:
    """A module, exported: `weights` by their names in the module, then the steps in order.

    Attributes:
        weights: NumPy arrays, those that the graph reads.
        any_batch: it takes batches of any size; else exactly one image.
    """

    weights: dict[str, np.ndarray]
    steps: list[_Step]
    images: str
    names: Mapping[str, str]
    output: Any
    any_batch: bool

    def untranslated(self) -> list[str]:
        """Operators without a translation, each once, with the module that uses it first."""
        missing: dict[str, str] = {}
        for step in self.steps:
            if step.function is None:
                missing.setdefault(step.operator, step.scope)
        return [f"{operator} ({scope or 'forward'})" for operator, scope in missing.items()]

    def text(self) -> str:
        """What it computes, apart from the weights."""
        return repr([(step.operator, step.args, dict(step.kwargs)) for step in self.steps])

    def __call__(self, weights: Mapping[str, Any], images: jax.Array) -> Any:
        """The module's output for normalised images [B, C, H, W]."""
        if self.any_batch:
            return self._run(weights, images)
        return jax.vmap(lambda image: self._run(weights, image[None])[0])(images)

    def _run(self, weights: Mapping[str, Any], images: jax.Array) -> Any:
        values: dict[str, Any] = {name: weights[weight] for name, weight in self.names.items()}
        values[self.images] = images
        for step in self.steps:
            assert step.function is not None, "untranslated operators were refused"
            args, kwargs = _filled((step.args, dict(step.kwargs)), values)
            with jax.named_scope(step.scope or "forward"):
                values[step.name] = step.function(*args, **kwargs)
        return _filled(self.output, values)


def export(module: torch.nn.Module, input_shape: tuple[int, int, int]) -> Graph:
    """The graph of a module in evaluation mode whose output is one tensor.

    Args:
        module: takes float32 [B, C, H, W]; `inner` in it is the user's.
        input_shape: (H, W, C).

    Raises:
        InputError: torch cannot export it.
    """
    height, width, channels = input_shape
    device = next(module.parameters(), torch.zeros(0)).device
    batch = torch.export.Dim("batch", min=1, max=2**30)
    failure: Exception | None = None
    # A batch of any size; a module that counts its images is exported for one and mapped.
    for size, shapes_ in ((2, ({0: batch},)), (1, None)):
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                images = torch.zeros(size, channels, height, width, device=device)
                program = torch.export.export(module, (images,), dynamic_shapes=shapes_, strict=False)
                return _graph(program.run_decompositions(_decompositions()), any_batch=shapes_ is not None)
        except Exception as error:
            failure = failure or error
    assert failure is not None
    raise InputError(
        f"torch.export cannot follow {type(module.inner).__name__}: {first_line(failure)}. Change the module, or "
        "let torch evaluate the images itself: from_torch(…, host=True)"
    ) from failure


@functools.cache
def _decompositions() -> Any:
    """torch's way from its many operators to a few, without those that are translated as they are."""
    table = torch.export.default_decompositions()
    for operator in list(table.keys()):
        if translation(str(operator)) is not None:
            table.pop(operator)
    return table


def translation(operator: str) -> Callable[..., Any] | None:
    """The JAX function for `aten.NAME.OVERLOAD`, by the whole name or else by NAME; None if there is none."""
    if not operator.startswith(_ATEN) or operator.endswith("out"):
        return None
    name = operator.removeprefix(_ATEN)
    return TABLE.get(name) or TABLE.get(name.rpartition(".")[0])


def _graph(program: Any, *, any_batch: bool) -> Graph:
    signature = program.graph_signature
    tensors = {**program.state_dict, **program.constants}
    sources = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    used = {node.name for node in program.graph.nodes if node.op == "placeholder" and node.users}
    names = {name: _short(source) for name, source in sources.items() if name in used}
    weights = {names[name]: _array(tensors[source]) for name, source in sources.items() if name in used}
    steps = [_step(node) for node in program.graph.nodes if node.op == "call_function" and not _ignored(node)]
    (output,) = (node for node in program.graph.nodes if node.op == "output")
    return Graph(weights, steps, signature.user_inputs[0], names, _plain(output.args[0][-1]), any_batch)


def _ignored(node: Any) -> bool:
    return any(word in str(node.target) for word in _IGNORED)


def _short(path: str) -> str:
    """A path within the user's own module, which is `inner` in ours."""
    return "" if path == "inner" else path.removeprefix("inner.")


def _array(tensor: torch.Tensor) -> np.ndarray:
    """As JAX keeps it: float32, int32 or bool."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        return tensor.float().numpy().copy()
    return tensor.numpy().copy() if tensor.dtype == torch.bool else tensor.to(torch.int32).numpy()


def _step(node: Any) -> _Step:
    if isinstance(node.target, torch._ops.OpOverload):
        operator = str(node.target)
        function = translation(operator)
    else:
        # Arithmetic with sizes, and the parts of tuples: Python's own operators.
        operator = getattr(node.target, "__name__", str(node.target))
        function = None if isinstance(node.target, torch._ops.HigherOrderOperator) else node.target
    stack = list(node.meta.get("nn_module_stack", {}).values())
    scope = _short(stack[-1][0]) if stack else ""
    kwargs = {key: _plain(value) for key, value in node.kwargs.items()}
    return _Step(node.name, operator, function, tuple(map(_plain, node.args)), kwargs, scope)


def _plain(value: Any) -> Any:
    """An argument of the graph without torch's types."""
    if isinstance(value, torch.fx.Node):
        return _Ref(value.name)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, torch.dtype):
        return _dtype(value)
    return None if isinstance(value, torch.device | torch.layout | torch.memory_format) else value


def _dtype(dtype: torch.dtype) -> Any:
    if dtype == torch.bool:
        return jnp.bool_
    return jnp.float32 if dtype.is_floating_point else jnp.int32


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """The same with what has been computed in the places of references."""
    if isinstance(value, _Ref):
        return values[value.name]
    if isinstance(value, list | tuple):
        return type(value)(_filled(part, values) for part in value)
    return {key: _filled(part, values) for key, part in value.items()} if isinstance(value, dict) else value
