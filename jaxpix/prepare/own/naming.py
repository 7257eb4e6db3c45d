"""A user's data set, its task and classes settled."""

import dataclasses
import re

from ...config import PrepareConfig, Task
from ...data.registry import DatasetInfo
from ...errors import InputError
from .tree import check_spelling

_MAX_CLASSES = 1000
_CALLED_NORMAL = re.compile(r"(\d+[_ -])?(normal|healthy|no[ _-]?findings?)", re.IGNORECASE)


def named(
    info: DatasetInfo, task: Task, class_names: tuple[str, ...], config: PrepareConfig, where: str
) -> DatasetInfo:
    """`info` with the task and classes found.

    Raises:
        InputError: too few or too many classes, names that differ in spelling only, or `--normal-classes` that are
            none of them.
    """
    fewest = 2 if task == "multiclass" else 1
    if len(class_names) < fewest:
        raise InputError(
            f"{where}: expected at least {'two classes' if fewest == 2 else 'one label'}, got "
            f"{', '.join(class_names) or 'none'}"
            + ("; --task multilabel takes it as a label that is there or not" if class_names else "")
        )
    if len(class_names) > _MAX_CLASSES:
        raise InputError(
            f"{where}: {len(class_names):,} classes ({class_names[0]!r}, {class_names[1]!r}, …), "
            f"{_MAX_CLASSES:,} are allowed; are these labels?"
        )
    check_spelling(set(class_names), where)
    normal = _normal_classes(class_names, config, where) if task == "multiclass" else ()
    if task == "multilabel" and config.normal_classes is not None:
        raise InputError(
            f"{where}: multi-label, where an image without labels is normal; leave out --normal-classes"
        )
    return dataclasses.replace(info, task=task, class_names=class_names, normal_classes=normal)


def _normal_classes(class_names: tuple[str, ...], config: PrepareConfig, where: str) -> tuple[str, ...]:
    """The user's word for it, else what is called normal or healthy."""
    if config.normal_classes is None:
        return tuple(name for name in class_names if _CALLED_NORMAL.fullmatch(name))
    unknown = [name for name in config.normal_classes if name not in class_names]
    if unknown:
        raise InputError(
            f"{where}: --normal-classes names the unknown class {unknown[0]!r}; allowed: {', '.join(class_names)}"
        )
    return config.normal_classes
