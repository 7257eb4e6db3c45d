"""`python -m jaxpix.prepare DATASET --source PATH`: a folder as downloaded becomes a prepared data set."""

import dataclasses
from collections.abc import Sequence

import tyro

from ..config import PrepareConfig
from ..data.prepared import PreparedDataset
from ..data.prepared_files import OVERVIEW_FILE
from ..data.registry import names
from ..errors import InputError
from ..terminal.console import print_table, run_door, say
from ..terminal.options import parse
from .preparation import prepare_dataset, understand_source

EXAMPLES = (
    "derma --source HAM10000.zip",
    "folder --source my-images --name mine --image-size 128",
)


@dataclasses.dataclass(frozen=True)
class PrepareOptions:
    """Options of `python -m jaxpix.prepare`."""

    dataset: tyro.conf.Positional[str] = ""
    """What to prepare: derma, pneumonia, oct, covid, chest, folder, a MedMNIST name, or a phantom."""
    dry_run: bool = False
    """Say what the source is taken for, and stop."""
    prepare: PrepareConfig = dataclasses.field(default_factory=PrepareConfig)


def show_summary(dataset: PreparedDataset) -> None:
    """Print what was stored, what was left out, and what leaks."""
    summary = dataset.summary
    counts = summary["classes"]
    splits = list(counts)
    rows = [
        [name, *(f"{counts[split][name]:,}" for split in splits), f"{sum(counts[s][name] for s in splits):,}"]
        for name in next(iter(counts.values()))
    ]
    totals = [summary["num_examples"][split] for split in splits]
    rows.append(["images", *(f"{total:,}" for total in totals), f"{sum(totals):,}"])
    print_table(
        f"{dataset.info.title}, {dataset.image_size}x{dataset.image_size}, split '{dataset.scheme}'",
        ["class", *splits, "all"],
        rows,
    )
    for line in _findings(dataset):
        say(line)
    if (dataset.path / OVERVIEW_FILE).is_file():
        say(f"overview: {dataset.path / OVERVIEW_FILE}")
    say(f"licence: {dataset.info.licence}")
    say(f"fingerprint: {dataset.fingerprint[:16]}")
    say(f"stored in: {dataset.path}")


def _findings(dataset: PreparedDataset) -> list[str]:
    summary = dataset.summary
    lines = [f"note: {note}" for note in (summary.get("note"), *summary["notes"]) if note]
    for reason, entry in summary["skipped"].items():
        shown = entry["files"] if reason == "corrupt" else entry["files"][:1]
        files = f" ({', '.join(shown)}{', …' if len(shown) < len(entry['files']) else ''})" if shown else ""
        lines.append(f"skipped: {entry['count']:,} {reason}{files}")
    same, leaks = summary["duplicates"], summary["leaks"]
    lines.append(
        f"duplicates: {same['images']:,} images repeat another one byte for byte"
        + (f"; {same['sets_with_different_labels']:,} under different labels" if same["images"] else "")
    )
    of_groups = (
        f"{leaks['test_images_of_such_groups']:,} are of a patient or lesion that another split has too "
        f"({leaks['groups_in_several_splits']:,} of {leaks['groups']:,} patients or lesions)"
        if leaks["groups"]
        else "patients are unknown"
    )
    identical = leaks["test_images_identical_to_another_splits"]
    lines.append(f"leaks: {identical:,} test images are identical to one in another split; {of_groups}")
    return lines


OPTIONS = PrepareOptions


def main(arguments: Sequence[str]) -> None:
    """Prepare one data set and print its summary."""
    options = parse(
        PrepareOptions, "prepare", "Prepare a data set for training and attack.", arguments, examples=EXAMPLES
    )
    if not options.dataset:
        raise InputError(f"which data set? python -m jaxpix.prepare DATASET; known: {', '.join(names())}")
    if options.dry_run:
        understand_source(options.dataset, options.prepare)
        say("nothing was stored (--dry-run)")
        return
    show_summary(prepare_dataset(options.dataset, options.prepare, quiet=False))


if __name__ == "__main__":
    run_door(main)
