"""Finished experiments of an attack that never was, to be saved in its run folder."""

from typing import Any

import numpy as np

from jaxpix.attack.experiments import Finished
from jaxpix.records.attacked import PassedOver
from jaxpix.storage.png import encode_png
from support.some_records import some_record

IDENTITY = {"seed": 0, "victim_id": "v"}
IMAGE = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


def finished(name: str, success: bool = False, **changes: Any) -> Finished:
    """An experiment on `IMAGE`, of which one pixel was changed."""
    record = some_record(name, success=success, after="sick" if success else "healthy", **changes)
    changed = IMAGE.copy()
    changed[4, 3] = 255
    return Finished(record, encode_png(changed), IMAGE)


def wrong(*names: str) -> list[PassedOver]:
    """Images that were misclassified."""
    return [PassedOver(name, "misclassified", ["sick"]) for name in names]
