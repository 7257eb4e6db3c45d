"""Victims made of torch modules: the same logits as torch's, for any operator or by torch itself."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from support import torch_modules  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import jaxpix  # noqa: E402
from jaxpix import Victim  # noqa: E402
from jaxpix.errors import InputError  # noqa: E402
from jaxpix.victim.parts import Normalisation  # noqa: E402
from jaxpix.victim.torch import elementwise, graph  # noqa: E402
from jaxpix.victim.torch.module import parts_of  # noqa: E402

NAMES = ["a", "b", "c"]
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0]


def noise(count, shape=(16, 16, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


def torch_says(module, images, mean=(0, 0, 0), std=(1, 1, 1)):
    given = (images.astype(np.float32) - np.float32(mean)) / np.float32(std)
    with torch.no_grad():
        return module(torch.from_numpy(given.transpose(0, 3, 1, 2).copy())).numpy()


def victim_of(module, **changes):
    meaning = {"class_names": NAMES, "input_shape": (16, 16, 3), "mean": MEAN, "std": STD, **changes}
    return Victim.from_torch(module, **meaning)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_networks_of_torchvision_give_torch_logits_for_any_batch(name):
    module = torch_modules.torchvision_model(name, 32)
    victim = victim_of(module, class_names=list("abcde"), input_shape=(32, 32, 3))
    images = noise(3, (32, 32, 3))
    expected = torch_says(module, images, MEAN, STD)
    assert expected.std(0).max() > 1e-3, "the images differ for this network"
    scale = np.abs(expected).max()
    np.testing.assert_allclose(victim.logits(images), expected, atol=1e-4 * scale)
    np.testing.assert_allclose(victim.logits(images[:1]), expected[:1], atol=1e-4 * scale)
    assert victim.provenance["largest_difference_from_torch"] < 1e-4
    assert not module.training


def test_weights_are_arguments_by_their_names_and_layers_are_scopes():
    module = torch_modules.torchvision_model("resnet18", 32)
    victim = victim_of(module, class_names=list("abcde"), input_shape=(32, 32, 3))
    traced = jax.make_jaxpr(victim.apply)(victim.weights, jnp.zeros((2, 32, 32, 3)))
    assert max((np.size(constant) for constant in traced.consts), default=0) <= 16
    assert victim.weights["layer1.0.conv1.weight"].shape == (64, 64, 3, 3)
    convolutions = [
        str(equation.source_info.name_stack)
        for equation in traced.eqns
        if equation.primitive.name == "conv_general_dilated"
    ]
    assert convolutions[:2] == ["conv1", "layer1.0.conv1"]
    transposes = [equation for equation in traced.eqns if equation.primitive.name == "transpose"]
    assert len(transposes) <= 2, "one for the images, at most one for the last matrix"


def test_each_part_gets_its_mode_back():
    module = torch_modules.SmallNetwork().train()
    module.norm.eval()
    victim_of(module)
    assert (module.training, module.stem.training, module.norm.training) == (True, True, False)


def test_images_arrive_as_they_are_without_mean_and_std():
    module = torch_modules.SmallNetwork().eval()
    victim = victim_of(module, mean=None, std=None)
    np.testing.assert_allclose(victim.logits(noise(2)), torch_says(module, noise(2)), rtol=1e-4, atol=1e-3)


def test_the_id_tells_weights_and_functions_apart():
    class WithGelu(torch_modules.SmallNetwork):
        def forward(self, images):
            return self.head(functional.gelu(self.norm(self.stem(images))).mean((2, 3)))

    one = victim_of(torch_modules.SmallNetwork()).victim_id
    assert victim_of(torch_modules.SmallNetwork()).victim_id == one
    assert victim_of(WithGelu()).victim_id != one
    assert victim_of(torch_modules.SmallNetwork(), mean=[0.0, 0.0, 0.0]).victim_id != one
    changed = torch_modules.SmallNetwork()
    changed.head.bias.data += 1
    assert victim_of(changed).victim_id != one


class Applied(nn.Module):
    """Every operator on maps of both signs [B, 8, 16, 16], each reduced to two weighted means."""

    def __init__(self, functions):
        super().__init__()
        torch.manual_seed(1)
        self.functions = functions
        self.layers = nn.ModuleList(function for function in functions if isinstance(function, nn.Module))
        self.stem = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, images):
        maps, outputs = self.stem(images), []
        for function in self.functions:
            values = function(maps).flatten(1).float()
            places = torch.arange(values.shape[1]) / values.shape[1]
            outputs += [(values * (1 + places)).mean(1), (values * torch.cos(9 * places)).mean(1)]
        return torch.stack(outputs, 1)


OPERATORS = {
    "hardswish": functional.hardswish,
    "silu": functional.silu,
    "mish": functional.mish,
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "elu": lambda x: functional.elu(x, 0.7),
    "selu": functional.selu,
    "celu": lambda x: functional.celu(x, 0.6),
    "softplus": lambda x: functional.softplus(x, 2.0),
    "leaky relu": lambda x: functional.leaky_relu(x, 0.2),
    "logsigmoid": functional.logsigmoid,
    "relu6 in place": lambda x: functional.relu6(x + 3, inplace=True),
    "hardsigmoid": functional.hardsigmoid,
    "softsign": functional.softsign,
    "tanhshrink": functional.tanhshrink,
    "max pool": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "max pool, ceil": lambda x: functional.max_pool2d(x, 3, 2, ceil_mode=True),
    "max pool, dilated": lambda x: functional.max_pool2d(x, 3, 1, dilation=2),
    "average pool": lambda x: functional.avg_pool2d(x, 3, 2, 1),
    "average pool, no padding counted": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "average pool, ceil": lambda x: functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "average pool, ceil, none counted": lambda x: functional.avg_pool2d(x, 4, 3, 1, True, False),
    "average pool, divisor": lambda x: functional.avg_pool2d(x, (2, 3), divisor_override=5),
    "adaptive mean": lambda x: functional.adaptive_avg_pool2d(x, (5, 7)),
    "adaptive mean, whole": lambda x: functional.adaptive_avg_pool2d(x, (4, 8)),
    "adaptive mean, enlarging": lambda x: functional.adaptive_avg_pool2d(x[..., :1, :3], (7, 7)),
    "adaptive max": lambda x: functional.adaptive_max_pool2d(x, (5, None)),
    "group norm": nn.GroupNorm(4, 8),
    "instance norm": nn.InstanceNorm2d(8, affine=True),
    "layer norm": nn.LayerNorm((16, 16)),
    "local response norm": nn.LocalResponseNorm(3),
    "even kernel, same": nn.Conv2d(8, 4, 4, padding="same", dilation=2),
    "grouped, strided": nn.Conv2d(8, 16, (1, 7), stride=3, padding=(0, 2), groups=4),
    "transposed": nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    "reflected": nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect"),
    "nearest": lambda x: functional.interpolate(x, scale_factor=2),
    "nearest, uneven": lambda x: functional.interpolate(x, size=(11, 23)),
    "bilinear": lambda x: functional.interpolate(x, size=(11, 23), mode="bilinear"),
    "bilinear, corners": lambda x: functional.interpolate(
        x, scale_factor=1.5, mode="bilinear", align_corners=True
    ),
    "pixel shuffle": lambda x: functional.pixel_shuffle(x, 2),
    "channel shuffle": nn.ChannelShuffle(4),
    "roll": lambda x: torch.roll(x, (3, -2), (2, 3)),
    "pad and cut": lambda x: functional.pad(x, (1, -2, 0, 3), value=0.5),
    "chunk": lambda x: torch.cat([part * 2 for part in x.chunk(3, 1)][::-1], 1),
    "stack, unbind": lambda x: torch.stack(x.unbind(1)[::2], 2),
    "einsum": lambda x: torch.einsum("bchw,bdhw->bcd", x, x),
    "softmax": lambda x: x.softmax(1),
    "log softmax": lambda x: x.log_softmax(-1),
    "extremes": lambda x: x.max(1).values - x.amin((2, 3))[:, :1, None],
    "variance": lambda x: torch.cat([x.var(1), x.std((1, 2), keepdim=True)[:, 0]], 1),
    "norm": lambda x: functional.normalize(x, dim=1) + x.norm(p=1, dim=1, keepdim=True) / 100,
    "comparisons": lambda x: (
        torch.where((x > 0.1) & ~(x >= 3), x, -x).clamp(-2.0, 2.5).masked_fill(x < -1, 0.3)
    ),
    "arithmetic": lambda x: torch.rsub(x, 2.0, alpha=3) / (x.abs() + 1) + x.square().add(1, alpha=2).rsqrt(),
    "rounding": lambda x: torch.div(x, 0.3, rounding_mode="floor") + x.fmod(0.7) + torch.remainder(x, 0.7),
    "powers": lambda x: x**2 + x**3 + (x.abs() + 1) ** 0.3 + 2.0**x,
    "types": lambda x: x.half().float() * 0 + (x * 10).to(torch.int64).float() + x.bool(),
    "cumulative": lambda x: x.cumsum(2) / 16 + x.flip(3),
    "made inside": lambda x: (
        x + torch.arange(16) * torch.ones_like(x) + torch.full((16, 1), 0.5) + x.new_zeros(16)
    ),
    "assignment": lambda x: _assigned(x),
    "batch size inside": lambda x: (
        x.reshape(x.shape[0] * 2, -1).softmax(1).view(x.size(0), 2, -1).expand(-1, 2, -1)
    ),
    "masked attention": lambda x: functional.scaled_dot_product_attention(
        x, x * 2, x + 1, attn_mask=torch.ones(16, 16).tril().bool()
    ),
    "causal attention": lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.3),
}


def _assigned(x):
    x = x.clone()
    x[:, 1:3, ::2] = 0.25
    x[:, 0] += 1
    return x


@pytest.fixture(scope="module")
def both_outputs():
    """What torch and JAX say of the same images, [B, operators, 2] each."""
    module = Applied(list(OPERATORS.values())).eval()
    parts = parts_of(module, 2 * len(OPERATORS), (16, 16, 3), output=None, host=False)
    ours = jax.jit(parts.apply)(parts.weights, Normalisation(MEAN, STD, 3)(noise(3).astype(np.float32)))
    theirs = torch_says(module, noise(3), MEAN, STD)
    return np.asarray(ours).reshape(3, -1, 2), theirs.reshape(3, -1, 2)


@pytest.mark.parametrize("name", list(OPERATORS))
def test_operators(both_outputs, name):
    ours, theirs = (values[:, list(OPERATORS).index(name)] for values in both_outputs)
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1, np.abs(theirs).max()))
    assert np.ptp(theirs[:, 0]) > 1e-6, "it depends on the image"


def test_attention_layers_with_a_class_token():
    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.patches = nn.Conv2d(3, 12, 4, 4)
            self.token = nn.Parameter(torch.randn(1, 1, 12))
            layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(12, 3)

        def forward(self, images):
            words = self.patches(images).flatten(2).transpose(1, 2)
            words = torch.cat([self.token.expand(len(images), -1, -1), words], 1)
            return self.head(self.encoder(words)[:, 0])

    module = Transformer().eval()
    with torch.no_grad():
        expected = torch_says(module, noise(3), MEAN, STD)
    np.testing.assert_allclose(victim_of(module).logits(noise(3)), expected, atol=1e-4)


@pytest.mark.parametrize(("kind", "output"), [("tuple", 0), ("dict", "logits")])
def test_one_of_several_outputs_is_named(kind, output):
    module = torch_modules.ManyOutputs(kind).eval()
    victim = victim_of(module, output=output)
    alone = torch_modules.SmallNetwork().eval()
    np.testing.assert_allclose(victim.logits(noise(2)), torch_says(alone, noise(2), MEAN, STD), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "output", "message"),
    [
        ("tuple", None, "returns a tuple of 2, numbers 0 to 1: say by output= which"),
        ("dict", None, "a dict with the keys 'features', 'logits': say by output="),
        ("dict", "scores", "has no output 'scores': it returns a dict with the keys 'features', 'logits'"),
        ("tuple", 2, "has no output 2: it returns a tuple of 2"),
        ("tuple", 1, r"expected outputs \[6, 3\] for 6 images and 3 classes, got \[6\]"),
    ],
)
def test_outputs_that_are_not_there(kind, output, message):
    with pytest.raises(InputError, match=message):
        victim_of(torch_modules.ManyOutputs(kind), output=output)


def test_what_cannot_be_translated_is_named_with_its_module():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = torch_modules.Sorting()

        def forward(self, images):
            return self.inside(images) + torch.fft.fft(images).real.mean((1, 2, 3))[:, None]

    with pytest.raises(InputError, match=r"cannot translate") as caught:
        victim_of(Twice())
    text = str(caught.value)
    assert "aten.sort.default (inside)" in text
    assert re.search(r"aten\._fft_r2c\.default \(forward\)", text), text
    assert "host=True" in text


def test_modules_that_count_their_images_are_mapped_over_the_batch():
    class Counting(torch_modules.SmallNetwork):
        def forward(self, images):
            logits = super().forward(images)
            return torch.stack([logits[0] * 2]) if len(images) == 1 else logits * 2

    module = Counting().eval()
    np.testing.assert_allclose(
        victim_of(module).logits(noise(3)), torch_says(module, noise(3), MEAN, STD), atol=1e-5
    )


def test_control_flow_that_depends_on_values_cannot_be_exported():
    class Branching(torch_modules.SmallNetwork):
        def forward(self, images):
            logits = super().forward(images)
            return logits if images.sum() > 0 else logits * 2

    with pytest.raises(InputError, match=r"torch\.export cannot follow Branching: .*host=True"):
        victim_of(Branching())


def test_torch_evaluates_what_cannot_be_translated_in_a_whole_attack():
    module = torch_modules.Sorting().eval()
    victim = victim_of(module, host=True)
    module.head.bias.data += 100.0
    np.testing.assert_allclose(
        victim.logits(noise(3)), torch_says(module, noise(3), MEAN, STD) - 100.0, rtol=1e-4, atol=1e-4
    )
    config = jaxpix.AttackConfig(num_pixels=2, population=10, generations=4, fitness="confidence")
    records = jaxpix.attack_images(victim, noise(3), config=config)
    assert len(records) == 3
    assert all(record.queries == 50 or record.success for record in records)
    for record, image in zip(records, noise(3), strict=True):
        changed = image.copy()
        for x, y, _, after in record.pixels:
            changed[y, x] = after
        says = victim.space.confidences(torch_says(module, changed[None], MEAN, STD) - 100.0)[0]
        np.testing.assert_allclose(record.confidences_after, says, atol=1e-5)
    assert "torch evaluates" in victim.provenance["route"]


def test_an_attack_on_a_translated_module_finds_the_pixel_it_watches():
    class Watching(nn.Module):
        def forward(self, images):
            bright = images.amax((1, 2, 3)) - 220
            return torch.stack([-bright, bright, bright * 0 - 90], 1)

    victim = Victim.from_torch(Watching(), class_names=NAMES, input_shape=(8, 8, 3))
    images = np.random.default_rng(1).integers(0, 180, (3, 8, 8, 3)).astype(np.uint8)
    records = jaxpix.attack_images(victim, images, config=jaxpix.AttackConfig(num_pixels=1, generations=20))
    assert [record.success for record in records] == [True] * 3


def test_what_differs_from_torch_is_refused(monkeypatch):
    monkeypatch.setattr(graph, "TABLE", {**graph.TABLE, "relu": elementwise.TABLE["abs"]})
    with pytest.raises(InputError, match=r"outputs differ by [\d.e+-]+ of the largest one, allowed 1e-03"):
        victim_of(torch_modules.SmallNetwork())


@pytest.mark.parametrize(
    ("module", "changes", "message"),
    [
        (lambda: "resnet18", {}, r"takes a torch\.nn\.Module, got str"),
        (
            torch_modules.SmallNetwork,
            {"input_shape": (16, 16, 1), "mean": None, "std": None},
            "cannot take images",
        ),
        (
            torch_modules.SmallNetwork,
            {"mean": [0.5] * 3, "std": [0.2] * 3},
            r"so they are mean=\[127\.5, 127\.5, 127\.5\], std=\[51",
        ),
        (torch_modules.SmallNetwork, {"mean": [-20.0] * 3}, "mean -20 of channel 0: expected 0 to 255"),
        (torch_modules.SmallNetwork, {"mean": [1.0]}, "mean needs 3 values for images of 3 channels"),
        (torch_modules.SmallNetwork, {"images": noise(2, (8, 8, 3))}, r"images: expected \[B, 16, 16, 3\]"),
        (torch_modules.SmallNetwork, {"class_names": ["a", "b"]}, r"expected outputs \[6, 2\]"),
        (
            lambda: nn.Sequential(torch_modules.SmallNetwork(), nn.Softmax(1)),
            {},
            "looks like probabilities",
        ),
    ],
)
def test_refusals(module, changes, message):
    with pytest.raises(InputError, match=message):
        victim_of(module(), **changes)


def test_probabilities_can_be_declared():
    module = nn.Sequential(torch_modules.SmallNetwork(), nn.Softmax(1)).eval()
    victim = victim_of(module, outputs="probabilities")
    np.testing.assert_allclose(
        victim.space.confidences(victim.logits(noise(2))), torch_says(module, noise(2), MEAN, STD), atol=1e-5
    )


def test_batch_statistics_are_refused():
    class WithoutStatistics(torch_modules.SmallNetwork):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(8, track_running_stats=False)

    with pytest.raises(InputError, match="cannot translate"):
        victim_of(WithoutStatistics())
    with pytest.raises(InputError, match="changes with the other images of its batch"):
        victim_of(WithoutStatistics(), host=True)


def test_a_module_handed_to_the_wrong_door():
    module = torch_modules.SmallNetwork()
    meaning = {"class_names": NAMES, "input_shape": (64, 64, 3)}
    with pytest.raises(
        InputError, match=r"got SmallNetwork: hand over module\.state_dict\(\), or .*from_torch"
    ):
        Victim.from_torchvision(module, architecture="resnet50", **meaning)
    with pytest.raises(InputError, match=r"a torch module.*Victim\.from_torch"):
        Victim.from_function(module, **meaning)
