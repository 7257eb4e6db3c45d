"""One slide of what the page begins with, in its own words: the most dangerous success, or the nearest miss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...metrics.transformations import is_dangerous
from ...pictures.poster import PosterText, draw_poster
from ...pictures.successes import read_original, read_pair
from ...storage.files import write_atomically
from ...storage.png import encode_png
from ..page.lead import lead_of
from ..page.limits import limits_of
from ..runs.series import series_of

if TYPE_CHECKING:
    import numpy as np

    from ..page.lead import Lead
    from ..runs.reading import AttackResult

POSTER = "poster.png"


def write_poster(attacks: Sequence[AttackResult], path: Path) -> str | None:
    """Write the poster of some attacks as PNG.

    Returns:
        None, or why there is no poster, in a few words.
    """
    lead = lead_of(series_of(attacks))
    if lead.card["image"] is None:
        what = "successes" if lead.record.success else "nearest misses"
        return f"the pictures of the {what} are not there"
    original, changed = _pictures(lead)
    write_atomically(
        path, encode_png(draw_poster(lead.record, original, changed, _text(lead)), optimize=True)
    )
    return None


def _pictures(lead: Lead) -> tuple[np.ndarray, np.ndarray]:
    """Original and changed image; run folders keep the latter of successes alone."""
    if lead.record.success:
        return read_pair(lead.folder, lead.record)
    original = read_original(lead.folder, lead.record)
    return original, lead.record.painted_on(original)


def _text(lead: Lead) -> PosterText:
    series = lead.series
    cautions = [*series.doubts, *([series.caution] if series.caution else [])]
    # In few words: one line holds all that must be known.
    limits = limits_of([series], lead.record).short.replace("none", "None", 1)
    return PosterText(
        verdict=lead.verdict,
        before=lead.card["before_text"],
        after=lead.card["after_text"],
        figures=[(one.value, one.term, f"{one.interval}, {one.count}") for one in lead.figures],
        is_dangerous=is_dangerous(lead.record),
        attacked=lead.attacked,
        cautions=cautions if lead.record.success else [f"{limits}.", *cautions],
        mark="synthetic" if series.is_synthetic else "",
    )
