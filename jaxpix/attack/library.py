"""The attack as a call in Python, on images in memory or on a data set; kept in a run folder if one is named."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..config import AttackConfig, EngineConfig
from ..pictures.collection import Records, read_records
from ..pictures.viewers import GivenPictures
from .campaign import run_campaign
from .inputs import given_images
from .options import AttackOptions, bind, fit, open_dataset, plan_of
from .selection import NothingToAttackError
from .work import Images, Keeper, choose, work

if TYPE_CHECKING:
    import numpy as np

    from ..data.prepared import PreparedDataset
    from ..records.attacked import PassedOver
    from ..records.maps import SweepMaps
    from ..records.record import Record
    from ..victim.victim import Victim
    from .experiments import Finished
    from .given import Attackable
    from .work import Plan


class Remembered(NamedTuple):
    """Records in the order of the selection, images that were passed over, and maps of exhaustive searches."""

    records: list[Record]
    passed_over: list[PassedOver]
    maps: dict[str, SweepMaps]


def attack_images(
    victim: Victim,
    images: Any,
    labels: Any = None,
    config: AttackConfig | None = None,
    *,
    image_ids: Sequence[str] | None = None,
    engine: EngineConfig | None = None,
    run: str | Path | None = None,
    progress: bool = False,
    resize: bool = False,
) -> Records:
    """Attack images and return one record per experiment, in the order of the images.

    Only images that the victim classifies correctly, and that are not at the target already, are attacked
    (paper 3.2); the others have no record and are listed in `passed_over`. Every success is verified from its PNG.

    Args:
        victim: the classifier.
        images: uint8 [B, H, W, C], or one [H, W, C]; pictures of Pillow's or paths, made to fit with a warning.
        labels: class numbers [B], 0/1 vectors [B, N], or names (see `read_labels`). None: what the victim says.
        config: the attack; default: the paper's, one pixel, untargeted.
        image_ids: distinct names [B]; each experiment's seed folds its name in. Default: positions, or files' names.
        engine: how it is computed (evaluator, slots); changes speed and memory, not what is searched.
        run: run folder as of `python -m jaxpix.attack`; the same call goes on with it. None: nothing is kept.
        progress: show a bar, in a terminal or a notebook; in a log, a line now and then.
        resize: make arrays of another size or number of channels fit, too, rather than refuse them.

    Raises:
        InputError: images, labels, names or configuration do not fit the victim, its logits of an untouched image
            are not finite, or `run` holds another attack. A changed image without finite logits is no success.
    """
    given = given_images(victim, images, labels, image_ids, resize=resize)
    config, engine = config or AttackConfig(), engine or EngineConfig()
    options = AttackOptions(subset=given.scheme, all=True, run=_folder(run), config=config, engine=engine)
    call = f"jaxpix.attack_images(victim, images, {'labels, ' * given.has_true_labels}config={config!r})"
    found = _attack(victim, given, options, call, progress)
    rank = {name: position for position, name in enumerate(given.names)}
    return Records(
        sorted(found.records, key=lambda record: rank[record.image_id]),
        sorted(found.passed_over, key=lambda one: rank[one.image_id]),
        GivenPictures(lambda name: given.images[rank[name]], found.maps, options.run),
    )


def attack_dataset(
    victim: Victim,
    dataset: str | PreparedDataset,
    config: AttackConfig | None = None,
    *,
    run: str | Path | None = None,
    subset: str = "test",
    classes: Sequence[str] = (),
    per_class: int | None = 100,
    label_sets: int = 5,
    engine: EngineConfig | None = None,
    data_dir: str | Path = "data",
    progress: bool = False,
) -> Records:
    """Attack images of a prepared data set, as `python -m jaxpix.attack` does; the records are the same.

    Args:
        victim: the classifier.
        dataset: its name, or opened.
        config, run, engine, progress: see `attack_images`.
        subset: part of the data set: test, train or validation.
        classes: classes, or label sets like `Infiltration|Nodule`. Default: all classes, or the commonest sets.
        per_class: correctly classified images per class or label set, chosen by seed; None: all.
        label_sets: multi-label: how many of the commonest label sets.
        data_dir: where a data set is looked for that is given by its name.

    Raises:
        InputError: it is not prepared or does not fit the victim, or no image can be attacked; see `attack_images`.
    """
    options = AttackOptions(
        **_place(dataset, data_dir),
        subset=subset,
        classes=tuple(classes),
        label_sets=label_sets,
        run=_folder(run),
        config=config or AttackConfig(),
        engine=engine or EngineConfig(),
        per_class=1 if per_class is None else per_class,
        all=per_class is None,
    )
    opened, victim = _fitting(dataset, options, victim)
    call = _call(opened, options)
    found = _attack(victim, opened, options, call, progress)
    viewer = GivenPictures(_reader(opened, subset), found.maps, options.run)
    return Records(found.records, found.passed_over, viewer)


def _fitting(
    dataset: str | PreparedDataset, options: AttackOptions, victim: Victim
) -> tuple[PreparedDataset, Victim]:
    if isinstance(dataset, str):
        return open_dataset(options, victim)
    return dataset, fit(dataset, victim)


def _place(dataset: str | PreparedDataset, data_dir: str | Path) -> dict[str, Any]:
    """Options that name a data set."""
    if isinstance(dataset, str):
        return {"dataset": dataset, "data_dir": Path(data_dir)}
    # <data folder>/<name>/<scheme>-<size>/<version>
    home = dataset.path.parents[2]
    return {
        "dataset": dataset.name,
        "data_dir": home,
        "split": dataset.scheme,
        "image_size": dataset.image_size,
    }


def _call(dataset: PreparedDataset, options: AttackOptions) -> str:
    """What to type for the same attack."""
    asked: dict[str, tuple[Any, Any]] = {
        "subset": (options.subset, "test"),
        "classes": (options.classes, ()),
        "per_class": (None if options.all else options.per_class, 100),
        "label_sets": (options.label_sets, 5),
    }
    chosen = "".join(f", {name}={value!r}" for name, (value, usual) in asked.items() if value != usual)
    return f"jaxpix.attack_dataset(victim, {dataset.name!r}, {options.config!r}{chosen})"


def _attack(
    victim: Victim, dataset: Attackable, options: AttackOptions, call: str, progress: bool
) -> Remembered:
    """Attack in memory or in a run folder, which keeps the maps itself."""
    try:
        if options.run is None:
            return _in_memory(plan_of(options, victim, dataset, quiet=not progress))
        records = run_campaign(bind(options, victim, dataset, call=call, quiet=not progress)).records
    except NothingToAttackError:
        # Where all were to be attacked, each image has its reason.
        if not options.all:
            raise
        records = []
    passed_over = read_records(options.run).passed_over if options.run else []
    return Remembered(records, passed_over, {})


def _in_memory(plan: Plan) -> Remembered:
    """Attack, and keep nothing on disk.

    Raises:
        NothingToAttackError: none can be attacked where some of each class are wanted.
    """
    memory, images = _Memory(), Images(plan)
    selection = choose(images)
    work(memory, images, selection, selection.turns(plan.attack.config.seed))
    ids = [images.ids[index] for index in selection.indices]
    records = [memory.records[name] for name in ids if name in memory.records]
    return Remembered(records, selection.passed_over + memory.reasons, memory.maps)


class _Memory(Keeper):
    """A `Keeper` that forgets with its process."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Record] = {}
        self.reasons: list[PassedOver] = []
        self.maps: dict[str, SweepMaps] = {}

    def save(self, finished: Finished) -> Record:
        """Keep the record; its pictures are made of the image, which is at hand."""
        record = finished.record
        self.records[record.image_id] = record
        if finished.maps is not None:
            self.maps[record.image_id] = finished.maps
        self.num_successes += record.success
        return record

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep the reasons."""
        self.reasons += images


def _folder(run: str | Path | None) -> Path | None:
    return None if run is None else Path(run)


def _reader(dataset: PreparedDataset, subset: str) -> Callable[[str], np.ndarray]:
    """Image id -> image, read when it is asked for."""

    @functools.cache
    def places() -> dict[str, int]:
        return {str(name): place for place, name in enumerate(dataset.image_ids(subset))}

    source = dataset.source(subset)
    return lambda name: source[places()[name]]["image"]
