"""A report as numbers: what `summary.json` holds.

    schema_version      of this layout
    paper               citation
    series[]            attacks that differ in classes, target and number of pixels only
        key, title      as in the tables
        dataset         name, title, citation, licence, task, class_names, normal_classes, image_size, channels,
                        split, subset, synthetic, note
        victim          name, id, architecture, provenance, test_metrics
        fitness, preset, search          the search with every setting resolved, its seed too
        caveats[]       sentences without which no number should be quoted
        attacks[]       num_pixels, target (null: untargeted), asked (per class; null: all), experiments, wanted
                        (experiments once it is finished), is_finished, folder (its name), data_fingerprint, options,
                        environment (versions, device, date)
        cells[]         before (label), target, num_pixels, asked, success, average_confidence, queries_to_first_hit
                        {mean, median}, mean_queries, mean_seconds, refuted_hits, null_control_failures, paper
                        {rate, average_confidence, table} or null
        transformations[]   before, after, num_pixels, count, paper (count or null): successes, untargeted
        conversions[]   num_pixels, disease_to_normal, normal_to_disease, paper {the same two} or null
        dangerous[]     target, num_pixels, rate: diseased images that became Normal, of all that were attacked
        paired[]        before, target, num_pixels [fewer, more], both, only_first, only_second, neither, p_value

    recall[]            searches held against an exhaustive one: title, num_pixels, truth (whence), is_whole, denied
                        (ids that searches flip although by a whole truth nothing does), searches[]: name, series
                        (key), queries_allowed, images, existing (rate), misses, median_regret, largest_regret, at[]
                        {queries, recall (rate), median_regret}

    defences[]          what `jaxpix.defend` measured, as its defences.json has it

A rate is {successes, experiments, rate, low, high}, 0..1 with its Wilson 95 % interval; rate is null without
experiments. A label is a list of class names; for label sets [] is Normal. Confidences are 0..1.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

from ...metrics.paired import compare
from ...metrics.transformations import conversions, dangerous_rate, transformation_counts
from ..paper.printed import citation
from ..runs.evidence import NOTHING, Evidence
from ..runs.series import Series
from ..runs.truths import Judgement

SCHEMA_VERSION = 1

_PLACES = ("run", "data_dir", "victim")
_OUTCOMES = ("both", "only_first", "only_second", "neither", "p_value")


def summary_of(all_series: Sequence[Series], evidence: Evidence = NOTHING) -> dict[str, Any]:
    """JSON-able values of the layout above; numbers are numbers, and what is not defined is None."""
    return {
        "schema_version": SCHEMA_VERSION,
        "paper": citation(),
        "series": [_series(series) for series in all_series],
        "defences": list(evidence.measurements),
        "recall": [_recall(one) for one in evidence.judgements],
    }


def _recall(judgement: Judgement) -> dict[str, Any]:
    return {
        "title": judgement.title,
        "num_pixels": judgement.num_pixels,
        "truth": judgement.truth.says,
        "is_whole": judgement.truth.is_whole,
        "denied": list(judgement.denied),
        "searches": [
            {
                "name": one.name,
                "series": one.series.key,
                "queries_allowed": one.allowed,
                **{name: value for name, value in _plain(one.recall).items() if name != "curve"},
            }
            for one in judgement.searches
        ],
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "key": series.key,
        "title": series.title,
        "dataset": dict(series.dataset),
        "victim": dict(series.victim),
        "fitness": series.first.fitness,
        "preset": series.first.preset,
        "search": dict(series.settings),
        "caveats": series.caveats,
        "attacks": _attacks(series),
        "cells": _cells(series),
        "transformations": _transformations(series),
        "conversions": _conversions(series),
        "dangerous": _dangerous(series),
        "paired": _paired(series),
    }


def _attacks(series: Series) -> list[dict[str, Any]]:
    return [
        {
            "num_pixels": attack.num_pixels,
            "target": attack.target,
            "asked": attack.asked,
            "experiments": len(attack.records),
            "wanted": attack.num_experiments,
            "is_finished": attack.is_finished,
            "folder": attack.folder.name,
            "data_fingerprint": attack.data_fingerprint,
            # Where files lay on one machine is nobody else's business.
            "options": {name: value for name, value in attack.options.items() if name not in _PLACES},
            "environment": dict(attack.environment),
        }
        for attack in series.attacks
    ]


def _plain(figures: Any) -> dict[str, Any]:
    """A dataclass of figures as JSON has it: what is not defined is None."""
    return dataclasses.asdict(figures, dict_factory=_defined)


def _defined(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in items}


def _cells(series: Series) -> list[dict[str, Any]]:
    return [
        {
            "before": aim.before,
            "target": aim.target,
            "num_pixels": num_pixels,
            "asked": cell.asked,
            "success": _plain(cell.success),
            "average_confidence": cell.average_confidence,
            "queries_to_first_hit": {"mean": cell.mean_to_hit, "median": cell.median_to_hit},
            "mean_queries": cell.mean_queries,
            "mean_seconds": cell.mean_seconds,
            "refuted_hits": cell.refuted_hits,
            "null_control_failures": cell.null_control.successes,
            "paper": cell.printed and _plain(cell.printed),
        }
        for aim, cells in series.cells.items()
        for num_pixels, cell in sorted(cells.items())
    ]


def _transformations(series: Series) -> list[dict[str, Any]]:
    aims = series.free_aims()
    return [
        {
            "before": before,
            "after": after,
            "num_pixels": num_pixels,
            "count": count,
            "paper": series.printed.transformations.get(num_pixels, {}).get(before, {}).get(after),
        }
        for num_pixels in series.num_pixels
        for before, results in transformation_counts(series.records(num_pixels, aims)).items()
        for after, count in sorted(results.items())
    ]


def _conversions(series: Series) -> list[dict[str, Any]]:
    if not series.knows_normal:
        return []
    found = []
    for num_pixels in series.num_pixels:
        crossed = conversions(series.records(num_pixels, series.free_aims()))
        paper = series.printed.conversions.get(num_pixels)
        found.append({"num_pixels": num_pixels, **_plain(crossed), "paper": paper and _plain(paper)})
    return found


def _dangerous(series: Series) -> list[dict[str, Any]]:
    return [
        {"target": target, "num_pixels": num_pixels, "rate": _plain(dangerous_rate(records))}
        for target, aims in series.by_target(series.dangerous_aims()).items()
        for num_pixels in series.num_pixels
        if (records := series.records(num_pixels, aims))
    ]


def _paired(series: Series) -> list[dict[str, Any]]:
    found = []
    for first, second in itertools.combinations(series.num_pixels, 2):
        for aim in series.cells:
            outcome = compare(series.records(first, [aim]), series.records(second, [aim]))
            if outcome.pairs:
                of = {"before": aim.before, "target": aim.target, "num_pixels": [first, second]}
                found.append({**of, **{name: getattr(outcome, name) for name in _OUTCOMES}})
    return found
