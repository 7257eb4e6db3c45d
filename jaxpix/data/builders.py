"""The TFDS builder that stores a data set, without TensorFlow.

Examples are streamed to array_record shards by `tfds.core.SequentialWriter`: the writer that
`GeneratorBasedBuilder` brings holds a gigabyte in memory, and then calls TensorFlow.
"""

import contextlib
import io
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TFDS_LOG_LEVEL", "error")
import tensorflow_datasets as tfds
from tensorflow_datasets.core.features import ClassLabel, FeaturesDict, Image, Tensor, Text

from ..errors import InputError
from ..storage.documents import read_json
from ..storage.files import sync_tree
from .prepared_files import VERSION
from .registry import DatasetInfo

_FLUSH_EVERY = 256
_EXAMPLES_PER_SHARD = 8192
_LEAST_FREE_BYTES = 32 << 20
_FEATURES = {f"{kind.__module__}.{kind.__name__}" for kind in (FeaturesDict, Image, ClassLabel, Tensor, Text)}

tfds.disable_progress_bar()
logging.getLogger("absl").setLevel(logging.ERROR)

Examples = Mapping[str, Iterable[dict[str, Any]]]
"""Those of each split, images as PNG bytes."""


class _Builder(tfds.core.dataset_builder.FileReaderBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Stores `examples`, in their order; `finish` writes the side files.

    TFDS names what it stores by the class, so each data set has a subclass of its own.
    Everything is written to a temporary folder that TFDS renames at the end.
    """

    VERSION = tfds.core.Version(VERSION)

    # TFDS looks for checksum files beside the builder's code, through a package we do not need.
    code_path = None

    def __init__(
        self,
        dataset: DatasetInfo,
        image_size: int,
        home: Path,
        examples: Examples,
        finish: Callable[[Path], None],
    ):
        self._dataset, self._image_size = dataset, image_size
        self._examples, self._finish = examples, finish
        config = tfds.core.BuilderConfig(name=home.name, version=VERSION)
        super().__init__(data_dir=home.parent.parent, config=config, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        dataset, size = self._dataset, self._image_size
        label = (
            ClassLabel(names=list(dataset.class_names))
            if dataset.task == "multiclass"
            else Tensor(shape=(len(dataset.class_names),), dtype=np.uint8)
        )
        features = {
            "image": Image(shape=(size, size, dataset.channels), encoding_format="png"),
            "label": label,
            "image_id": Text(),
            "group": Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=FeaturesDict(features),
            description=dataset.title,
            homepage=dataset.homepage,
            citation=dataset.citation,
            license=dataset.licence,
            disable_shuffling=True,
        )

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        # While TFDS prepares, `self.data_dir` is a temporary folder; only an info made now points there.
        info = self._info()
        writer = tfds.core.SequentialWriter(info, _EXAMPLES_PER_SHARD, file_format="array_record")
        writer.initialize_splits(list(self._examples))
        for split_name, examples in self._examples.items():
            waiting = ({**example, "image": io.BytesIO(example["image"])} for example in examples)
            while some := list(itertools.islice(waiting, _FLUSH_EVERY)):
                _check_free_space(Path(self.data_dir))
                with _disk_errors():
                    writer.add_examples({split_name: some})
                # Before the next ones are there: large images are many bytes.
                some.clear()
        with _disk_errors():
            writer.close_all()
        self.info.set_splits(info.splits)
        self._finish(Path(self.data_dir))
        # Before TFDS gives the folder its name, which says that all is there.
        sync_tree(Path(self.data_dir))

    def _log_download_bytes(self) -> None:
        """Our own bar says what goes on."""

    def _log_download_done(self) -> None:
        """Our own summary says what is there."""


def build(
    dataset: DatasetInfo, image_size: int, home: Path, examples: Examples, finish: Callable[[Path], None]
) -> None:
    """Store a data set in `home / VERSION`, whole or not at all.

    Args:
        home: `<data_dir>/<name>/<config>`.
        examples: are asked for split by split.
        finish: writes side files into the folder it is given, before that folder gets its name.

    Raises:
        InputError: the disk is full; whatever `examples` and `finish` raise.
    """

    class Named(_Builder, skip_registration=True):  # type: ignore[call-arg]
        name = home.parent.name

    builder = Named(dataset, image_size, home, examples, finish)
    builder.download_and_prepare(download_dir=home / "incomplete.downloads")
    sync_tree(home)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """The shards' writer is C++ and reports a failed write as a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"the disk is full or cannot be written to: {error}") from None


def _check_free_space(path: Path) -> None:
    """Stop while there is room for everybody else."""
    free = shutil.disk_usage(path).free
    if free < _LEAST_FREE_BYTES:
        raise InputError(
            f"the disk is full: {free / 1e6:,.0f} MB free at {path}, {_LEAST_FREE_BYTES / 1e6:,.0f} MB needed; "
            f"free some space or choose another --data-dir"
        )


def open_records(path: Path, split_name: str) -> Any:
    """Random access to the stored examples of a split.

    Raises:
        InputError: a description in the folder names other kinds of features than `build` stores.
    """
    _check_features(read_json(path / "features.json"), path)
    return tfds.builder_from_directory(path).as_data_source(split=split_name)


def _check_features(value: Any, path: Path) -> None:
    """TFDS imports, and so runs, any module that a description names the class of a feature in."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        named = key in ("pythonClassName", "python_class_name", "type", "proto_cls")
        if named and inner not in _FEATURES:
            raise InputError(f"{path}: expected features of TFDS, got {inner!r} in features.json")
        _check_features(inner, path)
    for inner in value if isinstance(value, list) else ():
        _check_features(inner, path)
