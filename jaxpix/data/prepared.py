"""A prepared data set on disk, opened for reading."""

import dataclasses
import functools
import shlex
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from ..errors import InputError, did_you_mean
from .prepared_files import Summary, finished, folder_name, prepare_again, read_index, read_summary
from .registry import DATASETS, DatasetInfo, lookup


class Example(TypedDict):
    """One stored image.

    `image` is uint8 [H, W, C]; `label` an int (multiclass) or a uint8 vector [N] (multi-label);
    `image_id` is unique within the data set; `group` names the patient or lesion ("" where unknown).
    """

    image: np.ndarray
    label: int | np.ndarray
    image_id: str
    group: str


class ExampleSource(Sequence[Example]):
    """One split, at random access; its file is opened by the first read."""

    def __init__(self, path: Path, split_name: str, length: int):
        self._path, self._split_name, self._length = path, split_name, length
        self._records: Any = None
        self._opening = threading.Lock()

    def __repr__(self) -> str:
        # Grain puts this into the state of an iterator; it must not change between runs.
        name = "/".join(self._path.parts[-3:])
        return f"ExampleSource({name}, {self._split_name}, {self._length})"

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if not -self._length <= index < self._length:
            raise IndexError(f"index {index} of {self._length} images")
        try:
            record = self._opened()[int(index) % self._length]
            return self._example(record)
        # The readers of TFDS and array_record have errors of many kinds for a file that is cut short or gone.
        except Exception as error:
            raise InputError(
                f"{self._path}: image {index} of '{self._split_name}' cannot be read ({type(error).__name__}: "
                f"{error}); {prepare_again(self._path)}"
            ) from error

    def _example(self, record: Any) -> Example:
        image, label = record["image"], np.asarray(record["label"])
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(f"expected uint8 {list(self._shape)}, got {image.dtype} {list(image.shape)}")
        self._info.space.from_stored(label[None])
        return Example(
            image=image,
            label=label if label.ndim else int(label),
            image_id=record["image_id"].decode(),
            group=record["group"].decode(),
        )

    def _opened(self) -> Any:
        with self._opening:
            if self._records is None:
                from .builders import open_records

                summary = read_summary(self._path)
                self._info, side = summary["info"], summary["image_size"]
                self._shape = (side, side, self._info.channels)
                self._records = open_records(self._path, self._split_name)
        return self._records


@dataclasses.dataclass(frozen=True, repr=False)
class PreparedDataset:
    """A data set as `python -m jaxpix.prepare` left it.

    Attributes:
        info: what the data set is; class names and channels are those of the stored images.
        path: its folder.
        scheme: the split scheme it was made with.
        image_size: side of the stored square images, in pixels.
        num_examples: images of each split ("train", "test", perhaps "validation").
        fingerprint: hash of everything stored; equal fingerprints mean equal images and labels.
    """

    info: DatasetInfo
    path: Path
    scheme: str
    image_size: int
    num_examples: Mapping[str, int]
    fingerprint: str

    def __repr__(self) -> str:
        parts = ", ".join(f"{count:,} {name}" for name, count in self.num_examples.items())
        kind = f"{self.image_size}x{self.image_size}x{self.info.channels}{', synthetic' * self.synthetic}"
        return f"PreparedDataset({self.name!r}, {self.scheme!r}, {parts} images {kind})"

    @property
    def name(self) -> str:
        """What it is opened by: `info.name`, or the user's own name for a `folder`."""
        return self.path.parents[1].name if self.info.name == "folder" else self.info.name

    @property
    def synthetic(self) -> bool:
        """Whether jaxpix drew the images; every figure made from them says so."""
        return self.info.synthetic

    @property
    def summary(self) -> Summary:
        """What `prepare` reported: counts, skipped files, duplicates, leaks, notes, settings."""
        return read_summary(self.path)

    @property
    def note(self) -> str | None:
        """What whoever prepared the images wants said with every figure on them; None: nothing."""
        return self.summary.get("note")

    @property
    def provenance(self) -> str:
        """One line on where the images come from and how they were split, for reports."""
        summary = self.summary
        drawn = "drawn by jaxpix" if self.synthetic else f"from {summary['settings']['source']}"
        parts = [f"{self.info.title}, {drawn}, {self.image_size}x{self.image_size} pixels"]
        parts.append(f"split '{self.scheme}' (seed {summary['settings']['seed']})")
        return "; ".join([*parts, *summary["notes"], *([self.note] if self.note else [])])

    def _length(self, split_name: str) -> int:
        if split_name not in self.num_examples:
            what = f"no split {split_name!r}{did_you_mean(split_name, self.num_examples)}"
            raise InputError(f"{self.path}: {what}; available: {', '.join(self.num_examples)}")
        return self.num_examples[split_name]

    def source(self, split_name: str) -> ExampleSource:
        """Images of a split, in stored order, decoded when asked for.

        Raises:
            InputError: no such split.
        """
        return ExampleSource(self.path, split_name, self._length(split_name))

    @functools.cached_property
    def _index(self) -> dict[str, list[Any]]:
        return read_index(self.path, self.num_examples, self.info)

    def _column(self, name: str, split_name: str) -> list[Any]:
        self._length(split_name)
        index = self._index
        return [
            value for value, split in zip(index[name], index["split"], strict=True) if split == split_name
        ]

    def labels(self, split_name: str) -> np.ndarray:
        """Labels of a split in stored order, no image decoded: int64 [B], or uint8 [B, N] (multi-label).

        Raises:
            InputError: no such split.
        """
        values = self._column("label", split_name)
        if self.info.task == "multiclass":
            return np.array([labels[0] for labels in values], np.int64)
        vectors = np.zeros((len(values), len(self.info.class_names)), np.uint8)
        for vector, labels in zip(vectors, values, strict=True):
            vector[labels] = 1
        return vectors

    def image_ids(self, split_name: str) -> np.ndarray:
        """Ids of a split in stored order, str [B]."""
        return np.array(self._column("image_id", split_name), dtype=np.str_)

    def groups(self, split_name: str) -> np.ndarray:
        """Patients or lesions of a split in stored order, str [B]; "" where unknown."""
        return np.array(self._column("group", split_name), dtype=np.str_)


def read_prepared(path: Path) -> PreparedDataset:
    """Open one folder that `prepare` finished.

    Raises:
        InputError: its summary is missing or damaged.
    """
    summary = read_summary(path)
    return PreparedDataset(
        info=summary["info"],
        path=path,
        scheme=summary["scheme"],
        image_size=summary["image_size"],
        num_examples=summary["num_examples"],
        fingerprint=summary["fingerprint"],
    )


def open_prepared(
    name: str, data_dir: Path, split: str | None = None, image_size: int | None = None
) -> PreparedDataset:
    """Open a data set by name; `split` (the scheme) and `image_size` choose where several are prepared.

    Raises:
        InputError: none or several fit; the message lists what is prepared.
    """
    home = Path(data_dir) / folder_name(name)
    ready = [read_prepared(path) for path in finished(home, "*")]
    if not ready and not home.exists():
        _check_known(name, Path(data_dir))
    fitting = [
        dataset
        for dataset in ready
        if split in (None, dataset.scheme) and image_size in (None, dataset.image_size)
    ]
    if len(fitting) == 1:
        return fitting[0]
    have = ", ".join(f"--split {d.scheme} --image-size {d.image_size}" for d in ready) or "nothing"
    if fitting:
        raise InputError(f"{name} is prepared several times in {data_dir}; choose one: {have}")
    wanted = "".join(
        f" --{key} {value}" for key, value in (("split", split), ("image-size", image_size)) if value
    )
    raise InputError(
        f"{name}{wanted} is not prepared in {data_dir}; prepared: {have}. "
        f"Run: python -m jaxpix.prepare {_what(name)}{wanted} --data-dir {shlex.quote(str(data_dir))}"
    )


def _what(name: str) -> str:
    """The first words of the command that prepares `name`."""
    if name not in DATASETS:
        return f"folder --name {name} --source PATH"
    known = DATASETS[name]
    return name if known.synthetic or known.is_downloaded else f"{name} --source PATH"


def _check_known(name: str, data_dir: Path) -> None:
    """A name that is neither known nor prepared is a typing error, not a missing preparation."""
    prepared = sorted({path.parents[1].name for path in finished(data_dir, "*/*")})
    try:
        lookup(name)
    except InputError as error:
        have = f"{', '.join(prepared) or 'nothing'}{did_you_mean(name, prepared)}"
        raise InputError(f"{error}; prepared in {data_dir}: {have}") from None
