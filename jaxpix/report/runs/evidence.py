"""What a report knows beside its attacks one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .defences import Measurement
    from .truths import Judgement


class Evidence(NamedTuple):
    """Searches held against the truth, and defences that were measured."""

    judgements: Sequence[Judgement] = ()
    measurements: Sequence[Measurement] = ()


NOTHING = Evidence()
"""Attacks alone."""
