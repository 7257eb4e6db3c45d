"""Which pixels win, how far failures came, and the checks behind every success."""

from ..labels import aim_text
from ..metrics.failures import confidence_fall
from ..metrics.hits import winning_intensities
from ..metrics.rates import null_control_failures, wilson
from .caveats import with_notes
from .rows import filled_cells
from .series import Series
from .tables import Table, number_text

_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


def intensity_table(series: Series) -> Table | None:
    """Values of the changed pixels of successes, per channel; None without a success."""
    rows = []
    for count in series.num_pixels:
        channels = winning_intensities(series.records(list(series.cells), count))
        names = _CHANNELS.get(len(channels), [f"channel {number}" for number in range(1, len(channels) + 1)])
        for name, values in zip(names, channels, strict=True):
            rows.append(
                [
                    str(count),
                    name,
                    number_text(len(values.after)),
                    number_text(values.median_before, 1),
                    number_text(values.median_after, 1),
                    number_text(values.mean_change, 1),
                    values.at_black.text(),
                    values.at_white.text(),
                ]
            )
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
    return with_notes(
        [series],
        f"14-intensities-{series.key}",
        f"Which intensities win: {series.title}",
        "",
        columns,
        rows,
        "Values 0 to 255 of the pixels that successes changed.",
    )


def failure_table(series: Series) -> Table | None:
    """How far the certainty of the original label fell where the attack failed; None where none did."""
    rows = []
    for row, count, cell in filled_cells(series):
        fall = confidence_fall(cell.records)
        if fall is not None:
            shares = (
                fall.mean_before,
                fall.mean_after,
                fall.mean_fall,
                fall.median_fall,
                fall.largest_fall,
            )
            failures = f"{fall.failures:,} of {len(cell.records):,}"
            rows.append([row.name, str(count), failures, *(f"{share:.3f}" for share in shares)])
    if not rows:
        return None
    sure = (
        "How sure the victim is of a label set: the least sure of its decisions (confidence of a class present, "
        "one minus that of one absent)."
        if series.is_multilabel
        else "Confidence of the original class"
    )
    columns = [
        "class",
        "pixels",
        "failures",
        "mean before",
        "mean after",
        "mean fall",
        "median fall",
        "largest fall",
    ]
    return with_notes(
        [series],
        f"13-failures-{series.key}",
        f"How far failed attacks came: {series.title}",
        "",
        columns,
        rows,
        f"{sure.rstrip('.')}; after: under the fittest candidate that was found.",
    )


def control_table(series: Series) -> Table:
    """Null control, refuted hits, and successes that the search had not seen, per target and K."""
    rows = []
    for target in dict.fromkeys(aim.target for aim in series.cells):
        aims = [aim for aim in series.cells if aim.target == target]
        for count in series.num_pixels:
            records = series.records(aims, count)
            if records:
                refuted = [record.refuted_hits for record in records]
                rows.append(
                    [
                        aim_text(target),
                        str(count),
                        number_text(len(records)),
                        wilson(null_control_failures(records), len(records)).text(),
                        number_text(sum(refuted)),
                        wilson(sum(hits > 0 for hits in refuted), len(records)).text(),
                        number_text(sum(not record.verified for record in records)),
                    ]
                )
    columns = [
        "attack",
        "pixels",
        "experiments",
        "untouched images that changed label",
        "refuted hits",
        "experiments with refuted hits",
        "outcomes that search and saved image judged differently",
    ]
    return with_notes(
        [series],
        f"15-control-{series.key}",
        f"Controls: {series.title}",
        "",
        columns,
        rows,
        "Every success was judged from its saved 8-bit image. Untouched images go through the same saving and "
        "reading; a refuted hit looked adversarial to the search, and its saved image was not.",
    )
