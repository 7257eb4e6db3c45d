"""The benchmark on tiny networks: its figures follow from what was measured, its files say so."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxpix import PrepareConfig, Victim, prepare_dataset, read_records
from jaxpix.attack.experiments import Attack
from jaxpix.bench import __main__ as bench
from jaxpix.bench.attacks import measure_attack, run_attack, warm_up
from jaxpix.bench.options import BenchOptions, resolved
from jaxpix.bench.results import Results
from jaxpix.bench.rows import Comparison
from jaxpix.bench.session import Session, compare
from jaxpix.bench.subjects import Subject, random_subject, trained_subject, unconfusable
from jaxpix.bench.throughput import compile_bare, grouped, time_forward
from jaxpix.bench.training import measure_training_step
from jaxpix.config import AttackConfig, EngineConfig
from jaxpix.data.prepared import PreparedDataset
from jaxpix.errors import InputError
from jaxpix.metrics.queries import success_curve
from jaxpix.models.zoo import build
from jaxpix.pixels import paint
from jaxpix.search.evaluators import make_evaluator

ROOT = Path(__file__).resolve().parents[2]
SIZE = 32
TINY = ["--models", "resnet14", "--image-size", str(SIZE), "--population", "6", "--generations", "2"]
TINY += [
    "--images",
    "4",
    "--batches",
    "12",
    "--train-batch",
    "2",
    "--repeats",
    "2",
    "--evaluators",
    "incremental",
]

SMALLEST = ["--quick", "--image-size", "16"]


@pytest.fixture(scope="module")
def subject() -> Subject:
    return random_subject("resnet14", SIZE, 12)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    folder = tmp_path_factory.mktemp("data")
    return prepare_dataset("phantom-xray", PrepareConfig(data_dir=folder, image_size=SIZE, num_images=60))


@pytest.fixture(scope="module")
def victim(dataset: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained network that classifies some images of the data set correctly."""
    folder = tmp_path_factory.mktemp("victim")
    model = build("resnet14", num_classes=3, channels=1, seed=2)
    Victim.from_model(
        model,
        architecture="resnet14",
        task="multiclass",
        class_names=dataset.info.class_names,
        normal_classes=dataset.info.normal_classes,
        input_shape=(SIZE, SIZE, 1),
        mean=[110.0],
        std=[50.0],
        name="untrained",
        provenance={"dataset": "phantom-xray", "split": "drawn", "fingerprint": dataset.fingerprint},
    ).save(folder)
    return folder


def data_folder(dataset: PreparedDataset) -> Path:
    return next(folder for folder in Path(dataset.path).parents if (folder / "phantom_xray").is_dir())


def forward(subject: Subject, evaluator: Any, batch: int) -> Any:
    made = make_evaluator(subject.victim, 2, "float32", EngineConfig(evaluator=evaluator))
    bare = compile_bare(made, subject.images, 2, *grouped(batch, 6), repeats=2)
    return time_forward(bare, "noise", 2, "float32", repeats=2, matrix_rate=1e9)


def test_bare_evaluation_in_figures(subject: Subject) -> None:
    dense, incremental, small = (
        forward(subject, name, batch) for name, batch in (("dense", 20), ("incremental", 18), ("dense", 4))
    )
    # 20 candidates are three populations of six, four are a smaller one.
    assert (dense.batch, dense.group, dense.population) == (18, 3, 6)
    assert (small.batch, small.group, small.population) == (4, 1, 4)
    assert (dense.evaluator, dense.base_seconds) == ("dense", None)
    assert incremental.evaluator.startswith("incremental (")
    assert incremental.base_seconds > 0
    assert 0 < incremental.operations_per_candidate < dense.operations_per_candidate
    # What is left of the multiplications of the network: the compiler may only add a little around them.
    assert dense.operations_per_candidate == pytest.approx(dense.written_operations_per_candidate, rel=0.5)
    for row in (dense, incremental, small):
        assert len(row.timing.seconds) == 2
        assert row.candidates_per_second == row.batch / row.timing.median
        rate = row.operations_per_candidate * row.candidates_per_second
        assert row.fraction_of_matrix_rate == pytest.approx(rate / 1e9)


def test_the_workload_is_real(subject: Subject) -> None:
    """Candidates of the images, whose logits are those of the victim."""
    evaluator = make_evaluator(subject.victim, 2, "float32", EngineConfig(evaluator="incremental"))
    work = compile_bare(evaluator, subject.images, num_pixels=2, group=2, population=5, repeats=1)
    assert work.size == 10
    painted = np.asarray(jax.vmap(paint)(*work.arguments[2:])).reshape(-1, SIZE, SIZE, 3)
    assert len(np.unique(painted, axis=0)) == 10
    logits = np.asarray(work.program.call(*work.arguments)).reshape(10, -1)
    np.testing.assert_allclose(logits, subject.victim.predict(painted), atol=1e-4)


def test_training_step_in_figures() -> None:
    row = measure_training_step(
        "resnet14", (16, 16, 3), num_classes=3, precision="float32", batch=3, repeats=2, matrix_rate=1e9
    )
    assert row.images_per_second == 3 / row.timing.median
    # Forward, and backward to weights and inputs.
    evaluation = forward(random_subject("resnet14", 16, 1), "dense", 6).operations_per_candidate
    assert row.operations_per_image is not None
    assert 2 < row.operations_per_image / evaluation < 5


def test_noise_is_of_mixed_difficulty(subject: Subject) -> None:
    assert len(subject.images) == len(subject.labels) == 12
    assert subject.labels.any(0).sum() > 1
    config = AttackConfig(population=6, generations=6)
    row = measure_attack(subject, config, EngineConfig(evaluator="dense"), repeats=1, matrix_rate=1e12)
    assert 0 < row.stopped_early < row.images == 12
    assert 0 < row.successes < 12
    assert row.candidates_per_second == row.candidates / row.timing.median
    assert row.images_per_second == 12 / row.timing.median
    assert row.efficiency == row.candidates_per_second / row.bare_candidates_per_second
    assert row.seconds_per_full_attack == pytest.approx(6 * 7 / row.candidates_per_second)


def test_nothing_confuses_the_unconfusable(subject: Subject) -> None:
    fixed = unconfusable(subject)
    attack = Attack(fixed.victim, AttackConfig(population=6, generations=3), EngineConfig(evaluator="dense"))
    warm_up(attack, fixed.images[0], fixed.labels[0])
    run = run_attack(attack, fixed)
    assert run.candidates == sum(record.queries for record in run.records) == 12 * 6 * 4
    assert not any(record.success for record in run.records)
    # The other one is as it was.
    np.testing.assert_array_equal(subject.victim.predict(subject.images).argmax(1), subject.labels.argmax(1))


def test_warming_up_compiles_everything(subject: Subject) -> None:
    config = AttackConfig(population=6, generations=3, seed=5)
    attack = Attack(subject.victim, config, EngineConfig(evaluator="dense"))
    assert warm_up(attack, subject.images[0], subject.labels[0]) > 0
    program = attack.engine.program
    sizes = [
        fn._cache_size()
        for fn in (program.empty, program.fill, program.advance, program.read, program.refute)
    ]
    run_attack(attack, subject)
    after = [
        fn._cache_size()
        for fn in (program.empty, program.fill, program.advance, program.read, program.refute)
    ]
    assert sizes == after == [1] * 5


def test_the_door_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.main([*TINY, "--out", str(tmp_path / "results"), "--name", "tiny"])
    content = json.loads((tmp_path / "results" / "tiny.json").read_text())
    assert content["schema_version"] == 1
    assert content["command"].startswith("python -m jaxpix.bench --models resnet14")
    assert (content["options"]["population"], content["options"]["num_pixels"]) == (6, [1])
    assert {"commit", "date", "devices", "packages", "processor", "usable_cores"} <= content["machine"].keys()
    assert content["peak_memory_bytes"] > 2**20
    assert [row["precision"] for row in content["matrix_products"]] == ["float32", "tfloat32"]
    [forward], [attack], [training] = (content[kind] for kind in ("forward", "attacks", "training"))
    assert forward["timing"]["runs"] == attack["timing"]["runs"] == training["timing"]["runs"] == 2
    assert forward["candidates_per_second"] == forward["batch"] / forward["timing"]["median"]
    assert attack["source"].startswith("random weights, noise")
    printed = capsys.readouterr().out
    for text in ("Bare evaluation", "Whole attacks", "Training step", "results: "):
        assert text in printed
    for kind in ("candidates", "training"):
        with Image.open(tmp_path / "results" / f"tiny-{kind}.png") as picture:
            assert picture.size[0] > 500


def test_quick_chooses_what_is_not_given() -> None:
    plan = resolved(BenchOptions(quick=True, images=5))
    assert (plan.models, plan.images, plan.slots) == (("resnet14",), 5, (None,))
    assert plan.measure == ("forward", "attack", "train")
    whole = resolved(BenchOptions())
    assert (whole.image_size, whole.population) == (224, 100)
    beside = resolved(BenchOptions(quick=True, peers=("numpy-de",)))
    assert (beside.measure, beside.models) == (("peers",), ("resnet50",))


def test_peers_may_be_separated_by_commas() -> None:
    assert BenchOptions(peers=("art, torchattacks", "numpy-de")).peers == ("art", "torchattacks", "numpy-de")


def test_full_memory_is_noted_and_left(tmp_path: Path) -> None:
    options = BenchOptions(quick=True, out=tmp_path, name="full")
    session = Session(options, resolved(options), Results(tmp_path, "full", "", {}))
    assert session._fitting("too much", lambda: jax.block_until_ready(jnp.zeros(2**48))) is None
    assert json.loads((tmp_path / "full.json").read_text())["skipped"] == ["too much: out of memory"]
    assert session._fitting("enough", lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        session._fitting("broken", lambda: 1 / 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--victim", "v", "--models", "resnet50"], "--victim and --models exclude each other"),
        (["--victim", "v", "--difficulty", "full"], "--difficulty full is for --models"),
        (["--victim", "nowhere"], "no victim in nowhere"),
        (["--measure", "peers"], "--measure peers needs --peers"),
        (["--peers", "foolbox"], "unknown peer 'foolbox'; allowed: art, torchattacks, numpy-de"),
        (["--models", "densenet121", "--image-size", "16"], "densenet121 needs images of at least 29"),
        ([*SMALLEST, "--switch", "layer9", "--measure", "forward"], "unknown layer 'layer9'"),
        ([*SMALLEST, "--num-pixels", "5000", "--measure", "attack"], "num_pixels between 1 and 256"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bench.main([*arguments, "--out", str(tmp_path)])
    if "exclude" in message or "needs --peers" in message:
        assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "art" else real(name))
    pytest.importorskip("torch", reason="comparing needs the peers extra")
    with pytest.raises(InputError, match=r"peer 'art' needs art, which is not installed: pip install"):
        bench.main(["--peers", "art", "--out", str(tmp_path)])


def test_images_of_a_trained_victim(victim: Path, dataset: PreparedDataset, tmp_path: Path) -> None:
    loaded = Victim.load(victim)
    subject = trained_subject(victim, data_folder(dataset), 5)
    assert len(subject.images) == 5
    np.testing.assert_array_equal(loaded.predict(subject.images).argmax(1), subject.labels.argmax(1))
    assert subject.source == "drawn test images of phantom-xray"
    nameless = tmp_path / "nameless"
    dataclasses.replace(loaded, provenance={}).save(nameless)
    with pytest.raises(InputError, match="does not say what it was trained on"):
        trained_subject(nameless, data_folder(dataset), 5)


def test_a_whole_data_set(
    victim: Path, dataset: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = [
        "dataset",
        "--victim",
        str(victim),
        "--data-dir",
        str(data_folder(dataset)),
        "--run",
        str(run),
    ]
    arguments += ["--subset", "train", "--all", "--population", "8", "--generations", "3", "--slots", "3"]
    arguments += ["--out", str(tmp_path), "--name", "all"]
    bench.main(arguments)
    records = read_records(run)
    [row] = json.loads((tmp_path / "all.json").read_text())["datasets"]
    assert row["images"] == len(records) > 5
    assert row["candidates"] == sum(record.queries for record in records)
    assert row["images_per_second"] == row["images"] / row["seconds"]
    expected = success_curve(records)
    assert [point["rate"]["successes"] for point in row["curve"]] == [one.rate.successes for one in expected]
    assert [point["queries"] for point in row["curve"]] == [one.queries for one in expected]
    assert row["success"]["experiments"] == len(records)
    assert row["synthetic"] is True
    assert "synthetic images" in capsys.readouterr().out
    with Image.open(tmp_path / "all-success.png") as picture:
        assert picture.size[0] > 500
    # What it wrote is an attack's run folder like any other.
    assert "out" not in (run / "config.toml").read_text()
    with pytest.raises(InputError, match="holds finished experiments, but a benchmark times all"):
        bench.main(arguments)


@pytest.mark.torch
def test_beside_peers(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="comparing needs the peers extra")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("comparing needs torchvision")
    subject = random_subject("resnet50", 16, 3)
    row: Comparison = compare(
        subject,
        AttackConfig(population=5, generations=1),
        [EngineConfig(evaluator="dense")],
        peers=["numpy-de", "torch-forward"],
        layouts=["shipped"],
        repeats=2,
    )
    assert row.agreement["shipped"] < 1e-4
    assert [one.name for one in row.standings] == ["jaxpix dense", "numpy-de", "torch-forward"]
    ours, numpy_de, _ = row.standings
    for one in row.standings:
        assert one.candidates == 10
        assert one.candidates_per_second == 10 / one.timing.median
    assert (ours.is_jaxpix, numpy_de.is_jaxpix) == (True, False)
    assert "torch" in numpy_de.versions
    ratio = row.ratios[0]
    assert (ratio.jaxpix, ratio.peer) == ("jaxpix dense, 1 image", "numpy-de, shipped")
    turns = [theirs / mine for mine, theirs in zip(ours.timing.seconds, numpy_de.timing.seconds, strict=True)]
    assert ratio.turns == pytest.approx(turns)
    assert ratio.median == pytest.approx(np.median(turns))


def test_nothing_is_imported_that_a_gpu_machine_may_lack() -> None:
    program = "import sys, jaxpix.bench; print({'grain', 'tensorflow_datasets', 'torch'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"
