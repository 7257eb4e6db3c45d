"""The study door: victim, attacks and report from one file, interrupted and resumed."""

import json

import pytest
from support.bars import STUDY, prepare_two_classes

from jaxpix import read_records
from jaxpix.attack.run import AttackRun
from jaxpix.attack.selection import NothingToAttackError
from jaxpix.errors import InputError
from jaxpix.metrics.rates import success_rate
from jaxpix.records.attacked import SELECTION
from jaxpix.records.files import read_passed_over
from jaxpix.storage.settings import read_toml
from jaxpix.study import run as study_run
from jaxpix.study.__main__ import main
from jaxpix.study.file import read_study

pytestmark = pytest.mark.usefixtures("kept_programs")

NAMES = ("untargeted-k1", "untargeted-k20", "to-left-k1", "to-left-k20")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a prepared data set and a study of it."""
    folder = tmp_path_factory.mktemp("world")
    prepare_two_classes(folder)
    (folder / "bars.toml").write_text(STUDY)
    return folder


def study(world, *more, run="run"):
    main([str(world / "bars.toml"), "--data-dir", str(world / "data"), "--run", str(world / run), *more])


def journals(run):
    return {path.parent.name: path.read_bytes() for path in sorted(run.glob("*/journal.jsonl"))}


@pytest.fixture(scope="module")
def finished(world):
    """The run folder of a study that was interrupted in its second attack and given again."""
    save, saved = AttackRun.save, []

    def save_or_die(run, experiment):
        if len(saved) == 10:
            raise KeyboardInterrupt
        saved.append(experiment.record.image_id)
        return save(run, experiment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AttackRun, "save", save_or_die)
        with pytest.raises(KeyboardInterrupt):
            study(world)
    run = world / "run"
    kept, weights = journals(run), (run / "victim" / "victim" / "victim.json").stat().st_mtime_ns
    assert [len(lines.splitlines()) for lines in kept.values()] == [8, 2]
    assert not (run / "report").exists()
    study(world)
    after = journals(run)
    assert set(after) == set(NAMES)
    for name, lines in kept.items():
        assert after[name].startswith(lines), "finished experiments stay as they were"
    assert (run / "victim" / "victim" / "victim.json").stat().st_mtime_ns == weights
    return run


def test_every_attack_has_its_records_and_there_is_a_report(finished):
    for name in NAMES:
        ids = [record.image_id for record in read_records(finished / name)]
        assert len(ids) == len(set(ids)) >= 4
        chosen = [
            group["indices"] for group in json.loads((finished / name / SELECTION).read_text())["groups"]
        ]
        assert len(ids) == sum(map(len, chosen)) - len(read_passed_over(finished / name))
    by_label = {record.label_before[0] for record in read_records(finished / "to-left-k1")}
    assert by_label == {"right"}
    assert {tuple(record.target) for record in read_records(finished / "to-left-k20")} == {("left",)}
    assert any(record.success for record in read_records(finished / "to-left-k20"))
    page = (finished / "report" / "index.html").read_text()
    assert "bars-resnet14-32" in page


def test_all_takes_more_of_a_class_than_per_class(finished):
    selection = json.loads((finished / "to-left-k1" / SELECTION).read_text())
    assert selection["asked"] is None
    assert [group["label"] for group in selection["groups"]] == [["right"]]
    assert len(selection["groups"][0]["indices"]) > 4


@pytest.mark.parametrize("name", ["untargeted", "to-left"])
def test_all_k_attack_the_same_images(finished, name):
    one, two = (json.loads((finished / f"{name}-k{count}" / SELECTION).read_text()) for count in (1, 20))
    assert one == two
    ids = [[record.image_id for record in read_records(finished / f"{name}-k{count}")] for count in (1, 20)]
    assert ids[0] == ids[1]


def test_a_finished_study_repeats_nothing_and_prints_all_attacks(finished, world, capsys):
    before, report = journals(finished), finished / "report" / "index.html"
    epochs = (finished / "victim" / "metrics.jsonl").read_bytes()
    report.unlink()
    about = finished / NAMES[0] / "about.json"
    said = about.read_text()
    about.unlink()  # Older versions wrote none.
    study(world)
    assert about.read_text() == said
    assert journals(finished) == before
    assert (finished / "victim" / "metrics.jsonl").read_bytes() == epochs
    printed = capsys.readouterr().out
    assert printed.count("experiments were finished before") == 4
    for name, label in (("untargeted", "left"), ("untargeted", "right"), ("to-left", "right")):
        line = next(line for line in printed.splitlines() if f"{name}: {label}" in line)
        for count in (1, 20):
            records = read_records(finished / f"{name}-k{count}")
            members = [record for record in records if record.label_before == [label]]
            assert success_rate(members).text(4 if name == "untargeted" else None) in line
    assert f"report: {report}" in printed
    assert report.is_file()


def test_the_run_folders_say_what_was_attacked(finished):
    about = json.loads((finished / "to-left-k1" / "about.json").read_text())
    assert about["dataset"]["name"] == "bars"
    assert about["victim"]["architecture"] == "resnet14"
    metrics = json.loads((finished / "victim" / "test_metrics.json").read_text())
    metrics.pop("best_epoch")
    assert about["victim"]["test_metrics"] == metrics
    assert "test" not in about["victim"]["provenance"]
    assert about["victim"]["provenance"]["training"]["epochs"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "attack.generations=3",
            r"untargeted-k1 holds another attack \(generations: it has 2, now asked 3\)",
        ),
        ("train.epochs=5", r"victim holds another training \(epochs: it has 2, now asked 5\)"),
        ('attack.classes=["left"]', r"holds another attack \(classes: it has \[\], now asked \['left'\]\)"),
    ],
)
def test_a_changed_study_is_refused_and_the_difference_named(finished, world, change, message):
    with pytest.raises(InputError, match=message):
        study(world, "--set", change)
    assert "generations = 2" in (finished / "study.toml").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ["data.dataset=derma", "data.image_size=224", "data.split=paper"],
            r"Run: python -m jaxpix\.prepare derma --source PATH --split paper --image-size 224 --data-dir ",
        ),
        (["data.dataset=dermis"], r"unknown data set 'dermis'"),
        (['attack.classes=["up"]'], r"attack 'untargeted': unknown class 'up'; allowed: left, right"),
        (["attack.target=up"], r"attack 'untargeted': unknown class 'up'"),
        (["attack.subset=tset"], r"attack 'untargeted': .*no split 'tset' .*; available: train, test"),
        (["study.num_pixels=[1, 2000]"], r"attack 'untargeted': expected num_pixels between 1 and 1024"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(world, change, message):
    with pytest.raises(InputError, match=message):
        study(world, "--set", *change, run="other")
    assert not (world / "other").exists()


def test_overrides_are_given_once(world):
    with pytest.raises(InputError, match="--set is there twice"):
        study(world, "--set", "train.epochs=1", "--set", "attack.seed=1")


def test_the_plan_counts_and_does_nothing(world, capsys):
    study(world, "--plan", run="planned")
    printed = capsys.readouterr().out
    # 4 of each class, 8 candidates, generation 0 and two more; all 10 that are right.
    assert [line.split("│")[2:4] for line in printed.splitlines() if "-k1" in line] == [
        ["              8 ", "                192 "],
        ["             10 ", "                240 "],
    ]
    assert "at most 864 candidates in all" in printed
    assert "resnet14 from random weights, trained first for at most 2 epochs" in printed
    assert not (world / "planned").exists()


def test_another_victim_is_neither_trained_nor_mixed_in(world, finished):
    run = world / "given"
    (run / NAMES[0]).mkdir(parents=True)
    (run / NAMES[0] / "journal.jsonl").write_text("{}\n")
    text = STUDY.replace('title = "Bars of light"', 'title = "Bars of light"\nvictim = "somewhere"')
    (run / "study.toml").write_text(text)
    with pytest.raises(InputError, match=r"holds attacks on the victim somewhere, now none is named"):
        study(world, run="given")
    with pytest.raises(InputError, match=r"no victim in .*nowhere"):
        study(world, "--victim", "nowhere", run="given")
    assert not (run / "victim").exists()


@pytest.mark.parametrize("torn", [None, '{"torn'])
def test_a_study_in_which_nothing_was_attacked_binds_nobody(world, finished, torn):
    """Refused with one victim, corrected, interrupted, and given again."""
    run, content = world / f"refused-{torn is None}", read_study(world / "bars.toml")
    (run / NAMES[0]).mkdir(parents=True)
    (run / NAMES[0] / SELECTION).write_text("{}")
    if torn is not None:
        (run / NAMES[0] / "journal.jsonl").write_text(torn)
    text = STUDY.replace('title = "Bars of light"', 'title = "Bars of light"\nvictim = "somewhere"')
    (run / "study.toml").write_text(text)
    study_run._begin(content, run)
    assert "victim" not in read_toml(run / "study.toml")["study"]
    (run / NAMES[0] / "journal.jsonl").write_text("{}\n")
    study_run._begin(content, run)


def test_an_attack_without_any_image_is_left_out_and_said(world, finished, monkeypatch, capsys):
    campaign = study_run.run_campaign

    def run_or_find_nothing(given, by):
        if given.attack.target is not None:
            raise NothingToAttackError("no image can be attacked")
        return campaign(given, by)

    monkeypatch.setattr(study_run, "run_campaign", run_or_find_nothing)
    study(world)
    printed = capsys.readouterr().out
    assert "to-left-k1 is left out: no image can be attacked" in printed
    assert any("to-left" in line and "no image" in line and "│" in line for line in printed.splitlines())

    def find_nothing(*more):
        raise NothingToAttackError("no image can be attacked")

    monkeypatch.setattr(study_run, "run_campaign", find_nothing)
    with pytest.raises(InputError, match="classifies no image of any attack correctly"):
        study(world)
