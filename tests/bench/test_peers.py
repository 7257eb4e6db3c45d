"""Peers: the same network in torch, the attack in plain NumPy, and exact counts for every library."""

import dataclasses
import importlib
import importlib.util
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_logits_numpy, toy_victim

from jaxpix import Victim
from jaxpix.bench import numpy_search
from jaxpix.bench.comparison import Run
from jaxpix.bench.libraries import PEERS
from jaxpix.bench.numpy_search import paint, search
from jaxpix.bench.peers import run_peer
from jaxpix.bench.subjects import Subject
from jaxpix.config import AttackConfig, ModelName
from jaxpix.errors import InputError
from jaxpix.models.pretrained import export_torchvision, load_torchvision
from jaxpix.models.zoo import build

CLASSES = 3
IMAGE = toy_images(1, 3, 16)[0]
LAYOUTS = ("shipped", "channels_last", "folded", "folded_channels_last")
MODULES = {name: peer.module for name, peer in PEERS.items()}


def make_victim(architecture: ModelName, size: int, channels: int) -> Victim:
    """Random weights, with statistics that folding and normalising cannot get right by accident."""
    model = build(architecture, num_classes=CLASSES, channels=channels, seed=0)
    generator = np.random.default_rng(0)
    state = export_torchvision(model)
    for key, value in state.items():
        if key.endswith("running_mean"):
            state[key] = generator.normal(0.0, 0.2, value.shape)
        elif key.endswith("running_var"):
            state[key] = generator.uniform(0.7, 1.4, value.shape)
    load_torchvision(model, state)
    return Victim.from_model(
        model,
        architecture=architecture,
        task="multiclass",
        class_names=[f"class {number}" for number in range(CLASSES)],
        input_shape=(size, size, channels),
        mean=[110.0, 120.0, 130.0][:channels],
        std=[50.0, 60.0, 70.0][:channels],
    )


def attack_by(
    name: str,
    victim: Victim,
    image: np.ndarray = IMAGE,
    *,
    layout: str = "shipped",
    device: str = "cpu",
    **numbers: int,
) -> Run:
    """A peer's run on one image of class 0."""
    label = np.arange(len(victim.class_names)) == 0
    config = AttackConfig(**{"population": 100, "generations": 2, **numbers})  # type: ignore[arg-type]
    return run_peer(
        name, Subject(victim, image[None], label[None], "test"), config, layout=layout, device=device
    )


@pytest.fixture(scope="module")
def torch_models() -> Any:
    pytest.importorskip("torch", reason="comparing needs the peers extra")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("comparing needs torchvision")
    return importlib.import_module("jaxpix.bench.torch_models")


@pytest.fixture(scope="module")
def victim() -> Victim:
    return make_victim("resnet50", 16, 3)


@pytest.fixture(scope="module")
def torn(victim: Victim) -> Victim:
    """The victim with a last bias that leaves it undecided on `IMAGE`: class 0, and nearly any pixel changes that."""
    weights = jax.tree.map(lambda leaf: leaf, victim.weights)
    bias = weights["fc"]["bias"]
    bias[...] = bias[...] - victim.logits(IMAGE[None])[0] + jnp.array([1e-3, 0.0, 0.0])
    return dataclasses.replace(victim, weights=weights)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("architecture", "channels", "layouts"),
    [("resnet50", 3, LAYOUTS), ("resnet18", 3, LAYOUTS[:1]), ("densenet121", 1, LAYOUTS[-1:])],
)
def test_torch_says_what_jax_says(
    torch_models: Any, architecture: ModelName, channels: int, layouts: tuple[str, ...]
) -> None:
    victim = make_victim(architecture, 32, channels)
    images = toy_images(2, channels, 32)
    for name, white in zip(layouts, (255.0, 1.0, 1.0, 255.0), strict=False):
        door = torch_models.torch_model(victim, layout=torch_models.LAYOUTS[name], white=white)
        assert torch_models.logit_agreement(victim, door, images) <= 1e-4, name
        assert door.images == 2


@pytest.mark.torch
def test_agreement_sees_a_wrong_network(torch_models: Any, victim: Victim) -> None:
    import torch

    door, images = torch_models.torch_model(victim), IMAGE[None]
    with torch.no_grad():
        door.network.fc.bias[0] += 1.0
    expected = 1.0 / np.abs(victim.logits(images)).max()
    assert torch_models.logit_agreement(victim, door, images) == pytest.approx(expected, rel=1e-3)


@pytest.mark.torch
def test_bfloat16_is_coarser(torch_models: Any, victim: Victim) -> None:
    door = torch_models.torch_model(victim, precision="bfloat16")
    assert 1e-4 < torch_models.logit_agreement(victim, door, IMAGE[None]) < 0.2


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "num_pixels", "population", "counted"),
    [
        ("torch-forward", 1, 12, 12 * 3),
        ("numpy-de", 1, 12, 12 * 3),
        ("numpy-de", 3, 12, 12 * 3),
        # Rounded down to a multiple of 5 genes for each pixel; one image after each generation.
        ("torchattacks", 1, 12, 10 * 3 + 2),
        ("torchattacks", 3, 20, 15 * 3 + 2),
        # Its own population; the prediction, one image after each generation, and one at the end.
        ("art", 1, 400, 400 * 3 + 2 + 2),
        ("art", 3, 12, 390 * 2 + 1 + 2),
    ],
)
def test_every_candidate_is_counted_and_nothing_stops_early(
    torch_models: Any, torn: Victim, name: str, num_pixels: int, population: int, counted: int
) -> None:
    if MODULES[name]:
        pytest.importorskip(MODULES[name], reason="comparing needs the peers extra")
    run = attack_by(name, torn, num_pixels=num_pixels, population=population, generations=2)
    assert run.candidates == counted
    assert 0 <= run.candidates - run.population * (1 + run.generations) <= run.generations + 2
    assert run.candidates_per_second == run.candidates / run.seconds
    assert set(run.versions) == {"torch", "torchvision", *filter(None, [PEERS[name].package])}


@pytest.mark.torch
def test_left_alone_torchattacks_stops_there(torch_models: Any, torn: Victim) -> None:
    import torch

    torchattacks = pytest.importorskip("torchattacks", reason="comparing needs the peers extra")
    door = torch_models.torch_model(torn, white=1.0)
    image = torch.from_numpy(IMAGE.transpose(2, 0, 1)[None].astype(np.float32) / 255.0)
    torchattacks.OnePixel(door, steps=20, popsize=20)(image, torch.tensor([0]))
    assert door.images < 20 * 20


@pytest.mark.torch
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_model_and_images(torch_models: Any, victim: Victim, layout: str) -> None:
    import torch

    assert list(torch_models.LAYOUTS) == list(LAYOUTS)
    door = torch_models.torch_model(victim, layout=torch_models.LAYOUTS[layout])
    is_last = door.network.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert is_last == ("channels_last" in layout)
    norms = sum(isinstance(module, torch.nn.BatchNorm2d) for module in door.modules())
    assert norms == (0 if "folded" in layout else 53)
    assert attack_by("numpy-de", victim, population=5, generations=1, layout=layout).candidates == 10


def test_numpy_search_finds_an_easy_success() -> None:
    seen = []

    def logits_fn(candidates: np.ndarray) -> np.ndarray:
        seen.append(candidates)
        return toy_logits_numpy(candidates)

    images = toy_images(64)
    logits = toy_logits_numpy(images)
    ordered = np.sort(logits, axis=1)
    nearest = int(np.argmin(ordered[:, -1] - ordered[:, -2]))
    image, label = images[nearest], int(logits[nearest].argmax())
    found = search(logits_fn, image, label, num_pixels=2, population=20, generations=10)
    assert [batch.shape for batch in seen] == [(20, 12, 12, 1)] * 11
    assert found.hits == sum(int((toy_logits_numpy(batch).argmax(1) != label).sum()) for batch in seen) > 0
    best = toy_logits_numpy(found.image[None])[0]
    assert best.argmax() != label
    assert found.fitness == pytest.approx(np.exp(best[label]) / np.exp(best).sum())
    assert 1 <= (found.image != image).any(-1).sum() <= 2


def test_numpy_search_never_gets_worse() -> None:
    image = toy_images(1)[0]
    label = int(toy_logits_numpy(image[None]).argmax())
    fitness = [
        search(
            toy_logits_numpy, image, label, num_pixels=1, population=10, generations=generations, seed=3
        ).fitness
        for generations in (0, 1, 4, 16)
    ]
    assert fitness == sorted(fitness, reverse=True)
    assert fitness[-1] < fitness[0]


def test_painting_by_hand() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    genomes = np.array([[5.4, -0.5, 255.5, 10.4, 10.6, 0.0, 3.4, 1, 2, 3], [1, 2, 7, 8, 9, 1, 2, 4, 5, 6]])
    painted = paint(image, genomes)
    assert painted[0, 0, 5].tolist() == [255, 10, 11]
    assert painted[0, 3, 0].tolist() == [1, 2, 3]
    # Of equal pixels the last one shows.
    assert painted[1, 2, 1].tolist() == [4, 5, 6]
    assert [(one != image).any(-1).sum() for one in painted] == [2, 1]


def test_three_others_are_distinct_and_equally_likely() -> None:
    generator = np.random.default_rng(0)
    drawn = np.stack([numpy_search._three_others(generator, 5) for _ in range(4000)])
    for member in range(5):
        triples, counts = np.unique(drawn[:, :, member], axis=0, return_counts=True)
        assert len(triples) == 4 * 3 * 2
        assert all(len({*triple, member}) == 4 for triple in triples.tolist())
        assert counts.min() > 100


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "foolbox"}, "unknown peer 'foolbox'; allowed: art, torchattacks, numpy-de, torch-forward"),
        ({"population": 4}, "expected population of at least 5, got 4"),
        ({"generations": 0}, "expected generations of at least 1, got 0"),
        (
            {"image": np.zeros((8, 12, 1), np.uint8)},
            r"expected a uint8 image \[12, 12, 1\], got uint8 \[8, 12, 1\]",
        ),
        ({"image": np.zeros((12, 12, 1), np.float32)}, "got float32"),
        ({"victim": toy_victim("multilabel")}, "expected a multiclass victim, got a multilabel one"),
    ],
)
def test_requests_that_cannot_be_met(changed: dict[str, Any], message: str) -> None:
    given = {"name": "numpy-de", "victim": toy_victim(), "image": toy_images(1)[0], **changed}
    with pytest.raises(InputError, match=message):
        attack_by(**given)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layout": "nhwc"}, "unknown layout 'nhwc'; allowed: shipped, channels_last, folded"),
        ({"device": "tpu"}, "unknown torch device 'tpu'; allowed: cpu, cuda"),
    ],
)
def test_layouts_and_devices_that_do_not_exist(
    torch_models: Any, victim: Victim, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        attack_by("numpy-de", victim, **changed)


@pytest.mark.torch
def test_a_gpu_that_torch_does_not_see(torch_models: Any, victim: Victim) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("torch sees a GPU here")
    with pytest.raises(InputError, match="torch sees no GPU here; allowed: cpu"):
        attack_by("numpy-de", victim, device="cuda")


@pytest.mark.torch
def test_only_torchvisions_architectures(torch_models: Any) -> None:
    with pytest.raises(InputError, match=r"expected one of resnet18, .*, densenet201, got a function"):
        attack_by("numpy-de", toy_victim(), toy_images(1)[0])
    with pytest.raises(InputError, match=r"expected one of resnet18, .*, densenet201, got resnet14"):
        attack_by("numpy-de", make_victim("resnet14", 16, 3))


@pytest.mark.parametrize(
    ("name", "module"), [("art", "art"), ("torchattacks", "torchattacks"), ("numpy-de", "torch")]
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    if module != "torch":
        pytest.importorskip("torch", reason="comparing needs the peers extra")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'peer {name!r} needs {module} .*: pip install "jaxpix\[peers\]"'):
        attack_by(name, toy_victim(), toy_images(1)[0])
