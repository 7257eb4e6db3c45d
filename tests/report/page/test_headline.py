"""Sentences for people: the dangerous direction first, nothing overclaimed."""

from support.handmade import attack_result, experiments, record

from jaxpix.report.page.headline import headlines_of
from jaxpix.report.runs.series import series_of


def sentences(*attacks):
    (series,) = series_of(attacks)
    return headlines_of(series)


def pneumonia(hits_sick, hits_well, count=100, **changes):
    sick = experiments(count, [["NORMAL"]] * hits_sick, label_before=["PNEUMONIA"], **changes)
    well = experiments(count, [["PNEUMONIA"]] * hits_well, label_before=["NORMAL"], **changes)
    return sick + well


def test_disease_called_normal_comes_first_and_is_marked():
    first, second = sentences(attack_result(pneumonia(12, 64)))
    assert first.text == (
        "Changing one pixel made the classifier call 12 of 100 PNEUMONIA images normal (95 % interval 7–19.8 %)."
    )
    assert first.is_dangerous
    assert second.text.startswith(
        "Changing one pixel made the classifier call 64 of 100 normal images diseased"
    )
    assert not second.is_dangerous


def test_nothing_found_is_not_called_impossible():
    first, _ = sentences(attack_result(pneumonia(0, 1)))
    assert first.text == (
        "No change of one pixel was found that made the classifier call any of 100 PNEUMONIA images normal "
        "(95 % interval 0–3.7 %)."
    )


def test_the_word_synthetic_stays_in_the_sentence():
    for headline in sentences(attack_result(pneumonia(3, 4, synthetic=True))):
        assert "synthetic" in headline.text


def test_a_sentence_for_each_number_of_pixels():
    attacks = [attack_result(pneumonia(count, count, num_pixels=count)) for count in (3, 1, 2)]
    texts = [headline.text for headline in sentences(*attacks)]
    assert [text.split(" made")[0] for text in texts[:3]] == [
        "Changing one pixel",
        "Changing two pixels",
        "Changing three pixels",
    ]


def test_several_diseases_and_changes_within_them():
    classes = {"class_names": ["NORMAL", "CNV", "DME"], "normal_classes": ["NORMAL"]}
    records = experiments(10, [["NORMAL"], ["DME"]], label_before=["CNV"], **classes)
    records += experiments(10, [["NORMAL"]], label_before=["DME"], **classes)
    first, last = sentences(attack_result(records))
    assert "2 of 20 diseased images normal" in first.text
    assert "changed the label of 3 of 20 images (" in last.text


def test_a_targeted_attack_says_nothing_of_what_it_did_not_try():
    classes = {"class_names": ["NORMAL", "CNV", "DME"], "normal_classes": ["NORMAL"]}
    to_normal = experiments(10, [["NORMAL"]], label_before=["CNV"], target=["NORMAL"], **classes)
    (only,) = sentences(attack_result(to_normal))
    assert "1 of 10 CNV images normal" in only.text
    to_other = experiments(10, [["DME"]], label_before=["CNV"], target=["DME"], **classes)
    (only,) = sentences(attack_result(to_other))
    assert "changed the label of 1 of 10 images to DME" in only.text
    told = sentences(attack_result(to_normal), attack_result(to_other))
    assert [headline.is_dangerous for headline in told] == [True, False]


def test_equal_pixels_with_two_aims_are_told_apart():
    changes = {"label_before": ["CNV"], "class_names": ["NORMAL", "CNV", "DME"], "normal_classes": ["NORMAL"]}
    attacks = [
        attack_result(experiments(5, [["NORMAL"]], **changes)),
        attack_result(experiments(5, [["NORMAL"]], target=["NORMAL"], **changes)),
    ]
    texts = [headline.text for headline in sentences(*attacks) if headline.is_dangerous]
    assert sorted(text.rsplit(". ", 1)[1] for text in texts) == [
        "The search aimed at NORMAL.",
        "The search aimed at any other label.",
    ]


def test_label_sets_and_classes_that_say_nothing_of_disease():
    chest = {"task": "multilabel", "class_names": ["Mass", "Nodule"], "normal_classes": []}
    records = experiments(4, [[], ["Nodule"]], label_before=["Mass"], **chest)
    first, second = sentences(attack_result(records))
    assert "1 of 4 Mass images normal" in first.text
    assert "changed the label of 2 of 4 images" in second.text
    (only,) = sentences(attack_result([record(normal_classes=[], label_after=["PNEUMONIA"])]))
    assert only.text.startswith("Changing one pixel changed the label of 1 of 1 images")
