"""Records made by hand."""

from typing import Any

from jaxpix.records.record import PixelChange, Record


def some_record(image_id: str, *, success: bool = False, after: str = "healthy", **changes: Any) -> Record:
    values: dict[str, Any] = {
        "dataset": "made-up",
        "split": "patient",
        "subset": "test",
        "image_id": image_id,
        "victim_id": "0123456789abcdef",
        "victim": "toy",
        "task": "multiclass",
        "class_names": ["healthy", "sick"],
        "normal_classes": ["healthy"],
        "num_pixels": 1,
        "fitness": "confidence",
        "preset": "tsai2023",
        "target": None,
        "seed": 0,
        "label_before": ["healthy"],
        "label_after": [after],
        "confidences_before": [0.75, 0.25],
        "confidences_after": [0.5, 0.5],
        "success": success,
        "verified": True,
        "refuted_hits": 0,
        "null_control": True,
        "pixels": [PixelChange(3, 4, [10], [255])],
        "generations": 5,
        "queries": 600,
        "queries_to_first_hit": 17 if success else None,
        "best_fitness": 0.25,
        "stop_reason": "adversarial" if success else "generations",
        "seconds": 1.5,
    }
    return Record(**{**values, **changes})
