"""How good a victim is on test images, in words."""

from collections.abc import Mapping
from typing import Any

_SHARES = ("accuracy", "macro_auroc", "exact_match", "mean_label_accuracy")


def scores_of(metrics: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Every score that `about.json` has, with its name in words."""
    if not metrics:
        return [("accuracy", "not measured by jaxpix")]
    return [
        (
            name.replace("_", " "),
            f"{100 * value:.1f} %" if name in _SHARES or "accuracy" in name else _number(value),
        )
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def own_score(metrics: Mapping[str, Any] | None) -> str:
    """The score that tells most, for one line: `test accuracy 91.2 %`."""
    scores = dict(scores_of(metrics))
    for name in ("accuracy", "macro auroc", "mean label accuracy", "exact match"):
        if metrics and name in scores:
            return f"test {name.replace('auroc', 'AUROC')} {scores[name]}"
    return "its own accuracy was not measured"
