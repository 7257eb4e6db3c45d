"""What is attacked: a classifier, where it came from, and the ways to make, save and load one."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from flax import nnx

from ..config import ModelName, Task
from ..errors import InputError
from ..labels import LabelSpace
from ..models.freezing import freeze
from ..models.frozen import FrozenModel
from ..models.pretrained import IMAGENET_MEAN, IMAGENET_STD
from ..platforms import on_cpu
from . import by_file, files
from .classifier import Weights
from .frameworks import OtherFrameworks
from .networks import check_network, normalising, structure, with_torch_weights
from .probe import check_function, checked_output, identify, logits_of, probe
from .resizing import fitted


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Victim(OtherFrameworks):
    """A classifier under attack. Build one with a `from_…` method or `load`.

    Attributes:
        description: what `save` needs to rebuild it; None for a user's own function.
        graph: structure of a Flax model of ours, `weights` its state; None for a user's own function.
        reference: the file and function that made it, if `load` was given one.
        before: what images go through first (see `jaxpix.defences`), which `apply` does already; None: nothing.
        told_apart: of an image, which values of a pixel alone matter (`jaxpix.defences.medians`); None: all may.
    """

    description: Mapping[str, Any] | None = None
    graph: nnx.GraphDef[Any] | None = None
    reference: by_file.Reference | None = None
    before: Callable[[jax.Array], jax.Array] | None = dataclasses.field(default=None, kw_only=True)
    told_apart: Callable[[np.ndarray], np.ndarray] | None = dataclasses.field(default=None, kw_only=True)

    def __repr__(self) -> str:
        """One line: name, task, classes, images, where it came from, id."""
        names = ", ".join(self.class_names[:3]) + (", …" if len(self.class_names) > 3 else "")
        kind = "a network of jaxpix" if self.description else "a function"
        origin = self.provenance.get("module") or kind
        origin = f"{origin}, by {self.reference}" if self.reference else origin
        return (
            f"<Victim {self.name!r}: {self.task}, {len(self.class_names)} classes ({names}), images "
            f"{'×'.join(map(str, self.input_shape))}, {origin}, id {self.victim_id}>"
        )

    def model(self) -> nnx.Module | None:
        """The Flax model that was frozen, in evaluation mode, behind any defence; None for a user's own function."""
        return None if self.graph is None else nnx.merge(self.graph, self.weights, copy=True)

    @functools.cached_property
    def frozen(self) -> FrozenModel | None:
        """The network layer by layer, for incremental evaluation; None for a user's own function."""
        model = self.model()
        if model is None or self.description is None:
            return None
        mean, std = self.description["mean"], self.description["std"]
        return dataclasses.replace(freeze(model, mean, std), before=self.before)

    def _probe(self, *, refuse_probabilities: bool) -> np.ndarray:
        # A GPU compiles for half a minute: there the probe shares the program of `predict`.
        evaluate = self.logits if on_cpu() else self.predict
        return probe(
            evaluate, self.space, self.input_shape, self.name, refuse_probabilities=refuse_probabilities
        )

    @classmethod
    def from_function(
        cls,
        fn: Callable[..., jax.Array],
        *,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        task: Task = "multiclass",
        weights: Weights = None,
        normal_classes: Sequence[str] = (),
        threshold: float = 0.5,
        outputs: Literal["logits", "probabilities"] | None = None,
        name: str = "function",
    ) -> "Victim":
        """Wrap anybody's own pure JAX model.

        Args:
            fn: images float32 [B, H, W, C] in 0..255 -> [B, N]; with `weights`, (weights, images) -> [B, N].
            class_names: names of the N outputs.
            input_shape: (H, W, C).
            task: `multiclass` (softmax) or `multilabel` (sigmoid each).
            weights: pytree passed to `fn` as first argument; keeps large models quick to compile.
            normal_classes: classes that are no disease (multiclass).
            threshold: multi-label: a class is present above this confidence.
            outputs: what `fn` returns. None: logits, and outputs that look like probabilities are refused.
            name: what reports call it.

        Raises:
            InputError: a probe batch shows a wrong shape, non-finite values, probabilities, or outputs
                that depend on the other images of the batch.
        """
        check_function(fn, name)

        def apply(weights: Weights, images: jax.Array) -> jax.Array:
            raw = checked_output(fn(images) if weights is None else fn(weights, images), name)
            return logits_of(raw, task) if outputs == "probabilities" else raw

        space = LabelSpace(task, tuple(class_names), tuple(normal_classes), threshold)
        unnamed = cls(apply, weights, space, input_shape, name, victim_id="")
        probed = unnamed._probe(refuse_probabilities=outputs is None)
        return dataclasses.replace(unnamed, victim_id=identify(space, [probed]))

    @classmethod
    def from_model(
        cls,
        model: nnx.Module,
        *,
        architecture: ModelName,
        task: Task,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        mean: Sequence[float],
        std: Sequence[float],
        normal_classes: Sequence[str] = (),
        threshold: float = 0.5,
        name: str = "",
        provenance: Mapping[str, Any] | None = None,
    ) -> "Victim":
        """Freeze a Flax model of ours; `mean` and `std` [C] are on the 0..255 scale.

        Raises:
            InputError: images too small, mean or std that 8-bit images cannot have, or a probe fails.
        """
        grey = check_network(architecture, input_shape, mean, std)
        model.eval()
        graph, state = nnx.split(model)
        space = LabelSpace(task, tuple(class_names), tuple(normal_classes), threshold)
        description = {
            "architecture": architecture,
            "input_shape": list(input_shape),
            "mean": grey[0].tolist(),
            "std": grey[1].tolist(),
        }
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        victim = cls(
            normalising(graph, *(tuple(values.tolist()) for values in grey)),
            jax.device_put(state),
            space,
            input_shape,
            name or architecture,
            identify(space, [*leaves, *grey]),
            description,
            graph,
            provenance=dict(provenance or {}),
        )
        victim._probe(refuse_probabilities=False)
        return victim

    @classmethod
    def from_torchvision(
        cls,
        source: Mapping[str, Any] | str | Path,
        *,
        architecture: ModelName,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        **meaning: Any,
    ) -> "Victim":
        """Make a victim of torchvision or timm weights.

        Args:
            source: state dict or checkpoint that holds one, or the path of a file (see `read_weights`). What had
                to be opened, stripped or left out is logged as a warning of the logger `jaxpix`.
            architecture: one of `jaxpix.config.ModelName`, such as `resnet18` or `densenet201`.
            class_names, input_shape, **meaning: as in `from_model`.
            mean, std: normalisation on the 0..255 scale; default: ImageNet's.

        Raises:
            InputError: a key or shape does not fit, naming both shapes and what the weights look like.
        """
        check_network(architecture, input_shape, mean, std)
        model = with_torch_weights(source, architecture, len(class_names), input_shape[2])
        return cls.from_model(
            model,
            architecture=architecture,
            task=meaning.pop("task", "multiclass"),
            class_names=class_names,
            input_shape=input_shape,
            mean=mean,
            std=std,
            **meaning,
        )

    def for_images(self, shape: tuple[int, int, int]) -> "Victim":
        """The same for images [H, W, C] of another size, or grey instead of colour, or the reverse."""
        return fitted(self, shape)

    def save(self, folder: Path) -> None:
        """Write `victim.json` and the weights, or of a victim that a file made, what names it there.

        Raises:
            InputError: the victim is a user's own function, which cannot be saved, or stands behind a defence.
        """
        if self.before is not None:
            raise InputError(
                f"victim {self.name!r} stands behind a defence: save it alone, defend it when it is loaded"
            )
        known = {"name": self.name, "victim_id": self.victim_id}
        if self.reference is not None:
            files.write(Path(folder), {**known, "made_by": dataclasses.asdict(self.reference)}, None)
            return
        if self.description is None:
            raise InputError(
                f"victim {self.name!r} is a Python function and cannot be saved; a file with a function that makes "
                "it can stand for it: Victim.load('my_module.py:make_victim')"
            )
        content = {**known, **dataclasses.asdict(self.space), **self.description}
        files.write(Path(folder), {**content, "provenance": dict(self.provenance)}, self.weights)

    @classmethod
    def load(cls, place: str | Path) -> "Victim":
        """Read what `save` wrote, or let `FILE.py:FUNCTION` make the victim.

        Raises:
            InputError: no victim there, another format, weights that do not fit, or a file that has changed.
        """
        reference = by_file.reference_to(place)
        if reference is not None:
            return by_file.made(cls, reference)
        folder = Path(place)
        content, model = files.read(folder, structure)
        if model is None:
            return by_file.remade(cls, folder, content)
        shape = tuple(content.pop("input_shape"))
        victim_id = content.pop("victim_id")
        try:
            victim = cls.from_model(model, input_shape=shape, **content)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from None
        if victim.victim_id != victim_id:
            raise InputError(f"{folder}: the weights are not those that victim.json describes (hash differs)")
        return victim
