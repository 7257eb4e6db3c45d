"""Victims, and what stands before them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..defences.catalogue import defended
from ..defences.ensembles import ensemble
from ..errors import InputError
from ..report.runs.defences import NONE

if TYPE_CHECKING:
    from ..victim.victim import Victim
    from .options import DefendOptions


@dataclasses.dataclass(frozen=True)
class Variant:
    """A victim as it is attacked.

    Attributes:
        of: the undefended victim that it is compared with; of an ensemble the first one.
        defence: `none`, names of defences, or the way of an ensemble.
        victim: behind the defence.
        names: of the defences before it, the outermost first; an ensemble has none.
        folder: name of its folder in the run's.
    """

    of: str
    defence: str
    victim: Victim
    names: tuple[str, ...]
    folder: str

    @property
    def is_defended(self) -> bool:
        """Whether anything stands before it."""
        return self.defence != NONE


def variants_of(options: DefendOptions, victims: Sequence[Victim]) -> list[list[Variant]]:
    """For each victim: itself, then behind each defence. Ensembles are compared with the first victim.

    Raises:
        InputError: an unknown defence, or one that is named twice.
    """
    asked = [NONE, *options.defences, *options.ensembles]
    twice = {name for name in asked if asked.count(name) > 1}
    if twice:
        raise InputError(f"--defences: {', '.join(sorted(twice))} is there twice")
    families = []
    for number, victim in enumerate(victims):
        prefix = f"{number}-" if len(victims) > 1 else ""
        is_alone = [one.name for one in victims].count(victim.name) == 1
        of = victim.name if is_alone else f"{victim.name} ({number})"
        family = [Variant(of, NONE, victim, (), f"{prefix}{NONE}")]
        for name in options.defences:
            names = tuple(name.split("+"))
            family.append(Variant(of, name, defended(victim, *names), names, f"{prefix}{name}"))
        families.append(family)
    for way in options.ensembles:
        families[0].append(Variant(families[0][0].of, way, ensemble(victims, way), (), way))
    return families
