"""Run folders of attacks with drawn images and made-up outcomes, as jaxpix.attack leaves them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from jaxpix.attack.experiments import Finished
from jaxpix.attack.run import AttackRun
from jaxpix.data.registry import PHANTOMS
from jaxpix.prepare.phantoms.drawing import draw
from jaxpix.records.attacked import ABOUT, SELECTION
from jaxpix.records.record import PixelChange
from jaxpix.storage.png import encode_png
from jaxpix.storage.run_folder import CONFIG, ENVIRONMENT
from support.handmade import attack_result, record


def make_run(
    folder: Path,
    outcomes: Sequence[tuple[list[str], list[str]]],
    variant: str = "phantom-xray",
    size: int = 48,
    about: dict[str, Any] | None = None,
    **overrides: Any,
) -> Path:
    """A run folder in which image number n went from label `outcomes[n][0]` to `outcomes[n][1]`."""
    info = PHANTOMS[variant]
    fixed: dict[str, Any] = {
        "dataset": info.name,
        "split": "drawn",
        "task": info.task,
        "class_names": list(info.class_names),
        "normal_classes": list(info.normal_classes),
        "synthetic": True,
        **overrides,
    }
    prefix = fixed.pop("image_id", "image")
    rng = np.random.Generator(np.random.PCG64(len(outcomes)))
    records = []
    with AttackRun(folder, {"data_fingerprint": "f" * 16}) as run:
        for number, (before, after) in enumerate(outcomes):
            original, _ = draw(variant, number, 0, size)
            changed, pixels = _attacked(original, fixed.get("num_pixels", 1), rng)
            pixels = fixed.get("pixels", pixels)
            sure = float(rng.uniform(0.5, 1))
            done = record(
                **{name: value for name, value in fixed.items() if name != "pixels"},
                image_id=f"{prefix}-{number}.png",
                label_before=before,
                label_after=after,
                pixels=pixels,
                queries_to_first_hit=100 + 13 * number if before != after else None,
                confidences_after=[
                    sure if name in after else (1 - sure) / 2 for name in fixed["class_names"]
                ],
            )
            records.append(run.save(Finished(done, encode_png(changed), original)))
        run.finish([one.image_id for one in records])
        result = attack_result(records)
        run.files.store_json(
            SELECTION,
            {
                "groups": [
                    {
                        "label": [],
                        "indices": list(range(len(records))),
                        "examined": len(records),
                        "available": len(records),
                    }
                ],
                "asked": 100,
            },
        )
        described = {
            **result.dataset,
            "title": info.title,
            "image_size": size,
            "normal_classes": fixed["normal_classes"],
            "citation": info.citation,
            "licence": info.licence,
            **(about or {}),
        }
        run.files.store_json(ABOUT, {"dataset": described, "victim": dict(result.victim)})
        run.files.store_json(ENVIRONMENT, dict(result.environment))
        run.files.store_text(CONFIG, tomli_w.dumps({"attack": dict(result.options)}))
    return folder


def _attacked(
    original: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[PixelChange]]:
    changed, pixels = original.copy(), []
    size = original.shape[0]
    for x, y in {
        tuple(rng.normal(size / 2, size / 6, 2).clip(0, size - 1).astype(int)) for _ in range(count)
    }:
        value = rng.choice([0, 255], original.shape[2]).astype(np.uint8)
        pixels.append(PixelChange(int(x), int(y), original[y, x].tolist(), value.tolist()))
        changed[y, x] = value
    return changed, pixels
