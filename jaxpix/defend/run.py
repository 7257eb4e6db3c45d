"""All variants measured, in a run folder that goes on where it was interrupted.

config.toml, environment.json    as of every run
NAME/ATTACK-kK, NAME/check-…     run folders of attacks, one folder for each variant; `jaxpix report` reads them
NAME/clean.json                  images that the variant misclassifies as they are
defences.json, .md, .html, .png  what came of it
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from ..report.runs.defences import CLEAN
from ..storage.documents import dump, load
from ..terminal.console import Meter, say
from .attacks import ATTACKS, attacked, fooled_by
from .measured import Attacked, Measured

if TYPE_CHECKING:
    from ..data.prepared import PreparedDataset
    from ..victim.victim import Victim
    from .options import ChosenImages, DefendOptions
    from .variants import Variant

_AT_ONCE = 64
_TIMES = 3


@with_config(ConfigDict(strict=True))
class _Clean(TypedDict):
    """What `clean.json` holds."""

    victim_id: str
    fingerprint: str
    subset: str
    wrong: list[str]


def measure_all(
    options: DefendOptions, families: Sequence[Sequence[Variant]], images: ChosenImages, folder: Path
) -> list[list[Measured]]:
    """Measure every variant of each family; what is finished in the folder is not repeated.

    Raises:
        InputError: a variant's folder holds another attack.
    """
    attacks: dict[str, dict[str, Attacked]] = {}
    for variant in (one for family in families for one in family):
        say(f"attacks through {variant.victim.name}")
        attacks[variant.folder] = attacks_on(variant, images, options, folder)
    undefended = {family[0].of: attacks[family[0].folder] for family in families}

    def measured(one: Variant) -> Measured:
        wrong = wrong_of(one.victim, images.whole, options.subset, folder / one.folder)
        fooled = made_for_others(one, images, undefended)
        return Measured(
            one, wrong, attacks[one.folder], fooled, milliseconds_of(one.victim, images.stack[:_AT_ONCE])
        )

    return [[measured(one) for one in family] for family in families]


def wrong_of(victim: Victim, dataset: PreparedDataset, subset: str, folder: Path) -> frozenset[str]:
    """Ids of the images of a whole subset that the victim misclassifies; kept in the folder."""
    content: _Clean = {
        "victim_id": victim.victim_id,
        "fingerprint": dataset.fingerprint,
        "subset": subset,
        "wrong": [],
    }
    if (folder / CLEAN).exists():
        kept = load(folder / CLEAN, _Clean)
        if {**kept, "wrong": []} == content:
            return frozenset(kept["wrong"])
    source, ids = dataset.source(subset), dataset.image_ids(subset).tolist()
    truth = victim.space.from_stored(dataset.labels(subset))
    with Meter(f"clean images, {victim.name}", len(ids)) as meter:
        for start in range(0, len(ids), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(ids))
            images = np.stack([source[index]["image"] for index in range(start, stop)])
            said = np.asarray(victim.space.labels(victim.predict(images)))
            differs = (said != truth[start:stop]).any(axis=1)
            content["wrong"] += itertools.compress(ids[start:stop], differs)
            meter.advance(stop - start)
    dump(folder / CLEAN, dict(content))
    return frozenset(content["wrong"])


def milliseconds_of(victim: Victim, batch: np.ndarray) -> float:
    """To classify one image, in batches of one size; best of a few."""
    # Another batch than the evaluator's fixed size would only add what it is padded with.
    batch = np.concatenate([batch] * -(-_AT_ONCE // len(batch)))[:_AT_ONCE]
    victim.predict(batch)
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        victim.predict(batch)
        took.append(time.perf_counter() - began)
    return 1000 * min(took) / _AT_ONCE


def attacks_on(
    variant: Variant, images: ChosenImages, options: DefendOptions, folder: Path
) -> dict[str, Attacked]:
    """Every named attack through the variant, each in its folder."""
    return {
        name: attacked(
            variant.victim,
            images,
            ATTACKS[name](options.config),
            options.engine,
            folder / variant.folder / f"{name}-k{options.config.num_pixels}",
        )
        for name in options.attacks
    }


def made_for_others(
    variant: Variant, images: ChosenImages, undefended: Mapping[str, Mapping[str, Attacked]]
) -> dict[str, frozenset[str]]:
    """Of each undefended victim's attacks: the images that fool this variant, too."""
    fooled = {}
    for of, attacks in undefended.items():
        own = of == variant.of and not variant.is_defended
        hits = [
            one.broken if own else fooled_by(variant.victim, images, one.records) for one in attacks.values()
        ]
        fooled[of] = frozenset[str]().union(*hits)
    return fooled
