"""What is measured when nobody names a victim: networks with random weights, and noise that they nearly confuse.

Speed does not depend on what a network has learned, but an attack's length does: it stops when it succeeds.
So the noise has a contrast of its own in every image. Without training the logits grow with the contrast while
the effect of one pixel stays, so images of low contrast fall at once, others later, the rest never.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from ..config import ModelName
from ..data.prepared import open_prepared
from ..errors import InputError
from ..models.freezing import freeze
from ..models.zoo import build, check_image_size
from ..platforms import host_device
from ..victim.class_order import matched_to
from ..victim.victim import Victim

_CHANNELS, _CLASSES = 3, 3
_GREY, _SPREAD = 128.0, 64.0
_LEAST_CONTRAST, _MOST_CONTRAST = 8.0, 127.0
_CALIBRATION_IMAGES = 16
_BATCH = 16
_OVERWHELMING = 1e4


@dataclasses.dataclass(frozen=True)
class Subject:
    """A victim and images uint8 [B, H, W, C] to measure it with; `source` says what they are.

    `labels`, bool [B, N], are what the victim says of the images.
    """

    victim: Victim
    images: np.ndarray
    labels: np.ndarray
    source: str


def random_subject(name: ModelName, image_size: int, num_images: int, seed: int = 0) -> Subject:
    """A network with random weights and noise images of mixed difficulty, in a random order.

    Raises:
        InputError: an unknown model, or images too small for it.
    """
    check_image_size(name, image_size)
    generator = np.random.default_rng(seed)
    shape = (image_size, image_size, _CHANNELS)
    typical = np.full(_CALIBRATION_IMAGES, _MOST_CONTRAST / 2)
    graded = generator.permutation(np.geomspace(_LEAST_CONTRAST, _MOST_CONTRAST, num_images))
    images = np.stack([_noise(generator, shape, contrast) for contrast in (*typical, *graded)])
    # Building it, reading its features and probing it are many programs, each run once or twice: a GPU would be
    # longer compiling them than the CPU needs for everything.
    with jax.default_device(host_device()):
        model = build(name, num_classes=_CLASSES, channels=_CHANNELS, seed=seed)
        logits = _balance(model, _features(model, images))[_CALIBRATION_IMAGES:]
        victim = Victim.from_model(
            model,
            architecture=name,
            task="multiclass",
            class_names=[f"class {number}" for number in range(_CLASSES)],
            input_shape=shape,
            mean=[_GREY] * _CHANNELS,
            std=[_SPREAD] * _CHANNELS,
        )
    first = jax.local_devices()[0]
    if host_device() != first:
        victim = dataclasses.replace(victim, weights=jax.device_put(victim.weights, first))
    source = f"random weights, noise of contrast {_LEAST_CONTRAST:.0f}–{_MOST_CONTRAST:.0f}"
    return Subject(
        victim, images[_CALIBRATION_IMAGES:], np.eye(_CLASSES, dtype=bool)[logits.argmax(1)], source
    )


def trained_subject(folder: Path, data_dir: Path, num_images: int, seed: int = 0) -> Subject:
    """The trained victim of a folder and test images of its data set that it classifies correctly, in a random order.

    Raises:
        InputError: the folder holds no victim, the victim does not say what it was trained on, the data set is not
            prepared, or the victim classifies no image of it correctly.
    """
    victim = Victim.load(folder)
    known = victim.provenance
    if victim.description is None or "dataset" not in known:
        raise InputError(f"victim {victim.name!r} does not say what it was trained on; a run of train does")
    dataset = open_prepared(known["dataset"], data_dir, known.get("split"), victim.input_shape[0])
    victim = matched_to(victim, dataset.info.class_names, dataset.name)[0]
    labels, source = victim.space.from_stored(dataset.labels("test")), dataset.source("test")
    images: list[np.ndarray] = []
    chosen: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(labels)).tolist():
        image = source[index]["image"]
        if (np.asarray(victim.space.labels(victim.predict(image[None])))[0] == labels[index]).all():
            images.append(image)
            chosen.append(index)
        if len(images) == num_images:
            break
    if not images:
        raise InputError(f"{victim.name} classifies no test image of {dataset.info.name} correctly")
    kind = "drawn test images" if dataset.synthetic else "test images"
    return Subject(victim, np.stack(images), labels[chosen], f"{kind} of {dataset.info.name}")


def unconfusable(subject: Subject) -> Subject:
    """The same where no candidate succeeds, so that every attack spends all its queries."""
    weights = jax.tree.map(lambda leaf: leaf, subject.victim.weights)
    bias = weights["fc" if "fc" in weights else "classifier"]["bias"]
    bias[...] = bias[...].at[0].add(_OVERWHELMING)
    victim = dataclasses.replace(subject.victim, weights=weights)
    labels = np.zeros_like(subject.labels)
    labels[:, 0] = True
    return Subject(victim, subject.images, labels, f"{subject.source}; one class always wins")


def repeated(subject: Subject, times: int) -> Subject:
    """Every image several times; as experiments of their own, each draws its own candidates."""
    count = len(subject.images)
    return _taken(subject, np.tile(np.arange(count), times), f"; {count} images, each {times} times")


def hardest(subject: Subject, count: int) -> Subject:
    """The `count` images of most contrast, the hardest first."""
    order = np.argsort(-subject.images.std((1, 2, 3)), kind="stable")[:count]
    return _taken(subject, order, f"; the {len(order)} of most contrast")


def surest(subject: Subject) -> Subject:
    """The one image whose label the victim is surest of."""
    logits = np.sort(subject.victim.predict(subject.images), axis=1)
    return _taken(subject, np.argmax(logits[:, -1] - logits[:, -2], keepdims=True))


def _taken(subject: Subject, indices: np.ndarray, note: str = "") -> Subject:
    images, labels = subject.images[indices], subject.labels[indices]
    return Subject(subject.victim, images, labels, subject.source + note)


def _noise(generator: np.random.Generator, shape: tuple[int, ...], contrast: float) -> np.ndarray:
    noise = _GREY + generator.uniform(-contrast, contrast, shape)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def _balance(model: nnx.Module, features: np.ndarray) -> np.ndarray:
    """Blind the classifier to what all noise has in common, which would make every image one class.

    Args:
        model: its last matrix is changed.
        features: float32 [B, F], what the classifier reads of images, those of one contrast first.

    Returns:
        The images' new logits [B, N].
    """
    typical = features[:_CALIBRATION_IMAGES]
    common = typical.mean(0)
    common /= np.linalg.norm(common)
    head: Any = getattr(model, "fc", None) or model.classifier  # type: ignore[attr-defined]
    matrix = np.array(head.kernel[...])
    matrix -= np.outer(common, common @ matrix)
    matrix /= (typical @ matrix).std()
    head.kernel[...] = matrix
    return features @ matrix + np.asarray(head.bias[...])


def _features(model: nnx.Module, images: np.ndarray) -> np.ndarray:
    """What the classifier reads, float32 [B, F]."""
    frozen = freeze(model, [_GREY] * _CHANNELS, [_SPREAD] * _CHANNELS)
    read = jax.jit(frozen.features)
    padded = np.resize(images, (-(-len(images) // _BATCH) * _BATCH, *images.shape[1:]))
    parts = [np.asarray(read(frozen.weights, part)) for part in padded.reshape(-1, _BATCH, *images.shape[1:])]
    return np.concatenate(parts)[: len(images)]
