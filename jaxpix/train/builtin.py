"""What works with no files of one's own: drawn data sets (phantoms), and the victims trained on them."""

import dataclasses
from pathlib import Path

from ..config import PrepareConfig, Task, TrainConfig
from ..data.prepared import PreparedDataset, open_prepared
from ..data.prepared_files import finished, folder_name
from ..data.registry import PHANTOMS
from ..prepare.preparation import prepare_dataset
from ..terminal.console import say
from ..victim.victim import Victim


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A victim that anybody can make: what is drawn, and how it is trained."""

    dataset: str
    prepare: PrepareConfig
    train: TrainConfig


# All epochs are trained: with a cosine the last ones matter most.
_RECIPE = TrainConfig(
    model="resnet14",
    epochs=6,
    batch_size=32,
    learning_rate=0.03,
    nesterov=True,
    schedule="cosine",
    stop_accuracy=1.0,
)

BUILT_IN: dict[Task, Recipe] = {
    "multiclass": Recipe("phantom-derma", PrepareConfig(image_size=48, num_images=3000), _RECIPE),
    # Two in five of these images are normal and not trained on, so there are more of them.
    "multilabel": Recipe(
        "phantom-chest", PrepareConfig(image_size=48, num_images=5000), dataclasses.replace(_RECIPE, epochs=7)
    ),
}


def built_in_victim(
    task: Task, *, data_dir: Path = Path("data"), runs: Path = Path("runs"), quiet: bool = False
) -> Victim:
    """The built-in victim for `task`; drawn data and training come first where they are absent.

    Args:
        task: `multiclass` or `multilabel`.
        data_dir: folder of prepared data sets.
        runs: folder of runs; the victim lies in `built-in-<data set>` there.
        quiet: show no progress.
    """
    # All of training, which nobody waits for who has a victim.
    from .training import train_victim

    recipe = BUILT_IN[task]
    run = built_in_run(task, runs)
    if not quiet and not (run / "test_metrics.json").exists():
        say(f"training the built-in {task} victim on {recipe.dataset} (once; kept in {run})")
    config = dataclasses.replace(recipe.prepare, data_dir=data_dir)
    dataset = prepare_dataset(recipe.dataset, config, quiet=quiet)
    return train_victim(dataset, recipe.train, run, quiet=quiet)


def built_in_run(task: Task, runs: Path = Path("runs")) -> Path:
    """Where the built-in victim for `task` lies, once it is trained."""
    return runs / f"built-in-{BUILT_IN[task].dataset}"


def open_victim(folder: Path | None, task: Task, data_dir: Path) -> Victim:
    """The victim in `folder`, or where none is named the built-in one for `task`, trained first if absent.

    Args:
        folder: of a victim or a training run; or `FILE.py:FUNCTION`, which makes the victim.
        task: `multiclass` or `multilabel`.
        data_dir: folder of prepared data sets.

    Raises:
        InputError: no victim there, or the file makes none.
    """
    return built_in_victim(task, data_dir=data_dir) if folder is None else Victim.load(folder)


def open_or_draw(
    name: str, data_dir: Path, split: str | None = None, image_size: int | None = None
) -> PreparedDataset:
    """`open_prepared`, but a phantom that is not prepared is drawn first, saying so.

    Raises:
        InputError: not prepared and no phantom; the message says the command.
    """
    pattern = f"{split or '*'}-{image_size or '*'}"
    if name in PHANTOMS and not finished(data_dir / folder_name(name), pattern):
        say(f"{name} is drawn first, into {data_dir}")
        config = PrepareConfig(data_dir=data_dir, split=split, image_size=image_size)
        return prepare_dataset(name, config, quiet=False)
    return open_prepared(name, data_dir, split, image_size)
