"""Rates against limits, with figures worked out by hand."""

import math
from xml.etree import ElementTree

import pytest
from support.handmade import attack_result, experiments

from jaxpix.check.junit import to_junit
from jaxpix.check.limits import DANGEROUS, SUCCESS, Limit, judgements, limits_of
from jaxpix.errors import InputError
from jaxpix.metrics.limits import images_to_settle, judge, smallest_detectable
from jaxpix.metrics.rates import wilson


@pytest.mark.parametrize(
    ("successes", "experiments_", "limit", "verdict"),
    [
        # Wilson, 95 %: 0/100 is 0 to 3.70 %, 5/100 is 2.15 to 11.18 %, 12/100 is 7.00 to 19.81 %.
        (0, 100, 0.05, "passed"),
        (0, 72, 0.05, "undecided"),
        (0, 73, 0.05, "passed"),
        (5, 100, 0.05, "undecided"),
        (5, 100, 0.12, "passed"),
        (5, 100, 0.02, "failed"),
        (12, 100, 0.05, "failed"),
        (100, 100, 0.95, "failed"),
        (0, 0, 0.5, "undecided"),
    ],
)
def test_an_interval_lies_below_above_or_across(successes, experiments_, limit, verdict):
    assert judge(wilson(successes, experiments_), limit) == verdict


@pytest.mark.parametrize(
    ("successes", "experiments_", "limit", "needed"),
    [
        # z^2 p0 (1 - p0) / p^2 = 3.8415 * 0.95 / 0.05 = 72.99 for none at 5 %.
        (0, 10, 0.05, 73),
        # 3.8415 * 0.0475 / 0.05^2 = 72.99 for 10 % at 5 %.
        (1, 10, 0.05, 73),
        # 3.8415 * 0.16 / 0.1^2 = 61.46 for 10 % at 20 %.
        (1, 10, 0.2, 62),
        (1, 20, 0.05, None),
        (0, 0, 0.05, None),
    ],
)
def test_how_many_images_would_settle_it(successes, experiments_, limit, needed):
    assert images_to_settle(wilson(successes, experiments_), limit) == needed


@pytest.mark.parametrize(("share", "limit"), [(0.0, 0.05), (0.1, 0.05), (0.1, 0.2), (0.5, 0.4)])
def test_that_many_images_do_settle_it_and_fewer_do_not(share, limit):
    start = wilson(round(10 * share), 10)
    needed = images_to_settle(start, limit)

    def interval(n):
        # Wilson's formula, for a share that need not be of whole images.
        z = 1.959963984540054
        centre, reach = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return (centre - reach) / (1 + z * z / n), (centre + reach) / (1 + z * z / n)

    low, high = interval(needed)
    assert low > limit or high < limit
    low, high = interval(needed - 1)
    assert low <= limit <= high


def test_the_smallest_rate_that_shows():
    assert smallest_detectable(1) == pytest.approx(0.95)
    # 0.05^(1/2) = 0.2236, and the rule of three for many: 3 / 300.
    assert smallest_detectable(2) == pytest.approx(1 - math.sqrt(0.05))
    assert smallest_detectable(300) == pytest.approx(0.01, abs=1e-4)
    assert smallest_detectable(0) is None


def mixed(to_normal, to_disease, count=100, **changes):
    """`count` diseased and `count` normal images."""
    sick = experiments(count, [["NORMAL"]] * to_normal, label_before=["PNEUMONIA"], **changes)
    return sick + experiments(count, [["PNEUMONIA"]] * to_disease, **changes)


def test_each_limit_looks_at_its_own_images():
    dangerous, success = judgements([attack_result(mixed(0, 60))], limits_of(dangerous=5.0, success=20.0))
    # 0 of 100 diseased; 60 of all 200: 24.07 to 36.68 %.
    assert (dangerous.verdict, success.verdict) == ("passed", "failed")
    assert dangerous.text == (
        "passed: attack: dangerous rate 0.0 %, 0 of 100 (95 % interval 0.0–3.7 %), limit 5 %"
    )
    assert success.text == (
        "FAILED: attack: success rate 30.0 %, 60 of 200 (95 % interval 24.1–36.7 %), limit 20 %"
    )


def test_too_few_images_are_told_how_many_more():
    (one,) = judgements([attack_result(mixed(0, 0, count=20))], [Limit(DANGEROUS, 5.0)])
    assert one.verdict == "undecided"
    assert one.text.endswith(
        "too few images to say: about 53 more diseased images at this rate would settle it"
    )
    (one,) = judgements([attack_result(mixed(1, 1, count=10))], [Limit(SUCCESS, 10.0)])
    assert one.text.endswith("the rate lies on the limit: no number of images at this rate would settle it")
    (one,) = judgements([attack_result(experiments(10))], [Limit(DANGEROUS, 10.0)])
    assert (one.verdict, one.reasons) == ("undecided", ["no diseased image was attacked"])


def test_an_unfinished_attack_can_fail_and_never_passes():
    (passing,) = judgements([attack_result(mixed(0, 0), num_experiments=300)], [Limit(SUCCESS, 20.0)])
    assert passing.verdict == "undecided"
    assert passing.text.endswith("limit 20 %; unfinished, 200 of 300 experiments")
    (failing,) = judgements([attack_result(mixed(60, 60), num_experiments=300)], [Limit(SUCCESS, 20.0)])
    assert failing.verdict == "failed"
    assert "unfinished" in failing.text


def test_a_doubt_on_the_victim_is_said():
    (one,) = judgements(
        [attack_result(mixed(0, 0), doubts=["the victim is at chance"])], [Limit(SUCCESS, 20.0)]
    )
    assert one.text.endswith("; the victim is at chance")


def test_nobody_knows_normal():
    unknown = attack_result(experiments(10, class_names=["a", "b"], normal_classes=[], label_before=["a"]))
    with pytest.raises(InputError, match=r"which of the classes a, b is normal.*check --success-rate alone"):
        judgements([unknown], [Limit(DANGEROUS, 5.0)])
    assert judgements([unknown], [Limit(SUCCESS, 5.0)])


def test_successes_of_an_attack_at_a_disease_are_not_dangerous():
    aimed = attack_result(experiments(10, [["PNEUMONIA"]] * 5, target=["PNEUMONIA"]))
    with pytest.raises(InputError, match="the attack aimed at PNEUMONIA"):
        judgements([aimed], [Limit(DANGEROUS, 5.0)])
    at_normal = attack_result(
        experiments(100, [["NORMAL"]] * 90, label_before=["PNEUMONIA"], target=["NORMAL"])
    )
    (one,) = judgements([at_normal], [Limit(DANGEROUS, 5.0)])
    assert one.verdict == "failed"


def test_label_sets_know_normal():
    sets = experiments(
        40,
        [[]] * 20,
        task="multilabel",
        class_names=["a", "b"],
        normal_classes=[],
        label_before=["a"],
    )
    (one,) = judgements([attack_result(sets)], [Limit(DANGEROUS, 5.0)])
    assert one.verdict == "failed"


@pytest.mark.parametrize("percent", [0.0, -1.0, 100.0, 250.0, math.nan, math.inf])
def test_limits_that_mean_nothing_are_refused(percent):
    with pytest.raises(
        InputError, match=r"--success-rate: expected a limit in percent between 0 and 100, got"
    ):
        limits_of(None, percent)


def test_a_limit_must_be_named():
    with pytest.raises(InputError, match="which limit"):
        limits_of(None, None)


def test_junit_has_a_case_for_each_attack_and_limit():
    runs = [attack_result(mixed(0, 60)), attack_result(mixed(0, 0, count=20))]
    root = ElementTree.fromstring(to_junit(judgements(runs, limits_of(5.0, 20.0))).encode())
    (suite,) = root
    assert (root.tag, suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        "testsuites",
        "4",
        "1",
        "1",
    )
    cases = list(suite)
    assert [one.get("name") for one in cases] == ["dangerous rate below 5 %", "success rate below 20 %"] * 2
    assert [[inner.tag for inner in one if inner.tag in ("failure", "error")] for one in cases] == [
        [],
        ["failure"],
        ["error"],
        [],
    ]
    facts = {one.get("name"): one.get("value") for one in cases[1].iter("property")}
    assert (facts["successes"], facts["experiments"], facts["limit"]) == ("60", "200", "0.2")
    assert cases[1].find("failure").get("message").startswith("FAILED: attack: success rate 30.0 %")


def test_what_no_xml_may_hold_does_not_break_it():
    hostile = attack_result(experiments(10), doubts=['a\x00b\x1b[31m\ufffe <&"> \ud800'])
    text = to_junit(judgements([hostile], [Limit(SUCCESS, 50.0)]))
    root = ElementTree.fromstring(text.encode())
    assert 'a\ufffdb\ufffd[31m\ufffd <&"> \ufffd' in root.find(".//system-out").text
