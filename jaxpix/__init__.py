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
    "attack.library": ("attack_dataset", "attack_images"),
    "config": ("AttackConfig", "EngineConfig", "PrepareConfig", "TrainConfig"),
    "data.prepared": ("PreparedDataset", "open_prepared"),
    "defences.catalogue": ("defended",),
    "errors": ("InputError",),
    "pictures.collection": ("Records", "read_records"),
    "prepare.preparation": ("prepare_dataset",),
    "records.record": ("Record",),
    "train.training": ("train_victim",),
    "victim.victim": ("Victim",),
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
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
