"""Checkpoints as people have them: what is opened, stripped, renamed and left out, and what is refused."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from flax import nnx

from jaxpix.errors import InputError
from jaxpix.models.densenet import DenseNet
from jaxpix.models.pretrained import export_torchvision, load_torchvision
from jaxpix.models.resnet import BasicBlock, ResNet
from jaxpix.models.zoo import build

CLASSES, CHANNELS = 3, 1
SIZES = (1, 1, 1, 1)


def network(seed: int = 0, num_classes: int = CLASSES, channels: int = CHANNELS) -> nnx.Module:
    rngs = nnx.Rngs(seed)
    return ResNet(SIZES, 8, block=BasicBlock, num_classes=num_classes, channels=channels, rngs=rngs)


def behind(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{key}": value for key, value in state.items()}


def without(state: Mapping[str, Any], *starts: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not key.startswith(starts)}


W = export_torchvision(network(seed=1))
OTHER = export_torchvision(network(seed=2))
HEAD = {"weight": W["fc.weight"], "bias": W["fc.bias"]}
BODY = without(W, "fc.")


def loaded(checkpoint: Mapping[Any, Any], *, adapt: bool = False) -> tuple[dict[str, np.ndarray], str]:
    """What a network holds afterwards, and what was said."""
    model, said = network(seed=0), []
    load_torchvision(model, checkpoint, adapt=adapt, on_notice=said.append)
    assert len(said) <= 1
    return export_torchvision(model), "".join(said)


def assert_same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], key)


def numbered(*values: Any) -> dict[int, Any]:
    return dict(enumerate(values))


CASES: dict[str, tuple[dict[Any, Any], str]] = {
    "plain": (W, ""),
    "without counters": ({key: value for key, value in W.items() if "num_batches" not in key}, ""),
    **{
        f"prefix {prefix}": (behind(prefix, W), f"the prefix '{prefix}' is removed")
        for prefix in ("model.", "backbone.", "net.", "encoder.", "module.", "anything.0.")
    },
    "repeated": (behind("module.module.", W), "the prefix 'module.module.' is removed"),
    "compiled": (behind("_orig_mod.", W), "torch.compile's _orig_mod and its like are removed"),
    "compiled in parallel": (
        behind("module._orig_mod.", W),
        "the prefix 'module.' is removed; torch.compile's",
    ),
    "parallel, compiled": (
        behind("_orig_mod.module.", W),
        "the prefix 'module.' is removed; torch.compile's",
    ),
    "a compiled stage": (
        {key.replace("layer2.", "layer2._orig_mod."): value for key, value in W.items()},
        "torch.compile's",
    ),
    **{
        f"wrapper {name}": ({"epoch": 3, name: W, "best": np.float64(0.9)}, f"taken from '{name}'")
        for name in (
            "state_dict",
            "model_state_dict",
            "model",
            "net",
            "model_ema",
            "state_dict_ema",
            "whatever",
        )
    },
    "prefix in a wrapper": (
        {"state_dict": behind("module.", W)},
        "taken from 'state_dict'; the prefix 'module.' is removed",
    ),
    "wrapper in a wrapper": ({"checkpoint": {"model": W, "step": 1}}, "taken from 'checkpoint.model'"),
    "lightning": (
        {
            "state_dict": {
                **behind("model.", W),
                "loss_fn.weight": np.ones(CLASSES),
                "val_acc.tp": np.zeros(3),
            },
            "optimizer_states": [{"state": {0: {"exp_avg": np.zeros(3)}}}],
            "hyper_parameters": {"lr": 0.1},
        },
        "taken from 'state_dict'; the prefix 'model.' is removed; left out: loss_fn.weight, val_acc.tp",
    ),
    "timm": (
        {"state_dict": W, "state_dict_ema": OTHER, "optimizer": {"state": numbered({"exp": np.ones(2)})}},
        "taken from 'state_dict'; 'state_dict_ema' would fit as well",
    ),
    "timm, the average first": (
        {"model_ema": OTHER, "model": W},
        "taken from 'model'; 'model_ema' would fit",
    ),
    "student and teacher": (
        {**behind("teacher.", OTHER), **behind("student.", W)},
        "the prefix 'student.' is removed; 'teacher.' would fit as well; left out: teacher.",
    ),
    "averaged": ({"n_averaged": np.asarray(5), **behind("module.", W)}, "left out: n_averaged"),
    "profiled": ({**W, "layer1.0.total_ops": np.zeros(1), "total_params": np.zeros(1)}, ""),
    "a criterion": ({**W, "criterion.center": np.zeros((CLASSES, 64))}, "left out: criterion.center"),
    "buffers": (
        {**W, "class_weights": np.ones(9), "pixel_mean": np.ones(3)},
        "left out: class_weights, pixel_m",
    ),
    **{
        f"head {name}": ({**BODY, **behind(f"{name}.", HEAD)}, f"{name} is taken as the last layer")
        for name in ("fc.1", "classifier.0", "classifier.1", "head.fc", "classifier")
    },
    "a head beside its backbone": (
        {**behind("backbone.", BODY), **behind("head.", HEAD)},
        "the prefix 'backbone.' is removed; head is taken as the last layer",
    ),
    "all at once": (
        {
            "model_state_dict": {
                **behind("module.net.", {**BODY, **behind("fc.1.", HEAD)}),
                "loss.w": np.ones(2),
            }
        },
        "taken from 'model_state_dict'; the prefix 'module.net.' is removed; fc.1 is taken as the last layer; "
        "left out: loss.w",
    ),
}


@pytest.mark.parametrize(("checkpoint", "said"), CASES.values(), ids=CASES)
def test_the_network_in_a_checkpoint_is_found(checkpoint: dict[Any, Any], said: str) -> None:
    state, notice = loaded(checkpoint)
    assert_same(state, W)
    assert said in notice
    assert bool(notice) == bool(said)


def in_sequence(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """As `nn.Sequential(*list(resnet.children())[:-1])` names them."""
    places = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
    split = ((*key.partition("."), value) for key, value in state.items())
    return {f"{prefix}{places[first]}.{rest}": value for first, _, rest, value in split}


@pytest.mark.parametrize("prefix", ["", "features.", "model.backbone."])
def test_a_backbone_made_of_children_and_its_head(prefix: str) -> None:
    state, notice = loaded({**in_sequence(BODY, prefix), **behind("classifier.", HEAD)})
    assert_same(state, W)
    assert "layers that an nn.Sequential or a backbone has renamed are named as torchvision's" in notice
    assert "classifier is taken as the last layer" in notice


def test_the_features_of_a_densenet_alone_and_those_of_chexnet() -> None:
    def dense(seed: int) -> nnx.Module:
        return DenseNet((1, 1), growth=8, num_classes=14, channels=1, rngs=nnx.Rngs(seed))

    given = export_torchvision(dense(1))
    head = {"weight": given["classifier.weight"], "bias": given["classifier.bias"]}
    body = without(given, "classifier.")
    bare = {f"backbone.{key.removeprefix('features.')}": value for key, value in body.items()}
    old = {
        f"module.densenet121.{key}".replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value
        for key, value in {**body, **behind("classifier.0.", head)}.items()
    }
    for checkpoint in ({**bare, **behind("classifier.", head)}, {"state_dict": old, "best_loss": 0.1}):
        model = dense(2)
        load_torchvision(model, checkpoint, on_notice=lambda text: None)
        assert_same(export_torchvision(model), given)


BATCH_NORM = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), np.ones(8))

REFUSED: dict[str, tuple[dict[Any, Any], str]] = {
    "a layer inside": (
        {**W, "layer1.0.se.weight": np.ones((8, 8))},
        r"keys that the network has no place for: 0 keys missing, 1 unknown \(first: layer1.0.se.weight\)",
    ),
    "a scale inside": ({**W, "layer1.0.gamma": np.ones(8)}, r"1 unknown \(first: layer1.0.gamma\)"),
    "attention beside the backbone": (
        {**behind("backbone.", W), "attention.weight": np.ones((8, 8, 1, 1))},
        r"1 unknown \(first: attention.weight\)",
    ),
    "a normalisation beside it": (
        {**behind("backbone.", W), **behind("neck.", BATCH_NORM)},
        r"4 unknown \(first: neck",
    ),
    "a head of two layers": (
        {**BODY, "fc.0.weight": np.ones((9, 64)), "fc.0.bias": np.ones(9), **behind("fc.2.", HEAD)},
        r"2 unknown \(first: fc.0.weight\)",
    ),
    "two heads": (
        {**BODY, **behind("first.", HEAD), **behind("second.", HEAD)},
        r"2 keys missing \(first: fc.bias\), 4 unknown \(first: first.weight\)",
    ),
    "no head": (BODY, r"2 keys missing \(first: fc.bias\), 0 unknown"),
    "nothing": ({"epoch": 3, "args": {"lr": 0.1}}, r"these look like none of resnet18, .*, resnet14"),
    "another kind": (
        {"blocks.0.attn.qkv.weight": np.ones((9, 3))},
        r"1 unknown \(first: blocks.*like none of",
    ),
}


@pytest.mark.parametrize(("checkpoint", "message"), REFUSED.values(), ids=REFUSED)
def test_weights_without_a_place_are_never_dropped(checkpoint: dict[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(checkpoint)


@pytest.mark.parametrize(
    ("checkpoint", "said"),
    [
        (BODY, "without a last layer, which starts at random"),
        ({**BODY, **behind("fc.0.", BATCH_NORM), "fc.2.weight": np.ones((9, 64))}, "without a last layer"),
        (
            {**behind("module.encoder_q.", BODY), **behind("module.encoder_k.", BODY)},
            "the prefix 'module.encoder_q.' is removed",
        ),
        (
            {
                **behind("backbone.", BODY),
                **behind("projector.0.", {"weight": np.ones((9, 64)), "bias": np.ones(9)}),
            },
            "left out: projector.0.bias, projector.0.weight",
        ),
    ],
    ids=["no head", "other head", "contrast", "projector"],
)
def test_to_start_from_a_last_layer_is_not_needed(checkpoint: dict[Any, Any], said: str) -> None:
    drawn = export_torchvision(network(seed=0))
    state, notice = loaded(checkpoint, adapt=True)
    assert_same(state, {**BODY, "fc.weight": drawn["fc.weight"], "fc.bias": drawn["fc.bias"]})
    assert said in notice


def test_of_two_copies_the_one_with_the_networks_outputs() -> None:
    imagenet = export_torchvision(network(seed=2, num_classes=9))
    state, notice = loaded({"pretrained": imagenet, "tuned": W})
    assert_same(state, W)
    assert notice == "weights: taken from 'tuned'"


def test_colour_behind_a_prefix_is_summed_for_grey_images() -> None:
    colour = export_torchvision(network(seed=3, channels=3))
    state, _ = loaded({"state_dict": behind("model.", colour)}, adapt=True)
    np.testing.assert_allclose(state["conv1.weight"], colour["conv1.weight"].sum(1, keepdims=True), rtol=1e-6)


def test_what_was_done_is_logged_for_who_does_not_ask(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="jaxpix"):
        load_torchvision(network(), W)
        assert not caplog.messages
        load_torchvision(network(), behind("net.", W))
    assert caplog.messages == ["weights: the prefix 'net.' is removed"]


def test_the_nearest_architecture_is_named() -> None:
    grey = export_torchvision(build("resnet34", num_classes=14, channels=1, seed=0))
    for wrapped in (grey, {"state_dict": behind("model.", grey)}):
        with pytest.raises(
            InputError,
            match=r"another architecture: \d+ keys missing \(first: layer1.0.bn3.bias\).*; "
            r"expected resnet14 \(colour, 2 classes\), these look like resnet34 \(grey, 14 classes\)",
        ):
            load_torchvision(build("resnet14", num_classes=2, channels=3, seed=0), wrapped)
    with pytest.raises(InputError, match=r"shape \[64, 3, 7, 7\].*look like resnet34 \(grey, 14 classes\)"):
        load_torchvision(build("resnet34", num_classes=14, channels=3, seed=0), grey)
    with pytest.raises(
        InputError, match=r"fc.bias: .*expected .*2 classes\), these look like .*14 classes\)"
    ):
        load_torchvision(build("resnet34", num_classes=2, channels=1, seed=0), grey)
