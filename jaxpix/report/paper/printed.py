"""What the paper printed, to stand beside what was measured; `printed.json` holds the figures."""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from ...metrics.transformations import Conversions, Label


@dataclasses.dataclass(frozen=True)
class PrintedRate:
    """One printed success rate, or share of the successes.

    Attributes:
        rate: 0..1.
        average_confidence: AvgCL (8), 0..1; None where none was printed.
        table: of the paper.
    """

    rate: float
    average_confidence: float | None
    table: str


@dataclasses.dataclass(frozen=True)
class PrintedResults:
    """All that the paper printed of one architecture on one data set; empty where it printed nothing.

    Labels carry jaxpix's class names; an empty one is Normal.

    Attributes:
        success: by label before, target (None: untargeted) and K.
        transformations: by K: successes by label before and after, zeros included.
        ratios: by K: transformation ratio (6) by resulting label, 0..1.
        conversions: by K.
        resulting: by label before, label after and K: share of the successes.
        tables: where `transformations`, `ratios`, `conversions` and `resulting` were printed, by these names.
        architectures: all that the paper attacked on this data set; empty: it is none of the paper's.
        split, fitness: the paper's for this data set; None where it is none of the paper's.
    """

    success: Mapping[tuple[Label, Label | None, int], PrintedRate]
    transformations: Mapping[int, Mapping[Label, Mapping[Label, int]]]
    ratios: Mapping[int, Mapping[Label, float]]
    conversions: Mapping[int, Conversions]
    resulting: Mapping[tuple[Label, Label, int], PrintedRate]
    tables: Mapping[str, str]
    architectures: tuple[str, ...] = ()
    split: str | None = None
    fitness: str | None = None


@dataclasses.dataclass(frozen=True)
class PrintedChannels:
    """A row of Table 17: average success 0..1 and average seconds per experiment."""

    average_success: float
    average_seconds: float


@functools.cache
def _paper() -> Any:
    return json.loads(resources.files(__package__).joinpath("printed.json").read_text(encoding="utf-8"))


def citation() -> str:
    """The paper, with its DOI."""
    return f"{_paper()['paper']}, doi:{_paper()['doi']}"


def address() -> str:
    """Where the paper is."""
    return f"https://doi.org/{_paper()['doi']}"


def protocol() -> Mapping[str, Any]:
    """The paper's settings of every attack: preset, generations, image_size, per_class."""
    return _paper()["protocol"]


def printed_channels() -> dict[int, PrintedChannels]:
    """Table 17 by number of channels."""
    return {
        row["num_channels"]: PrintedChannels(row["average_success"] / 100, row["average_seconds"])
        for row in _paper()["channels"]["rows"]
    }


@functools.cache
def printed_results(dataset: str, architecture: str | None) -> PrintedResults:
    """What the paper printed of `architecture` (`resnet50`, …) on a data set of jaxpix's registry."""
    entry = _paper()["datasets"].get(dataset)
    if entry is None:
        return PrintedResults({}, {}, {}, {}, {}, {})
    names = {paper: ours for ours, paper in entry["class_names"].items()}
    parts = {
        kind: entry[kind]
        for kind in _READERS
        if kind in entry and entry[kind]["architecture"] == architecture
    }
    return PrintedResults(
        success=_success(entry, architecture, names),
        **{kind: read(parts[kind], names) if kind in parts else {} for kind, read in _READERS.items()},
        tables={kind: part["table"] for kind, part in parts.items()},
        architectures=tuple(group["architecture"] for group in entry["success"]),
        split=entry["split"],
        fitness=entry["fitness"],
    )


def _label(paper: Sequence[str], names: Mapping[str, str]) -> Label:
    return tuple(names.get(name, name) for name in paper)


def _rates(row: Mapping[str, Any], num_pixels: Sequence[int], table: str) -> list[tuple[int, PrintedRate]]:
    confidences = row.get("average_confidence", [None] * len(num_pixels))
    return [
        (count, PrintedRate(percent / 100, confidence, table))
        for count, percent, confidence in zip(num_pixels, row["percent"], confidences, strict=True)
    ]


def _success(
    entry: Mapping[str, Any], architecture: str | None, names: Mapping[str, str]
) -> dict[tuple[Label, Label | None, int], PrintedRate]:
    printed: dict[tuple[Label, Label | None, int], PrintedRate] = {}
    for group in entry["success"]:
        if group["architecture"] != architecture:
            continue
        for row in group["rows"]:
            before = _label(row["before"], names)
            targets: list[Label | None] = [None if row["target"] is None else _label(row["target"], names)]
            if len(names) == 2:
                # Of two classes, "any other" and the other one are the same aim.
                targets += [(name,) for name in names.values() if (name,) != before]
            for count, rate in _rates(row, group["num_pixels"], group["table"]):
                printed |= {(before, target, count): rate for target in targets}
    return printed


def _transformations(
    part: Mapping[str, Any], names: Mapping[str, str]
) -> dict[int, dict[Label, dict[Label, int]]]:
    results = [_label(result, names) for result in part["results"]]
    rows = {
        _label(label, names): {
            result: count for result, count in zip(results, row, strict=True) if count is not None
        }
        for label, row in zip(part["labels"], part["counts"], strict=True)
    }
    return {part["num_pixels"]: rows}


def _ratios(part: Mapping[str, Any], names: Mapping[str, str]) -> dict[int, dict[Label, float]]:
    return {
        part["num_pixels"]: {_label([name], names): value / 100 for name, value in part["percent"].items()}
    }


def _conversions(part: Mapping[str, Any], _: Mapping[str, str]) -> dict[int, Conversions]:
    return {part["num_pixels"]: Conversions(part["disease_to_normal"], part["normal_to_disease"])}


def _resulting(
    part: Mapping[str, Any], names: Mapping[str, str]
) -> dict[tuple[Label, Label, int], PrintedRate]:
    before = _label(part["before"], names)
    return {
        (before, _label(row["after"], names), count): rate
        for row in part["rows"]
        for count, rate in _rates(row, part["num_pixels"], part["table"])
    }


_READERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Any]] = {
    "transformations": _transformations,
    "ratios": _ratios,
    "conversions": _conversions,
    "resulting": _resulting,
}
