"""How a report calls things: kinds of change, and what must be said beside every figure."""

from ..metrics.transformations import is_normal, knows_normal
from ..records.record import Record
from .series import Series


def pixels_in_words(num_pixels: int) -> str:
    """`one pixel`, `two pixels`, `three pixels`, then figures."""
    words = {1: "one", 2: "two", 3: "three"}
    return f"{words.get(num_pixels, num_pixels)} pixel{'s' * (num_pixels != 1)}"


def is_synthetic(series: Series) -> bool:
    """Its images were drawn by jaxpix."""
    return any(
        attack.dataset["synthetic"] or any(record.synthetic for record in attack.records)
        for attack in series.attacks
    )


def caution_of(series: Series) -> str:
    """What stands beside every figure: synthetic images, and the note of whoever prepared the data; or ""."""
    parts = ["Synthetic images, drawn by jaxpix; no patient."] if is_synthetic(series) else []
    note = str(series.attacks[0].dataset["note"] or "").strip().rstrip(".")
    return " ".join([*parts, *([f"{note[0].upper()}{note[1:]}."] if note else [])])


def direction(record: Record) -> str:
    """The kind of change of a success, as the paper's Table 9 counts them."""
    if not knows_normal([record]):
        return "another class"
    kinds = {
        (False, True): "Disease → Normal",
        (True, False): "Normal → Disease",
        (False, False): "Disease → another disease",
        (True, True): "Normal → another normal class",
    }
    return kinds[is_normal(record.label_before, record), is_normal(record.label_after, record)]
