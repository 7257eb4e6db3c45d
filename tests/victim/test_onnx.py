"""Victims made of ONNX files: what onnxruntime says of the same images, in any layout and size of batch."""

import re

import numpy as np
import pytest
from support.small_networks import noise_images

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the onnx extra")
onnx = pytest.importorskip("onnx", reason="the files are made by onnx")

from jaxpix import AttackConfig, Victim, attack_images  # noqa: E402
from jaxpix.errors import InputError  # noqa: E402

MEAN, STD, SIZE = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0], (10, 12)
MEANING = {"class_names": ["a", "b", "c"], "input_shape": (*SIZE, 3), "mean": MEAN, "std": STD}
pytestmark = pytest.mark.torch
FLOAT = onnx.TensorProto.FLOAT


def weights_of(seed):
    generator = np.random.default_rng(seed)
    shapes = {"kernel": (4, 3, 3, 3), "matrix": (4, 3), "bias": (3,)}
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def saved(path, batch="batch", channels_last=False, several=False, seed=0, beside=False):
    """A convolution, a mean and a matrix, in a file; `beside`: its weights in another one."""
    size = [*SIZE, 3] if channels_last else [3, *SIZE]
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [make("Transpose", ["images"], ["given"], perm=[0, 3, 1, 2])] if channels_last else []
    nodes += [
        make("Conv", ["given" if channels_last else "images", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        make("Relu", ["maps"], ["positive"]),
        make("GlobalAveragePool", ["positive"], ["means"]),
        make("Flatten", ["means"], ["features"]),
        make("Gemm", ["features", "matrix", "bias"], ["scores"]),
    ]
    outputs = [info("scores", FLOAT, [batch, 3])] + [info("features", FLOAT, [batch, 4])] * several
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in weights_of(seed).items()]
    graph = onnx.helper.make_graph(nodes, "net", [info("images", FLOAT, [batch, *size])], outputs, weights)
    opset = [onnx.helper.make_opsetid("", 20)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    kept = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 0}
    onnx.save(model, path, **(kept if beside else {}))
    return path


def runtime_says(path, images, channels_last=False):
    given = (images.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    given = given if channels_last else given.transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(path)
    return np.concatenate([session.run(["scores"], {"images": image[None]})[0] for image in given])


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("batch", ["batch", 1])
def test_it_says_what_onnxruntime_says(tmp_path, channels_last, batch):
    path = saved(tmp_path / "net.onnx", batch, channels_last)
    victim = Victim.from_onnx(path, **MEANING)
    images = noise_images(5, 12, 3)[:, :10]
    np.testing.assert_allclose(victim.predict(images), runtime_says(path, images, channels_last), rtol=1e-4)
    assert victim.provenance["route"] == "onnxruntime evaluates"
    assert re.match(
        r"<Victim 'net': multiclass, .* images 10×12×3, net\.onnx, id [0-9a-f]{16}>", repr(victim)
    )


def test_a_file_for_batches_of_four_takes_any_number(tmp_path):
    path, images = saved(tmp_path / "net.onnx", 4), noise_images(7, 12, 3)[:, :10]
    victim = Victim.from_onnx(path, **MEANING)
    expected = Victim.from_onnx(saved(tmp_path / "any.onnx"), **MEANING).predict(images)
    np.testing.assert_allclose(victim.predict(images), expected, rtol=1e-4)


def test_it_is_attacked(tmp_path):
    victim = Victim.from_onnx(saved(tmp_path / "net.onnx"), **MEANING)
    images = noise_images(3, 12, 3)[:, :10]
    records = attack_images(victim, images, None, AttackConfig(num_pixels=3, generations=4, population=20))
    assert len(records) == 3
    for record in records:
        said = victim.predict(record.adversarial_image()[None]).argmax()
        assert record.label_after == [victim.class_names[said]]


def test_of_several_outputs_one_is_named(tmp_path):
    path = saved(tmp_path / "net.onnx", several=True)
    with pytest.raises(InputError, match=r"keys 'scores', 'features': say by output="):
        Victim.from_onnx(path, **MEANING)
    by_name, by_number = (Victim.from_onnx(path, output=which, **MEANING) for which in ("scores", 0))
    images = noise_images(2, 12, 3)[:, :10]
    np.testing.assert_array_equal(by_name.predict(images), by_number.predict(images))
    with pytest.raises(InputError, match=r"gives \[2, 4\] for 2 images, expected \[2, 3\]"):
        Victim.from_onnx(path, output="features", **MEANING)


def test_the_id_tells_weights_apart_in_the_file_and_beside_it(tmp_path):
    ids = set()
    for beside in (False, True):
        for seed in (0, 1):
            path = saved(tmp_path / "net.onnx", seed=seed, beside=beside)
            ids.add(Victim.from_onnx(path, **MEANING).victim_id)
            assert Victim.from_onnx(path, **MEANING).victim_id in ids
    assert len(ids) == 4


def test_what_cannot_be_taken_is_explained(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match=r"text\.onnx: onnxruntime cannot read it: "):
        Victim.from_onnx(tmp_path / "text.onnx", **MEANING)
    with pytest.raises(InputError, match="no ONNX file at nowhere"):
        Victim.from_onnx("nowhere.onnx", **MEANING)
    path = saved(tmp_path / "net.onnx")
    with pytest.raises(
        InputError, match=r"takes images \['batch', 3, 10, 12\], expected \[B, 3, 12, 10\] or"
    ):
        Victim.from_onnx(path, **{**MEANING, "input_shape": (12, 10, 3)})
    with pytest.raises(InputError, match=r"gives \[2, 3\] for 2 images, expected \[2, 2\]"):
        Victim.from_onnx(path, **{**MEANING, "class_names": ["a", "b"]})
