"""What must stand beside a table, so that nobody quotes its numbers out of context."""

from collections.abc import Sequence

from ..search.presets import PRESETS
from .printed import protocol
from .reading import AttackResult
from .rows import OTHERS
from .series import Series, setting_text
from .tables import Table
from .wording import attack_name, is_synthetic

_SPLITS = {"paper": "8:2 by image", "official": "the official lists"}
_NOT_STATED = ("initialisation", "bounds", "precision")


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
    """Sentences on a series: synthetic images, the data's note, unfinished attacks, deviations from the paper."""
    about = series.dataset
    found = []
    if is_synthetic(series):
        found.append(f"{about['title']}: synthetic images, drawn by jaxpix; they say nothing about patients.")
    if about["note"]:
        found.append(f"{about['title']}: {about['note']}".rstrip(".") + ".")
    found += [_unfinished(attack) for attack in series.attacks if not attack.is_finished]
    deviations = _deviations(series)
    if deviations:
        found.append(f"Not the paper's protocol: {'; '.join(deviations)}.")
    return found


def _unfinished(attack: AttackResult) -> str:
    return f"Unfinished: {len(attack.records):,} of {attack.num_experiments:,} experiments ({attack_name(attack)})."


def _deviations(series: Series) -> list[str]:
    """What differs from the paper's protocol, each with the paper's choice."""
    paper, printed = protocol(), series.printed
    about = series.dataset
    asked = {attack.asked for attack in series.attacks if attack.asked is not None}
    choices = [
        (f"preset {series.first.preset}", series.first.preset == paper["preset"], paper["preset"]),
        (
            f"images of {about['image_size']} px",
            about["image_size"] == paper["image_size"],
            paper["image_size"],
        ),
    ]
    few = sorted(count for count in asked if count < paper["per_class"])
    if few:
        choices.append((f"{' or '.join(map(str, few))} images per class", False, paper["per_class"]))
    if printed.split is not None:
        choices += [
            (f"split {about['split']}", about["split"] == printed.split, _SPLITS[printed.split]),
            (f"fitness {series.first.fitness}", series.first.fitness == printed.fitness, printed.fitness),
            (
                f"architecture {series.victim['architecture'] or 'unknown'}",
                series.victim["architecture"] in printed.architectures,
                " and ".join(printed.architectures),
            ),
        ]
    told = [f"{mine} (paper: {theirs})" for mine, is_same, theirs in choices if not is_same]
    return told + _unusual_search(series)


def _unusual_search(series: Series) -> list[str]:
    usual = {**PRESETS["tsai2023"], "generations": protocol()["generations"], "precision": "float32"}
    return [
        f"{name.replace('_', ' ')} {setting_text(value)} "
        f"({'not in the paper; usual' if name in _NOT_STATED else 'paper'}: {setting_text(usual[name])})"
        for name, value in series.unusual_settings().items()
        if name in usual
    ]
