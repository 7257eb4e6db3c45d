"""What must never be in the package: readers that can run what they read, shells, and unpacking to disk."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "jaxpix"
_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}
_CALLS = {"eval", "exec", "extractall", "unpack_archive", "system", "popen"}


def findings(source: str) -> Iterator[str]:
    """Lines that could run what is read."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names.append(getattr(node, "module", None) or "")
            yield from (f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in _MODULES)
        if isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {problem}" for problem in _of_call(node))


def _of_call(node: ast.Call) -> Iterator[str]:
    function = ast.unparse(node.func)
    keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
    is_builtin = isinstance(node.func, ast.Name)
    name = function.rpartition(".")[2]
    # `network.eval()` is Flax's and torch's word for the evaluation mode.
    if name in _CALLS and (is_builtin or name not in ("eval", "exec")):
        yield f"call of {function}"
    if keywords.get("allow_pickle", "False") != "False":
        yield "allow_pickle"
    if function in ("np.load", "numpy.load") and keywords.get("allow_pickle") != "False":
        yield f"{function} without allow_pickle=False"
    if function == "torch.load" and keywords.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if keywords.get("shell", "False") != "False":
        yield "a shell"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_that_is_read_can_run(path):
    assert not list(findings(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", "1: import pickle"),
        ("from joblib import load", "1: import joblib"),
        ("np.load(path)", "1: np.load without allow_pickle=False"),
        ("np.lib.format.read_array(file, allow_pickle=True)", "1: allow_pickle"),
        ("torch.load(path, weights_only=False)", "1: torch.load without weights_only=True"),
        ("archive.extractall(folder)", "1: call of archive.extractall"),
        ("eval(text)", "1: call of eval"),
        ("subprocess.run(text, shell=True)", "1: a shell"),
    ],
)
def test_the_check_sees_what_it_looks_for(source, found):
    assert list(findings(source)) == [found]


def test_the_check_lets_pass_what_is_meant():
    source = "model.eval()\nnp.load(path, allow_pickle=False)\ntorch.load(path, weights_only=True)"
    assert not list(findings(source))
