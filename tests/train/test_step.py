"""One training step: the optimiser by hand and by torch, losses, weights, no recompilation, devices."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpix.config import TrainConfig
from jaxpix.models.resnet import ResNet
from jaxpix.platforms import on_host
from jaxpix.train.devices import Devices
from jaxpix.train.step import (
    balanced_weights,
    initial_state,
    learning_rate,
    loss_of,
    make_evaluate,
    make_optimizer,
    make_step,
)

ROOT = Path(__file__).resolve().parents[2]
MEAN, STD = np.array([100.0], np.float32), np.array([50.0], np.float32)


def test_learning_rate_warms_up_then_stays() -> None:
    rate = learning_rate(TrainConfig(learning_rate=0.1, warmup_epochs=2, epochs=10), steps_per_epoch=2)
    np.testing.assert_allclose([rate(step) for step in range(6)], [0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_cosine_falls_to_zero() -> None:
    rate = learning_rate(TrainConfig(learning_rate=0.1, schedule="cosine", epochs=5), steps_per_epoch=4)
    np.testing.assert_allclose([rate(step) for step in (0, 10, 20)], [0.1, 0.05, 0.0], atol=1e-8)


def test_momentum_and_coupled_decay_by_hand() -> None:
    config = TrainConfig(learning_rate=0.1, momentum=0.5, weight_decay=0.2)
    optimizer = make_optimizer(config, steps_per_epoch=1)
    params = {"w": jnp.asarray(1.0)}
    state = optimizer.init(params)
    # gradient 1: v = 1 + 0.2 * 1 = 1.2, w = 0.88; then v = 0.5 * 1.2 + 1 + 0.2 * 0.88, w = 0.7024.
    for expected in (0.88, 0.7024):
        updates, state = optimizer.update({"w": jnp.asarray(1.0)}, state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params["w"], expected, rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("nesterov", [False, True])
def test_optimizer_is_torchs_sgd(nesterov: bool) -> None:
    torch = pytest.importorskip("torch", reason="the reference is torch")
    config = TrainConfig(learning_rate=0.05, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    start = np.random.default_rng(0).normal(size=5).astype(np.float32)
    theirs = torch.tensor(start, requires_grad=True)
    sgd = torch.optim.SGD([theirs], lr=0.05, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    optimizer = make_optimizer(config, steps_per_epoch=1)
    ours = jnp.asarray(start)
    state = optimizer.init(ours)
    for _ in range(10):
        sgd.zero_grad()
        (theirs**4).sum().backward()
        sgd.step()
        updates, state = optimizer.update(4 * ours**3, state, ours)
        ours = optax.apply_updates(ours, updates)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-5)


def test_softmax_loss_counts_masked_images_not_at_all_and_weighs_classes() -> None:
    logits = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]]))
    labels, mask = jnp.array([0, 1, 0]), jnp.array([1.0, 1.0, 0.0])
    plain = loss_of(logits, labels, mask, None)
    assert plain == pytest.approx((np.log(2) - np.log(0.8)) / 2)
    weighted = loss_of(logits, labels, mask, np.array([3.0, 1.0], np.float32))
    assert weighted == pytest.approx((3 * np.log(2) - np.log(0.8)) / 4)


def test_sigmoid_loss_weighs_positives_against_negatives() -> None:
    logits, labels = jnp.zeros((2, 2)), jnp.array([[1, 0], [1, 1]])
    assert loss_of(logits, labels, jnp.ones(2), None) == pytest.approx(np.log(2))
    weights = np.array([[1.0, 1.0], [0.0, 0.0]], np.float32)
    surer = jnp.array([[0.0, -3.0], [0.0, 0.0]])
    assert loss_of(surer, labels, jnp.ones(2), weights) == pytest.approx(np.log1p(np.exp(-3)))


def test_balanced_weights() -> None:
    np.testing.assert_allclose(
        balanced_weights("multiclass", np.array([0, 0, 0, 1]), 3), [4 / 9, 4 / 3, 4 / 3]
    )
    labels = np.array([[1, 0], [0, 0], [0, 1], [0, 1]])
    expected = [[4 / 6, 1], [2, 1]]
    np.testing.assert_allclose(balanced_weights("multilabel", labels, 2), expected)


def narrow_model(precision: str = "float32") -> ResNet:
    sizes = (1, 1, 1, 1)
    return ResNet(sizes, 8, num_classes=2, channels=1, precision=precision, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.arange(16) % 2
    images = random.integers(0, 60, (16, 32, 32, 1)) + 150 * labels[:, None, None, None]
    return images.astype(np.uint8), labels.astype(np.int32), np.ones(16, bool)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_steps_learn_compile_once_and_keep_float32(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], precision: str
) -> None:
    optimizer = make_optimizer(TrainConfig(learning_rate=0.02), steps_per_epoch=1)
    state = initial_state(narrow_model(), optimizer)
    step = make_step(narrow_model(precision), optimizer, MEAN, STD)
    losses = []
    for _ in range(8):
        state, loss = step(state, *map(jnp.asarray, data))
        losses.append(float(loss))
    assert losses[-1] < 0.1 * losses[0]
    assert step._cache_size() == 1
    floats = {leaf.dtype for leaf in jax.tree.leaves(state) if leaf.ndim}
    assert floats == {jnp.dtype("float32")}


def test_evaluation_uses_running_statistics(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    model = narrow_model()
    params, statistics = nnx.state(model, nnx.Param), nnx.state(model, nnx.BatchStat)
    evaluate = make_evaluate(model, MEAN, STD)
    together = evaluate(params, statistics, jnp.asarray(data[0]))
    halves = [evaluate(params, statistics, jnp.asarray(half)) for half in (data[0][:8], data[0][8:])]
    np.testing.assert_allclose(together, np.concatenate(halves), rtol=1e-4, atol=1e-4)


class OneLayer(nnx.Module):
    """What sharding can get wrong, and little to compile: statistics of a batch, a mean over it."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.fc = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        return self.fc(jax.nn.relu(self.norm(self.conv(images))).mean((1, 2)))


def print_trainings_on_devices() -> None:
    """Losses and weights after four steps on 1, 2, 4 and 8 devices, as one JSON value."""
    random, local, trainings = np.random.default_rng(1), jax.local_devices(), []
    images = random.integers(0, 256, (16, 8, 8, 1)).astype(np.uint8)
    # Padding that lies on some devices only: the mean is over what counts, not over devices.
    labels, mask = (np.arange(16) % 2).astype(np.int32), np.arange(16) < 11
    optimizer = make_optimizer(TrainConfig(learning_rate=0.1), steps_per_epoch=1)
    for num_devices in (1, 2, 4, 8):
        with mock.patch("jax.local_devices", return_value=local[:num_devices]):
            devices = Devices(16)
        state = devices.replicate(initial_state(OneLayer(), optimizer))
        step = devices.compile(make_step(OneLayer(), optimizer, MEAN, STD), state, (8, 8, 1), None)
        losses = []
        for _ in range(4):
            state, loss = step(state, *map(devices.share, (images, labels, mask)))
            losses.append(float(loss))
        assert len(loss.sharding.device_set) == num_devices
        weights = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state)])
        trainings.append([losses, weights.tolist()])
    sys.stdout.write(json.dumps(trainings))


def test_devices_that_share_a_batch_train_as_one() -> None:
    """Not to the bit: a sum over shares is added up in another order. Each rounding is 6e-8 of its value."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    code = "from train import test_step; test_step.print_trainings_on_devices()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (losses, weights), *others = json.loads(done.stdout)
    assert len(others) == 3
    assert losses[-1] < losses[0] - 1e-3, "training that changes nothing shows nothing"
    for other_losses, other_weights in others:
        np.testing.assert_allclose(other_losses, losses, rtol=2e-6)
        np.testing.assert_allclose(other_weights, weights, rtol=2e-6, atol=1e-6)


def test_arrays_are_made_by_the_processor_where_jax_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_host():
        assert jnp.zeros(3).devices() == {jax.local_devices(backend="cpu")[0]}

    def refuse(backend: str) -> list[jax.Device]:
        raise RuntimeError(f"Unknown backend {backend}")

    monkeypatch.setattr(jax, "local_devices", refuse)
    with on_host():
        assert jnp.zeros(3).shape == (3,)
