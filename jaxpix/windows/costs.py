"""What evaluating a candidate costs, operation by operation, and where to switch from windows to whole maps.

A model of time, not a measurement: multiplications at the rate of the device's matrix products plus bytes at
the rate of its memory.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import jax

from ..errors import InputError
from .constants import recorded, recorded_maps, suited_to_winograd
from .interpreter import Interpreter, some_pixels
from .rules import ELEMENTWISE
from .values import NoRuleError

if TYPE_CHECKING:
    from ..pixels import Pixels
    from .network import Network
    from .programs import Equation, Program
    from .values import Windows


@dataclasses.dataclass(frozen=True)
class Device:
    """Rates that an operation may hope for.

    Attributes:
        operations: floating-point operations per second of a convolution.
        bandwidth: bytes per second of memory.
        number: bytes of one feature.
        has_table: windows are copied into a table before they are read; see `places`.
    """

    operations: float
    bandwidth: float
    number: int
    has_table: bool = False

    def seconds(self, operations: float, features: float) -> float:
        """Of computing, and of reading or writing features."""
        return operations / self.operations + features * self.number / self.bandwidth

    def seconds_of_read(self, windows: float, features: float) -> float:
        """Of fetching features, some of them from windows: each is read where it is, and written together."""
        # The table is a copy of the windows, read and written once more. The base is in it for all candidates.
        copied = 2 * windows if self.has_table else 0
        return self.seconds(0, copied + 2 * features)


# Orders of magnitude; only their ratio moves the switch.
CPU = Device(1.5e11, 1.5e10, 4, has_table=True)
GPU = {
    "float32": Device(4e13, 2.5e12, 4),
    "tfloat32": Device(2e14, 2.5e12, 4),
    "bfloat16": Device(5e14, 2.5e12, 2),
}
_NAMES = "erf erfc exp exp2 expm1 log log1p logistic pow sin cos tan tanh erf_inv lgamma digamma"
_SLOW = frozenset(_NAMES.split())
_OPERATIONS_OF_SLOW = 20
# 16 products instead of 36, and the transforms. This and the next number were chosen so that the switch came near the
# best of a few tried for ResNet50 and DenseNet121 on one CPU; neither was measured by itself.
_WINOGRAD = 0.5
_PASTE = 2.0


def work_of(
    program: Program, equation: Equation, *, saved: float = 1.0, ends: bool = True
) -> tuple[float, float]:
    """Operations of one image on whole maps, and features read and written.

    Args:
        saved: share of a convolution's operations that its form needs.
        ends: whether it is the last of a chain of element-wise operations.
    """
    dependent = [n for n in equation.reads if n in program.dependent]
    result = sum(math.prod(program.shapes[n].shape) for n in equation.outputs)
    given = sum(math.prod(program.shapes[n].shape) for n in dependent)
    if equation.name in ELEMENTWISE:
        # A chain of them is one pass over the map, counted where it ends; where two come together, both are read.
        each = _OPERATIONS_OF_SLOW if equation.name in _SLOW else 1
        return float(each * result), float(result * (len(dependent) - 1 + ends))
    if equation.name == "conv_general_dilated":
        kernel = program.shapes[equation.reads[-1]].shape
        out = equation.params["dimension_numbers"].rhs_spec[0]
        # A multiplication and an addition for each weight. Weights serve all candidates and count for nothing.
        return saved * 2.0 * result * math.prod(kernel) / kernel[out], float(given + result)
    if equation.name == "dot_general":
        left = program.shapes[equation.reads[0]].shape
        contracted = math.prod(left[axis] for axis in equation.params["dimension_numbers"][0][0])
        return 2.0 * result * contracted, float(given + result)
    if equation.name.startswith("reduce_window"):
        return float(result * math.prod(equation.params["window_dimensions"])), float(given + result)
    if equation.name in ("reshape", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "split"):
        return 0.0, 0.0
    return float(given), float(given + result)


class Plan:
    """Modelled seconds per candidate for each equation before which windows may be pasted.

    Args:
        network: the function, traced.
        weights: what it is called with.
        num_pixels: K.
        device: what it will run on.
        limited: stop where windows cover more positions than their maps have, behind which nothing can be saved.

    Attributes:
        costs: by the number of equations on windows; 0: none.
    """

    def __init__(
        self, network: Network, weights: Any, num_pixels: int, device: Device, *, limited: bool = True
    ):
        program = self._program = network.one
        self._device = device
        suited = suited_to_winograd(program)
        self._ends = _ends_of_chains(program)
        self._behind = [0.0]
        for number, equation in reversed(list(enumerate(program.equations))):
            seconds = 0.0
            if program.depends(equation):
                saved = _WINOGRAD if number in suited else 1.0
                seconds = device.seconds(*work_of(program, equation, saved=saved, ends=number in self._ends))
            self._behind.append(self._behind[-1] + seconds)
        self._behind.reverse()
        self.costs = {0: self._behind[0]}
        constants = recorded(jax.eval_shape(network.constants, weights))
        base = recorded_maps(program)
        pixels = some_pixels(num_pixels, network.image_shape[2])

        def follow(pixels: Pixels) -> None:
            self._follow(Interpreter(program, constants, base, pixels, self._on_read), limited)

        self._seconds = 0.0
        jax.eval_shape(follow, pixels)

    def _on_read(self, windows: int, features: int) -> None:
        self._seconds += self._device.seconds_of_read(windows, features)

    def _follow(self, interpreter: Interpreter, limited: bool) -> None:
        program, last_use = self._program, _last_uses(self._program)
        alive: set[int] = {program.images}
        try:
            for number in interpreter.steps(len(program.equations)):
                equation = program.equations[number]
                alive.update(equation.outputs)
                alive = {n for n in alive if last_use.get(n, -1) > number}
                share = max(map(_share, (interpreter.values[n] for n in equation.outputs)))
                if limited and share >= 1:
                    return
                operations, features = work_of(program, equation, ends=number in self._ends)
                self._seconds += self._device.seconds(operations * share, features * share)
                pasting = sum(self._seconds_of_paste(interpreter.values[n]) for n in alive)
                self.costs[number + 1] = self._seconds + pasting + self._behind[number + 1]
        except NoRuleError:
            pass

    def _seconds_of_paste(self, windows: Windows) -> float:
        own = windows.values.size // windows.values.shape[0]
        return _PASTE * self._device.seconds_of_read(own, math.prod(windows.shape))

    def best(self, *, least: int = 0) -> int:
        """The cheapest number of equations on windows, of those from `least` on."""
        return min((n for n in self.costs if n >= least), key=self.costs.__getitem__, default=0)

    def behind(self, scope: str) -> int:
        """The number of equations on windows where `scope` is the last one computed so.

        Raises:
            InputError: no such scope, or windows do not get so far.
        """
        scopes = [equation.scope for equation in self._program.equations]
        reached = list(self.costs)[1:]
        within = [
            n
            for n, name in enumerate(scopes, 1)
            if name == scope or name.startswith((f"{scope}/", f"{scope}."))
        ]
        if not within:
            names = list(dict.fromkeys(filter(None, (scopes[n - 1] for n in reached))))
            raise InputError(
                f"switch: unknown layer {scope!r}; allowed: {', '.join(names) or 'none has a name'}"
            )
        equations = enumerate(self._program.equations[: within[-1]], 1)
        last = max((n for n, equation in equations if self._program.depends(equation)), default=0)
        if last < within[0] or last not in self.costs:
            where = f", in {scopes[reached[-1] - 1]!r}" if reached and scopes[reached[-1] - 1] else ""
            raise InputError(f"switch: windows end before {scope!r} does{where}")
        return last


def _share(windows: Windows) -> float:
    """Positions in a candidate's windows, as a share of the map's."""
    return math.prod(windows.values.shape[1:4]) / max(1, math.prod(windows.size))


def _ends_of_chains(program: Program) -> set[int]:
    """Equations whose results something else than an element-wise operation reads."""
    read = {n for equation in program.equations if equation.name not in ELEMENTWISE for n in equation.reads}
    return {
        number for number, equation in enumerate(program.equations) if read.intersection(equation.outputs)
    }


def _last_uses(program: Program) -> dict[int, int]:
    """The last equation that reads each variable; the outputs are read at the end."""
    uses = {n: number for number, equation in enumerate(program.equations) for n in equation.reads}
    if isinstance(program.outputs, int):
        uses[program.outputs] = len(program.equations)
    return uses
