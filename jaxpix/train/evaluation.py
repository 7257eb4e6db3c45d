"""What a classifier's logits on a split are worth: the numbers of the paper's Table 2, and of multi-label."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import Task
from ..metrics.chance import macro_auroc_variance
from . import scores


def selection_score(task: Task, labels: np.ndarray, logits: np.ndarray) -> float:
    """What chooses the best epoch, 0..1, higher is better: accuracy, or macro AUROC for multi-label.

    Args:
        task: `multiclass` with labels int [B], or `multilabel` with labels 0/1 [B, N].
        labels, logits: of B images; logits [B, N].
    """
    if task == "multiclass":
        return float(np.mean(logits.argmax(1) == labels))
    value = scores.macro(list(map(scores.auroc, labels.T, logits.T)))
    return 0.0 if np.isnan(value) else value


def score_name(task: Task) -> str:
    """The key under which `selection_score` is recorded."""
    return "accuracy" if task == "multiclass" else "macro_auroc"


def evaluate_logits(
    task: Task, class_names: Sequence[str], labels: np.ndarray, logits: np.ndarray, threshold: float = 0.5
) -> dict[str, Any]:
    """All test metrics, JSON-able; a value that is not defined is None.

    Args:
        task: `multiclass` with labels int [B], or `multilabel` with labels 0/1 [B, N].
        class_names: N names.
        labels, logits: of B images; logits [B, N].
        threshold: multi-label: a label is predicted above this confidence (gamma, paper 3.3).

    Returns:
        Multiclass: count, loss, accuracy, confusion, and for each class count, precision, recall
        (paper, Table 2). Multi-label: count, loss, exact_match (the predicted set equals the true set),
        macro_auroc, its variance had it been guessed, macro_average_precision, and for each label count, auroc,
        average_precision.
    """
    common = {"task": task, "count": len(labels), "loss": _defined(scores.cross_entropy(labels, logits))}
    if task == "multiclass":
        return common | _multiclass(class_names, labels, logits)
    return common | _multilabel(class_names, labels, logits, threshold)


def _multiclass(names: Sequence[str], labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
    counts = scores.confusion(labels, logits.argmax(1), len(names))
    precision, recall = scores.precision_recall(counts)
    return {
        "accuracy": _defined(float(np.trace(counts) / max(len(labels), 1))),
        "confusion": counts.tolist(),
        "classes": [
            {
                "class": name,
                "count": int(counts[index].sum()),
                "precision": _defined(float(precision[index])),
                "recall": _defined(float(recall[index])),
            }
            for index, name in enumerate(names)
        ],
    }


def _multilabel(
    names: Sequence[str], labels: np.ndarray, logits: np.ndarray, threshold: float
) -> dict[str, Any]:
    # confidence > threshold, put as a bound on the logit: a float32 sigmoid would round.
    predicted = logits > np.log(threshold / (1 - threshold))
    areas = list(map(scores.auroc, labels.T, logits.T))
    averages = list(map(scores.average_precision, labels.T, logits.T))
    return {
        "exact_match": float(np.mean((predicted == labels.astype(bool)).all(1))),
        "macro_auroc": _defined(scores.macro(areas)),
        "macro_auroc_variance": macro_auroc_variance(labels, logits),
        "macro_average_precision": _defined(scores.macro(averages)),
        "labels": [
            {
                "label": name,
                "count": int(labels[:, i].sum()),
                "auroc": _defined(areas[i]),
                "average_precision": _defined(averages[i]),
            }
            for i, name in enumerate(names)
        ],
    }


def table(metrics: dict[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, header and rows of `evaluate_logits`' result, for people."""
    if metrics["task"] == "multiclass":
        header, entries = ["class", "images", "precision", "recall"], metrics["classes"]
        keys = ("precision", "recall")
        title = f"accuracy {_percent(metrics['accuracy'])} on {metrics['count']:,} test images"
    else:
        header, entries = ["label", "images", "AUROC", "average precision"], metrics["labels"]
        keys = ("auroc", "average_precision")
        title = (
            f"macro AUROC {_percent(metrics['macro_auroc'])}, exact match "
            f"{_percent(metrics['exact_match'])} on {metrics['count']:,} test images"
        )
    name = header[0]
    rows = [
        [entry[name], f"{entry['count']:,}", *(_percent(entry[key]) for key in keys)] for entry in entries
    ]
    return title, header, rows


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"
