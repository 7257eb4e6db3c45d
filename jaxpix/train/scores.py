"""How good a classifier is: formulas on NumPy arrays. B images, N classes or labels."""

import numpy as np


def confusion(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts int64 [N, N]: row the true class, column the predicted one; both int [B]."""
    flat = np.bincount(num_classes * labels + predicted, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def precision_recall(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall [N] of a confusion matrix; NaN for a class never predicted, or without images."""
    correct = np.diag(counts).astype(float)
    predicted, true = counts.sum(0), counts.sum(1)
    nothing = np.full(len(counts), np.nan)
    precision = np.divide(correct, predicted, out=nothing.copy(), where=predicted > 0)
    recall = np.divide(correct, true, out=nothing.copy(), where=true > 0)
    return precision, recall


def auroc(present: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: chance that a positive scores above a negative, a tie counting half.

    Args:
        present: bool [B].
        scores: [B], higher means rather present.

    Returns:
        0..1, or NaN where all images or none are positive.
    """
    present = np.asarray(present, bool)
    num_positive, num_negative = int(present.sum()), int((~present).sum())
    if not num_positive or not num_negative:
        return float("nan")
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[position][present].sum()
    return float((rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))


def average_precision(present: np.ndarray, scores: np.ndarray) -> float:
    """Mean of the precision at each threshold, weighted by the recall that it adds; NaN without positives.

    Equal scores share one threshold, so the order of tied images does not matter.
    """
    present = np.asarray(present, bool)
    if not present.any():
        return float("nan")
    distinct, position = np.unique(-np.asarray(scores, float), return_inverse=True)
    hits = np.bincount(position, weights=present, minlength=len(distinct))
    taken = np.bincount(position, minlength=len(distinct))
    precision = np.cumsum(hits) / np.cumsum(taken)
    return float((precision * hits).sum() / present.sum())


def macro(values: list[float]) -> float:
    """Mean of those that are defined; NaN where none is."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Mean softmax cross-entropy (labels int [B]) or sigmoid cross-entropy (labels 0/1 [B, N]); logits [B, N]."""
    logits = np.asarray(logits, np.float64)
    if labels.ndim == 2:
        return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
    log_sum = np.logaddexp.reduce(logits, axis=1)
    return float(np.mean(log_sum - logits[np.arange(len(logits)), labels]))
