"""The TFDS builder that stores a data set, without TensorFlow.

Examples are streamed to array_record shards by `tfds.core.SequentialWriter`: the writer that
`GeneratorBasedBuilder` brings holds a gigabyte in memory, and then calls TensorFlow.
"""

import contextlib
import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TFDS_LOG_LEVEL", "error")
import tensorflow_datasets as tfds

from ..errors import InputError
from ..storage.documents import read_json
from ..storage.files import sync_tree
from .prepared_files import VERSION
from .registry import DatasetInfo

_FLUSH_EVERY = 256
_EXAMPLES_PER_SHARD = 8192
_LEAST_FREE_BYTES = 32 << 20
_FEATURES = {
    f"tensorflow_datasets.core.features.{name}"
    for name in (
        "features_dict.FeaturesDict",
        "image_feature.Image",
        "class_label_feature.ClassLabel",
        "tensor_feature.Tensor",
        "text_feature.Text",
    )
}

tfds.disable_progress_bar()
logging.getLogger("absl").setLevel(logging.ERROR)

Stream = Callable[[str], Iterator[dict[str, Any]]]


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Stores what `stream` yields for each split, in that order; `finish` writes the side files.

    TFDS names what it stores by the class, so each data set has a subclass of its own.
    Everything is written to a temporary folder that TFDS renames at the end.
    """

    VERSION = tfds.core.Version(VERSION)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(skip_registration=True)

    # TFDS looks for checksum files beside the builder's code, through a package we do not need.
    code_path = None

    def __init__(
        self,
        *,
        dataset: DatasetInfo,
        image_size: int,
        config_name: str,
        data_dir: Path,
        splits: Sequence[str],
        stream: Stream,
        finish: Callable[[Path], None],
    ):
        self._dataset, self._image_size = dataset, image_size
        self._splits, self._stream, self._finish = splits, stream, finish
        config = tfds.core.BuilderConfig(name=config_name, version=VERSION)
        super().__init__(data_dir=data_dir, config=config, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        dataset, size = self._dataset, self._image_size
        label = (
            tfds.features.ClassLabel(names=list(dataset.class_names))
            if dataset.task == "multiclass"
            else tfds.features.Tensor(shape=(len(dataset.class_names),), dtype=np.uint8)
        )
        features = {
            "image": tfds.features.Image(shape=(size, size, dataset.channels), encoding_format="png"),
            "label": label,
            "image_id": tfds.features.Text(),
            "group": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            description=dataset.title,
            homepage=dataset.homepage,
            citation=dataset.citation,
            license=dataset.licence,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        return {name: self._generate_examples(name) for name in self._splits}

    def _generate_examples(self, split_name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, example in enumerate(self._stream(split_name)):
            yield number, {**example, "image": io.BytesIO(example["image"])}

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        # While TFDS prepares, `self.data_dir` is a temporary folder; only an info made now points there.
        info = self._info()
        writer = tfds.core.SequentialWriter(info, _EXAMPLES_PER_SHARD, file_format="array_record")
        writer.initialize_splits(list(self._splits))
        for split_name, examples in self._split_generators(dl_manager).items():
            waiting = []
            for _, example in examples:
                waiting.append(example)
                if len(waiting) == _FLUSH_EVERY:
                    self._write(writer, split_name, waiting)
                    waiting = []
            self._write(writer, split_name, waiting)
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

    def _write(self, writer: Any, split_name: str, examples: list[dict[str, Any]]) -> None:
        _check_free_space(Path(self.data_dir))
        with _disk_errors():
            writer.add_examples({split_name: examples})


def build(
    *,
    dataset: DatasetInfo,
    image_size: int,
    home: Path,
    splits: Sequence[str],
    stream: Stream,
    finish: Callable[[Path], None],
) -> None:
    """Store a data set in `home / VERSION`, whole or not at all.

    Args:
        home: `<data_dir>/<name>/<config>`.
        stream: gives the examples of a split, images as PNG bytes.
        finish: writes side files into the folder it is given, before that folder gets its name.

    Raises:
        InputError: the disk is full; whatever `stream` and `finish` raise.
    """

    class Named(_Builder):
        name = home.parent.name

    builder = Named(
        dataset=dataset,
        image_size=image_size,
        config_name=home.name,
        data_dir=home.parent.parent,
        splits=splits,
        stream=stream,
        finish=finish,
    )
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
