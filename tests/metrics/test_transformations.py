import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import the_paper
from support.handmade import experiments, record

from jaxpix.metrics.rates import success_rate
from jaxpix.metrics.transformations import (
    Conversions,
    conversions,
    dangerous_rate,
    is_normal,
    knows_normal,
    resulting_diseases,
    resulting_labels,
    transformation_counts,
    transformation_ratios,
)
from jaxpix.report.paper.printed import printed_results

OCT = {"class_names": ["NORMAL", "CNV", "DME"], "normal_classes": ["NORMAL"]}
FINDINGS = ("Mass", "Nodule", "Edema")


def test_the_papers_table_7_gives_its_tables_8_6_and_9():
    records = the_paper.transformed("derma")
    printed = printed_results("derma", "resnet50")
    counts = transformation_counts(records)
    assert counts["bkl",] == {("nv",): 18, ("df",): 1, ("mel",): 8, ("bcc",): 9, ("akiec",): 5}
    ratios = transformation_ratios(counts)
    assert printed.ratios[1].keys() == {(name,) for name in the_paper.DATASETS["derma"].class_names}
    for label, ratio in printed.ratios[1].items():
        assert round(100 * ratios.get(label, 0.0), 2) == pytest.approx(100 * ratio), label
    for label, results in counts.items():
        rate = printed.success[label, None, 1].rate
        assert sum(results.values()) == pytest.approx(100 * rate)
    crossed = conversions(records)
    assert crossed == Conversions(disease_to_normal=61, normal_to_disease=83) == printed.conversions[1]
    assert round(100 * crossed.share_to_normal.rate, 2) == 42.36
    assert round(100 * crossed.share_to_disease.rate, 2) == 57.64


def test_the_papers_table_16_gives_its_tables_15_and_9():
    records = the_paper.transformed("chest")
    printed = printed_results("chest", "resnet50")
    sums = {label: sum(results.values()) for label, results in transformation_counts(records).items()}
    assert sums == {(): 95, ("Infiltration",): 85, ("Atelectasis",): 94, ("Effusion",): 87, ("Nodule",): 91}
    for label, total in sums.items():
        assert total == pytest.approx(100 * printed.success[label, None, 1].rate)
    assert conversions(records) == Conversions(156, 95) == printed.conversions[1]
    assert round(100 * conversions(records).share_to_normal.rate, 2) == 62.15
    # 156 of the 400 experiments that began with a finding.
    assert (dangerous_rate(records).successes, dangerous_rate(records).experiments) == (156, 400)


def test_a_targeted_attack_that_reached_another_label_is_no_transformation():
    missed = record(label_before=["CNV"], label_after=["DME"], target=["NORMAL"], success=False, **OCT)
    assert transformation_counts([missed]) == {("CNV",): {}}
    assert transformation_ratios({("CNV",): {}}) == {}
    assert conversions([missed]) == Conversions(0, 0)
    assert resulting_labels([missed]) == []


def test_changes_within_normal_or_within_disease_do_not_cross():
    classes = {"class_names": ["nv", "df", "mel", "bcc"], "normal_classes": ["nv", "df"]}
    pairs = [("nv", "df"), ("mel", "bcc"), ("mel", "nv"), ("df", "bcc"), ("nv", "mel")]
    records = [record(label_before=[old], label_after=[new], **classes) for old, new in pairs]
    assert conversions(records) == Conversions(disease_to_normal=1, normal_to_disease=2)
    assert (dangerous_rate(records).successes, dangerous_rate(records).experiments) == (1, 2)


def test_normal_of_label_sets_and_of_classes():
    label_set = record(task="multilabel", class_names=["a", "b"], normal_classes=[], label_before=["a"])
    assert is_normal([], label_set)
    assert not is_normal(["a"], label_set)
    assert knows_normal([label_set])
    classes = record(**OCT)
    assert is_normal(["NORMAL"], classes)
    assert not is_normal(["CNV"], classes)
    assert not knows_normal([record(normal_classes=[]), classes])
    assert not knows_normal([])


def test_resulting_labels_by_hand():
    records = experiments(10, [["CNV"], ["DME"], ["DME"]], confidences_after=[0.1, 0.2, 0.7], **OCT)
    first, second = resulting_labels(records)
    assert (first.label, first.share.successes, first.share.experiments) == (("DME",), 2, 3)
    assert (second.label, second.share.rate) == (("CNV",), pytest.approx(1 / 3))
    assert (first.average_confidence, second.average_confidence) == (pytest.approx(0.7), pytest.approx(0.2))


def test_diseases_of_the_resulting_label_sets_by_hand():
    sets = [["Mass"], ["Mass", "Edema"], [], ["Edema"], ["Mass", "Nodule", "Edema"]]
    records = experiments(
        8, sets, task="multilabel", class_names=list(FINDINGS), normal_classes=[], label_before=["Nodule"]
    )
    numbers, kinds = resulting_diseases(records)
    assert numbers == {0: 1, 1: 2, 2: 1, 3: 1}
    assert list(kinds.items()) == [("Edema", 3), ("Mass", 3), ("Nodule", 1)]
    assert resulting_diseases([record(label_before=["PNEUMONIA"], label_after=["NORMAL"])]) == ({0: 1}, {})


labels = st.lists(st.sampled_from(FINDINGS), unique=True).map(sorted)


@settings(deadline=None)
@given(st.lists(st.tuples(labels, labels), max_size=30))
def test_counts_sum_to_the_successes_and_ratios_to_one(changes):
    records = [
        record(
            image_id=str(number),
            task="multilabel",
            class_names=list(FINDINGS),
            normal_classes=[],
            label_before=before,
            label_after=after,
        )
        for number, (before, after) in enumerate(changes)
    ]
    counts = transformation_counts(records)
    total = sum(sum(after.values()) for after in counts.values())
    assert total == success_rate(records).successes == sum(before != after for before, after in changes)
    assert all(before != after for before, results in counts.items() for after in results)
    ratios = transformation_ratios(counts)
    assert sum(ratios.values()) == pytest.approx(1 if total else 0)
    assert sum(one.share.successes for one in resulting_labels(records)) == total
    assert sum(resulting_diseases(records)[0].values()) == total
    crossed = conversions(records)
    assert crossed.disease_to_normal == dangerous_rate(records).successes
