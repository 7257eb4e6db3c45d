"""The attack door on a real data set and a real network, whole, killed and resumed."""

import contextlib
import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from jaxpix import PrepareConfig, Victim, prepare_dataset, read_records
from jaxpix.attack import __main__ as attack
from jaxpix.errors import InputError
from jaxpix.models.zoo import build
from jaxpix.report.runs.reading import read_attacks
from jaxpix.storage.png import decode_png

ROOT = Path(__file__).resolve().parents[2]


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
    model.fc.kernel[...] = model.fc.kernel[...] * scale[None]
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
    with Image.open(run / "successes.png") as sheet:
        assert sheet.size[0] > 300


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
    # Untrained, it is right by chance; a class of which no image was chosen has no asterisk.
    assert "warning: the victim is at chance: balanced accuracy" in printed
    assert ("* fewer than" in printed) == ("%*" in printed)


def begun(world, name):
    """A run folder that a kill has left, with a fifth of it done."""
    run = world / name
    shutil.copytree(world / "undisturbed", run)
    (run / "records.parquet").unlink()
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    (run / "journal.jsonl").write_text("".join(lines[: len(lines) // 5]) + lines[-1][:50])
    return run


def workers_of(process):
    """Ray's processes that attack, or will in a moment."""
    with contextlib.suppress(psutil.NoSuchProcess):
        each = psutil.Process(process.pid).children(recursive=True)
        return [one for one in each if "ray::Worker" in " ".join(_command_line(one))]
    return []


def _command_line(process):
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def test_workers_and_then_the_driver_are_killed_and_nothing_is_lost_or_repeated(
    world, undisturbed, monkeypatch
):
    pytest.importorskip("ray", reason="workers need the extra ray")
    # Each of five workers would compile the same.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(world / "programs"))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    run = begun(world, "by-workers")
    journal, kept = run / "journal.jsonl", (run / "journal.jsonl").read_bytes()
    by_workers = arguments(world, run.name, "--ray", "--workers", "2", "--generations-per-call", "1")
    command = [sys.executable, "-m", "jaxpix.attack", *by_workers]
    driver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killed: set[int] = set()
    while len(killed) < 3:
        assert driver.poll() is None, driver.communicate()[0]
        for worker in workers_of(driver):
            # One that is preparing, one that has attacked, and whatever the third is doing.
            if worker.pid not in killed and (not killed or journal.stat().st_size > len(kept)):
                worker.kill()
                killed.add(worker.pid)
                break
        time.sleep(0.02)
    workers = workers_of(driver)
    driver.kill()
    printed, _ = driver.communicate()
    assert "is lost" in printed
    assert "raylet" not in printed, "Ray's own words are kept from the terminal"
    assert not psutil.wait_procs(workers, timeout=30)[1], "workers end with their driver"
    assert len(read_records(run)) < len(undisturbed)
    attack.main(arguments(world, run.name, "--ray", "--workers", "1"))
    assert without_time(read_records(run)) == without_time(undisturbed)
    assert journal.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1]), "what was finished stays as it was"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    names = [name for line in lines for name in line.get("passed_over", [line.get("image_id")])]
    assert len(names) == len(set(names)) == 120, "every image was attacked or passed over, once"
    environment = json.loads((run / "environment.json").read_text())
    assert {one.partition(": ")[2] for one in environment["workers"]} == {"cpu"}
    (whole,) = read_attacks([run])
    assert whole.is_finished
    assert whole.num_experiments == len(undisturbed)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--seed", "1"], r"holds another attack \(.*seed: it has 0, now asked 1"),
        (["--subset", "trian"], r"no split 'trian' \(did you mean train\?\); available: "),
        (["--target", "nobody"], "unknown class 'nobody'; allowed: clear-like"),
        (["--classes", "nobody"], "unknown class 'nobody'"),
        (["--num-pixels", "2000"], "num_pixels between 1 and 1024"),
        (["--dataset", "pneumonia"], "pneumonia"),
        (["--victim", "nowhere"], "no victim in nowhere"),
        (["--worker-cpus", "2"], "--worker-cpus is for workers of Ray: give --ray, too"),
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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content["groups"][0]["indices"].append(10_000), "or images that are not there"),
        (lambda content: content["groups"][0]["indices"].append(content["groups"][1]["indices"][0]), "twice"),
        (lambda content: content["groups"][0]["indices"].clear(), "a record of .*, which was not chosen"),
    ],
)
def test_a_selection_that_does_not_fit_its_images_or_records(world, undisturbed, damage, message):
    run = world / "damaged"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(world / "undisturbed", run)
    content = json.loads((run / "selection.json").read_text())
    damage(content)
    (run / "selection.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"damaged: .*{message}"):
        attack.main(arguments(world, run.name))


def test_an_exhaustive_search_is_a_run_like_any_other(world, capsys, monkeypatch):
    monkeypatch.setattr("jaxpix.search.exhaustive.sweep.AUDITED", 90)
    exhaustive = ("--search", "exhaustive", "--per-class", "1", "--subset", "train")
    where = ("--victim", str(world / "victim"), "--data-dir", str(world / "data"))
    attack.main([*where, *exhaustive, "--run", str(world / "truth")])
    printed = capsys.readouterr().out
    assert "1,024 positions x 2 values" in printed
    assert "complete over the values and positions that were tried, float32, audited" in " ".join(
        printed.split()
    )
    records = read_records(world / "truth")
    assert {record.stop_reason for record in records} == {"exhausted"}
    assert {record.preset for record in records} == {"exhaustive, corners"}
    assert all(record.success == (record.exhaustive_flips > 0) for record in records)
    attack.main([*where, *exhaustive, "--run", str(world / "truth")])
    assert read_records(world / "truth") == records
    with pytest.raises(InputError, match="values: it has 'corners', now asked '3'"):
        attack.main([*where, *exhaustive, "--values", "3", "--run", str(world / "truth")])
