import numpy as np
import pytest

from jaxpix.errors import InputError
from jaxpix.labels import LabelSpace, label_text

CLASSES = LabelSpace("multiclass", ("a", "b", "c"), ("a",))
SETS = LabelSpace("multilabel", ("a", "b", "c"))


def test_labels_of_logits():
    np.testing.assert_array_equal(CLASSES.labels(np.array([1.0, 3.0, 2.0])), [False, True, False])
    # A confidence of exactly one half is not above the threshold.
    np.testing.assert_array_equal(SETS.labels(np.array([0.0, 1e-3, -5.0])), [False, True, False])


def test_threshold_moves_the_label():
    strict = LabelSpace("multilabel", ("a", "b"), threshold=0.9)
    np.testing.assert_array_equal(strict.labels(np.array([2.0, 2.5])), [False, True])


def test_names_and_vectors_are_inverse():
    assert SETS.names(SETS.vector(["c", "a"])) == ("a", "c")
    assert SETS.names(SETS.parse("Normal")) == ()
    assert CLASSES.names(CLASSES.parse("b")) == ("b",)
    assert SETS.names(SETS.parse("a | c")) == ("a", "c")
    assert label_text(()) == "Normal"


def test_a_class_called_normal_is_found_in_multiclass():
    space = LabelSpace("multiclass", ("Normal", "Sick"))
    assert space.names(space.parse("Normal")) == ("Normal",)


def test_stored_labels():
    np.testing.assert_array_equal(CLASSES.from_stored(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(SETS.from_stored(np.array([[0, 1, 1]])), [[0, 1, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CLASSES.parse("d"), "unknown class 'd'; allowed: a, b, c"),
        (lambda: CLASSES.parse("a|b"), "exactly one class"),
        (lambda: CLASSES.from_stored(np.array([3])), r"class numbers 0\.\.2, got 3\.\.3"),
        (lambda: CLASSES.from_stored(np.array([0.5])), "expected class numbers"),
        (lambda: SETS.from_stored(np.array([1, 2])), r"expected labels \[B, 3\]"),
        (lambda: SETS.from_stored(np.array([[0, 1, 2]])), "0 and 1, got other values"),
        (lambda: LabelSpace("multiclass", ("a", "a")), "must be distinct"),
        (lambda: LabelSpace("multiclass", ("a",)), "at least 2 classes"),
        (lambda: LabelSpace("multiclass", ("a", "b"), ("x",)), "normal class 'x' is none of the classes"),
        (lambda: LabelSpace("multilabel", ("a",), threshold=1.0), "between 0 and 1, got 1.0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message):
        call()
