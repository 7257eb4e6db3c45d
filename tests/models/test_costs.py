"""The model of work that chooses where windows end."""

import pytest
from support.small_networks import MEAN, STD, small_resnet

from jaxpix.models.costs import CPU, GPU, Sketch, Work, switch_costs
from jaxpix.models.freezing import freeze
from jaxpix.models.zoo import build


def best(costs):
    return min(range(len(costs)), key=costs.__getitem__)


@pytest.fixture(scope="module")
def resnet50():
    return freeze(build("resnet50", num_classes=1000, channels=3, seed=0), [MEAN] * 3, [STD] * 3)


def test_dense_operations_are_the_published_ones(resnet50):
    """torchvision states 4.09 GMAC for ResNet50 at 224 px."""
    start = Sketch(Work(CPU), (224, 224), 3, None, 1)
    resnet50.features(resnet50.weights, start)
    assert start.work.operations / 2 == pytest.approx(4.09e9, rel=0.01)


def test_window_sizes_are_those_of_the_theory(resnet50):
    extents, sketch = {}, Sketch(Work(CPU), (224, 224), 3, 1, 1)
    for layer, weights in zip(resnet50.layers, resnet50.weights, strict=False):
        sketch = layer.apply(sketch, weights)
        extents[layer.name] = (sketch.extent, sketch.size[0])
    assert extents["stem"] == (3, 56)
    assert [extents[f"layer1.{block}"][0] for block in range(3)] == [5, 7, 9]
    assert [extents[f"layer2.{block}"][0] for block in range(4)] == [6, 8, 10, 12]
    assert extents["layer3.0"] == (7, 14)


@pytest.mark.parametrize("device", [CPU, *GPU.values()])
def test_more_pixels_switch_earlier_and_larger_images_later(resnet50, device):
    by_pixels = [best(switch_costs(resnet50, (224, 224, 3), k, device)) for k in (1, 2, 3, 10, 100)]
    assert by_pixels == sorted(by_pixels, reverse=True)
    assert by_pixels[0] > 5
    by_size = [best(switch_costs(resnet50, (size, size, 3), 1, device)) for size in (32, 64, 224, 512)]
    assert by_size == sorted(by_size)


def test_dense_where_pixels_are_everywhere():
    network = freeze(small_resnet(), [MEAN], [STD])
    assert best(switch_costs(network, (32, 32, 1), 200, CPU)) == 0
