"""How much of what there is each search finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runs.faults import truth_sentence
from ..table import DASH, Table, number_text

if TYPE_CHECKING:
    from ..runs.truths import Judgement

_REGRET = (
    "Regret: how far, in log-odds, the best margin of an image that a search did not flip stayed above the lowest "
    "margin that there is; the median and the largest. A dash: there is no such image, or the margins are not known."
)


def recall_table(judgement: Judgement) -> Table:
    """A row for each search: images found of those that can be flipped, after so many queries, and regret."""
    rows = [
        [
            one.name,
            *(DASH if rate is None else rate.text() for rate in one.rates),
            number_text(one.allowed),
            one.recall.regret_text,
            f"{one.recall.misses:,} of {one.recall.failures:,}",
        ]
        for one in judgement.searches
    ]
    columns = [
        "search",
        *judgement.budgets,
        "queries at its end",
        "regret, median and largest",
        "failures that are the search's",
    ]
    notes = [
        f"Found, of the images that can be flipped. {truth_sentence(judgement)} A dash: the search ended before.",
        _REGRET,
        *judgement.doubts,
    ]
    title = f"What searches find of what there is: {judgement.title}"
    return Table(f"00-recall-{judgement.sweep.key}-k{judgement.num_pixels}", title, "", columns, rows, notes)
