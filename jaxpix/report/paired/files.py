"""A comparison of two runs as files: numbers, a table, and a page with the images that changed sides.

`comparison.json` holds

    schema_version      of this layout
    comparisons[]       one for each number of pixels and target that both runs attacked
        num_pixels, target, fitness, preset
        runs[2]         folder (its name), victim, victim_id, experiments, is_finished
        images          both, only_first, only_second: how many were attacked in which run
        success         of all images that both attacked
        dangerous       disease called normal, of the diseased ones; null where nothing could be
        changed_sides[] image_id, label_before, label_after[2], success[2]
        notes[]

`success` and `dangerous` are {first, second (rates as in summary.json), both, neither, only_first, only_second,
difference (second minus first), low, high (Newcombe's paired 95 % interval), p_value (exact McNemar)}.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...labels import label_text
from ...pictures.successes import pair, read_pair
from ...storage.files import write_atomically
from ...storage.locks import hold
from ..exports.files import to_csv, to_json, to_latex
from ..page.shell import environment, inline
from ..runs.reading import read_attacks
from ..table import DASH, Table, p_text
from .runs import PairedRuns, pair_runs, pairs_among

if TYPE_CHECKING:
    from ...metrics.paired_rates import PairedRates
    from ...records.record import Record
    from ..runs.reading import AttackResult

SCHEMA_VERSION = 1
NUMBERS, PAGE, TABLE = "comparison.json", "comparison.html", "comparison"
MOST_SHOWN = 60
"""Images with pictures on the page, of each number of pixels; the others are named."""
_MOST_BESIDE_A_REPORT = 12


def write_comparison(first: Path, second: Path, out: Path) -> Path:
    """Write `out`/comparison.html, comparison.json and comparison.csv and .tex; returns the page.

    Args:
        first, second: run folders of attacks, or folders that hold some.
        out: folder, created if absent; files of these names are replaced.

    Raises:
        InputError: see `read_attacks` and `pair_runs`; or another process writes in `out`.
    """
    found = pair_runs(read_attacks([first]), read_attacks([second]))
    busy = f"another process is writing the report in {out}"
    with hold(out / ".lock", f"the report's folder {out}", busy):
        return _write(found, out, "", MOST_SHOWN)


def _write(found: Sequence[PairedRuns], out: Path, report: str, most: int) -> Path:
    plain = {"schema_version": SCHEMA_VERSION, "comparisons": [_plain(one) for one in found]}
    write_atomically(out / NUMBERS, to_json(plain))
    table = comparison_table(found)
    write_atomically(out / f"{TABLE}.csv", to_csv(table))
    write_atomically(out / f"{TABLE}.tex", to_latex(table))
    write_atomically(out / PAGE, _page(found, table, report, most))
    return out / PAGE


def write_beside(attacks: Sequence[AttackResult], out: Path, report: str) -> dict[str, str]:
    """Write the comparison of the victims of a report into its folder, which the caller holds.

    Args:
        attacks: those of the report.
        out: the folder.
        report: the report's page, which the comparison links to.

    Returns:
        The comparison's page and what it shows; nothing where no two victims were attacked alike.
    """
    found = pairs_among(attacks)
    if not found:
        return {}
    victims = "; ".join(dict.fromkeys(one.victims for one in found))
    page = _write(found, out, report, _MOST_BESIDE_A_REPORT)
    return {page.name: f"Image by image: what changed sides between {victims}"}


def comparison_table(found: Sequence[PairedRuns]) -> Table:
    """One row for each comparison and outcome: both rates, their difference with its interval, McNemar's test."""
    rows = []
    pairs = dict.fromkeys(one.victims for one in found)
    for one in found:
        name = one.name if len(pairs) == 1 else f"{one.name}, {one.victims}"
        for outcome, rates in (("disease called normal", one.dangerous), ("label changed", one.success)):
            if rates is not None:
                rows.append([name, outcome, *_figures(rates)])
    return Table(
        "comparison",
        f"Two attacks on the same images: {'; '.join(pairs)}",
        "",
        ["attack", "outcome", "first", "second", "difference", "only first / only second", "p"],
        rows,
        [
            "Rates with their Wilson 95 % interval; the difference is second minus first, in points, with Newcombe's "
            "95 % interval for paired proportions (1998, method 10); p: exact two-sided McNemar test, not corrected "
            "for several comparisons.",
            *dict.fromkeys(note for one in found for note in one.notes),
        ],
    )


def _figures(rates: PairedRates) -> list[str]:
    difference = f"{100 * rates.difference:.1f} ({100 * rates.low:.1f} to {100 * rates.high:.1f})"
    # A minus is none that a spreadsheet could take for the beginning of a formula.
    difference = difference.replace("-", "−")
    alone = f"{rates.only_first:,} / {rates.only_second:,} of {rates.pairs:,}"
    p_value = p_text(rates.p_value) if rates.only_first + rates.only_second else DASH
    return [rates.first.text(), rates.second.text(), difference, alone, p_value]


def _plain(one: PairedRuns) -> dict[str, Any]:
    record = one.first.records[0]
    return {
        "num_pixels": record.num_pixels,
        "target": record.target,
        "fitness": record.fitness,
        "preset": record.preset,
        "runs": [
            {
                "folder": attack.folder.name,
                "victim": attack.victim["name"],
                "victim_id": attack.victim["id"],
                "experiments": len(attack.records),
                "is_finished": attack.is_finished,
            }
            for attack in (one.first, one.second)
        ],
        "images": {
            "both": len(one.pairs),
            "only_first": len(one.first.records) - len(one.pairs),
            "only_second": len(one.second.records) - len(one.pairs),
        },
        "success": dataclasses.asdict(one.success),
        "dangerous": one.dangerous and dataclasses.asdict(one.dangerous),
        "changed_sides": [
            {
                "image_id": ours.image_id,
                "label_before": ours.label_before,
                "label_after": [ours.label_after, theirs.label_after],
                "success": [ours.success, theirs.success],
            }
            for ours, theirs in one.changed_sides
        ],
        "notes": one.notes,
    }


def _page(found: Sequence[PairedRuns], table: Table, report: str, most: int) -> str:
    templates = environment(__package__)
    style = templates.get_template("paired.css").render()
    return templates.get_template("paired_page.html").render(
        comparisons=[(one, list(_cards(one, most)), len(one.changed_sides)) for one in found],
        report=report,
        table=table,
        caution=_caution(found[0]),
        **inline("style", style),
    )


def _caution(one: PairedRuns) -> str:
    """Said once, at the top: synthetic images, and the note of whoever prepared the data."""
    is_synthetic = one.first.dataset["synthetic"] or one.pairs[0][0].synthetic
    said = "Synthetic images, drawn by jaxpix; no patient." if is_synthetic else ""
    note = str(one.first.dataset["note"] or "").strip().rstrip(".")
    return f"{said} {note}." if said and note else said or (f"{note}." if note else "")


def _cards(one: PairedRuns, most: int) -> Iterator[dict[str, Any]]:
    """What the page shows of each image that changed sides: a picture, and what each classifier calls it."""
    for ours, theirs in one.changed_sides[:most]:
        attack, hit = (one.first, ours) if ours.success else (one.second, theirs)
        called = [
            label_text(record.label_after)
            if record.success
            else f"{label_text(record.label_before)}, not changed"
            for record in (ours, theirs)
        ]
        yield {
            "id": ours.image_id,
            "before": label_text(ours.label_before),
            "called": called,
            "changed": "first" if ours.success else "second",
            "picture": _picture(attack.folder, hit),
        }


def _picture(folder: Path, record: Record) -> str | None:
    try:
        drawn = pair(record, *read_pair(folder, record))
    except OSError:
        return None
    content = io.BytesIO()
    drawn.save(content, "WEBP", quality=80)
    return base64.b64encode(content.getvalue()).decode("ascii")
