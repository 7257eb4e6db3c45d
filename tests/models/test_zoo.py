"""Architectures: parity with torchvision, initial weights, precision, and what is refused."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpix.errors import InputError
from jaxpix.models.checkpoint_files import PUBLISHED
from jaxpix.models.densenet import DenseNet
from jaxpix.models.layers import Convolution, Maker
from jaxpix.models.pretrained import export_torchvision, load_torchvision
from jaxpix.models.resnet import BasicBlock, ResNet
from jaxpix.models.sizes import SIZES, SMALLEST_IMAGE
from jaxpix.models.zoo import build, check_image_size

NUM_CLASSES = 5


def evaluate(model: nnx.Module, images: np.ndarray) -> np.ndarray:
    model.eval()
    graph, state = nnx.split(model)
    return np.asarray(jax.jit(lambda state, images: nnx.merge(graph, state)(images))(state, images))


@pytest.fixture(scope="module")
def torchvision_models() -> Any:
    """torchvision.models, imported without its compiled operators, which no CPU build of it has."""
    torch = pytest.importorskip("torch", reason="parity needs the torch extra")
    register = torch.library.register_fake

    def without_torchvision_operators(name: Any, *arguments: Any, **options: Any) -> Callable:
        if str(name).startswith("torchvision::"):
            return lambda function: function
        return register(name, *arguments, **options)

    torch.library.register_fake = without_torchvision_operators
    try:
        models = pytest.importorskip("torchvision.models", reason="parity needs torchvision")
    finally:
        torch.library.register_fake = register
    torch.set_num_threads(2)
    return models


def torch_reference(models: Any, name: str, channels: int) -> Any:
    """torchvision's model after a few training-mode passes, with random affine normalisation."""
    import torch

    torch.manual_seed(0)
    model = getattr(models, name)(num_classes=NUM_CLASSES)
    if channels == 1 and name.startswith("resnet"):
        model.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    elif channels == 1:
        model.features.conv0 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0.0, 0.3)
        model.train()
        for step in range(3):
            model(torch.randn(4, channels, 64, 64) * (1 + step))
    return model.eval()


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "channels", "sizes"),
    [
        *((name, 3, (64,)) for name in ("resnet18", "resnet101", "resnet152", "densenet169", "densenet201")),
        *((name, 1, (75,)) for name in ("resnet34", "resnet50", "densenet121")),
        ("resnet50", 3, (64, 224)),
        ("densenet121", 3, (64, 75)),
    ],
)
def test_logits_equal_torchvisions_which_takes_the_weights_back(
    torchvision_models: Any, name: str, channels: int, sizes: tuple[int, ...]
) -> None:
    import torch

    reference = torch_reference(torchvision_models, name, channels)
    model = build(name, num_classes=NUM_CLASSES, channels=channels, seed=1)
    load_torchvision(model, reference.state_dict())
    for size in sizes:
        images = np.random.default_rng(size).normal(size=(2, size, size, channels)).astype(np.float32)
        with torch.no_grad():
            expected = reference(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
        difference = np.abs(evaluate(model, images) - expected).max()
        assert difference <= 1e-4 * np.abs(expected).max(), (name, size)
    exported = {key: torch.tensor(value) for key, value in export_torchvision(model).items()}
    for key, value in reference.state_dict().items():
        # How many batches torch has seen is nothing that we know.
        assert torch.equal(exported[key], value) or key.endswith("num_batches_tracked"), key
    reference.load_state_dict(exported, strict=True)


def test_parity_is_looked_at_for_all() -> None:
    marks = test_logits_equal_torchvisions_which_takes_the_weights_back.pytestmark  # type: ignore[attr-defined]
    (cases,) = (mark.args[1] for mark in marks if mark.name == "parametrize")
    assert {name for name, *_ in cases} == set(PUBLISHED)


# As torchvision states them, of 1,000 classes in colour.
NUM_WEIGHTS = {"resnet18": 11_689_512, "resnet152": 60_192_808, "densenet201": 20_013_928}


# The others are compared with torchvision's own, where that is installed.
@pytest.mark.parametrize("name", list(NUM_WEIGHTS))
def test_as_many_weights_as_torchvision(name: str) -> None:
    made = nnx.eval_shape(lambda: build(name, num_classes=1000, channels=3, seed=0))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made, nnx.Param))) == NUM_WEIGHTS[name]


def test_a_basic_block_by_hand() -> None:
    """One weight in each convolution, at its centre: relu(relu(x a) b + x), normalised twice."""
    block = BasicBlock(1, 1, 1, Maker("fan_out", "float32", nnx.Rngs(0)))
    block.eval()
    assert not block.downsample
    for conv, weight in ((block.conv1, 2.0), (block.conv2, -0.25)):
        conv.kernel.set_value(jnp.zeros((3, 3, 1, 1)).at[1, 1].set(weight))
    x = jnp.asarray([[-1.0, 3.0]]).reshape(1, 1, 2, 1)
    half = 2.0 / np.sqrt(1 + 1e-5)
    expected = [[0.0, 3.0 - 0.25 * 3.0 * half / np.sqrt(1 + 1e-5)]]
    np.testing.assert_allclose(np.asarray(block(x)).reshape(1, 2), expected, rtol=1e-6)


@pytest.mark.parametrize("name", list(SIZES))
def test_too_small_images_are_refused(name: str) -> None:
    smallest = SMALLEST_IMAGE[type(SIZES[name])]
    check_image_size(name, smallest)
    message = f"{name} needs images of at least {smallest} pixels, got {smallest - 1}"
    with pytest.raises(InputError, match=message):
        check_image_size(name, smallest - 1)


def test_smallest_images_leave_something_to_classify() -> None:
    resnet = build("resnet14", num_classes=2, channels=1, seed=0)
    assert np.isfinite(evaluate(resnet, np.ones((1, 8, 8, 1), np.float32))).all()
    densenet = DenseNet((1, 1, 1, 1), num_classes=2, channels=1, rngs=nnx.Rngs(0))
    for size, is_finite in ((28, False), (29, True)):
        logits = evaluate(densenet, np.ones((1, size, size, 1), np.float32))
        assert np.isfinite(logits).all() == is_finite


def test_unknown_model() -> None:
    with pytest.raises(
        InputError, match=r"unknown model 'vgg'; allowed: resnet18, .*, densenet201, resnet14"
    ):
        build("vgg", num_classes=2, channels=3, seed=0)  # type: ignore[arg-type]


def test_initial_weights_follow_the_seed_and_he() -> None:
    first, again, other = (
        jax.tree.map(
            np.asarray, nnx.state(build("resnet14", num_classes=3, channels=1, seed=seed), nnx.Param)
        )
        for seed in (0, 0, 1)
    )
    for left, right in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(left, right)
    kernel = first["layer4"][0]["conv2"]["kernel"][...]
    assert not np.array_equal(kernel, other["layer4"][0]["conv2"]["kernel"][...])
    assert kernel.std() == pytest.approx((2 / (9 * kernel.shape[3])) ** 0.5, rel=0.02)
    last = first["fc"]["kernel"][...]
    assert np.abs(last).max() <= last.shape[0] ** -0.5
    assert last.std() == pytest.approx((3 * last.shape[0]) ** -0.5, rel=0.1)


def test_bfloat16_keeps_weights_statistics_and_logits_float32() -> None:
    images = np.random.default_rng(0).normal(size=(4, 32, 32, 1)).astype(np.float32)
    logits = {}
    for precision in ("float32", "bfloat16"):
        sizes, rngs = (1, 1, 1, 1), nnx.Rngs(0)
        model = ResNet(sizes, 8, num_classes=3, channels=1, precision=precision, rngs=rngs)
        graph, state = nnx.split(model)

        @jax.jit
        def train(state: nnx.State, graph: nnx.GraphDef = graph) -> tuple[jax.Array, nnx.State]:
            model = nnx.merge(graph, state)
            return model(jnp.asarray(images)), nnx.state(model)

        out, updated = train(state)
        assert {leaf.dtype for leaf in jax.tree.leaves((out, state, updated))} == {jnp.dtype("float32")}
        logits[precision] = evaluate(model, images)
    difference = np.abs(logits["float32"] - logits["bfloat16"]).max()
    assert 0 < difference < 0.1 * np.abs(logits["float32"]).max()


def test_training_mode_moves_statistics_by_a_tenth() -> None:
    model = build("resnet14", num_classes=2, channels=1, seed=0)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(8, 32, 32, 1)), jnp.float32)
    features = np.asarray(model.conv1(images))
    nnx.jit(lambda model, images: model(images))(model, images)
    np.testing.assert_allclose(model.bn1.mean[...], 0.1 * features.mean((0, 1, 2)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(model.bn1.var[...], 0.9 + 0.1 * features.var((0, 1, 2)), rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "size", "channels"), [("resnet14", 32, 3), ("resnet14", 75, 1), ("densenet121", 48, 1)]
)
def test_the_fast_forms_of_a_convolution_change_nothing(monkeypatch, name, size, channels):
    model = build(name, num_classes=4, channels=channels, seed=0)
    images = np.random.Generator(np.random.PCG64(0)).normal(size=(2, size, size, channels)).astype(np.float32)
    fast = evaluate(model, images)
    monkeypatch.setattr(Convolution, "__call__", nnx.Conv.__call__)
    plain = evaluate(model, images)
    assert np.abs(fast - plain).max() <= 1e-5 * np.abs(plain).max()
