"""`python -m jaxpix.train DATASET`: train a classifier on a prepared data set; its run folder is a victim."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tyro

from ..config import TrainConfig
from ..data.prepared import PreparedDataset
from ..metrics.chance import doubts_of_test
from ..terminal.console import print_table, run_door, say
from ..terminal.options import parse
from ..terminal.programs import keep_programs
from .builtin import open_or_draw
from .evaluation import score_name, table
from .run import TrainingRun
from .training import train_victim

EXAMPLES = ("derma --init imagenet", "phantom-xray --model resnet14 --epochs 6 --learning-rate 0.03")


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """Options of `python -m jaxpix.train`."""

    dataset: tyro.conf.Positional[str] = "phantom-xray"
    """Prepared data set; a phantom is drawn if it is not there."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    split: str | None = None
    """Split scheme, where several are prepared."""
    image_size: int | None = None
    """Image size, where several are prepared."""
    run: Path | None = None
    """Run folder. Default: runs/DATASET-MODEL-SIZE, behind it what --adversarial says. An interrupted run goes on."""
    config: TrainConfig = dataclasses.field(default_factory=TrainConfig)


def show(dataset: PreparedDataset, run: TrainingRun, config: TrainConfig) -> None:
    """Print the test table, why training ended where it did, and where everything is."""
    metrics = run.test_metrics
    assert metrics is not None, "the run is finished"
    title, header, rows = table(metrics)
    epochs = run.epochs()
    print_table(f"{dataset.info.title}: {title}", header, rows)
    if dataset.note:
        say(f"note on the data: {dataset.note}")
    say(f"best epoch: {metrics['best_epoch']} of {len(epochs)} trained")
    if len(epochs) < config.epochs:
        name = f"validation_{score_name(dataset.info.task)}"
        say(
            f"stopped before epoch {config.epochs}: {name.replace('_', ' ')} reached {epochs[-1][name]:.1%}, and "
            f"--stop-accuracy is {config.stop_accuracy:.0%}; to train on, give --stop-accuracy 1 and another --run"
        )
    for doubt in doubts_of_test(metrics):
        say(f"warning: {doubt}")
    say(f"victim: {run.victim}")


OPTIONS = TrainOptions


def main(arguments: Sequence[str]) -> None:
    """Train, test, and print the test table."""
    options = parse(
        TrainOptions, "train", "Train a classifier on a prepared data set.", arguments, examples=EXAMPLES
    )
    keep_programs()
    dataset = open_or_draw(options.dataset, options.data_dir, options.split, options.image_size)
    name = f"{options.dataset}-{options.config.model}-{dataset.image_size}"
    if options.config.adversarial is not None:
        name += f"-{options.config.adversarial}"
    folder = options.run or Path("runs") / name
    train_victim(dataset, options.config, folder)
    show(dataset, TrainingRun(folder), options.config)


if __name__ == "__main__":
    run_door(main)
