"""What must stand beside a table, so that nobody quotes its numbers out of context."""

from collections.abc import Sequence

from .differences import SAME
from .rows import OTHERS
from .series import Series, attack_name
from .tables import Table
from .wording import is_synthetic


def with_notes(
    series: Sequence[Series],
    key: str,
    title: str,
    source: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *notes: str,
) -> Table:
    """A table with the notes that its numbers need: `notes` first, then how to read rates, then caveats."""
    told = [*notes]
    cells = [cell for row in (columns, *rows) for cell in row]
    if any(" %" in cell and "–" in cell and "/" in cell for cell in cells):
        told.append("Rates with their Wilson 95 % interval and counts.")
    if any(" %*" in cell for cell in cells):
        told.append(
            "* fewer experiments than asked: too few images that the victim classifies correctly, or unfinished."
        )
    if any(OTHERS in cell for cell in cells):
        told.append(
            "Labels with the most experiments stand by themselves, the others together; summary.json has all."
        )
    told += dict.fromkeys(note for one in series for note in caveats_of(one))
    return Table(key, title, source, tuple(columns), tuple(map(tuple, rows)), tuple(told))


def caveats_of(series: Series) -> list[str]:
    """Sentences on a series: what it is of, and how it deviates from the paper."""
    # Another seed repeats an attack.
    deviations = [
        f"{one.name} {one.here} (paper: {one.paper})"
        for one in series.differences
        if one.is_chosen and one.verdict != SAME and one.name != "seed"
    ]
    found = conditions_of(series)
    return [*found, f"Not the paper's protocol: {'; '.join(deviations)}."] if deviations else found


def conditions_of(series: Series) -> list[str]:
    """Sentences on synthetic images, the data's note and unfinished attacks."""
    about = series.dataset
    found = []
    if is_synthetic(series):
        found.append(f"{about['title']}: synthetic images, drawn by jaxpix; they say nothing about patients.")
    if about["note"]:
        found.append(f"{about['title']}: {about['note']}".rstrip(".") + ".")
    return found + [
        f"Unfinished: {len(attack.records):,} of {attack.num_experiments:,} experiments ({attack_name(attack)})."
        for attack in series.attacks
        if not attack.is_finished
    ]


def protocol_of(series: Series) -> Table:
    """One series's protocol beside the paper's, setting by setting (3.1 to 4.4, 5)."""
    return Table(
        f"protocol-{series.key}",
        f"Protocol beside the paper's: {series.title}",
        "sections 3.1 to 4.4 and 5",
        ("setting", "paper", "here", "compared"),
        tuple((one.name, one.paper, one.here, one.verdict) for one in series.differences),
        tuple(conditions_of(series)),
    )
