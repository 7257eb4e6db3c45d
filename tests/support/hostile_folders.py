"""Hostile folders: a victim, a prepared data set and an attack's run folder that somebody else has sent."""

import atexit
import base64
import contextlib
import functools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from jaxpix import Victim, read_records
from jaxpix.attack.run import AttackRun
from jaxpix.config import PrepareConfig
from jaxpix.data.prepared import read_prepared
from jaxpix.errors import InputError
from jaxpix.models.zoo import build
from jaxpix.pictures.successes import to_small_webp
from jaxpix.prepare.preparation import prepare_dataset
from jaxpix.records.attacked import SELECTION, Group, Selection
from jaxpix.records.record import to_table
from jaxpix.report.writing import write_report
from support.drawn_runs import make_run
from support.hostile import Property
from support.hostile_edits import Edit, apply, copy, edits
from support.measured import write_measurement

_OUTCOMES = {
    "phantom-xray": [
        (["clear-like"], ["opacity-like"]),
        (["opacity-like"], ["clear-like"]),
        (["nodule-like"],) * 2,
    ],
    "phantom-chest": [([], ["Mass", "Nodule"]), (["Mass"], []), (["Nodule"], ["Nodule"])],
}


@functools.cache
def _home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="jaxpix-hostile-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _victim() -> Path:
    with _unprobed():
        victim = _made()
    victim.save(_home() / "victim")
    return _home() / "victim"


def _made() -> Victim:
    return Victim.from_model(
        build("resnet14", num_classes=3, channels=1, seed=0),
        architecture="resnet14",
        task="multiclass",
        class_names=["a", "b", "c"],
        normal_classes=["a"],
        input_shape=(8, 8, 1),
        mean=[100.0],
        std=[50.0],
        provenance={"dataset": "phantom-xray", "training": {"init": "random"}},
    )


def _unprobed() -> contextlib.AbstractContextManager[object]:
    """Nothing is evaluated: whether a network gives sensible logits is another question, and takes a second."""
    return mock.patch.object(Victim, "_probe")


@functools.cache
def _prepared(name: str) -> Path:
    config = PrepareConfig(data_dir=_home() / "data", image_size=16, num_images=30)
    return prepare_dataset(name, config).path


@functools.cache
def _run(name: str) -> Path:
    folder = make_run(_home() / name, _OUTCOMES[name], name, size=16, num_pixels=2)
    groups = [Group(tuple(before), [place], 1, 1) for place, (before, _) in enumerate(_OUTCOMES[name])]
    Selection(groups, 100).save(folder)
    # A report looks for one where the attacks are.
    return write_measurement(folder)


@functools.cache
def _outside() -> Path:
    """A picture that is private, of the size and kind of those in the runs."""
    path = _home() / "outside.png"
    Image.new("L", (16, 16), 77).save(path)
    return path


@contextlib.contextmanager
def _changed(sound: Path, changes: list[Edit]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        folder = copy(sound, Path(place, "changed"))
        apply(folder, changes, _outside())
        yield folder


def victim_holds(changes: list[Edit]) -> None:
    """A victim is refused, or it is the one that was saved, whatever else its file says."""
    with _changed(_victim(), changes) as folder, contextlib.suppress(InputError), _unprobed():
        victim = Victim.load(folder)
        assert victim.input_shape[2] == 1
        assert len(victim.class_names) == 3


def prepared_holds(name: str, changes: list[Edit]) -> None:
    """A data set is refused, or every image that is read is of the size and has a label that the summary says."""
    with _changed(_prepared(name), changes) as folder, contextlib.suppress(InputError):
        dataset = read_prepared(folder)
        assert dataset.provenance
        for split, count in dataset.num_examples.items():
            labels = dataset.labels(split)
            assert len(labels) == len(set(dataset.image_ids(split))) == len(dataset.groups(split)) == count
            for index in range(min(count, 3)):
                example = dataset.source(split)[index]
                side, classes = dataset.image_size, len(dataset.info.class_names)
                assert example["image"].shape == (side, side, dataset.info.channels)
                assert np.shape(example["label"]) == (() if dataset.info.task == "multiclass" else (classes,))


def resumed_holds(name: str, changes: list[Edit]) -> None:
    """A run is refused, or what it holds can be written again."""
    with _changed(_run(name), changes) as folder, contextlib.suppress(InputError):
        with AttackRun(folder, {"data_fingerprint": "f" * 16}) as run:
            if run.files.has(SELECTION):
                assert all(isinstance(index, int) for index in Selection.load(run.folder).indices)
        assert to_table(read_records(folder)).num_rows == len(run.finished)


def reported_holds(name: str, changes: list[Edit]) -> None:
    """A run is refused, or its report is whole: strict JSON, no markup of others, nothing from outside."""
    with _changed(_run(name), changes) as folder, tempfile.TemporaryDirectory() as out:
        try:
            page = write_report([folder], Path(out, "report")).read_text(encoding="utf-8")
        except InputError:
            assert not Path(out, "report", "index.html").exists()
            return
        summary = Path(out, "report", "summary.json").read_text(encoding="utf-8")
        assert json.loads(summary, parse_constant=_refuse)["series"]
        assert not re.search(r"<b>|<img src=x|>\s*49\s*<|onerror=alert\(1\)>", page)
        assert page.count("<script") == page.count("</script>") == 2
        assert _private() not in page


@functools.cache
def _private() -> str:
    pixels = np.asarray(Image.open(_outside()))[..., None]
    return base64.b64encode(to_small_webp(pixels)).decode("ascii")


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} in summary.json")


_names = st.sampled_from(["phantom-xray", "phantom-chest"])
_both = st.tuples(_names, edits)

PROPERTIES = (
    Property("folders of victims", edits, victim_holds, 10),
    Property("folders of prepared data", _both, lambda both: prepared_holds(*both), 30),
    Property("folders of runs, resumed", _both, lambda both: resumed_holds(*both), 30),
    Property("folders of runs, reported", _both, lambda both: reported_holds(*both), 8),
)
