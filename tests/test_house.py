"""The house keeps its limits: the contract of the rooms, and sizes that a reader can hold in mind.

Chains and imports are those of the package's own modules, wherever in a module they stand. Imports under
`if TYPE_CHECKING:` do not count, as nothing is imported by them when the code runs; how many there are is reported.
What a door imports by its name from a table (`jaxpix.__main__`) does not count either: one of them a run.
"""

import ast
import functools
import graphlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from architecture_imports import Module, read_modules

ROOT = Path(__file__).resolve().parents[1]
MODULES_AT_THE_TOP = 12
CHAIN = 11
IMPORTS_PER_MODULE = 3.5
LINES_OF_A_FILE = 250
LINES_OF_A_FUNCTION = 45


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    return read_modules(ROOT / "jaxpix")


def longest_chain(modules: dict[str, Module]) -> list[str]:
    @functools.cache
    def below(name: str) -> list[str]:
        return [name, *max((below(other) for other in sorted(modules[name].imports)), key=len, default=[])]

    return max((below(name) for name in sorted(modules)), key=len)


def too_long(lines: dict[str, int], limit: int) -> str:
    """What is longer than the limit, the longest first."""
    return "\n".join(
        f"{name}: {count} lines, not {limit}"
        for name, count in sorted(lines.items(), key=lambda item: -item[1])
        if count > limit
    )


def test_the_contract_of_the_rooms() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_imports_go_in_a_circle(modules: dict[str, Module]) -> None:
    sorter = graphlib.TopologicalSorter(
        {name: {*module.imports, *module.for_types} for name, module in modules.items()}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        pytest.fail(" < ".join(error.args[1]))


def test_chains_are_short(modules: dict[str, Module]) -> None:
    chain = longest_chain(modules)
    assert len(chain) <= CHAIN, f"{len(chain)} modules, not {CHAIN}: {' > '.join(chain)}"


def test_modules_import_few_others(
    modules: dict[str, Module], record_property: Callable[[str, object], None]
) -> None:
    imports = {name: len(module.imports) for name, module in modules.items()}
    for_types = sum(len(module.for_types) for module in modules.values())
    record_property("imports for types", for_types)
    most = sorted(imports, key=lambda name: -imports[name])[:10]
    assert sum(imports.values()) <= IMPORTS_PER_MODULE * len(imports), (
        f"{sum(imports.values()) / len(imports):.2f} a module, not {IMPORTS_PER_MODULE} "
        f"({for_types} for types not counted); most in {', '.join(f'{name} {imports[name]}' for name in most)}"
    )


def test_few_modules_stand_at_the_top() -> None:
    names = sorted(path.stem for path in (ROOT / "jaxpix").glob("*.py"))
    assert len(names) <= MODULES_AT_THE_TOP, ", ".join(names)


def test_files_are_short(modules: dict[str, Module]) -> None:
    lines = {name: len(module.text.splitlines()) for name, module in modules.items()}
    found = too_long(lines, LINES_OF_A_FILE)
    assert not found, found


def test_functions_are_short(modules: dict[str, Module]) -> None:
    lines = {
        f"{name}.{node.name}": node.end_lineno - node.lineno + 1
        for name, module in modules.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    found = too_long(lines, LINES_OF_A_FUNCTION)
    assert not found, found


def test_the_test_files_that_begin_first_are_there() -> None:
    program = ast.parse((ROOT / "tests" / "conftest.py").read_text())
    (longest,) = (
        ast.literal_eval(node.value)
        for node in program.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LONGEST"
    )
    assert [name for name in longest if not (ROOT / "tests" / name).is_file()] == []
