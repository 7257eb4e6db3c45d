"""Shipped studies: called by their names from any folder, listed with what they say of themselves."""

from pathlib import Path

import pytest

from jaxpix.errors import InputError
from jaxpix.study.__main__ import main
from jaxpix.study.configs import header_of, shipped_studies, study_file
from jaxpix.study.file import read_study

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CHANGES = ("data.dataset=phantom-xray", "data.split=drawn", "data.image_size=16", "train.init=random")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """The current folder: an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_studies_of_configs_are_shipped_and_nothing_else():
    assert list(shipped_studies()) == sorted(
        path.stem for path in CONFIGS.glob("*.toml") if "\n[study]\n" in path.read_text()
    )
    assert {"pneumonia", "ablation"} <= set(shipped_studies())
    assert "demo" not in shipped_studies()


def test_a_name_means_the_shipped_study():
    assert study_file(Path("pneumonia")).samefile(CONFIGS / "pneumonia.toml")
    Path("pneumonia").mkdir()
    assert study_file(Path("pneumonia")).samefile(CONFIGS / "pneumonia.toml")


@pytest.mark.parametrize("given", ["pneumonia", "./derma", "some.toml", "below/oct.toml", "below/no-suffix"])
def test_a_path_means_its_file(given):
    Path("below").mkdir()
    Path(given).touch()
    assert study_file(Path(given)) == Path(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "pneumona",
            r"pneumona is neither a file .* \(did you mean pneumonia.*; allowed: .*, chest, .*--list",
        ),
        ("demo", "demo is neither a file nor a shipped study"),
        (
            "zzzz",
            r"zzzz is neither a file nor a shipped study; allowed: the path of a TOML file, or ablation",
        ),
        ("a" * 5000, r"aaa….* is neither a file"),
        ("\x1b[2J", r"'\\x1b\[2J' is neither a file"),
        ("\0", r"'\\x00' is neither a file"),
        ("configs/oct.toml", r"not found: configs/oct\.toml; the shipped study is called by its name: oct"),
    ],
)
def test_what_is_neither_is_explained(given, message):
    with pytest.raises(InputError, match=message):
        study_file(Path(given))


def test_a_path_that_leads_nowhere_is_left_to_the_reader():
    assert study_file(Path("nowhere.toml")) == Path("nowhere.toml")
    with pytest.raises(InputError, match=r"configuration file not found: nowhere\.toml"):
        read_study(study_file(Path("nowhere.toml")))


def test_a_header_is_the_comment_at_the_top_without_its_signs(elsewhere):
    path = elsewhere / "some.toml"
    path.write_text(
        "# What it is.\n#\n# command:  this\n#           and that\n\n# no more\n[study]\n# nor this\n"
    )
    assert header_of(path) == ["What it is.", "command:  this", "          and that"]


def test_the_list_shows_every_study_with_its_header(capsys):
    main(["--list"])
    listing = capsys.readouterr().out
    for name, path in shipped_studies().items():
        assert f"\n{name}\n" in f"\n{listing}"
        for line in header_of(path):
            assert f"  {line}\n" in listing
    assert "demo" not in listing
    assert not list(Path().iterdir()), "nothing is written"


def test_the_folders_of_a_named_study_are_those_of_the_current_one(elsewhere, capsys):
    main(["pneumonia", "--plan", "--set", *CHANGES])
    shown = capsys.readouterr().out
    assert "run folder: runs/pneumonia;" in shown
    assert (elsewhere / "data" / "phantom_xray" / "drawn-16").is_dir()


def test_no_study_at_all_is_explained():
    with pytest.raises(
        InputError, match=r"which study\? python -m jaxpix\.study STUDY: a name that --list shows"
    ):
        main([])
