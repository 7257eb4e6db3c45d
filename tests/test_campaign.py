"""The attack door on a real data set and a real network, whole, killed and resumed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxpix import PrepareConfig, Victim, attack, prepare_dataset, read_records
from jaxpix.errors import InputError
from jaxpix.models import build
from jaxpix.verification import decode_png

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a prepared phantom and an untrained network; it classifies some images correctly."""
    folder = tmp_path_factory.mktemp("world")
    dataset = prepare_dataset(
        "phantom-xray", PrepareConfig(data_dir=folder / "data", image_size=32, num_images=160)
    )
    model = build("resnet14", num_classes=3, channels=1, seed=2)
    source = dataset.source("train")
    images = np.stack([source[index]["image"] for index in range(64)])
    # Centred, scaled logits make every class occur and some labels fragile.
    logits = _victim(model, dataset).predict(images)
    scale = 1 / logits.std(0)
    model.fc.kernel[...] = model.fc.kernel[...] * scale
    model.fc.bias[...] = (model.fc.bias[...] - logits.mean(0)) * scale
    _victim(model, dataset).save(folder / "victim")
    return folder


def _victim(model, dataset):
    return Victim.from_model(
        model,
        architecture="resnet14",
        task="multiclass",
        class_names=dataset.info.class_names,
        normal_classes=dataset.info.normal_classes,
        input_shape=(32, 32, 1),
        mean=[110.0],
        std=[50.0],
        name="untrained",
        provenance={"dataset": "phantom-xray", "split": "drawn", "fingerprint": dataset.fingerprint},
    )


def arguments(world, run, *more):
    return [
        *("--victim", str(world / "victim"), "--data-dir", str(world / "data"), "--run", str(world / run)),
        *("--subset", "train", "--all", "--population", "12", "--generations", "4", "--slots", "3", *more),
    ]


def without_time(records):
    return [dataclasses.replace(record, seconds=0.0) for record in records]


@pytest.fixture(scope="module")
def undisturbed(world):
    attack.main(arguments(world, "undisturbed"))
    return read_records(world / "undisturbed")


def test_the_run_folder_explains_itself(world, undisturbed):
    run = world / "undisturbed"
    assert len(undisturbed) > 20
    assert {record.synthetic for record in undisturbed} == {True}
    assert {record.dataset for record in undisturbed} == {"phantom-xray"}
    environment = json.loads((run / "environment.json").read_text())
    assert {"jaxpix", "python", "packages", "devices"} <= environment.keys()
    about = json.loads((run / "about.json").read_text())
    assert about["dataset"] == {
        "name": "phantom-xray",
        "title": "Phantom radiographs (synthetic)",
        "citation": "Drawn by jaxpix; no patient.",
        "licence": "Apache-2.0, as jaxpix itself",
        "task": "multiclass",
        "class_names": ["clear-like", "opacity-like", "nodule-like"],
        "normal_classes": ["clear-like"],
        "image_size": 32,
        "channels": 1,
        "split": "drawn",
        "subset": "train",
        "synthetic": True,
        "note": None,
    }
    victim = about["victim"]
    assert (victim["name"], victim["architecture"], victim["test_metrics"]) == ("untrained", "resnet14", None)
    assert {record.victim_id for record in undisturbed} == {victim["id"]}
    assert victim["provenance"]["dataset"] == "phantom-xray"
    assert {tuple(record.normal_classes) for record in undisturbed} == {("clear-like",)}
    assert "population = 12" in (run / "config.toml").read_text()
    successes = [record for record in undisturbed if record.success]
    assert len(list((run / "adversarial").iterdir())) == len(successes) > 0
    assert Image.open(run / "successes.png").size[0] > 300


def test_every_success_is_adversarial_as_saved(world, undisturbed):
    victim = Victim.load(world / "victim")
    for record in undisturbed:
        if not record.success:
            continue
        saved = decode_png((world / "undisturbed" / record.image_file).read_bytes())
        original = decode_png(
            (world / "undisturbed" / "originals" / Path(record.image_file).name).read_bytes()
        )
        before, after = (np.asarray(victim.logits(image[None]))[0].argmax() for image in (original, saved))
        assert [victim.class_names[before]] == record.label_before
        assert [victim.class_names[after]] == record.label_after != record.label_before
        assert (saved != original).any(-1).sum() == 1


def test_the_table_is_printed(world, undisturbed, capsys):
    attack.main(arguments(world, "undisturbed"))
    printed = capsys.readouterr().out
    assert f"{len(undisturbed)} of {len(undisturbed)} experiments were finished before" in printed
    for text in ("clear-like", "success (95 % interval)", "AvgCL", "synthetic", "hits refuted: 0"):
        assert text in printed


@pytest.mark.parametrize("after", [4])
def test_a_killed_attack_loses_nothing_and_repeats_nothing(world, undisturbed, after):
    run = world / f"killed-after-{after}"
    command = [sys.executable, "-m", "jaxpix.attack", *arguments(world, run.name)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    journal = run / "journal.jsonl"
    deadline = time.monotonic() + 200
    while not journal.exists() or journal.read_bytes().count(b"\n") < after:
        assert process.poll() is None, "the attack ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = journal.read_bytes()
    kept = finished[: finished.rfind(b"\n") + 1]
    assert not (run / "records.parquet").exists()
    attack.main(arguments(world, run.name))
    assert journal.read_bytes().startswith(kept), "finished experiments stay as they were"
    lines = [json.loads(line)["image_id"] for line in journal.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == len(undisturbed)
    assert without_time(read_records(run)) == without_time(undisturbed)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--seed", "1"], r"holds another attack \(.*seed: it has 0, now asked 1"),
        (["--subset", "trian"], "no split 'trian'; available: "),
        (["--target", "nobody"], "unknown class 'nobody'; allowed: clear-like"),
        (["--classes", "nobody"], "unknown class 'nobody'"),
        (["--num-pixels", "2000"], "num_pixels between 1 and 1024"),
        (["--dataset", "pneumonia"], "pneumonia"),
        (["--victim", "nowhere"], "no victim in nowhere"),
    ],
)
def test_wrong_arguments(world, undisturbed, more, message):
    run = "undisturbed" if "--seed" in more else "other"
    with pytest.raises(InputError, match=message):
        attack.main(arguments(world, run, *more))


def test_a_victim_of_other_classes_is_refused(world):
    prepare_dataset("phantom-derma", PrepareConfig(data_dir=world / "data", image_size=32, num_images=20))
    with pytest.raises(InputError, match=r"the classes of phantom-derma .* are not those of the victim"):
        attack.main(arguments(world, "other", "--dataset", "phantom-derma"))
