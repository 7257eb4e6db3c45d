"""Victims that a function in a Python file makes, by the doors and kept by reference."""

import json

import pytest
from support.bars import SIZE, prepare_two_classes

from jaxpix import Victim, read_records
from jaxpix.attack.__main__ import main as attack
from jaxpix.errors import InputError
from jaxpix.report.__main__ import main as report

SOURCE = '''
"""A classifier of bars: where the image is bright."""
import jax.numpy as jnp
from beside import names
from jaxpix import Victim, read_records


def make_victim():
    def logits(weights, images):
        halves = images.mean((1, 3))
        middle = halves.shape[1] // 2
        return jnp.stack([halves[:, :middle].mean(1), halves[:, middle:].mean(1)], 1) * weights

    return Victim.from_function(
        logits, weights=jnp.float32(0.1), class_names=names, input_shape={shape}, name="bars by hand"
    )


def make_nothing():
    return 3


def fail():
    raise KeyError("no weights here")
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine" / "my_victims.py"
    path.parent.mkdir()
    path.write_text(SOURCE.replace("{shape}", "(8, 8, 1)"))
    (path.parent / "beside.py").write_text('names = ["left", "right"]\n')
    return path


def test_saved_by_reference(file, tmp_path):
    victim = Victim.load(f"{file}:make_victim")
    assert f"{file}:make_victim" in victim.provenance["made_by"]
    assert "my_victims.py:make_victim, sha256" in repr(victim)
    victim.save(tmp_path / "saved")
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["victim.json"]
    again = Victim.load(tmp_path / "saved")
    assert (again.victim_id, again.name, again.reference) == (victim.victim_id, victim.name, victim.reference)
    with file.open("a") as stream:
        stream.write("# a remark\n")
    with pytest.raises(InputError, match=r"my_victims\.py has changed since the victim was saved \(sha256 "):
        Victim.load(tmp_path / "saved")


def test_another_victim_of_the_same_file_is_refused(file, tmp_path):
    Victim.load(f"{file}:make_victim").save(tmp_path / "saved")
    path = tmp_path / "saved" / "victim.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "victim_id": "0" * 16}))
    with pytest.raises(InputError, match=r"makes another victim than it did .*it was 0000"):
        Victim.load(tmp_path / "saved")
    path.write_text(json.dumps({"format": 1, "made_by": {"file": "a"}}))
    with pytest.raises(InputError, match=r"victim\.json is damaged"):
        Victim.load(tmp_path / "saved")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.py:make_victim", r"no file .*nothing\.py \(expected FILE\.py:FUNCTION"),
        ("my_victims.py", r"which function makes the victim\? expected .*my_victims\.py:make_victim"),
        ("my_victims.py:", "expected the name of a function after the colon, got ''"),
        ("my_victims.py:make", "there is no function 'make'; there are make_victim, make_nothing, fail"),
        ("my_victims.py:make_nothing", r"make_nothing\(\) returned int, no Victim"),
        ("my_victims.py:fail", r"my_victims\.py line 24: KeyError: 'no weights here'"),
        ("broken.py:make_victim", r"broken\.py line 2: SyntaxError"),
    ],
)
def test_what_is_no_victim(file, name, message):
    (file.parent / "broken.py").write_text("def make_victim():\n    return (\n")
    with pytest.raises(InputError, match=message):
        Victim.load(file.parent / name)


def test_the_attack_door_takes_a_file_and_goes_on_with_the_same_one_only(file, tmp_path, capsys):
    prepare_two_classes(tmp_path)
    file.write_text(SOURCE.replace("{shape}", f"({SIZE}, {SIZE}, 1)"))
    run = tmp_path / "run"
    arguments = ["--victim", f"{file}:make_victim", "--dataset", "bars", "--data-dir", str(tmp_path / "data")]
    arguments += ["--run", str(run), "--per-class", "2", "--generations", "2"]
    attack(arguments)
    records = read_records(run)
    assert {record.victim for record in records} == {"bars by hand"}
    assert (
        json.loads((run / "about.json").read_text())["victim"]["provenance"]["made_by"]
        == f"{file}:make_victim"
    )
    attack(arguments)
    assert read_records(run) == records, "a finished run is only shown"
    report([str(run), "--out", str(tmp_path / "report")])
    assert "my_victims.py:make_victim" in (tmp_path / "report" / "index.html").read_text()
    with file.open("a") as stream:
        stream.write("# a remark\n")
    with pytest.raises(
        InputError, match=r"holds another attack \(victim_file: it has 'my_victims.py:make_victim, sha256"
    ):
        attack(arguments)
