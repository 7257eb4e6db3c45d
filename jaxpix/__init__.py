"""Few-pixel attacks on medical image classifiers, compiled with JAX.

Dimension letters used in every docstring:
    B images, S slots, P population, G genes, K pixels, H W C height, width, channels, N classes.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .attack.library import attack_dataset, attack_images
    from .config import AttackConfig, EngineConfig, PrepareConfig, TrainConfig
    from .data.prepared import PreparedDataset, open_prepared
    from .defences.catalogue import defended
    from .errors import InputError
    from .pictures.collection import Records, read_records
    from .prepare.preparation import prepare_dataset
    from .records.record import Record
    from .train.training import train_victim
    from .victim.victim import Victim

_HOMES = {
    "AttackConfig": "config",
    "EngineConfig": "config",
    "InputError": "errors",
    "PrepareConfig": "config",
    "PreparedDataset": "data.prepared",
    "Record": "records.record",
    "Records": "pictures.collection",
    "TrainConfig": "config",
    "Victim": "victim.victim",
    "attack_dataset": "attack.library",
    "attack_images": "attack.library",
    "defended": "defences.catalogue",
    "open_prepared": "data.prepared",
    "prepare_dataset": "prepare.preparation",
    "read_records": "pictures.collection",
    "train_victim": "train.training",
}

__all__ = [
    "AttackConfig",
    "EngineConfig",
    "InputError",
    "PrepareConfig",
    "PreparedDataset",
    "Record",
    "Records",
    "TrainConfig",
    "Victim",
    "__version__",
    "attack_dataset",
    "attack_images",
    "defended",
    "open_prepared",
    "prepare_dataset",
    "read_records",
    "train_victim",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `--help` of a door and `prepare` need not wait for JAX.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
