"""Records that would have given the paper's printed tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxpix.data.registry import DATASETS
from jaxpix.metrics.transformations import Label
from jaxpix.records.record import PixelChange, Record
from jaxpix.report.paper.printed import printed_results
from jaxpix.report.runs.reading import AttackResult
from support.handmade import attack_result, experiments


def of_dataset(name: str, **overrides: Any) -> dict[str, Any]:
    """What every record of an attack on a registered data set has."""
    info = DATASETS[name]
    grey = [PixelChange(10, 20, [30], [255])]
    colour = [PixelChange(10, 20, [30, 40, 50], [255, 0, 7])]
    values = {
        "dataset": name,
        "split": info.split_schemes[0],
        "task": info.task,
        "class_names": list(info.class_names),
        "normal_classes": list(info.normal_classes),
        "fitness": "cosine" if info.task == "multilabel" else "confidence",
        "pixels": colour if info.channels == 3 else grey,
    }
    return {**values, **overrides}


def transformed(name: str) -> list[Record]:
    """100 experiments per label, the successes as Table 7 or Table 16 counts them."""
    counts = printed_results(name, "resnet50").transformations[1]
    return [record for label, results in counts.items() for record in _of_label(name, label, results)]


def _of_label(name: str, label: Label, results: Mapping[Label, int]) -> list[Record]:
    afters = [after for after, count in results.items() for _ in range(count)]
    return experiments(100, afters, label_before=list(label), **of_dataset(name))


def attacks(
    name: str,
    rows: Sequence[tuple[Sequence[str], Sequence[str] | None, int, Mapping[int, Iterable[Sequence[str]]]]],
    **overrides: Any,
) -> list[AttackResult]:
    """One attack per target and K.

    Args:
        name: registered data set.
        rows: label before, target, number of experiments, and by K the labels that the successes end in.
        overrides: of `attack_result`.
    """
    records: dict[tuple[Any, int], list[Record]] = {}
    for before, target, count, by_pixels in rows:
        for num_pixels, afters in by_pixels.items():
            made = experiments(
                count,
                afters,
                label_before=list(before),
                target=None if target is None else list(target),
                num_pixels=num_pixels,
                **of_dataset(name),
            )
            key = (None if target is None else tuple(target), num_pixels)
            records.setdefault(key, []).extend(made)
    return [
        attack_result(
            made,
            asked=None if target else 100,
            options={
                "classes": [text or "Normal" for text in {"|".join(one.label_before): None for one in made}]
            },
            **overrides,
        )
        for (target, _), made in records.items()
    ]
