"""What an attack on a data set is told, and the victim, images and folder that this names."""

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import AttackConfig, Count, EngineConfig, RayConfig, Task
from ..data.prepared import PreparedDataset, open_prepared
from ..errors import InputError
from ..search.exhaustive.grid import CORNERS, ITS_OWN, read_mask
from ..search.presets import fitness_of, search_name, settings_name
from ..storage.settings import to_plain, to_toml
from ..terminal.console import say
from ..victim.class_order import matched_to
from .campaign import Campaign
from .experiments import Attack, Origin
from .selection import Choice
from .work import Plan

if TYPE_CHECKING:
    from ..victim.victim import Victim
    from .given import Attackable


@dataclasses.dataclass(frozen=True)
class AttackOptions:
    """Options of `python -m jaxpix.attack`."""

    victim: Path | None = None
    """Run folder of `jaxpix.train`, a saved victim, or FILE.py:FUNCTION, a function of your own that returns one.
    Default: the built-in one, trained first if absent."""
    dataset: str | None = None
    """Prepared data set whose images are attacked. Default: the one the victim was trained on."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    split: str | None = None
    """Split scheme, where several are prepared. Default: the victim's."""
    image_size: int | None = None
    """Image size, where several are prepared. Default: the victim's."""
    subset: str = "test"
    """Part of the data set: test, train or validation."""
    classes: tuple[str, ...] = ()
    """Classes to attack, or label sets like "Infiltration|Nodule" or Normal. Default: every class;
    multi-label: the commonest label sets."""
    per_class: Count = 100
    """Correctly classified images per class (or label set), chosen by seed."""
    label_sets: Count = 5
    """Multi-label: how many of the commonest label sets are attacked."""
    all: bool = False
    """Attack every correctly classified image of the subset."""
    run: Path | None = None
    """Run folder. Default: named after the attack, in runs/. An interrupted run goes on."""
    config: AttackConfig = dataclasses.field(default_factory=AttackConfig)
    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)

    @property
    def task(self) -> Task:
        """What kind of victim is meant where none is named."""
        return "multilabel" if self.config.fitness == "cosine" else "multiclass"

    @property
    def choice(self) -> Choice:
        """Which images are attacked."""
        per_class = None if self.all else self.per_class
        return Choice(self.subset, self.classes, per_class, self.label_sets)


@dataclasses.dataclass(frozen=True)
class SharedAttackOptions(AttackOptions):
    """Options of the door: an attack, and who works on it."""

    ray: RayConfig = dataclasses.field(default_factory=RayConfig)


def plain(options: AttackOptions) -> AttackOptions:
    """The attack alone, of options that say more."""
    names = [field.name for field in dataclasses.fields(AttackOptions)]
    return AttackOptions(**{name: getattr(options, name) for name in names})


def open_dataset(options: AttackOptions, victim: "Victim") -> tuple[PreparedDataset, "Victim"]:
    """The data set that the options name, or the one the victim was trained on, and the victim for it (`fit`).

    Raises:
        InputError: none is named, it is not prepared, or its classes or images are not the victim's.
    """
    trained_on = victim.provenance
    name = options.dataset or trained_on.get("dataset")
    if not name:
        raise InputError("--dataset is needed: the victim does not say what it was trained on")
    same = name == trained_on.get("dataset")
    dataset = open_prepared(
        name,
        options.data_dir,
        options.split or (trained_on.get("split") if same else None),
        options.image_size or victim.input_shape[0],
    )
    fitting = fit(dataset, victim)
    if same and trained_on.get("fingerprint") not in (None, dataset.fingerprint):
        say(f"note: {name} is not the copy the victim was trained on; training images may be among these")
    return dataset, fitting


def fit(dataset: PreparedDataset, victim: "Victim") -> "Victim":
    """The victim with its classes in the data set's order and spelling, which is said where they differ.

    Raises:
        InputError: its task, classes or images are not the victim's.
    """
    if dataset.info.task != victim.task:
        raise InputError(
            f"{dataset.name} is {dataset.info.task}, the victim {victim.name!r} is {victim.task}"
        )
    victim, said = matched_to(victim, dataset.info.class_names, dataset.name)
    if said:
        say(f"note: {said}")
    shape = (dataset.image_size, dataset.image_size, dataset.info.channels)
    if shape != victim.input_shape:
        channels = victim.input_shape[2]
        way_out = (
            f"; prepare it with --channels {channels} in another --data-dir" if shape[2] != channels else ""
        )
        raise InputError(
            f"{dataset.name} holds images {list(shape)}, the victim takes {list(victim.input_shape)}{way_out}"
        )
    return victim


def bind(
    options: AttackOptions,
    victim: "Victim",
    dataset: "Attackable",
    *,
    call: str | None = None,
    quiet: bool = False,
) -> Campaign:
    """The attack that the options name, on this victim and these images, in its run folder.

    Raises:
        InputError: the configuration does not fit the victim.
    """
    plan = plan_of(options, victim, dataset, quiet=quiet)
    return Campaign(
        plan.attack,
        dataset,
        options.choice if call is None else plan.choice,
        plan.origin,
        folder=options.run or _default_folder(options, victim, dataset),
        identity=identity_of(options, victim, dataset),
        config_text=to_toml("attack", options),
        call=call,
        quiet=quiet,
    )


def plan_of(options: AttackOptions, victim: "Victim", dataset: "Attackable", *, quiet: bool) -> Plan:
    """The attack alone. Of all images, each has a record or a reason, those at the target, too.

    Raises:
        InputError: the configuration does not fit the victim.
    """
    assert tuple(dataset.info.class_names) == victim.class_names, "the victim is that of `fit`"
    attack = Attack(victim, options.config, options.engine)
    origin = Origin(dataset.info.name, dataset.scheme, options.subset, dataset.synthetic)
    return Plan(attack, dataset, dataclasses.replace(options.choice, with_target=True), origin, quiet=quiet)


def identity_of(options: AttackOptions, victim: "Victim", dataset: "Attackable") -> dict[str, Any]:
    """What decides the results, JSON-able: not where things lie, nor how they are computed."""
    chosen = to_plain(options)
    places = ("victim", "run", "data_dir", "dataset", "split", "image_size")
    for name in (*places, *to_plain(options.engine)):
        del chosen[name]
    chosen |= _of_exhaustive(options.config)
    chosen |= {"victim_id": victim.victim_id, "data_fingerprint": dataset.fingerprint}
    if victim.reference is not None:
        # The name of the file and what it holds, wherever it lies: an edited one is another victim.
        chosen["victim_file"] = str(victim.reference)
    return chosen


def _of_exhaustive(config: AttackConfig) -> dict[str, Any]:
    """What only an exhaustive search asks; None of an evolution, whose older folders do not say."""
    if config.search != "exhaustive":
        search = None if config.search == "evolution" else config.search
        return {"search": search, **dict.fromkeys(ITS_OWN)}
    mask = None if config.mask is None else hashlib.sha256(read_mask(config.mask).tobytes()).hexdigest()
    return {"search": config.search, "values": config.values or CORNERS, "mask": mask}


def _default_folder(options: AttackOptions, victim: "Victim", dataset: "Attackable") -> Path:
    """A run folder named after the attack."""
    config = options.config
    fitness = fitness_of(config, victim.space)
    name = f"attack-{dataset.info.name}-{victim.name}-{fitness}-k{config.num_pixels}"
    if search_name(config) != "evolution" or config.algorithm is not None:
        name += f"-{settings_name(config).replace(', ', '-')}"
    if config.worst is not None:
        name += f"-worst{config.worst}"
    if config.target is not None:
        name += "-to-" + "".join(c if c.isalnum() else "_" for c in config.target)
    return Path("runs") / name
