"""The printed figures carry jaxpix's class names and agree with each other."""

import pytest

from jaxpix.data.registry import DATASETS
from jaxpix.report.paper.printed import PrintedResults, citation, printed_channels, printed_results, protocol

PAIRS = [(name, "resnet50") for name in ("derma", "pneumonia", "oct", "covid", "chest")] + [
    ("covid", "densenet121")
]


@pytest.mark.parametrize(("dataset", "architecture"), PAIRS)
def test_every_printed_class_is_one_of_the_registry_in_its_order(dataset, architecture):
    info, printed = DATASETS[dataset], printed_results(dataset, architecture)
    labels = {label for before, target, _ in printed.success for label in (before, target or ())}
    labels |= {after for _, after, _ in printed.resulting}
    for counts in printed.transformations.values():
        labels |= {*counts, *(after for results in counts.values() for after in results)}
    assert labels
    for label in labels:
        assert list(label) == sorted(label, key=info.class_names.index)
    assert printed.split in info.split_schemes
    assert all(0 <= rate.rate <= 1 for rate in printed.success.values())


@pytest.mark.parametrize(
    ("dataset", "architecture", "key", "rate", "confidence", "table"),
    [
        ("derma", "resnet50", (("df",), None, 1), 0.80, None, "Table 6"),
        ("pneumonia", "resnet50", (("NORMAL",), None, 3), 0.70, None, "Table 10"),
        ("oct", "resnet50", (("DRUSEN",), ("NORMAL",), 2), 0.03, None, "Table 11"),
        ("covid", "resnet50", (("COVID-19",), ("normal",), 3), 0.025, 0.653, "Table 12"),
        ("covid", "densenet121", (("normal",), None, 2), 0.17, 0.705, "Table 14"),
        ("chest", "resnet50", ((), None, 1), 0.95, None, "Table 15"),
    ],
)
def test_success_by_name(dataset, architecture, key, rate, confidence, table):
    found = printed_results(dataset, architecture).success[key]
    assert found.rate == pytest.approx(rate)
    assert (found.average_confidence, found.table) == (confidence, table)


def test_what_the_paper_does_not_have_is_absent():
    assert printed_results("pneumoniamnist", "resnet50") == PrintedResults({}, {}, {}, {}, {}, {})
    assert not printed_results("derma", "densenet121").success
    assert printed_results("derma", None).architectures == ("resnet50",)
    assert (("CNV",), None, 1) not in printed_results("oct", "resnet50").success
    assert not printed_results("covid", "densenet121").resulting
    assert printed_results("covid", "densenet121").architectures == ("resnet50", "densenet121")


def test_table_13_is_what_normal_images_became():
    printed = printed_results("covid", "resnet50")
    rate = printed.resulting[("normal",), ("COVID-19",), 1]
    assert (rate.rate, rate.average_confidence) == (pytest.approx(0.57), 0.878)
    assert printed.tables == {"resulting": "Table 13"}
    for count in (1, 2, 3):
        both = [printed.resulting[("normal",), (name,), count].rate for name in ("COVID-19", "pneumonia")]
        assert sum(both) == pytest.approx(1)


def test_of_two_classes_the_other_one_is_the_untargeted_aim():
    printed = printed_results("pneumonia", "resnet50").success
    for count in (1, 2, 3):
        assert printed[("PNEUMONIA",), ("NORMAL",), count] == printed[("PNEUMONIA",), None, count]
    assert printed[("NORMAL",), ("PNEUMONIA",), 1].rate == pytest.approx(0.64)
    assert not printed_results("pneumonia", "resnet14").success


def test_table_17_protocol_and_citation():
    assert printed_channels()[3].average_success == pytest.approx(0.25)
    assert printed_channels()[1].average_seconds == 169
    assert (protocol()["generations"], protocol()["image_size"], protocol()["per_class"]) == (100, 224, 100)
    assert citation().endswith("doi:10.3390/cancers15174228")
