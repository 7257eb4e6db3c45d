"""A whole data set attacked with one configuration: images and candidates a second, success against queries."""

import numpy as np

from ..attack.campaign import Campaign, Result, run_campaign
from ..errors import InputError
from ..labels import label_text
from ..metrics.queries import success_curve
from ..metrics.rates import by_original, success_rate
from ..records.files import each_record
from .attacks import warm_up
from .standings import DatasetAttack, attacked


def measure_dataset(campaign: Campaign) -> DatasetAttack:
    """Attack and time.

    Raises:
        InputError: the folder holds finished experiments, which a benchmark would have to leave out; and as
            `run_campaign`.
    """
    folder = campaign.folder
    if folder.exists() and any(True for _ in each_record(folder)):
        raise InputError(
            f"{folder} holds finished experiments, but a benchmark times all; choose another --run"
        )
    return _row(campaign, _warm_up(campaign), run_campaign(campaign))


def _row(campaign: Campaign, compile_seconds: float, result: Result) -> DatasetAttack:
    attack, records, config = campaign.attack, result.records, campaign.attack.config
    candidates = sum(record.queries for record in records)
    return DatasetAttack(
        **attacked(records[0]) | {"target": config.target},
        preset=config.preset,
        precision=config.precision,
        evaluator=attack.engine.problem.evaluator.name,
        folder=str(campaign.folder),
        slots=attack.engine.layout.num_slots,
        compile_seconds=compile_seconds,
        images=len(records),
        candidates=candidates,
        seconds=result.seconds,
        images_per_second=len(records) / result.seconds,
        candidates_per_second=candidates / result.seconds,
        success=success_rate(records),
        by_class={
            label_text(label): success_rate(members) for label, members in by_original(records).items()
        },
        curve=tuple(success_curve(records)),
    )


def _warm_up(campaign: Campaign) -> float:
    attack, dataset = campaign.attack, campaign.dataset
    image = dataset.source(campaign.choice.subset)[0]["image"][None]
    label = np.asarray(attack.victim.space.labels(attack.victim.predict(image)))
    return warm_up(attack, image[0], label[0])
