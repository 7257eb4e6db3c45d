"""Colour against grey (6.2)."""

import dataclasses
import statistics
from collections.abc import Sequence

from ..records.record import Record
from .rates import Rate, grouped, success_rate


@dataclasses.dataclass(frozen=True)
class ChannelSummary:
    """Attacks on images of one number of channels (Table 17).

    Attributes:
        num_channels: 1 is grey, 3 colour.
        classes: how many classes the average runs over.
        average_success: mean success rate of those classes, 0..1; each weighs the same.
        success: rate over all experiments.
        seconds: mean wall time of an experiment, beside the other slots.
        queries: mean number of candidates that an experiment evaluated.
    """

    num_channels: int
    classes: int
    average_success: float
    success: Rate
    seconds: float
    queries: float


def by_channels(classes: Sequence[Sequence[Record]]) -> list[ChannelSummary]:
    """Summaries by number of channels, ascending.

    Args:
        classes: experiments on one class each (of one victim and data set), none of them empty.
    """
    groups = grouped(classes, lambda records: len(records[0].pixels[0].before))
    return [_summary(channels, members) for channels, members in sorted(groups.items())]


def _summary(num_channels: int, classes: Sequence[Sequence[Record]]) -> ChannelSummary:
    experiments = [record for records in classes for record in records]
    return ChannelSummary(
        num_channels=num_channels,
        classes=len(classes),
        average_success=statistics.fmean(success_rate(records).rate for records in classes),
        success=success_rate(experiments),
        seconds=statistics.fmean(record.seconds for record in experiments),
        queries=statistics.fmean(record.queries for record in experiments),
    )
