"""What defences are worth, in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runs.defences import attacks_of, caution_of, rate_of, title_of, victims_of
from ..table import DASH, HOW_TO_READ_RATES, Table, p_text

if TYPE_CHECKING:
    from ..runs.defences import Defended, Measurement, PlainChange, PlainRate

_PAIRED = (
    "Changes are those of the same images, in points, with Newcombe's 95 % interval for paired proportions and the "
    "exact two-sided McNemar test, not corrected for several comparisons."
)


def measurement_key(number: int) -> str:
    """What the tables of a report's measurement of defences are called, from 1."""
    return "00-defences" if number == 1 else f"00-defences-{number}"


def defence_tables(measurement: Measurement, key: str) -> list[Table]:
    """The defences, the checks of the evaluation, and, of several victims, transfer between them."""
    found = [
        _main_table(measurement, key),
        _checks_table(measurement, f"{key}-checks"),
        _matrix_table(measurement, f"{key}-transfer"),
    ]
    return [table for table in found if table is not None]


def _main_table(measurement: Measurement, key: str) -> Table:
    """One row for each victim and defence."""
    names = attacks_of(measurement)
    columns, headings = _named(measurement, "victim")
    columns += [
        "clean accuracy",
        "change",
        "transferred success",
        *(f"adaptive success, {name}" for name in names),
        "worst-case accuracy",
        "change in the worst case",
        "ms per image",
    ]
    rows = [
        [
            *heading,
            rate_of(row["clean_accuracy"]).text(),
            change_text(row["clean_change"]),
            _text(row["transferred_success"]),
            *(_text(row["adaptive_success"].get(name)) for name in names),
            rate_of(row["worst_case_accuracy"]).text(),
            change_text(row["worst_case_change"]),
            f"{row['milliseconds_per_image']:.2f}",
        ]
        for heading, row in zip(headings, measurement["variants"], strict=True)
    ]
    return Table(key, title_of(measurement), "", columns, rows, defence_notes(measurement))


def defence_notes(measurement: Measurement) -> list[str]:
    """How the main table is to be read."""
    caution = caution_of(measurement)
    return [
        HOW_TO_READ_RATES,
        _PAIRED,
        f"Clean accuracy: all {measurement['num_clean_images']:,} images of the subset. Attacked were "
        f"{measurement['num_attacked_images']:,} of them, chosen before any victim saw them; success is of those "
        "that the defended victim classifies correctly as they are.",
        "Transferred: images made for the same victim without defence, those of failed attacks too, shown to the "
        "defended one. Adaptive: the attack goes through the defence. Worst case: classified correctly as it is, "
        "and broken by none of all these images.",
        "Every verdict is that of the saved 8-bit image; JPEG is Pillow's there. ms per image: a batch of 64, "
        "the machine of the measurement, best of three.",
        *([caution] if caution else []),
    ]


def change_text(change: PlainChange | None) -> str:
    """`+1.5 (-0.1 to 3.0), p 0.5`, in points; a dash where nothing stands before the victim."""
    if change is None or change["difference"] is None:
        return DASH
    span = f"({100 * change['low']:.1f} to {100 * change['high']:.1f})"
    text = f"{100 * change['difference']:+.1f} {span}, p {p_text(change['p_value'])}"
    # A minus is none that a spreadsheet could take for the beginning of a formula.
    return text.replace("-", "−")


def _checks_table(measurement: Measurement, key: str) -> Table:
    """One row for each variant and check."""
    columns, headings = _named(measurement, "victim")
    rows = [
        [*heading, line["name"], line["verdict"], line["says"]]
        for heading, row in zip(headings, measurement["variants"], strict=True)
        for line in row["checks"]
    ]
    notes = [
        "A check that fails speaks against the attack, not for the defence: its rates are then a lower bound."
    ]
    if "check_images" in measurement:
        notes.append(
            f"Checks that attack once more do so with {measurement['check_images']} of the images at most."
        )
    columns = [*columns, "check", "verdict", "numbers"]
    return Table(key, "Checks of the evaluation itself", "", columns, rows, notes)


def _matrix_table(measurement: Measurement, key: str) -> Table | None:
    """What was made for one victim, shown to every variant; None where there is one victim."""
    makers = victims_of(measurement)
    if len(makers) < 2:
        return None
    columns, headings = _named(measurement, "shown to")
    rows = [
        [*heading, *(_text(row["made_for"].get(of)) for of in makers)]
        for heading, row in zip(headings, measurement["variants"], strict=True)
    ]
    notes = [
        HOW_TO_READ_RATES,
        "Of the images that the victim which is shown them classifies correctly as they are.",
    ]
    columns = [*columns, *(f"made for {of}" for of in makers)]
    return Table(key, "Transfer between victims", "", columns, rows, notes)


def _named(measurement: Measurement, of: str) -> tuple[list[str], list[list[str]]]:
    """The first columns and their cells: the victim where there are several, then the defence."""

    def heading(row: Defended) -> list[str]:
        return [row["victim"], row["defence"]] if several else [row["defence"]]

    several = len(victims_of(measurement)) > 1
    columns = [of, "defence"] if several else ["defence"]
    return columns, [heading(row) for row in measurement["variants"]]


def _text(rate: PlainRate | None) -> str:
    return DASH if rate is None else rate_of(rate).text()
