"""How a run of experiments goes: by which seed, who is told of it, and what it may go on from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from .flatness import FirstLook

if TYPE_CHECKING:
    from pathlib import Path


def _unheard(told: object) -> None:
    """Nobody wants to know."""


@dataclasses.dataclass(frozen=True)
class Course:
    """One run of a search.

    Attributes:
        seed: of all experiments, and of the audit's sample.
        on_candidates: told after each device call how many candidates were evaluated in it.
        on_notice: told what a person should know, in a sentence.
        look: at the first populations; default: one that does not refuse. Nothing needs to guide an exhaustive
            search.
        total: of an exhaustive search, how many images the run has, over which the audit is spread.
        scratch: of an exhaustive search, folder for what is found of an unfinished image; None: in memory alone.
    """

    seed: int
    on_candidates: Callable[[int], None] = _unheard
    on_notice: Callable[[str], None] = _unheard
    look: FirstLook = dataclasses.field(default_factory=FirstLook)
    total: int = 1
    scratch: Path | None = None
