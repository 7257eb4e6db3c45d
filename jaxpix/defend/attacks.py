"""Attacks by name, and one of them carried out on a variant, in a folder of its own that it goes on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..attack.campaign import run_campaign
from ..attack.options import AttackOptions, bind
from ..attack.selection import NothingToAttackError
from ..config import AttackConfig
from ..search.exhaustive.grid import ITS_OWN, of_others
from ..search.flatness import NothingGuidesError
from ..search.verification import Judge
from ..storage.png import encode_png
from .measured import Attacked

if TYPE_CHECKING:
    from ..attack.given import Attackable
    from ..config import EngineConfig, SearchName
    from ..records.record import Record
    from ..victim.victim import Victim
    from .options import ChosenImages


def _by(search: SearchName, *own: str) -> Callable[[AttackConfig], AttackConfig]:
    """Another search with as many pixels and candidates; settings of the evolution are left out, `own` are added."""
    shared = ("num_pixels", "fitness", "population", "generations", "stop_fraction", "precision", "seed")

    def configured(config: AttackConfig) -> AttackConfig:
        return AttackConfig(search=search, **{name: getattr(config, name) for name in (*shared, *own)})

    return configured


ATTACKS: dict[str, Callable[[AttackConfig], AttackConfig]] = {
    # As configured, less what only an exhaustive search beside it is told.
    "evolution": lambda config: config if config.search == "exhaustive" else of_others(config),
    "random": _by("random"),
    "shortlist": _by("shortlist"),
    "sparse_rs": _by("sparse_rs"),
    "exhaustive": _by("exhaustive", *ITS_OWN),
}
"""What is attacked with, by name: the configuration of the door -> that of the attack. A line adds one."""


def attacked(
    victim: Victim, images: Attackable, config: AttackConfig, engine: EngineConfig, folder: Path
) -> Attacked:
    """Attack all images that the victim classifies correctly, or read what was finished in the folder before.

    Raises:
        InputError: the folder holds another attack, or the configuration does not fit the victim.
    """
    (subset,) = images.num_examples
    options = AttackOptions(subset=subset, all=True, run=folder, config=config, engine=engine)
    flat = ""
    records: list[Record] = []
    try:
        records = run_campaign(bind(options, victim, images)).records
    except NothingToAttackError:
        pass
    except NothingGuidesError as error:
        flat = str(error)
    return Attacked(records, flat)


def fooled_by(victim: Victim, images: ChosenImages, records: list[Record]) -> frozenset[str]:
    """Ids of the images whose candidate, made for another victim, this one gives another label than the true one.

    Each record's candidate is painted, saved and judged as a success is. Of failures it is the fittest one.
    """
    judge = Judge(victim)
    judge.compile()
    by_id = {example["image_id"]: example["image"] for example in images.source(images.subset)}
    ids = images.image_ids(images.subset).tolist()
    truth = dict(zip(ids, victim.space.from_stored(images.labels(images.subset)), strict=True))
    names = [record.image_id for record in records]
    logits = judge([encode_png(record.painted_on(by_id[record.image_id])) for record in records])
    said = np.asarray(victim.space.labels(logits))
    return frozenset(name for name, label in zip(names, said, strict=True) if (label != truth[name]).any())
