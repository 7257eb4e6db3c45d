"""Differences of paired rates, against published and hand-computed figures."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxpix.metrics.paired_rates import newcombe, paired_rates

COUNT = st.integers(0, 30)


def outcomes(both, only_first, only_second, neither):
    return (
        [(True, True)] * both
        + [(True, False)] * only_first
        + [(False, True)] * only_second
        + [(False, False)] * neither
    )


def test_rates_difference_and_test_of_a_small_case():
    rates = paired_rates(outcomes(both=4, only_first=1, only_second=8, neither=7))
    assert (rates.pairs, rates.first.successes, rates.second.successes) == (20, 5, 12)
    assert rates.difference == pytest.approx(0.35)
    # 2 * (1 + 9) / 2^9: at most 1 of 9 coins, twice.
    assert rates.p_value == pytest.approx(20 / 512)


def test_newcombes_own_example():
    # Newcombe 1998, 36 and 0 alike, 12 and 2 apart, method 10: the first is 0.0569 to 0.3404 above the second.
    low, high = newcombe(both=36, only_first=12, only_second=2, neither=0)
    assert (low, high) == (pytest.approx(-0.3404, abs=5e-5), pytest.approx(-0.0569, abs=5e-5))


def test_an_interval_worked_out_by_hand():
    # 10 pairs, none alike by more than chance: phi = (1*7 - 1*1) / 16 less the correction 5 / 16.
    low, high = newcombe(both=1, only_first=1, only_second=1, neither=7)
    wilson_low, wilson_high = 0.056682, 0.509838
    below, above = 0.2 - wilson_low, wilson_high - 0.2
    reach = math.sqrt(below**2 - 2 * (1 / 16) * below * above + above**2)
    assert (low, high) == (pytest.approx(-reach, abs=1e-5), pytest.approx(reach, abs=1e-5))


def test_nothing_is_known_of_nothing():
    rates = paired_rates([])
    assert (rates.low, rates.high, rates.p_value) == (-1.0, 1.0, 1.0)
    assert math.isnan(rates.difference)


@settings(deadline=None, max_examples=60)
@given(COUNT, COUNT, COUNT, COUNT)
def test_the_interval_holds_the_difference_and_turns_with_the_order(both, only_first, only_second, neither):
    rates = paired_rates(outcomes(both, only_first, only_second, neither))
    turned = paired_rates(outcomes(both, only_second, only_first, neither))
    assert -1 <= rates.low <= rates.high <= 1
    if rates.pairs:
        assert rates.low - 1e-9 <= rates.difference <= rates.high + 1e-9
    assert (turned.low, turned.high) == (pytest.approx(-rates.high), pytest.approx(-rates.low))
    assert turned.p_value == pytest.approx(rates.p_value)
