import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.handmade import record

from jaxpix.metrics.paired import PairedComparison, compare, mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    # By hand: 2 · Σ C(n, i) / 2^n over i up to the smaller count, at most 1.
    [(0, 0, 1.0), (1, 1, 1.0), (0, 5, 0.0625), (5, 0, 0.0625), (2, 8, 112 / 1024), (1, 9, 22 / 1024)],
)
def test_mcnemar_by_hand(only_first, only_second, p_value):
    assert mcnemar(only_first, only_second) == pytest.approx(p_value, rel=1e-15)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second):
    flips, fewer = only_first + only_second, min(only_first, only_second)
    tail = Fraction(sum(math.comb(flips, heads) for heads in range(fewer + 1)), 2**flips)
    assert mcnemar(only_first, only_second) == pytest.approx(float(min(1, 2 * tail)), rel=1e-9)
    assert mcnemar(only_first, only_second) == mcnemar(only_second, only_first) <= 1


def test_mcnemar_of_many_pairs_does_not_overflow():
    assert mcnemar(0, 5000) == 0.0
    assert mcnemar(2500, 2500) == 1.0
    # Nearly the normal distribution, with its correction for continuity.
    assert mcnemar(9_900, 10_100) == pytest.approx(math.erfc(199 / math.sqrt(2 * 20_000)), rel=1e-4)


def outcomes(**successes):
    return [
        record(image_id=name, label_after=["PNEUMONIA"] if success else ["NORMAL"])
        for name, success in successes.items()
    ]


def test_comparison_matches_images_by_their_id():
    first = outcomes(a=True, b=True, c=False, d=False, e=True, only_here=True)
    second = outcomes(e=True, d=False, c=True, b=True, a=False, only_there=True)
    found = compare(first, second)
    assert found == PairedComparison(both=2, neither=1, only_first=1, only_second=1, p_value=1.0)
    assert found.pairs == 5
    assert compare(first, outcomes(z=True)).pairs == 0


def test_an_image_twice_is_refused():
    with pytest.raises(ValueError, match="expected each image once, got 'a' twice"):
        compare(outcomes(a=True), [*outcomes(a=True), *outcomes(a=False)])
