"""The model of work that chooses where windows end."""

import functools

import jax
import numpy as np
import pytest
from support.small_networks import MEAN, STD, small_resnet

from jaxpix.errors import InputError
from jaxpix.models.freezing import freeze
from jaxpix.models.zoo import build
from jaxpix.windows.costs import CPU, GPU, Plan, work_of
from jaxpix.windows.interpreter import Interpreter
from jaxpix.windows.network import Network
from jaxpix.windows.reach import Reach


@functools.cache
def traced(name, size):
    model = small_resnet() if name == "small" else build(name, num_classes=1000, channels=3, seed=0)
    channels = 1 if name == "small" else 3
    frozen = freeze(model, [MEAN] * channels, [STD] * channels)
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), frozen.weights)
    return Network(frozen.logits, shapes, (size, size, channels)), shapes


def plan(name, size, num_pixels, device=CPU, **options):
    return Plan(*traced(name, size), num_pixels, device, **options)


def test_dense_operations_are_the_published_ones():
    """torchvision states 4.09 GMAC for ResNet50 at 224 px."""
    program = traced("resnet50", 224)[0].one
    convolutions = [e for e in program.equations if e.name == "conv_general_dilated"]
    operations = sum(work_of(program, equation)[0] for equation in convolutions)
    assert operations / 2 == pytest.approx(4.09e9, rel=0.01)


def test_window_sizes_are_those_of_the_theory(monkeypatch):
    extents = {}
    steps = Interpreter.steps

    def noted(self, last):
        for number in steps(self, last):
            equation = self._program.equations[number]
            extents[equation.scope] = self.values[equation.outputs[0]].extent
            yield number

    monkeypatch.setattr(Interpreter, "steps", noted)
    plan("resnet50", 224, 1, limited=False)
    assert extents["stem"] == (3, 3)
    assert [extents[f"layer1.{block}"][0] for block in range(3)] == [5, 7, 9]
    assert [extents[f"layer2.{block}"][0] for block in range(4)] == [6, 8, 10, 12]
    assert extents["layer3.0"] == (7, 7)


@pytest.mark.parametrize("device", [CPU, *GPU.values()])
def test_more_pixels_switch_earlier_and_larger_images_later(device):
    by_pixels = [plan("resnet50", 224, k, device).best() for k in (1, 3, 10, 100)]
    assert by_pixels == sorted(by_pixels, reverse=True)
    assert by_pixels[0] > 50
    by_size = [plan("resnet50", size, 1, device).best() for size in (32, 64, 224)]
    assert by_size == sorted(by_size)


def test_dense_where_pixels_are_everywhere():
    assert plan("small", 32, 200).best() == 0


def test_a_switch_by_name():
    found = plan("small", 32, 1, limited=False)
    scopes = [equation.scope for equation in traced("small", 32)[0].one.equations]
    assert scopes[found.behind("layer1.0") - 1] == "layer1.0"
    assert scopes[found.behind("layer1.0")] != "layer1.0"
    with pytest.raises(InputError, match=r"unknown layer 'layer9'; allowed: stem, layer1\.0"):
        found.behind("layer9")
    with pytest.raises(InputError, match=r"windows end before 'classifier' does, in 'layer4\.0'"):
        found.behind("classifier")


@pytest.mark.parametrize(
    ("size", "stride", "before"),
    [(3, 1, 1), (3, 2, 1), (7, 2, 3), (2, 2, 0), (1, 2, 0), (4, 3, 1), (5, 2, -1)],
)
def test_a_reach_holds_what_brute_force_finds_and_no_more(size, stride, before):
    first = Reach().slide(3, 2, 1).slide(3, 1, 1)
    reach = first.slide(size, stride, before)
    slack = []
    for pixel in range(50):
        a, b = (pixel + first.low) // first.stride, (pixel + first.high) // first.stride
        hit = [o for o in range(-40, 80) if o * stride - before <= b and o * stride - before + size - 1 >= a]
        origin = int(reach.origin(np.int32(pixel)))
        assert not hit or (origin <= hit[0] and hit[-1] < origin + reach.extent)
        slack.append(reach.extent - len(hit))
    assert min(slack) == 0 or stride > size
