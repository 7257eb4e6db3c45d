"""Whether a classifier knows more than chance does: beside permutations, by hand, and on damaged metrics."""

import re

import numpy as np
import pytest
from support.some_records import some_record

from jaxpix.metrics.chance import (
    balanced_accuracy,
    doubts_of_judged,
    doubts_of_test,
    macro_auroc_variance,
)
from jaxpix.records.attacked import Group, PassedOver, Selection
from jaxpix.train import scores
from jaxpix.train.evaluation import evaluate_logits

NAMES = ["healthy", "sick"]


def skill_of(true, predicted, classes):
    counts = scores.confusion(true, predicted, classes)
    return balanced_accuracy(counts.sum(1), counts.sum(0), np.diag(counts))


def test_guessed_balanced_accuracy_is_that_of_permuted_answers():
    random = np.random.default_rng(0)
    true, predicted = random.choice(3, 40, p=[0.6, 0.3, 0.1]), random.choice(3, 40, p=[0.2, 0.2, 0.6])
    permuted = [skill_of(true, random.permutation(predicted), 3).value for _ in range(4000)]
    skill = skill_of(true, predicted, 3)
    assert (skill.low + skill.high) / 2 == pytest.approx(1 / 3)
    assert (skill.high - skill.low) / (2 * 1.96) == pytest.approx(np.std(permuted), rel=0.05)
    assert skill.value == pytest.approx(np.mean([(predicted[true == k] == k).mean() for k in range(3)]))


def test_guessed_macro_auroc_is_that_of_permuted_scores():
    random = np.random.default_rng(1)
    labels, logits = random.random((30, 4)) < [0.3, 0.5, 0.2, 0.3], random.normal(size=(30, 4)).round(1)
    labels[:, 3], logits[:, 1] = labels[:, 0], logits[:, 0]
    permuted = []
    for _ in range(3000):
        dealt = logits[random.permutation(30)]
        permuted.append(np.mean([scores.auroc(labels[:, k], dealt[:, k]) for k in range(4)]))
    assert macro_auroc_variance(labels, logits) ** 0.5 == pytest.approx(np.std(permuted), rel=0.05)


def test_of_one_label_it_is_the_variance_of_mann_and_whitney():
    labels = (np.arange(50) < 12)[:, None]
    assert macro_auroc_variance(labels, np.arange(50.0)[:, None]) == pytest.approx(51 / (12 * 12 * 38))
    assert macro_auroc_variance(labels & False, np.arange(50.0)[:, None]) == 0.0


def test_how_often_a_guesser_and_a_judge_are_doubted():
    """Of classifiers that guess, about 97 % are (one side of 95 % is better than chance); of good ones none is."""
    random, doubted = np.random.default_rng(2), 0
    true = random.choice(2, 200, p=[0.9, 0.1])
    for _ in range(400):
        doubted += skill_of(true, random.choice(2, 200, p=[0.7, 0.3]), 2).doubt("") is not None
    assert 0.94 < doubted / 400 < 0.995
    assert skill_of(true, np.where(random.random(200) < 0.8, true, 1 - true), 2).doubt("") is None


@pytest.mark.parametrize(
    ("confusion", "said"),
    [
        ([[95, 0], [5, 0]], "at chance: balanced accuracy 50.0 % on 100 test images"),
        ([[20, 20], [20, 20]], "at chance: balanced accuracy 50.0 % .* guessing gives 39.0 % to 61.0 %"),
        ([[2, 38], [37, 3]], "worse than chance: .* are its classes in the order of the data's"),
        ([[1, 0], [0, 1]], "at chance"),  # Two images show nothing.
        ([[20, 0, 0], [10, 10, 0], [10, 0, 10]], None),
        ([[40, 5], [5, 40]], None),
        ([[40, 5], [0, 0]], None),
        ([[0, 0], [0, 0]], None),
        ([[40, 5]], None),
        ("damaged", None),
    ],
)
def test_doubts_of_a_test(confusion, said):
    total = int(np.sum(confusion)) if isinstance(confusion, list) else 5
    doubts = doubts_of_test({"task": "multiclass", "count": total, "confusion": confusion})
    if said is None:
        assert doubts == []
    else:
        (doubt,) = doubts
        assert re.search(said, doubt)
        assert "rates of attacks against it mean nothing" in doubt


def multilabel(sure, shift=0.0):
    random = np.random.default_rng(3)
    labels = (random.random((300, 5)) < 0.3).astype(int)
    logits = sure * labels + random.normal(size=labels.shape) + shift
    return evaluate_logits("multilabel", list("abcde"), labels, logits)


def test_label_sets_that_are_ranked_well_and_named_badly():
    metrics = multilabel(3.0, shift=2.0)
    assert metrics["exact_match"] < 1 / 3 < 0.9 < metrics["macro_auroc"]
    (doubt,) = doubts_of_test(metrics)
    assert f"for {100 * metrics['exact_match']:.1f} % of 300 test images, although macro AUROC is" in doubt
    assert doubts_of_test(multilabel(6.0, shift=-3.0)) == []


@pytest.mark.parametrize("is_old", [False, True])
def test_label_sets_at_chance(is_old):
    metrics = multilabel(0.0)
    if is_old:
        del metrics["macro_auroc_variance"]
    (doubt,) = doubts_of_test(metrics)
    assert "at chance: macro AUROC" in doubt
    swapped = multilabel(-3.0)
    (doubt,) = doubts_of_test(swapped)
    assert "worse than chance: macro AUROC" in doubt


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        {},
        {"count": "many"},
        {"count": 5, "exact_match": 7.0},
        {"count": 5, "macro_auroc": None, "labels": []},
        {"count": 5, "macro_auroc": 0.5, "labels": [{"count": 3}]},
        {"count": 1 << 60, "confusion": [[1]]},
    ],
)
def test_metrics_of_others_are_no_reason_to_stop(metrics):
    assert doubts_of_test(metrics) == []


def chosen(correct, examined=30, screened=True):
    groups = [
        Group((name,), list(range(number)) if screened else list(range(examined)), examined, 99, number)
        for name, number in zip(NAMES, correct, strict=True)
    ]
    wrong = [
        PassedOver(f"{k}-{n}", "misclassified", [NAMES[1 - k]])
        for k in (0, 1)
        for n in range(examined - correct[k])
    ]
    return Selection(groups, 100 if screened else None, screened, wrong if screened else []), wrong


@pytest.mark.parametrize(("correct", "said"), [((15, 16), True), ((30, 0), True), ((24, 25), False)])
def test_doubts_of_the_images_that_were_looked_at(correct, said):
    selection, _ = chosen(correct)
    doubts = doubts_of_judged(selection, "multiclass", NAMES)
    assert ["on the 60 images that were looked at" in doubt for doubt in doubts] == [True] * said
    selection, wrong = chosen(correct, screened=False)
    records = [
        some_record(f"{name}{n}", label_before=[name])
        for name, count in zip(NAMES, correct, strict=True)
        for n in range(count)
    ]
    assert doubts_of_judged(selection, "multiclass", NAMES, records, wrong) == doubts
    # Unfinished, label sets, classes that were not looked at, older selections, and too few images.
    assert doubts_of_judged(selection, "multiclass", NAMES, records[1:], wrong) == []
    assert doubts_of_judged(selection, "multilabel", NAMES, records, wrong) == []
    assert doubts_of_judged(selection, "multiclass", [*NAMES, "other"], records, wrong) == []
    older = Selection([Group((name,), [], 30, 99) for name in NAMES], 100)
    assert doubts_of_judged(older, "multiclass", NAMES) == []
    assert doubts_of_judged(chosen((2, 2), 4)[0], "multiclass", NAMES) == []
