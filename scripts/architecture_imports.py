"""Reads from its code who imports whom in a package. Only the standard library is used; nothing is imported."""

import ast
import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Module:
    """A module of a package, and the other modules of the package that it imports, wherever in it.

    Attributes:
        path, text, tree: its code.
        imports: what it imports when it runs.
        named: what it imports by a name that stands in a table, such as the doors of a command.
        for_types: what stands under `if TYPE_CHECKING:` alone; nothing of that is imported when it runs.
    """

    path: Path
    text: str
    tree: ast.Module
    imports: frozenset[str]
    named: frozenset[str]
    for_types: frozenset[str]


def read_modules(package: Path) -> dict[str, Module]:
    """Every module of a package by its whole name; a folder's `__init__` has the folder's name."""
    paths = {_module_name(path, package): path for path in sorted(package.rglob("*.py"))}
    return {name: _read(name, path, set(paths)) for name, path in paths.items()}


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(name: str, path: Path, modules: set[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    here = name if path.name == "__init__.py" else name.rpartition(".")[0]
    typing = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    imports = {
        target
        for node in ast.walk(tree)
        if node not in typing
        for target in _imported(node, here, modules) - {name}
    }
    for_types = {target for node in typing for target in _imported(node, here, modules)}
    named = set(_named(tree, here, modules))
    return Module(path, text, tree, frozenset(imports), frozenset(named), frozenset(for_types - imports))


def _imported(node: ast.AST, here: str, modules: set[str]) -> set[str]:
    """Modules of the package that one statement in the folder `here` imports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & modules
    if not isinstance(node, ast.ImportFrom):
        return set()
    source = importlib.util.resolve_name("." * node.level + (node.module or ""), here)
    wholes = {f"{source}.{alias.name}" for alias in node.names}
    return (wholes | {source} if wholes - modules else wholes) & modules


def _named(tree: ast.Module, here: str, modules: set[str]) -> Iterator[str]:
    if not any(isinstance(node, ast.Attribute) and node.attr == "import_module" for node in ast.walk(tree)):
        return
    for node in ast.walk(tree):
        for word in (*node.keys, *node.values) if isinstance(node, ast.Dict) else ():
            if isinstance(word, ast.Constant) and f"{here}.{word.value}" in modules:
                yield f"{here}.{word.value}"
