import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.labels import LabelSpace
from jaxpix.search.fitness import Goal, is_success, make_fitness

CLASSES = LabelSpace("multiclass", ("a", "b", "c"))
SETS = LabelSpace("multilabel", ("a", "b", "c"))


def goal(original, target=None):
    original = np.array(original, bool)
    return Goal(original, original if target is None else np.array(target, bool))


def test_confidence_by_hand():
    logits = np.log([0.2, 0.5, 0.3]).astype(np.float32)
    untargeted = make_fitness("confidence", CLASSES, targeted=False)
    targeted = make_fitness("confidence", CLASSES, targeted=True)
    assert untargeted(logits, goal([0, 1, 0])) == pytest.approx(0.5)
    assert targeted(logits, goal([0, 1, 0], [0, 0, 1])) == pytest.approx(-0.3)


def test_margin_is_the_log_odds_of_the_confidence():
    logits = np.array([1.0, 3.0, -2.0], np.float32)
    confidence = make_fitness("confidence", CLASSES, False)(logits, goal([0, 1, 0]))
    margin = make_fitness("margin", CLASSES, False)(logits, goal([0, 1, 0]))
    assert margin == pytest.approx(np.log(confidence / (1 - confidence)), rel=1e-5)


def test_margin_orders_where_the_confidence_is_flat():
    a, b = np.array([40.0, 0, 0], np.float32), np.array([60.0, 0, 0], np.float32)
    confidence, margin = (make_fitness(name, CLASSES, False) for name in ("confidence", "margin"))
    assert confidence(a, goal([1, 0, 0])) == confidence(b, goal([1, 0, 0])) == 1.0
    assert margin(a, goal([1, 0, 0])) < margin(b, goal([1, 0, 0]))


def test_cosine_by_hand():
    # Confidences 0.9, 0.2, 0.5 map to 0.8, -0.6, 0; label (1, 0, 0) maps to (1, -1, -1).
    confidences = np.array([0.9, 0.2, 0.5])
    logits = np.log(confidences / (1 - confidences)).astype(np.float32)
    expected = (0.8 + 0.6 - 0.0) / (np.sqrt(3) * 1.0)
    assert make_fitness("cosine", SETS, False)(logits, goal([1, 0, 0])) == pytest.approx(expected, abs=1e-6)
    targeted = make_fitness("cosine", SETS, True)(logits, goal([0, 0, 0], [1, 0, 0]))
    assert targeted == pytest.approx(-expected, abs=1e-6)


def test_cosine_of_a_normal_label_still_orders_candidates():
    # Without the mapping to [-1, 1] an all-zero label would make every candidate equal (paper 3.3).
    fitness = make_fitness("cosine", SETS, False)
    sure, unsure = np.full(3, -4.0, np.float32), np.array([-4.0, -4.0, -0.1], np.float32)
    assert fitness(unsure, goal([0, 0, 0])) < fitness(sure, goal([0, 0, 0]))


def test_cosine_of_a_vanishing_vector_is_finite():
    assert make_fitness("cosine", SETS, False)(np.zeros(3, np.float32), goal([1, 0, 1])) == 0.0


def test_multilabel_margin_is_the_weakest_label():
    logits = np.array([2.0, -0.5, -3.0], np.float32)
    assert make_fitness("margin", SETS, False)(logits, goal([1, 0, 0])) == pytest.approx(0.5)
    assert make_fitness("confidence", SETS, False)(logits, goal([1, 0, 0])) == pytest.approx(
        float(jax.nn.sigmoid(0.5))
    )
    assert make_fitness("margin", SETS, True)(logits, goal([1, 0, 0], [0, 1, 0])) == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["confidence", "margin", "cosine"])
@pytest.mark.parametrize("space", [CLASSES, SETS])
@pytest.mark.parametrize("targeted", [False, True])
def test_non_finite_logits_are_a_failed_evaluation(name, space, targeted):
    fitness = make_fitness(name, space, targeted)
    for bad in (np.nan, np.inf, -np.inf):
        logits = np.array([bad, 0.0, 1.0], np.float32)
        some_goal = goal([1, 0, 0], [0, 1, 0])
        assert fitness(logits, some_goal) == np.inf
        assert not is_success(logits, some_goal, space, targeted)


def test_success_is_a_changed_or_the_target_label():
    logits = jnp.array([0.1, 0.9, 0.2])
    assert is_success(logits, goal([1, 0, 0]), CLASSES, targeted=False)
    assert not is_success(logits, goal([0, 1, 0]), CLASSES, targeted=False)
    assert is_success(logits, goal([1, 0, 0], [0, 1, 0]), CLASSES, targeted=True)
    assert not is_success(logits, goal([1, 0, 0], [0, 0, 1]), CLASSES, targeted=True)


def test_multilabel_success_is_any_change_or_the_whole_target_set():
    logits = jnp.array([2.0, 1.0, -1.0])
    assert is_success(logits, goal([1, 0, 0]), SETS, targeted=False)
    assert not is_success(logits, goal([1, 1, 0]), SETS, targeted=False)
    assert not is_success(logits, goal([1, 0, 0], [0, 1, 0]), SETS, targeted=True)
    assert is_success(logits, goal([1, 0, 0], [1, 1, 0]), SETS, targeted=True)
