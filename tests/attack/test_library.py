"""Attacks as calls in Python: kept like those of the door, gone on with, and reported."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support import bars
from support.toys import toy_images, toy_victim

from jaxpix import (
    AttackConfig,
    EngineConfig,
    Records,
    Victim,
    attack_dataset,
    attack_images,
    read_records,
)
from jaxpix.attack import __main__ as door
from jaxpix.attack import campaign as campaigns
from jaxpix.attack.run import AttackRun
from jaxpix.errors import InputError
from jaxpix.report import __main__ as report
from jaxpix.report.runs.reading import read_attacks
from jaxpix.storage.png import decode_png

QUICK = AttackConfig(generations=8)


def without_time(records, **changes):
    return [dataclasses.replace(record, seconds=0.0, **changes) for record in records]


@pytest.fixture(scope="module")
def victim():
    return toy_victim()


@pytest.fixture(scope="module")
def images():
    return toy_images(8)


@pytest.fixture(scope="module")
def labels(victim, images):
    """What the victim says, but for images 0 and 4."""
    found = victim.predict(images).argmax(1)
    found[[0, 4]] = (found[[0, 4]] + 1) % 3
    return [victim.class_names[number] for number in found]


@pytest.fixture(scope="module")
def kept(victim, images, labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "mine"
    return folder, attack_images(victim, images, labels, QUICK, run=folder)


def test_a_run_folder_holds_what_the_call_returns(kept, victim, images, labels):
    folder, records = kept
    assert isinstance(records, Records)
    assert [record.image_id for record in records] == ["1", "2", "3", "5", "6", "7"]
    assert 0 < sum(record.success for record in records) < len(records)
    in_memory = attack_images(victim, images, labels, QUICK)
    assert without_time(records, image_file="") == without_time(in_memory)
    stored = read_records(folder)
    assert sorted(stored, key=lambda record: record.image_id) == records
    for record in records:
        if record.success:
            saved = decode_png((folder / record.image_file).read_bytes())
            np.testing.assert_array_equal(saved, record.adversarial_image())


def test_what_was_passed_over_is_told_with_its_reason(kept, victim, images):
    folder, records = kept
    said = victim.predict(images).argmax(1)
    expected = [(name, "misclassified", [f"class {said[int(name)]}"]) for name in ("0", "4")]
    assert records.passed_over == expected
    assert sorted(read_records(folder).passed_over) == expected


def test_images_at_the_target_are_told_too(victim, images, labels, tmp_path):
    config = dataclasses.replace(QUICK, target="class 1", generations=1)
    attacked = {"run": tmp_path / "run"}, {}
    for more in attacked:
        records = attack_images(victim, images, labels, config, **more)
        reasons = {one.image_id: one.reason for one in records.passed_over}
        at_target = {str(n) for n, label in enumerate(labels) if label == "class 1"} - {"0", "4"}
        assert at_target
        assert reasons == dict.fromkeys(at_target, "already at the target") | dict.fromkeys(
            "04", "misclassified"
        )
        assert {record.image_id for record in records} == set("01234567") - reasons.keys()


def test_nothing_to_attack_leaves_the_reasons(victim, images, tmp_path):
    wrong = (victim.predict(images[:2]).argmax(1) + 1) % 3
    for run in (None, tmp_path / "run"):
        records = attack_images(victim, images[:2], wrong, QUICK, run=run)
        assert records == []
        assert [one.image_id for one in records.passed_over] == ["0", "1"]
    assert attack_images(victim, images[:0], None, QUICK) == []


def test_the_folder_says_honestly_what_it_is_of(kept):
    folder, _ = kept
    about = json.loads((folder / "about.json").read_text())
    assert about["dataset"] | {"class_names": []} == {
        "name": "images",
        "title": "8 images given in Python, 12x12",
        "citation": "",
        "licence": "",
        "task": "multiclass",
        "class_names": [],
        "normal_classes": ["class 0"],
        "image_size": 12,
        "channels": 1,
        "split": "given",
        "subset": "given",
        "synthetic": False,
        "note": None,
    }
    assert about["victim"]["name"] == "toy"
    call = json.loads((folder / "environment.json").read_text())["call"]
    assert call == "jaxpix.attack_images(victim, images, labels, config=AttackConfig(generations=8))"


def test_labels_of_the_victims_own_are_noted(victim, images, tmp_path):
    attack_images(victim, images[:2], None, AttackConfig(generations=0), run=tmp_path / "run")
    note = json.loads((tmp_path / "run" / "about.json").read_text())["dataset"]["note"]
    assert note == "no true labels were given: each image's label is what the victim says of it"


def test_a_report_is_made_of_it(kept, tmp_path):
    folder, records = kept
    report.main([str(folder), "--out", str(tmp_path / "report")])
    page = (tmp_path / "report" / "index.html").read_text()
    assert "8 images given in Python, 12x12" in page
    assert "config=AttackConfig(generations=8), run=&#39;NEW_FOLDER&#39;)" in page
    assert "jaxpix.attack --config" not in page
    (attack,) = read_attacks([folder])
    assert attack.is_finished
    assert attack.num_experiments == len(records) == 6


def test_the_same_call_goes_on(kept, victim, images, labels, tmp_path, monkeypatch):
    _, records = kept
    save, saved = AttackRun.save, []

    def stopping(self, finished):
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(save(self, finished))
        return saved[-1]

    with monkeypatch.context() as patched:
        patched.setattr(AttackRun, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            attack_images(victim, images, labels, QUICK, run=tmp_path / "run", engine=EngineConfig(slots=2))
    assert read_records(tmp_path / "run") == saved
    again = attack_images(victim, images, labels, QUICK, run=tmp_path / "run")
    assert without_time(again) == without_time(records)
    assert {record.image_id: record.seconds for record in again}[saved[0].image_id] == saved[0].seconds
    # Finished: nothing is computed.
    monkeypatch.setattr(campaigns, "work", None)
    assert attack_images(victim, images, labels, QUICK, run=tmp_path / "run") == again


@pytest.mark.parametrize("change", ["images", "labels", "seed"])
def test_another_attack_is_refused(kept, victim, images, labels, change):
    folder, _ = kept
    call = {"images": images, "labels": labels, "config": QUICK}
    call |= {
        "images": {"images": images[::-1]},
        "labels": {"labels": victim.predict(images).argmax(1)},
        "seed": {"config": dataclasses.replace(QUICK, seed=1)},
    }[change]
    with pytest.raises(InputError, match="holds another attack"):
        attack_images(victim, run=folder, **call)


def test_quiet_unless_progress_is_asked_for(victim, images, tmp_path, capsys):
    quick = AttackConfig(generations=0)
    attack_images(victim, images[:2], None, quick, run=tmp_path / "run")
    attack_images(victim, images[:2], None, quick)
    assert capsys.readouterr() == ("", "")
    attack_images(victim, images[:2], None, quick, progress=True)
    assert "attack: 2/2 images" in capsys.readouterr().out


def test_pictures_are_attacked_as_the_victim_sees_them(victim):
    picture = Image.fromarray(toy_images(1, 3, size=20)[0])
    with pytest.warns(UserWarning, match="of 1 images 1 resized to 12x12 and 1 turned to grey") as told:
        (record,) = attack_images(victim, picture, config=AttackConfig(generations=0))
    assert told[0].filename == __file__
    assert record.original_image().shape == (12, 12, 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("bars")
    dataset = bars.prepare_two_classes(root)

    def brighter_side(images):
        left, right = images[:, :, :16].mean((1, 2, 3)), images[:, :, 16:].mean((1, 2, 3))
        # Some right bars are taken for left ones, and a single pixel can change others.
        score = (left - right + 75) * 3
        return jnp.stack([score, -score], 1)

    return (
        root,
        dataset,
        Victim.from_function(
            brighter_side, class_names=["left", "right"], input_shape=(32, 32, 1), name="side"
        ),
    )


@pytest.mark.filterwarnings("ignore:the first population of")
def test_a_data_set_gives_the_records_of_the_door(world, monkeypatch, tmp_path):
    root, dataset, victim = world
    config = AttackConfig(population=16, generations=4, num_pixels=2)
    monkeypatch.setattr(door, "open_victim", lambda *_: victim)
    flags = [
        *(
            "--dataset",
            "bars",
            "--data-dir",
            str(root / "data"),
            "--run",
            str(tmp_path / "door"),
            "--per-class",
            "4",
        ),
        *("--population", "16", "--generations", "4", "--num-pixels", "2"),
    ]
    door.main(flags)
    by_door = read_records(tmp_path / "door")
    # The door says it in a line, a call in a warning, a report on its page.
    with pytest.warns(
        UserWarning, match=r"^the victim is at chance: .* on the 20 images that were looked at"
    ):
        kept = attack_dataset(victim, dataset, config, per_class=4, run=tmp_path / "python")
    with pytest.warns(UserWarning, match="at chance"):
        named = attack_dataset(victim, "bars", config, per_class=4, data_dir=root / "data")
    assert without_time(by_door) == without_time(kept)
    assert without_time(by_door, image_file="") == without_time(named)
    assert named.passed_over == kept.passed_over == by_door.passed_over
    assert {one.reason for one in named.passed_over} == {"misclassified"}
    for name in ("identity.json", "selection.json", "about.json"):
        assert (tmp_path / "door" / name).read_text() == (tmp_path / "python" / name).read_text()
    failure = next(record for record in named if not record.success)
    assert failure.original_image().shape == (32, 32, 1)
    # Each goes on with what the other has begun.
    assert attack_dataset(victim, dataset, config, per_class=4, run=tmp_path / "door") == by_door
    report.main([str(tmp_path / "python"), "--out", str(tmp_path / "report")])
    page = (tmp_path / "report" / "index.html").read_text()
    assert "jaxpix.attack_dataset(victim, &#39;bars&#39;, AttackConfig(" in page
    first_screen = page[: page.index('id="gallery"')]
    assert "<strong>Warning.</strong> The victim is at chance: balanced accuracy" in first_screen
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert summary["series"][0]["caveats"][0].startswith("The victim is at chance")


def test_all_of_a_data_set_have_a_record_or_a_reason(world):
    _, dataset, victim = world
    config = AttackConfig(population=8, generations=1, target="left")
    records = attack_dataset(victim, dataset, config, per_class=None)
    reasons = {one.image_id: one.reason for one in records.passed_over}
    assert {record.image_id for record in records} | reasons.keys() == set(dataset.image_ids("test"))
    assert set(reasons.values()) == {"misclassified", "already at the target"}


def test_a_data_set_that_does_not_fit(world, victim):
    _, dataset, _ = world
    with pytest.raises(InputError, match=r"the classes of bars .* are not those of the victim"):
        attack_dataset(victim, dataset)
    with pytest.raises(InputError, match="nowhere"):
        attack_dataset(victim, "nowhere")
