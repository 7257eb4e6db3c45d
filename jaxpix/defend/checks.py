"""Lines that check the evaluation itself: signs of an attack that fails for its own reasons, not the defence's.

After the checklist of Carlini et al. (On evaluating adversarial robustness, 2019) and the flags of AutoAttack (Croce
and Hein 2020). Each passes, fails, or was not run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..attack.given import GivenImages
from ..config import AttackConfig
from ..search.fitness import Goal, make_fitness
from .attacks import ATTACKS, attacked
from .planted import NUM_IMAGES, plant

if TYPE_CHECKING:
    from ..report.runs.defences import PlainLine
    from .measured import Found, Measured
    from .options import ChosenImages, DefendOptions

_MORE_PIXELS = 2
_POINT = 0.01
_GRADIENTS_AT_ONCE = 4


class Case(NamedTuple):
    """What a check looks at: the variant as it was measured, the chosen images, the options, its folder."""

    measured: Measured
    images: ChosenImages
    options: DefendOptions
    folder: Path


def _transfer(case: Case) -> Found:
    """What was made for the undefended victim must not break more images than what was made for this one."""
    measured = case.measured
    if not measured.variant.is_defended:
        return "not run", "nothing stands before the victim"
    passed_on, own = len(measured.transferred), len(measured.adaptive)
    return _found(passed_on <= own, f"{passed_on} images transferred, {own} adaptive")


def _gradient(case: Case) -> Found:
    """The margin's gradient with respect to the image is finite, and zero on no image."""
    images, victim = case.images.first(case.options.check_images), case.measured.variant.victim
    margin = make_fitness("margin", victim.space, False)
    labels = victim.space.from_stored(images.labels(images.subset))

    def total(stack: jax.Array, labels: jax.Array) -> jax.Array:
        logits = victim.dense_logits(victim.weights, stack)
        return jnp.sum(jax.vmap(lambda one, label: margin(one, Goal(label, label)))(logits, labels))

    gradient, stack = jax.jit(jax.grad(total)), images.stack
    sizes: list[float] = []
    for start in range(0, len(stack), _GRADIENTS_AT_ONCE):
        part = stack[start : start + _GRADIENTS_AT_ONCE]
        full = np.resize(part, (_GRADIENTS_AT_ONCE, *part.shape[1:]))
        known = np.resize(labels[start : start + _GRADIENTS_AT_ONCE], (_GRADIENTS_AT_ONCE, labels.shape[1]))
        found = np.asarray(gradient(jnp.asarray(full, jnp.float32), jnp.asarray(known)))
        sizes += np.abs(found).max(axis=(1, 2, 3))[: len(part)].tolist()
    good = sum(0 < size < np.inf for size in sizes)
    return _found(good == len(sizes), f"finite and not zero on {good} of {len(sizes)} images")


def _planted(case: Case) -> Found:
    """A pixel that is known to fool a victim behind this defence is found."""
    variant = case.measured.variant
    if variant.is_defended and not variant.names:
        return "not run", "nothing stands before an ensemble"
    planted = plant(type(variant.victim), variant.names, variant.victim.input_shape)
    named = [f"planted {number}" for number in range(NUM_IMAGES)]
    vectors = np.tile([True, False], (NUM_IMAGES, 1))
    images = GivenImages(planted.victim.space, planted.images, vectors, named, has_true_labels=True)
    config, engine = AttackConfig(fitness="margin"), case.options.engine
    hits = attacked(planted.victim, images, config, engine, case.folder / "check-planted").broken
    says = (
        f"on {len(hits)} of {NUM_IMAGES} images: the filtered value at ({planted.column}, {planted.row}) must move "
        f"by about half of the {planted.reach:.1f} levels that one pixel there can move it"
    )
    return _found(len(hits) == NUM_IMAGES, says)


def _again(case: Case, config: AttackConfig, folder: str) -> tuple[int, int, int]:
    """Some of the images attacked once more: how many there are, broken before, and broken now."""
    some = case.images.first(case.options.check_images)
    ids = set(some.image_ids(some.subset).tolist())
    before = len(case.measured.attacks["evolution"].broken & ids)
    now = attacked(case.measured.variant.victim, some, config, case.options.engine, case.folder / folder)
    return len(ids - case.measured.wrong), before, len(now.broken)


def _evolution(case: Case, **changes: Any) -> AttackConfig:
    """What the attack called `evolution` was, but for the changes."""
    return dataclasses.replace(ATTACKS["evolution"](case.options.config), **changes)


def _pixels(case: Case) -> Found:
    """More pixels do not break fewer images."""
    few = case.options.config.num_pixels
    many = few + _MORE_PIXELS
    config = _evolution(case, num_pixels=many)
    count, before, now = _again(case, config, f"check-pixels-k{many}")
    says = f"K = {few}: {before}, K = {many}: {now} of {count} images"
    return _found(now >= before, says)


def _generations(case: Case) -> Found:
    """Twice as many generations break at most one point more: the search had come to its end."""
    generations = case.options.config.generations
    config = _evolution(case, generations=2 * generations)
    count, before, now = _again(case, config, "check-generations")
    says = f"{generations} generations: {before}, {2 * generations}: {now} of {count} images"
    return _found(now - before <= _POINT * count, says)


def _random(case: Case) -> Found:
    """As many candidates drawn at random break no more images."""
    count, before, now = _again(case, ATTACKS["random"](case.options.config), "check-random")
    says = f"evolution: {before}, random: {now} of {count} images"
    return _found(now <= before, says)


CHECKS: dict[str, tuple[str, Callable[[Case], Found]]] = {
    "transfer": ("transferred success is not above adaptive success", _transfer),
    "gradient": ("the gradient is not zero", _gradient),
    "planted": ("a planted pixel is found", _planted),
    "pixels": ("more pixels do not break fewer images", _pixels),
    "generations": ("twice the generations add at most 1 point", _generations),
    "random": ("random search is not better", _random),
}
"""By the name that `--checks` has for it: what it says, and what finds it out."""

_NEED_EVOLUTION = ("pixels", "generations", "random")


def lines_of(
    measured: Measured, images: ChosenImages, options: DefendOptions, folder: Path
) -> list[PlainLine]:
    """Every check of a variant, asked for or not, and whether anything guided its attacks."""
    case = Case(measured, images, options, folder / measured.variant.folder)
    found: dict[str, Found] = {"something guides the search": _guided(measured)}
    for name, (title, check) in CHECKS.items():
        if name not in options.checks:
            found[title] = "not run", f"--checks does not name {name}"
        elif name in _NEED_EVOLUTION and "evolution" not in options.attacks:
            found[title] = "not run", "--attacks does not name evolution"
        else:
            found[title] = check(case)
    return [{"name": title, "verdict": verdict, "says": says} for title, (verdict, says) in found.items()]


def _guided(measured: Measured) -> Found:
    flat = {name: one.flat for name, one in measured.attacks.items() if one.flat}
    says = "; ".join(f"{name}: {text}" for name, text in flat.items())
    return _found(not flat, says or "no attack was refused as flat")


def _found(passes: bool, says: str) -> Found:
    return ("pass" if passes else "fail"), says
