"""What an optimised program of XLA's GPU compiler runs: how many kernels of each kind, and the bytes they move."""

import dataclasses
import math
import re
from collections import defaultdict

_SHAPE = re.compile(r"(?:pred|(?:s|u|f|bf)(?P<bits>\d+))\[(?P<sizes>[\d,]*)\]")
_HEADER = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$")
# These name other instructions' results and run nothing.
_NO_KERNEL = {
    "parameter", "tuple", "get-tuple-element", "bitcast", "while", "constant", "call", "conditional", "iota",
}  # fmt: skip


@dataclasses.dataclass
class Kernels:
    """Kernels of one kind: how many stand in the program, and the bytes they read and write when each runs once."""

    count: int = 0
    moved: int = 0


def kernels_of(text: str) -> dict[str, Kernels]:
    """Kernels by kind, of every computation that is not fused into another; loop bodies count once.

    Kinds are `cuDNN`, `cuBLAS`, `Triton`, and XLA's own fusions by what they do ("loop_add_fusion").
    """
    computations: dict[str, list[tuple[str, str, str, str]]] = {}
    lines: list[tuple[str, str, str, str]] = []
    fused: set[str] = set()
    for line in text.splitlines():
        if header := _HEADER.match(line):
            lines = computations.setdefault(header[1], [])
        elif found := _INSTRUCTION.match(line):
            name, shape, operation, rest = found.groups()
            lines.append((name, shape, operation, rest))
            if operation not in _NO_KERNEL:
                fused |= set(re.findall(r"(?:calls|to_apply)=%?([\w.\-]+)", rest))
    kinds: dict[str, Kernels] = defaultdict(Kernels)
    for computation, instructions in computations.items():
        if computation in fused:
            continue
        shapes = {name: shape for name, shape, _, _ in instructions}
        for name, shape, operation, rest in instructions:
            if operation in _NO_KERNEL:
                continue
            operands = re.findall(r"%([\w.\-]+)", rest.split("), ")[0])
            kind = kinds[_kind(name, operation, rest)]
            kind.count += 1
            kind.moved += _bytes(shape) + sum(_bytes(shapes.get(operand, "")) for operand in operands)
    return dict(kinds)


def _kind(name: str, operation: str, rest: str) -> str:
    for kind, mark in (("cuDNN", '"__cudnn$'), ("cuBLAS", '"__cublas$'), ("Triton", "__triton")):
        if mark in rest:
            return kind
    return re.sub(r"[._]?\d+$", "", name) if operation == "fusion" else operation


def _bytes(shape: str) -> int:
    """Of all arrays in a type; a gather is taken to read its whole operand at most once."""
    return sum(
        int(array["bits"] or 8) // 8 * math.prod(map(int, filter(None, array["sizes"].split(","))))
        for array in _SHAPE.finditer(shape)
    )
