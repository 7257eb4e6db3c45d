"""A victim whose outputs are matched to the classes of a data set by name, in the order of the data set."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx

from ..errors import InputError
from .probe import identify

if TYPE_CHECKING:
    from ..labels import LabelSpace
    from .classifier import Weights
    from .victim import Victim


def matched_to(victim: Victim, class_names: Sequence[str], whose: str) -> tuple[Victim, str]:
    """The victim with outputs in the order of `class_names` and called like them, and what to say of it or "".

    Names may differ in case, and in spaces and underscores. A network of ours gets the rows of its last layer in
    another order, so that it is the same as if it had been made in that order; of a function, the outputs are.

    Args:
        victim: any; it is left as it is.
        class_names: of the data set, in label order.
        whose: what messages call the data set.

    Raises:
        InputError: the names are not those of the victim; says which are alike.
    """
    if tuple(class_names) == victim.class_names:
        return victim, ""
    order = order_of(victim.class_names, class_names)
    if order is None:
        raise InputError(_refusal(victim.class_names, class_names, whose))
    said = _said(victim, class_names, order, whose)
    called = dict(zip((victim.class_names[place] for place in order), class_names, strict=True))
    space = dataclasses.replace(
        victim.space,
        class_names=tuple(class_names),
        normal_classes=tuple(called[name] for name in victim.space.normal_classes),
    )
    provenance = {**victim.provenance, "classes": said}
    if victim.description is None or victim.before is not None:
        return _function(victim, space, order, provenance), said
    return _network(victim, space, order, provenance), said


def order_of(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Where each wanted name stands among `names`; None where they are not the same names.

    Names that are equal go before names that differ in case, spaces or underscores only, and these count only where
    no two names of one side are equal but for that.
    """
    for key in (str, _key):
        places = {key(name): place for place, name in enumerate(names)}
        keys = [key(name) for name in wanted]
        if len(places) == len(names) == len(keys) == len(set(keys)) and places.keys() == set(keys):
            return [places[name] for name in keys]
    return None


def _key(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().casefold()


def _function(victim: Victim, space: LabelSpace, order: list[int], provenance: Any) -> Victim:
    apply, judged, places = victim.apply, victim.judged, np.array(order)

    def reordered(weights: Weights, images: jax.Array) -> jax.Array:
        return apply(weights, images)[:, places]

    def judged_reordered(images: np.ndarray) -> jax.Array:
        assert judged is not None, "it replaces one"
        return judged(images)[:, places]

    mark = f"{victim.victim_id} {victim.reference} {order}".encode()
    return dataclasses.replace(
        victim,
        apply=apply if order == sorted(order) else reordered,
        space=space,
        victim_id=identify(space, [np.frombuffer(mark, np.uint8)]),
        provenance=provenance,
        judged=None if judged is None else judged_reordered,
        # What a file makes, or a network behind a defence, has another order.
        reference=None,
        description=None,
        graph=None,
    )


def _network(victim: Victim, space: LabelSpace, order: list[int], provenance: Any) -> Victim:
    model, description = victim.model(), victim.description
    assert model is not None
    assert description is not None
    # The last layer is the only one with an output per class.
    head = next(
        layer for name in ("fc", "classifier") if isinstance(layer := getattr(model, name, None), nnx.Linear)
    )
    places = np.array(order)
    head.kernel.set_value(head.kernel.get_value()[:, places])
    if head.bias is not None:
        head.bias.set_value(head.bias.get_value()[places])
    known: Any = {**description, "input_shape": victim.input_shape, **dataclasses.asdict(space)}
    return type(victim).from_model(model, name=victim.name, provenance=provenance, **known)


def _said(victim: Victim, class_names: Sequence[str], order: list[int], whose: str) -> str:
    names = [victim.class_names[place] for place in order]
    otherwise = [
        f"{mine} is {theirs}" for mine, theirs in zip(names, class_names, strict=True) if mine != theirs
    ]
    parts = []
    if order != sorted(order):
        parts.append(
            f"the victim's classes stand in another order ({', '.join(victim.class_names)}) than those of {whose} "
            f"({', '.join(class_names)})"
        )
    if otherwise:
        parts.append(f"the victim spells classes otherwise than {whose} ({', '.join(otherwise)})")
    return " and ".join(parts) + ": they are matched by name"


def _refusal(names: Sequence[str], wanted: Sequence[str], whose: str) -> str:
    unmatched = [name for name in names if name not in wanted]
    alike = [
        f"{near[0]!r} for {name!r}"
        for name in wanted
        if name not in names and (near := difflib.get_close_matches(name, unmatched, 1))
    ]
    return f"the classes of {whose} {list(wanted)} are not those of the victim {list(names)}" + (
        f"; did the victim mean {', '.join(alike)}? Name its classes as the data set does" if alike else ""
    )
