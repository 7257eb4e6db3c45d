"""Whether what is prepared can be read, is complete, and is what its fingerprint says."""

from collections.abc import Iterator
from pathlib import Path

from ..data.fingerprints import fingerprint_of
from ..data.prepared import PreparedDataset, read_prepared
from ..data.prepared_files import finished, prepare_again
from ..errors import InputError
from .findings import OK, UNFINISHED, Finding, examined

# Reading so many images takes seconds.
_MOST_HASHED = 5000


def prepared_findings(data_dir: Path, *, full: bool) -> Iterator[Finding]:
    """One finding for each prepared data set in `data_dir`; `full`: every image is read, however many there are."""
    for path in finished(data_dir, "*/*"):
        name = f"{path.parents[1].name} {path.parent.name}"
        yield examined("data", name, lambda path=path: _prepared(read_prepared(path), full))  # type: ignore[misc]
    for path in sorted(data_dir.glob("*/*/incomplete.*")):
        text = "left by a preparation that was stopped; the same command removes it and begins again"
        yield Finding(UNFINISHED, "data", f"{path.parents[1].name} {path.parent.name}", text)


def _prepared(dataset: PreparedDataset, full: bool) -> tuple[str, str]:
    total = sum(dataset.num_examples.values())
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.num_examples.items())
    for split in dataset.num_examples:
        dataset.labels(split)
        # The last image is not there where a file was cut.
        _ = dataset.source(split)[-1]
    text = f"{counts} images, {len(dataset.info.class_names)} classes, fingerprint {dataset.fingerprint[:16]}"
    if total > _MOST_HASHED and not full:
        return OK, f"{text}, not checked (--full reads every image)"
    found = fingerprint_of(dataset)
    if found != dataset.fingerprint:
        raise InputError(f"{text}, but its images have {found[:16]}; {prepare_again(dataset.path)}")
    return OK, f"{text} checked"
