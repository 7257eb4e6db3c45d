"""Study files: what they mean, what is refused and where, and that those in configs/ are the paper's protocol."""

import dataclasses
from pathlib import Path

import pytest
from support.bars import prepare_label_sets

from jaxpix.attack.options import AttackOptions
from jaxpix.config import AttackConfig, EngineConfig, TrainConfig
from jaxpix.data.registry import lookup
from jaxpix.errors import InputError
from jaxpix.labels import LabelSpace
from jaxpix.prepare.__main__ import PrepareOptions
from jaxpix.report.paper.printed import printed_results
from jaxpix.search.presets import fitness_of, search_of
from jaxpix.study.file import check_attacks, read_study
from jaxpix.terminal.options import parse
from jaxpix.train.__main__ import TrainOptions

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

TEXT = """
[data]
dataset = "oct"
[train]
epochs = 3
[attack]
per_class = 7
generations = 2
[study]
title = "A trial"
num_pixels = [1, 3]
[[study.attacks]]
name = "untargeted"
[[study.attacks]]
name = "to-normal"
classes = ["CNV"]
target = "NORMAL"
generations = 5
all = true
"""


def written(tmp_path, text=TEXT):
    path = tmp_path / "some.toml"
    path.write_text(text)
    return path


def test_every_attack_is_crossed_with_every_k(tmp_path):
    study = read_study(written(tmp_path))
    assert [attack.folder_name for attack in study.attacks] == [
        *("untargeted-k1", "untargeted-k3", "to-normal-k1", "to-normal-k3")
    ]
    assert [attack.options.config.num_pixels for attack in study.attacks] == [1, 3, 1, 3]
    assert [attack.options.config.generations for attack in study.attacks] == [2, 2, 5, 5]
    assert [attack.options.all for attack in study.attacks] == [False, False, True, True]
    assert {attack.options.per_class for attack in study.attacks} == {7}
    assert study.attacks[2].options.config.target == "NORMAL"
    assert (study.title, study.train, study.victim) == ("A trial", TrainConfig(epochs=3), None)
    assert (study.data.dataset, study.data.split, study.data.data_dir) == ("oct", None, Path("data"))


def test_overrides_win_over_the_file_and_over_every_attack(tmp_path):
    overrides = [
        *("attack.generations=9", "attack.all=false", "train.init=random", "train.model=resnet14"),
        *("data.image_size=64", "study.num_pixels=[2]", "data.split=patient", 'attack.classes=["DME"]'),
    ]
    study = read_study(written(tmp_path), overrides, data_dir=Path("d"), victim=Path("v"))
    assert [attack.folder_name for attack in study.attacks] == ["untargeted-k2", "to-normal-k2"]
    for attack in study.attacks:
        assert (attack.options.config.generations, attack.options.all) == (9, False)
        assert attack.options.classes == ("DME",)
    assert study.train == TrainConfig(epochs=3, model="resnet14")
    assert (study.data.image_size, study.data.split, study.data.data_dir) == (64, "patient", Path("d"))
    assert study.victim == Path("v")


def test_a_study_survives_toml_with_its_overrides(tmp_path):
    study = read_study(written(tmp_path), ["attack.seed=4"], victim=Path("v"))
    (tmp_path / "again.toml").write_text(study.to_toml())
    again = read_study(tmp_path / "again.toml")
    assert dataclasses.replace(again, path=study.path) == study
    assert again.attacks[0].options.config.seed == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'dataset = "oct"',
            'datset = "oct"',
            r"some\.toml: data\.datset: unknown key \(did you mean dataset\?\)",
        ),
        ('dataset = "oct"', "", r"some\.toml: data\.dataset: Field required"),
        ("epochs = 3", "epoch = 3", r"train\.epoch: unknown key \(did you mean epochs\?\)"),
        ("epochs = 3", 'epochs = "x"', r"train\.epochs: .*valid integer.*, got 'x'"),
        ("per_class = 7", "per_clas = 7", r"attack\.per_clas: unknown key \(did you mean per_class\?\)"),
        ("per_class = 7", "num_pixels = 2", r"attack\.num_pixels: a study has num_pixels = \[1, 2, …\]"),
        ("per_class = 7", 'victim = "v"', r"attack\.victim: a study has victim in \[study\]"),
        ("per_class = 7", 'dataset = "oct"', r"attack\.dataset: it belongs into \[data\]"),
        ('title = "A trial"', "", r"study\.title: Field required"),
        ('title = "A trial"', 'titel = "x"', r"study\.titel: unknown key \(did you mean title\?\)"),
        ("num_pixels = [1, 3]", "num_pixels = [0]", r"study\.num_pixels\.0: .*greater than or equal to 1"),
        ("num_pixels = [1, 3]", "num_pixels = []", r"study\.num_pixels: .*at least 1 item"),
        (
            "num_pixels = [1, 3]",
            "num_pixels = [1, 1]",
            r"attacks\[0\]\.name: 'untargeted' with K = 1 is there twice",
        ),
        ("generations = 5", "generation = 5", r"study\.attacks\[1\]\.generation: unknown key \(did you mean"),
        ("generations = 5", "run = 'x'", r"study\.attacks\[1\]\.run: a study names the run folders itself"),
        ("generations = 5", "fitness = 'x'", r"study\.attacks\[1\]\.fitness: .*got 'x'"),
        ('name = "to-normal"', 'name = "a/b"', r"study\.attacks\[1\]\.name: expected letters.*, got 'a/b'"),
        ('name = "to-normal"', "", r"study\.attacks\[1\]\.name: expected letters.*, got .?None"),
        ("[study]", "[stduy]", r"unknown table \[stduy\]"),
    ],
)
def test_a_wrong_study_is_explained(tmp_path, old, new, message):
    assert old in TEXT
    with pytest.raises(InputError, match=message):
        read_study(written(tmp_path, TEXT.replace(old, new)))


def test_a_file_without_a_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is no study: expected a table \[study\]"):
        read_study(CONFIGS / "demo.toml")
    head = TEXT.partition("[[study.attacks]]")[0]
    with pytest.raises(InputError, match=r"study\.attacks: Field required"):
        read_study(written(tmp_path, head))


def test_cosine_of_a_single_label_is_refused_before_anything_is_trained(tmp_path):
    single = prepare_label_sets(tmp_path, ("left",))
    path = written(tmp_path, TEXT)
    with pytest.raises(InputError, match=r"attack '\w+': fitness cosine .* of a single output \('left'\)"):
        check_attacks(
            read_study(path, ["attack.fitness=cosine", "attack.target=left", "attack.classes=[]"]), single
        )


def test_a_study_without_a_recipe_needs_a_victim(tmp_path):
    path = written(tmp_path, TEXT.replace("[train]\nepochs = 3\n", ""))
    with pytest.raises(
        InputError, match=r"nobody to attack: name a trained victim by --victim, or .* \[train\]"
    ):
        read_study(path)
    assert read_study(path, victim=Path("v")).victim == Path("v")
    assert read_study(path, ["train.epochs=2"]).train == TrainConfig(epochs=2)


@pytest.mark.parametrize("text", ["epochs=5", "train.epochs", "tarin.epochs=5", "study.attacks=[]", "=5"])
def test_an_override_that_is_none(tmp_path, text):
    with pytest.raises(InputError, match=r"--set .*: expected TABLE\.KEY=VALUE such as train\.epochs=5"):
        read_study(written(tmp_path), [text])


def test_a_wrong_override_names_its_key(tmp_path):
    with pytest.raises(InputError, match=r"train\.epochs: .*valid integer.*, got 'many'"):
        read_study(written(tmp_path), ["train.epochs=many"])
    with pytest.raises(InputError, match=r"attack\.sead: unknown key \(did you mean seed\?\)"):
        read_study(written(tmp_path), ["attack.sead=1"])


UNTARGETED = {"untargeted": ((), None, False)}
OF_COVID = {
    "disease-to-normal": (("pneumonia", "COVID-19"), "normal", True),
    "normal-untargeted": (("normal",), None, False),
}
OF_OCT = {
    "normal-untargeted": (("NORMAL",), None, False),
    "disease-to-normal": (("CNV", "DME", "DRUSEN"), "NORMAL", False),
}
PROTOCOL = {
    "chest": ("chest", "official", "resnet50", (1,), UNTARGETED),
    "covid-densenet121": ("covid", "official", "densenet121", (1, 2, 3), OF_COVID),
    "covid-resnet50": ("covid", "official", "resnet50", (1, 2, 3), OF_COVID),
    "derma": ("derma", "paper", "resnet50", (1,), UNTARGETED),
    "oct": ("oct", "paper", "resnet50", (1, 2, 3), OF_OCT),
    "pneumonia": ("pneumonia", "paper", "resnet50", (1, 2, 3), UNTARGETED),
    "pneumonia-densenet121": ("pneumonia", "paper", "densenet121", (1, 2, 3), UNTARGETED),
}


NOT_THE_PAPERS = ("ablation", "demo", "pneumonia-gpu")


def test_every_configuration_is_checked_here():
    assert {path.stem for path in CONFIGS.glob("*.toml")} == {*PROTOCOL, *NOT_THE_PAPERS}


def test_the_ablation_spends_as_many_queries_on_every_search():
    study = read_study(CONFIGS / "ablation.toml", victim=Path("v"))
    searches = [search_of(attack.options.config) for attack in study.attacks]
    assert len(set(searches)) == len(searches) > 1
    assert {search.population * (1 + search.generations) for search in searches} == {4000}


@pytest.mark.parametrize("name", PROTOCOL)
def test_a_configuration_is_the_papers_protocol(name):
    dataset, split, model, num_pixels, attacks = PROTOCOL[name]
    study = read_study(CONFIGS / f"{name}.toml")
    assert (study.data.dataset, study.data.split, study.data.image_size) == (dataset, split, 224)
    assert study.train == TrainConfig(model=model, init="imagenet")
    info = lookup(dataset)
    assert split in info.split_schemes
    space = LabelSpace(info.task, info.class_names, info.normal_classes)
    assert [attack.folder_name for attack in study.attacks] == [
        f"{attack}-k{count}" for attack in attacks for count in num_pixels
    ]
    for attack in study.attacks:
        options = attack.options
        config, count = options.config, options.config.num_pixels
        classes, target, takes_all = attacks[attack.name]
        assert (options.classes, config.target, options.all) == (classes, target, takes_all)
        assert (options.subset, options.per_class, options.label_sets) == ("test", 100, 5)
        assert options.engine == EngineConfig()
        assert config == AttackConfig(num_pixels=count, target=target, fitness=config.fitness)
        assert fitness_of(config, info.space) == ("cosine" if dataset == "chest" else "confidence")
        for text in (*classes, *([target] if target else [])):
            space.parse(text)


@pytest.mark.parametrize("name", PROTOCOL)
def test_a_configuration_measures_all_that_the_paper_printed(name):
    dataset, _, model, num_pixels, attacks = PROTOCOL[name]
    info = lookup(dataset)
    space = LabelSpace(info.task, info.class_names, info.normal_classes)
    measured = {
        (space.names(space.parse(text)), None if target is None else (target,), count)
        for classes, target, _ in attacks.values()
        for text in classes or info.class_names
        for count in num_pixels
    }
    if dataset == "chest":  # The sets that the data decides, Normal among them.
        measured.add(((), None, 1))
    if len(info.class_names) == 2:  # Untargeted is targeted at the other class.
        other = dict(zip(info.class_names, reversed(info.class_names), strict=True))
        measured |= {(before, (other[before[0]],), count) for before, _, count in measured}
    printed = set(printed_results(dataset, model).success)
    assert printed <= measured
    assert bool(printed) == (name != "pneumonia-densenet121")


@pytest.mark.parametrize("name", PROTOCOL)
def test_a_configuration_explains_itself_and_serves_every_door(name):
    path = CONFIGS / f"{name}.toml"
    header = path.read_text().partition("\n[data]")[0]
    assert all(line.startswith("#") for line in header.splitlines() if line)
    for words in (
        f"python -m jaxpix.study {name}\n",
        *("# hardware:", "# time:     not run here", "# expected:", "paper"),
    ):
        assert words in header
    dataset, split, model, _, _ = PROTOCOL[name]
    command = next(line for line in header.splitlines() if "jaxpix.prepare" in line)
    typed = command.partition("jaxpix.prepare")[2].split()
    prepared = parse(PrepareOptions, "prepare", "", typed)
    assert (prepared.dataset, prepared.prepare.split, prepared.prepare.image_size) == (dataset, split, 224)
    config = ["--config", str(path)]
    trained = parse(TrainOptions, "train", "", config)
    assert (trained.dataset, trained.split, trained.config.model) == (dataset, split, model)
    assert parse(AttackOptions, "attack", "", config).dataset == dataset


def test_random_weights_have_a_word_that_undoes_a_file(tmp_path):
    path = written(tmp_path, '[train]\ninit = "imagenet"\n')
    flags = ["--config", str(path)]
    assert parse(TrainOptions, "train", "", flags).config.init == "imagenet"
    assert parse(TrainOptions, "train", "", [*flags, "--init", "random"]).config == TrainConfig()


def test_hostile_overrides_are_texts_or_refused(tmp_path):
    path = written(tmp_path)
    study = read_study(path, ["study.title=[" + "[" * 3000, "attack.target=5\nseed = 3"])
    assert study.title.startswith("[[[[")
    assert {attack.options.config.target for attack in study.attacks} == {"5\nseed = 3"}
    with pytest.raises(InputError, match=r"study\.attacks: .*got 3"):
        read_study(written(tmp_path, '[attack]\n[study]\ntitle = "a"\nattacks = 3\n'), ["attack.seed=1"])
    with pytest.raises(InputError, match=r"--set '\\x1b\[2J': expected TABLE\.KEY=VALUE"):
        read_study(path, ["\x1b[2J"])
    with pytest.raises(InputError, match=r"attacks\[0\]\.name: expected letters"):
        read_study(written(tmp_path, TEXT.replace('"untargeted"', f'"{"a" * 101}"')))
