import dataclasses
from pathlib import Path

import pytest

from jaxpix.config import AttackConfig
from jaxpix.errors import InputError
from jaxpix.storage.settings import read_toml, to_toml
from jaxpix.terminal.options import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """What the test's door takes."""

    dataset: str = "none"
    """A data set."""
    data_dir: Path = Path("data")
    """A folder."""
    all: bool = False
    """A switch."""
    config: AttackConfig = dataclasses.field(default_factory=AttackConfig)


def parsed(*arguments):
    return parse(Options, "attack", "Test.", arguments)


def toml(tmp_path, text):
    path = tmp_path / "some.toml"
    path.write_text(text)
    return f"--config={path}"


def test_flags_are_flat():
    options = parsed("--dataset", "x", "--fitness", "cosine", "--all", "--population", "50")
    assert (options.dataset, options.all) == ("x", True)
    assert (options.config.fitness, options.config.population, options.config.seed) == ("cosine", 50, 0)


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path):
    text = '[data]\ndataset = "x"\nimage_size = 64\n[attack]\nseed = 3\nnum_pixels = 2\n'
    text += "differential_weight = [0.5, 1.0]\n"
    options = parsed(toml(tmp_path, text), "--seed", "9")
    assert (options.dataset, options.config.seed, options.config.num_pixels) == ("x", 9, 2)
    assert options.config.differential_weight == (0.5, 1.0)


def test_options_survive_toml(tmp_path):
    options = parsed("--target", "a|b", "--differential-weight", "0.5", "1.0", "--generations", "7")
    assert parsed(toml(tmp_path, to_toml("attack", options))) == options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[attack]\nfitnes = 'cosine'",
            r"some\.toml: attack\.fitnes: unknown key \(did you mean fitness\?\)",
        ),
        (
            "[attack]\nfitness = 'cosin'",
            r"attack\.fitness: .*'confidence', 'margin' or 'cosine', got 'cosin'",
        ),
        ("[attack]\npopulation = 'many'", r"attack\.population: .*valid integer.*, got 'many'"),
        ("[attack]\nnum_pixels = 0", r"attack\.num_pixels: .*greater than or equal to 1, got 0"),
        ("[attack]\nseed = -1", r"attack\.seed: .*greater than or equal to 0, got -1"),
        (
            "[atack]\nseed = 1",
            r"unknown table \[atack\] \(did you mean attack\?\); allowed: data, prepare, train",
        ),
        ("seed = 1", r"unknown table \[seed\]"),
        ("[attack", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        parsed(toml(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 5000, "is not valid TOML: maximum recursion depth"),
        ("[attack]\nseed = " + "9" * 5000, "is not valid TOML: Exceeds the limit"),
        ("[attack]\nseed = 0x" + "f" * 5000, r"attack\.seed: .*, got a huge int"),
        ("[attack]\n" + "a" * 5000 + " = 1", r"attack\.'a{199}…: unknown key"),
        ('[attack]\n"\\u001b[2J" = 1', r"attack\.'\\x1b\[2J': unknown key"),
        ("[attack]\nfitness = '" + "a" * 5000 + "'", r"got 'a{199}…$"),
        (
            "[attack]\ncrossover_rate = nan",
            r"attack\.crossover_rate: Input should be a finite number, got nan",
        ),
        ("[attack]\nnum_pixels = 2147483648", r"attack\.num_pixels: .*less than 2147483648"),
        ("#" * (1 << 20) + "\n", "more than 1,048,576 bytes; is this a configuration file"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as refused:
        parsed(toml(tmp_path, text))
    assert len(str(refused.value)) < 600


def test_what_is_no_file_is_explained(tmp_path):
    for path in (tmp_path, Path("a" * 300), Path("a\0b")):
        with pytest.raises(InputError, match=r"configuration file .* cannot be read"):
            read_toml(path)


def test_a_missing_file_is_explained():
    with pytest.raises(InputError, match=r"configuration file not found: nowhere\.toml"):
        parsed("--config", "nowhere.toml")
    with pytest.raises(InputError, match="--config needs the path"):
        parsed("--config")


def test_a_wrong_flag_ends_with_status_2(capsys):
    for arguments in (["--fitnes", "cosine"], ["--population", "3"], ["--fitness"]):
        with pytest.raises(SystemExit) as stop:
            parsed(*arguments)
        assert stop.value.code == 2


@pytest.mark.parametrize(
    "arguments", [["--fitness", "cosin"], ["--fitness=cosin"], ["--seed", "1", "--fitness", "cosin", "x"]]
)
def test_a_word_that_is_none_of_the_choices(arguments):
    with pytest.raises(
        InputError, match=r"--fitness: expected one of confidence, margin, cosine, got 'cosin' \(did you mean"
    ):
        parsed(*arguments)


def test_the_shipped_configurations_are_valid():
    folder = Path(__file__).parents[2] / "configs"
    paths = sorted(folder.glob("*.toml"))
    assert paths
    for path in paths:
        content = read_toml(path)
        assert path.read_text().startswith("#"), f"{path.name} needs its header comment"
        for door in content:
            assert door in ("data", "prepare", "train", "attack", "study")
