"""What people call the parts of a split data set."""

import re

_NAMES = {
    "train": re.compile(r"tr(ai)?n(ing)?"),
    "validation": re.compile(r"val(id)?(ation|ate)?|dev"),
    "test": re.compile(r"te?st(ing)?"),
}
_ADDED = re.compile(r"[ _-]*(set|data|dataset|images|imgs|split|folder)$")


def split_of(name: str) -> str:
    """`train`, `validation` or `test` where a folder or a cell is called so, in any case; else ""."""
    plain = _ADDED.sub("", name.strip().casefold())
    return next((split for split, pattern in _NAMES.items() if pattern.fullmatch(plain)), "")
