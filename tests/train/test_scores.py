"""Metric formulas: hand arithmetic, ties, undefined values, and scikit-learn."""

import numpy as np
import pytest

from jaxpix.train import scores
from jaxpix.train.evaluation import evaluate_logits, selection_score, table


def test_confusion_precision_recall_by_hand() -> None:
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    counts = scores.confusion(labels, predicted, 4)
    np.testing.assert_array_equal(counts, [[2, 1, 0, 0], [0, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    precision, recall = scores.precision_recall(counts)
    np.testing.assert_allclose(precision, [1, 0.5, np.nan, np.nan])
    np.testing.assert_allclose(recall, [2 / 3, 1, 0, np.nan])


def test_auroc_by_hand() -> None:
    present = np.array([0, 0, 1, 1])
    assert scores.auroc(present, np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert scores.auroc(present, np.array([1, 2, 3, 4])) == 1.0
    assert scores.auroc(present, np.zeros(4)) == 0.5
    assert np.isnan(scores.auroc(np.zeros(4), np.arange(4)))
    assert np.isnan(scores.auroc(np.ones(4), np.arange(4)))


def test_average_precision_by_hand() -> None:
    present = np.array([0, 0, 1, 1])
    value = scores.average_precision(present, np.array([0.1, 0.4, 0.35, 0.8]))
    assert value == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert scores.average_precision(present, np.zeros(4)) == 0.5
    assert np.isnan(scores.average_precision(np.zeros(4), np.arange(4)))


def test_cross_entropy_by_hand() -> None:
    assert scores.cross_entropy(np.array([0, 1]), np.zeros((2, 4))) == pytest.approx(np.log(4))
    assert scores.cross_entropy(np.array([[0, 1]]), np.zeros((1, 2))) == pytest.approx(np.log(2))
    assert scores.cross_entropy(np.array([0]), np.array([[1000.0, -1000.0]])) == 0.0


@pytest.mark.parametrize("levels", [3, 1000])
def test_scikit_learn_agrees_with_ties_and_without(levels: int) -> None:
    reference = pytest.importorskip("sklearn.metrics", reason="the reference is scikit-learn")
    random = np.random.default_rng(levels)
    for _ in range(20):
        present = random.integers(0, 2, 60)
        values = random.integers(0, levels, 60) / levels
        assert scores.auroc(present, values) == pytest.approx(reference.roc_auc_score(present, values))
        expected = reference.average_precision_score(present, values)
        assert scores.average_precision(present, values) == pytest.approx(expected)
    labels, predicted = random.integers(0, 5, 200), random.integers(0, 5, 200)
    counts = scores.confusion(labels, predicted, 5)
    np.testing.assert_array_equal(counts, reference.confusion_matrix(labels, predicted))
    precision, recall = scores.precision_recall(counts)
    np.testing.assert_allclose(precision, reference.precision_score(labels, predicted, average=None))
    np.testing.assert_allclose(recall, reference.recall_score(labels, predicted, average=None))
    logits = random.normal(size=(200, 5))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert scores.cross_entropy(labels, logits) == pytest.approx(reference.log_loss(labels, shares))


def test_multiclass_evaluation() -> None:
    labels, logits = np.array([0, 1, 1]), np.array([[2.0, 1, 0], [3, 1, 0], [0, 1, 0]])
    metrics = evaluate_logits("multiclass", ("a", "b", "c"), labels, logits)
    assert metrics["accuracy"] == selection_score("multiclass", labels, logits) == pytest.approx(2 / 3)
    assert metrics["classes"][1] == {"class": "b", "count": 2, "precision": 1.0, "recall": 0.5}
    assert metrics["classes"][2] == {"class": "c", "count": 0, "precision": None, "recall": None}
    title, header, rows = table(metrics)
    assert title == "accuracy 66.67 % on 3 test images"
    assert header == ["class", "images", "precision", "recall"]
    assert rows[2] == ["c", "0", "–", "–"]


def test_multilabel_evaluation() -> None:
    labels = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    logits = np.array([[2.0, -1, -1], [-1, 2, 0.5], [-1, -2, -2]])
    metrics = evaluate_logits("multilabel", ("a", "b", "c"), labels, logits)
    assert metrics["exact_match"] == pytest.approx(2 / 3)
    assert metrics["labels"][0] == {"label": "a", "count": 1, "auroc": 1.0, "average_precision": 1.0}
    assert metrics["labels"][2]["auroc"] is None
    assert metrics["macro_auroc"] == selection_score("multilabel", labels, logits) == 1.0
    assert table(metrics)[0] == "macro AUROC 100.00 %, exact match 66.67 % on 3 test images"


def test_a_label_is_predicted_only_above_the_threshold() -> None:
    labels = np.array([[0], [1]])
    for threshold, exact in ((0.5, 1.0), (0.49, 0.5)):
        metrics = evaluate_logits("multilabel", ("a",), labels, np.array([[0.0], [3.0]]), threshold)
        assert metrics["exact_match"] == exact


def test_no_label_with_both_kinds_scores_nothing() -> None:
    assert selection_score("multilabel", np.ones((3, 2)), np.zeros((3, 2))) == 0.0
