"""Which pixels win, how far failures came, and the checks behind every success."""

from ...metrics.failures import confidence_fall
from ...metrics.hits import winning_intensities
from ..runs.series import Series
from ..table import Table, number_text

_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


def intensity_table(series: Series) -> Table | None:
    """Values of the changed pixels of successes, per channel; None without a success."""
    rows = [row for count in series.num_pixels for row in _intensities(series, count)]
    if not rows:
        return None
    columns = [
        "pixels",
        "channel",
        "changed pixels",
        "median before",
        "median after",
        "mean absolute change",
        "set to 0",
        "set to 255",
    ]
    return Table(
        f"14-intensities-{series.key}",
        f"Which intensities win: {series.title}",
        "",
        columns,
        rows,
        ["Values 0 to 255 of the pixels that successes changed."],
    )


def _intensities(series: Series, num_pixels: int) -> list[list[str]]:
    channels = winning_intensities(series.records(num_pixels))
    names = _CHANNELS.get(len(channels), [f"channel {number}" for number in range(1, len(channels) + 1)])
    return [
        [
            str(num_pixels),
            name,
            number_text(len(values.after)),
            number_text(values.median_before, 1),
            number_text(values.median_after, 1),
            number_text(values.mean_change, 1),
            values.at_black.text(),
            values.at_white.text(),
        ]
        for name, values in zip(names, channels, strict=True)
    ]


def failure_table(series: Series) -> Table | None:
    """How far the certainty of the original label fell where the attack failed; None where none did."""
    rows = []
    for row, count, cell in series.filled():
        fall = confidence_fall(cell.records)
        if fall is not None:
            means = (fall.mean_before, fall.mean_after, fall.mean_fall, fall.median_fall, fall.largest_fall)
            failures = f"{fall.failures:,} of {len(cell.records):,}"
            rows.append([row.name, str(count), failures, *(f"{share:.3f}" for share in means)])
    if not rows:
        return None
    sure = (
        "How sure the victim is of a label set: the least sure of its decisions (confidence of a class present, "
        "one minus that of one absent)"
        if series.is_multilabel
        else "Confidence of the original class"
    )
    figures = ("mean before", "mean after", "mean fall", "median fall", "largest fall")
    return Table(
        f"13-failures-{series.key}",
        f"How far failed attacks came: {series.title}",
        "",
        ["class", "pixels", "failures", *figures],
        rows,
        [f"{sure}; after: under the fittest candidate that was found."],
    )


def control_table(series: Series) -> Table:
    """Null control, refuted hits, and successes that the search had not seen, per target and K."""
    columns = [
        "attack",
        "pixels",
        "experiments",
        "untouched images that changed label",
        "refuted hits",
        "experiments with refuted hits",
        "outcomes that search and saved image judged differently",
    ]
    return Table(
        f"15-control-{series.key}",
        f"Controls: {series.title}",
        "",
        columns,
        _controls(series),
        [
            "Every success was judged from its saved 8-bit image. Untouched images go through the same saving and "
            "reading; a refuted hit looked adversarial to the search, and its saved image was not."
        ],
    )


def _controls(series: Series) -> list[list[str]]:
    return [
        [
            aims[0].goal,
            str(count),
            number_text(len(cell.records)),
            cell.null_control.text(),
            number_text(cell.refuted_hits),
            cell.refuted.text(),
            number_text(sum(not record.verified for record in cell.records)),
        ]
        for aims in series.by_target().values()
        for count in series.num_pixels
        if (cell := series.cell(count, aims)) and cell.records
    ]
