"""jaxpix beside other libraries: same weights, same image, one machine, one run, turn by turn."""

import dataclasses
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from ..config import AttackConfig, EngineConfig
from ..victim.victim import Victim
from .contenders import Contender, Run, jaxpix_contenders, peer_contender, torch_device
from .peers import LayoutName
from .rows import Comparison, Ratio, Standing, Timing
from .subjects import Subject

# Nothing stops before its last generation, as with the peers.
_NEVER = 0.999
_AGREEMENT_IMAGES = 4


def compare(
    subject: Subject,
    config: AttackConfig,
    engines: Sequence[EngineConfig],
    *,
    peers: Sequence[str],
    layouts: Sequence[LayoutName],
    repeats: int,
) -> Comparison:
    """Let jaxpix and the peers attack the image that the victim is surest of, in turns.

    Args:
        subject: victim and images.
        config: of the attack, for everybody. Torch runs bfloat16 by autocast, and anything else as it ships;
            peers have a search of their own.
        engines: jaxpix runs once with each.
        peers, layouts: keys of `PEERS` and of `torch_models.LAYOUTS`; every peer runs in every layout.
        repeats: turns.

    Raises:
        InputError: see `run_peer`.
    """
    config = dataclasses.replace(config, stop_fraction=_NEVER)
    # First, because it refuses victims that torch has no counterpart of.
    agreement = agreement_with_torch(subject.victim, subject.images[:_AGREEMENT_IMAGES], layouts)
    surest = _surest(subject)
    contenders = [one for engine in engines for one in jaxpix_contenders(surest, config, engine)]
    contenders += [peer_contender(surest, name, layout, config) for layout in layouts for name in peers]
    *_, row = compare_in_turns(surest, config, contenders, repeats)
    return dataclasses.replace(row, agreement=agreement)


def compare_in_turns(
    subject: Subject, config: AttackConfig, contenders: Sequence[Contender], turns: int
) -> Iterator[Comparison]:
    """What is known after each turn; `agreement` is left empty.

    Who goes first changes, so that a machine that slows down favours nobody.
    """
    runs: list[list[Run]] = [[] for _ in contenders]
    for turn in range(turns):
        for place in range(len(contenders)):
            index = (place + turn) % len(contenders)
            runs[index].append(contenders[index].run())
        yield Comparison(
            model=subject.victim.name,
            image_size=subject.victim.input_shape[0],
            num_pixels=config.num_pixels,
            precision=config.precision,
            source=subject.source,
            agreement={},
            standings=tuple(_standing(one, its) for one, its in zip(contenders, runs, strict=True)),
            ratios=tuple(_ratios(contenders, runs)),
        )


def _surest(subject: Subject) -> Subject:
    logits = np.sort(subject.victim.predict(subject.images), axis=1)
    best = int(np.argmax(logits[:, -1] - logits[:, -2]))
    here = slice(best, best + 1)
    return dataclasses.replace(subject, images=subject.images[here], labels=subject.labels[here])


def agreement_with_torch(
    victim: Victim, images: np.ndarray, layouts: Sequence[LayoutName]
) -> dict[str, float]:
    """Largest difference of torch's float32 logits of the images from jaxpix', over the largest, by layout."""
    from .torch_models import LAYOUTS, logit_agreement, torch_model

    device = torch_device()
    doors = {name: torch_model(victim, layout=LAYOUTS[name], device=device) for name in layouts}
    return {name: logit_agreement(victim, door, images) for name, door in doors.items()}


def _standing(contender: Contender, runs: Sequence[Run]) -> Standing:
    timing = Timing(tuple(run.seconds for run in runs))
    first = runs[0]
    return Standing(
        name=contender.name,
        setting=contender.setting,
        is_jaxpix=contender.is_jaxpix,
        precision=contender.precision,
        population=first.population,
        generations=first.generations,
        candidates=first.candidates,
        timing=timing,
        candidates_per_second=first.candidates / timing.median,
        notes=first.notes,
        versions=first.versions,
    )


def _ratios(contenders: Sequence[Contender], runs: Sequence[Sequence[Run]]) -> list[Ratio]:
    ratios = []
    for ours, our_runs in zip(contenders, runs, strict=True):
        for peer, peer_runs in zip(contenders, runs, strict=True):
            if not ours.is_jaxpix or peer.is_jaxpix:
                continue
            turns = tuple(
                (mine.candidates / mine.seconds) / (theirs.candidates / theirs.seconds)
                for mine, theirs in zip(our_runs, peer_runs, strict=True)
            )
            names = f"{ours.name}, {ours.setting}", f"{peer.name}, {peer.setting}"
            ratios.append(Ratio(*names, statistics.median(turns), turns))
    return ratios
