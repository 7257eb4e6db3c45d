"""The peers: attack libraries as they ship, the attack in plain NumPy, and torch without any attack.

Each is set up to run all its generations: a library's own test for success is evaluated as ever, since a user
pays for it too, but its answer is taken as no.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .numpy_search import search

if TYPE_CHECKING:
    from .torch_models import Door

# torchattacks asks for a requests of 2021, and torchvision for a torch with CUDA; neither needs it here.

# ART's PixelAttack takes no population but makes about this many members, and predicts in batches of 128.
_ART_POPULATION = 400
_ART_BATCH = 128
# Of the SciPy file that ART and torchattacks carry.
SMALLEST_POPULATION = 5


@dataclasses.dataclass(frozen=True)
class Request:
    """What a peer is asked to do.

    Attributes:
        image: uint8 [H, W, C].
        label: its class.
        num_classes: N.
        num_pixels: K.
        population, generations: P candidates at first and in each of the generations after.
    """

    image: np.ndarray
    label: int
    num_classes: int
    num_pixels: int
    population: int
    generations: int

    @property
    def num_genes(self) -> int:
        """K (2 + C): row, column and intensities of every pixel."""
        return self.num_pixels * (2 + self.image.shape[2])


class Attack(NamedTuple):
    """A peer that is ready to run.

    Attributes:
        run: does the whole attack.
        population, generations: what it will do, which is not always what was asked.
        batches: sizes of the batches it evaluates.
        notes: what is called, in a sentence.
    """

    run: Callable[[], Any]
    population: int
    generations: int
    batches: tuple[int, ...]
    notes: str


@dataclasses.dataclass(frozen=True)
class Peer:
    """One entry of `PEERS`.

    Attributes:
        prepare: builds the attack; nothing is evaluated.
        package: the library's distribution ("" for none besides torch) and `module`, how it is imported.
        white: the value of intensity 255 in the images it hands to the model.
    """

    prepare: Callable[["Door", Request], Attack]
    package: str = ""
    module: str = ""
    white: float = 255.0


def batch_of(door: "Door", image: np.ndarray, size: int) -> Any:
    """The image `size` times, as floats [B, C, H, W] in the door's range, on its device and in its layout."""
    import torch

    pixels = torch.tensor(image).permute(2, 0, 1)[None].float() * (door.white / 255.0)
    repeated = pixels.expand(size, -1, -1, -1)
    return repeated.to(door.device).contiguous(memory_format=door.layout.memory_format)


def _forward(door: "Door", request: Request) -> Attack:
    """The bare network on batches of P that lie on the device already."""
    import torch

    batch = batch_of(door, request.image, request.population)

    def run() -> None:
        with torch.inference_mode():
            for _ in range(1 + request.generations):
                door(batch)

    notes = "no search: the network in inference_mode on one batch of P that lies on the device"
    return Attack(run, request.population, request.generations, (request.population,), notes)


def _numpy_de(door: "Door", request: Request) -> Attack:
    """Our own search on the host, the whole population through the network at once."""
    import torch

    def logits_fn(candidates: np.ndarray) -> np.ndarray:
        return door(torch.from_numpy(candidates).permute(0, 3, 1, 2)).cpu().numpy()

    def run() -> None:
        search(
            logits_fn,
            request.image,
            request.label,
            num_pixels=request.num_pixels,
            population=request.population,
            generations=request.generations,
        )

    notes = "rand/1, F 0.5, clipped, vectorised NumPy; 8-bit candidates go to the device in one batch of P"
    return Attack(run, request.population, request.generations, (request.population,), notes)


def _torchattacks(door: "Door", request: Request) -> Attack:
    """`torchattacks.OnePixel`; evaluates P (1 + G) candidates and G single images to test for success."""
    import torch
    import torchattacks

    genes = request.num_genes
    population = max(SMALLEST_POPULATION, max(1, request.population // genes) * genes)
    attack = torchattacks.OnePixel(
        door,
        pixels=request.num_pixels,
        steps=request.generations,
        popsize=request.population,
        inf_batch=population,
    )
    # On a GPU, 3.5 fails where it indexes NumPy by a label that lies there.
    attack._loss = _with_label_on_host(attack._loss)
    attack._attack_success = _with_label_on_host(attack._attack_success)
    _never_stop(attack)
    image = batch_of(door, request.image, 1)
    labels = torch.tensor([request.label])
    notes = (
        "OnePixel, inf_batch = population: each population is one batch; best/1, F dithered; "
        f"{request.generations} candidates are its own tests for success"
    )
    return Attack(lambda: attack(image, labels), population, request.generations, (population, 1), notes)


def _art(door: "Door", request: Request) -> Attack:
    """ART's `PixelAttack`; evaluates P (1 + G) candidates and G + 2 single images for labels and success."""
    import torch
    from art.attacks.evasion import PixelAttack
    from art.estimators.classification import PyTorchClassifier

    genes = request.num_genes
    population = max(SMALLEST_POPULATION, max(1, _ART_POPULATION // genes) * genes)
    asked = request.population * (1 + request.generations)
    generations = max(1, -(-asked // population) - 1)
    image = np.ascontiguousarray(request.image.transpose(2, 0, 1)[None], np.float32)
    classifier = PyTorchClassifier(
        model=door,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=image.shape[1:],
        nb_classes=request.num_classes,
        # Spares it rescaling every population, and standardising by 0 and 1, which is its default.
        clip_values=(0.0, 255.0),
        preprocessing=None,
        device_type="gpu" if door.device == "cuda" else "cpu",
    )
    attack = PixelAttack(classifier, th=request.num_pixels, es=1, max_iter=generations)
    _never_stop(attack)
    batches = tuple({min(population, _ART_BATCH), population % _ART_BATCH, 1} - {0})
    notes = (
        f"PixelAttack(es=1); its population is always {population}, its batch {_ART_BATCH}; best/1, F dithered; "
        f"leaves the predicted label; {generations + 2} candidates are its own predictions and tests for success"
    )
    # It refuses given labels of two classes, and predicts them itself when it gets none.
    return Attack(lambda: attack.generate(image), population, generations, batches, notes)


def _with_label_on_host(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(image: Any, label: Any, delta: Any) -> Any:
        return method(image, label.cpu(), delta)

    return call


def _never_stop(attack: Any) -> None:
    is_success = attack._attack_success

    def evaluate_and_go_on(*arguments: Any) -> bool:
        is_success(*arguments)
        return False

    attack._attack_success = evaluate_and_go_on


PEERS: dict[str, Peer] = {
    "art": Peer(_art, "adversarial-robustness-toolbox", "art"),
    "torchattacks": Peer(_torchattacks, "torchattacks", "torchattacks", white=1.0),
    "numpy-de": Peer(_numpy_de),
    "torch-forward": Peer(_forward),
}
