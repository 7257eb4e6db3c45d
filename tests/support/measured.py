"""What a measurement of defences holds, with made-up numbers, as jaxpix.defend leaves it."""

import json
from pathlib import Path
from typing import Any

from jaxpix.metrics.rates import wilson
from jaxpix.report.runs.defences import DEFENCES

ATTACKS = ("evolution", "shortlist", "exhaustive")


def plain(successes: int, experiments: int) -> dict[str, Any]:
    rate = wilson(successes, experiments)
    return {
        "successes": successes,
        "experiments": experiments,
        "rate": rate.rate if experiments else None,
        "low": rate.low,
        "high": rate.high,
    }


def _change(first: int, second: int, count: int) -> dict[str, Any]:
    return {
        "both": min(first, second),
        "only_first": max(0, first - second),
        "only_second": max(0, second - first),
        "neither": count - max(first, second),
        "first": plain(first, count),
        "second": plain(second, count),
        "difference": (second - first) / count,
        "low": -0.25,
        "high": 0.25,
        "p_value": 0.0412,
    }


def measurement(
    victims: tuple[str, ...] = ("resnet50",), defences: tuple[str, ...] = ("median3", "jpeg75")
) -> Any:
    """Each victim alone and behind each defence; a check of the last defence fails."""
    variants = []
    for victim in victims:
        for place, defence in enumerate(("none", *defences)):
            standing = 20 + 10 * place
            row = {
                "victim": victim,
                "defence": defence,
                "victim_id": f"{place}" * 16,
                "defences": [defence][:place],
                "folder": f"{victim}-{defence}" if len(victims) > 1 else defence,
                "clean_accuracy": plain(529 - place, 624),
                "clean_change": _change(529, 529 - place, 624) if place else None,
                "transferred_success": plain(3, 40) if place else None,
                "adaptive_success": {name: plain(60 - standing, 60) for name in ATTACKS},
                "made_for": {of: plain(5, 60) for of in victims},
                "worst_case_accuracy": plain(standing, 60),
                "worst_case_change": _change(20, standing, 60) if place else None,
                "milliseconds_per_image": 0.25,
                "checks": [
                    {
                        "name": "something guides the search",
                        "verdict": "pass",
                        "says": "no attack was refused",
                    },
                    {
                        "name": "random search is not better",
                        "verdict": "not run",
                        "says": "it was not asked for",
                    },
                ],
            }
            variants.append(row)
    variants[-1]["checks"][0] |= {"verdict": "fail", "says": "every first population was flat"}
    return {
        "schema_version": 1,
        "title": "Chest X-rays",
        "dataset": "phantom_xray",
        "synthetic": True,
        "note": None,
        "subset": "test",
        "num_clean_images": 624,
        "num_attacked_images": 60,
        "num_pixels": 1,
        "check_images": 20,
        "variants": variants,
    }


def write_measurement(folder: Path, **options: Any) -> Path:
    """Its file in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DEFENCES).write_text(json.dumps(measurement(**options)), encoding="utf-8")
    return folder
