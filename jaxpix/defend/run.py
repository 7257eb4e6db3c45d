"""All variants measured, in a run folder that goes on where it was interrupted.

config.toml, environment.json    as of every run
NAME/ATTACK-kK, NAME/check-…     run folders of attacks, one folder for each variant; `jaxpix report` reads them
NAME/clean.json                  images that the variant misclassifies as they are
defences.json, .md, .html, .png  what came of it
"""

from __future__ import annotations

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
    options: DefendOptions,
    families: Sequence[Sequence[Variant]],
    images: ChosenImages,
    dataset: PreparedDataset,
    folder: Path,
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
    measured = []
    for family in families:
        row = [
            _measured(one, attacks[one.folder], undefended, options, images, dataset, folder)
            for one in family
        ]
        measured.append(row)
    return measured


def _measured(
    variant: Variant,
    attacks: dict[str, Attacked],
    undefended: dict[str, dict[str, Attacked]],
    options: DefendOptions,
    images: ChosenImages,
    dataset: PreparedDataset,
    folder: Path,
) -> Measured:
    victim = variant.victim
    return Measured(
        variant,
        wrong_of(victim, dataset, options.subset, folder / variant.folder, victim.name),
        attacks,
        made_for_others(variant, images, undefended),
        milliseconds_of(victim, images.stack[:64]),
    )


def wrong_of(
    victim: Victim, dataset: PreparedDataset, subset: str, folder: Path, name: str
) -> frozenset[str]:
    """Ids of the images of a whole subset that the victim misclassifies; kept in the folder."""
    if (folder / CLEAN).exists():
        kept = load(folder / CLEAN, _Clean)
        if (kept["victim_id"], kept["fingerprint"], kept["subset"]) == (
            victim.victim_id,
            dataset.fingerprint,
            subset,
        ):
            return frozenset(kept["wrong"])
    source, ids = dataset.source(subset), dataset.image_ids(subset).tolist()
    truth = victim.space.from_stored(dataset.labels(subset))
    wrong: list[str] = []
    with Meter(f"clean images, {name}", len(ids)) as meter:
        for start in range(0, len(ids), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(ids))
            images = np.stack([source[index]["image"] for index in range(start, stop)])
            said = np.asarray(victim.space.labels(victim.predict(images)))
            differs = (said != truth[start:stop]).any(axis=1)
            wrong += [one for one, is_wrong in zip(ids[start:stop], differs, strict=True) if is_wrong]
            meter.advance(stop - start)
    content: _Clean = {
        "victim_id": victim.victim_id,
        "fingerprint": dataset.fingerprint,
        "subset": subset,
        "wrong": wrong,
    }
    dump(folder / CLEAN, dict(content))
    return frozenset(wrong)


def milliseconds_of(victim: Victim, images: np.ndarray) -> float:
    """To classify one image, in batches of one size; best of a few."""
    batch = images[:_AT_ONCE]
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
