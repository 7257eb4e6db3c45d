"""What `reproduce.py` compares: victims, their attack, and the ways to compute it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Setting:
    """A way to compute the attack: engine options, simulated devices, kills on the way, processor cores (0: all).

    `reference` names the setting whose records it must give, which has the same evaluator: the two round differently.
    """

    name: str
    options: str = ""
    num_devices: int = 1
    num_kills: int = 0
    num_cores: int = 0
    reference: str = "reference"


@dataclasses.dataclass(frozen=True)
class Subject:
    """A victim, how it is trained, how it is attacked, and the settings compared."""

    model: str
    recipe: str
    search: str
    settings: tuple[Setting, ...]


REFERENCE = Setting("reference", "--slots 4")
INCREMENTAL = Setting("incremental", "--slots 4 --evaluator incremental")
DENSE = Setting("dense", "--slots 4 --evaluator dense", reference="dense")
FOUR_DEVICES = Setting("4 devices", "--slots 6", num_devices=4)
KILLED = Setting("killed twice", "--slots 2", num_kills=2)
ONE_CORE = Setting("1 core", "--slots 4", num_cores=1)
SUBJECTS = (
    Subject(
        "resnet14",
        "--epochs 8 --batch-size 32 --learning-rate 0.03 --schedule cosine --stop-accuracy 1",
        "--per-class 20 --population 50 --generations 20",
        (
            REFERENCE,
            Setting("1 slot", "--slots 1"),
            Setting("16 slots", "--slots 16"),
            Setting("1 generation per call", "--slots 4 --generations-per-call 1"),
            Setting("50 generations per call", "--slots 5 --generations-per-call 50"),
            DENSE,
            INCREMENTAL,
            Setting("2 devices", "--slots 3", num_devices=2),
            FOUR_DEVICES,
            Setting("8 devices, dense", "--slots 8 --evaluator dense", num_devices=8, reference="dense"),
            KILLED,
            ONE_CORE,
        ),
    ),
    Subject(
        "densenet121",
        "--epochs 4 --batch-size 32 --learning-rate 0.02 --schedule cosine --stop-accuracy 1",
        "--per-class 6 --population 50 --generations 8",
        (REFERENCE, DENSE, INCREMENTAL, FOUR_DEVICES, KILLED, ONE_CORE),
    ),
)
