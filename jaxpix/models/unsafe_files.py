"""Why torch refuses a file, and how its owner saves a clean one; nothing of the file is run to find out."""

import pickletools
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

_ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GLOBAL_IN_WORDS = re.compile(r"GLOBAL ([\w.]+)")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
_KNOWN = {
    "numpy._core.multiarray.scalar": "a NumPy scalar",
    "numpy.core.multiarray.scalar": "a NumPy scalar",
    "argparse.Namespace": "the arguments of a script",
}
# What a state dict is made of, and what comes with the things above.
_HARMLESS = re.compile(
    r"torch\.(_utils|\w+Storage|Size|device|dtype|nn\.parameter|serialization|_tensor)"
    r"|collections\.OrderedDict|numpy\.(dtype|ndarray)|_codecs\."
)
_OF_MODULES = re.compile(r"(torchvision|timm|monai|torch\.nn\.modules)\.|__main__\.\w*(Net|Model|Classifier)")


class _Pickled(NamedTuple):
    """What a pickle names (classes and functions), the strings in it, and whether it is a dict outermost."""

    names: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    is_dict: bool = False


def explain_refusal(path: Path, reason: str) -> str:
    """What is in the way of reading a file by `torch.load(weights_only=True)`, and what to do.

    Args:
        path: the file.
        reason: what torch said.
    """
    reason = _ESCAPE_CODES.sub("", reason).strip()
    if "TorchScript" in reason:
        loaded = "torch.jit.load({path}, map_location='cpu')"
        return _refused(path, "a TorchScript program", loaded, "content.state_dict()")
    pickled = _pickled(path)
    names = pickled.names or tuple(dict.fromkeys(_GLOBAL_IN_WORDS.findall(reason)))
    found = [name for name in names if not _HARMLESS.match(name)]
    if not found:
        first = reason.splitlines()[0] if reason else "no reason given"
        return f"{path} cannot be read as a file of tensors alone: {first}"
    key = next((word for word in _WRAPPERS if word in pickled.words), None) if pickled.is_dict else None
    content = "content" if key is None else f"content[{key!r}]"
    modules = [name for name in found if _OF_MODULES.match(name)]
    if modules:
        what, kept = f"a whole module ({modules[0]})", f"{content}.state_dict()"
    else:
        what = ", ".join(f"{_KNOWN[name]} ({name})" if name in _KNOWN else name for name in found[:3])
        tensors = "{name: value for name, value in content.items() if torch.is_tensor(value)}"
        kept = tensors if key is None else content
    return _refused(path, what, "torch.load({path}, map_location='cpu', weights_only=False)", kept)


def _refused(path: Path, what: str, loaded: str, kept: str) -> str:
    clean = path.with_name(f"{path.name.split('.')[0]}-clean.pth")
    return (
        f"{path} holds more than tensors: {what}. Loading that could run code, so it is not loaded. If you trust the "
        "file, these two lines of Python save its weights alone:\n"
        f"  import torch; content = {loaded.format(path=repr(str(path)))}\n"
        f"  torch.save({kept}, {str(clean)!r})"
    )


def _pickled(path: Path) -> _Pickled:
    """What a file of torch's names; nothing where it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            return _walked(archive.read(name))
    # A damaged archive fails in as many ways as it can be damaged.
    except Exception:
        return _Pickled()


def _walked(pickled: bytes) -> _Pickled:
    names: dict[str, None] = {}
    words: list[str] = []
    operations = []
    for operation, argument, _ in pickletools.genops(pickled):
        operations.append(operation.name)
        if operation.name == "GLOBAL":
            names[str(argument).replace(" ", ".")] = None
        elif operation.name == "STACK_GLOBAL" and len(words) > 1:
            names[".".join(words[-2:])] = None
        elif isinstance(argument, str):
            words.append(argument)
    return _Pickled(tuple(names), frozenset(words), operations[1:2] == ["EMPTY_DICT"])
