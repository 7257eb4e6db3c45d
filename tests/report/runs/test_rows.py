"""Tables of attacks on many label sets: the commonest have rows of their own, and nothing is lost from the others."""

import itertools

import pytest
from support.handmade import attack_result, record

from jaxpix.report.exports.summary import summary_of
from jaxpix.report.runs.series import Series, series_of
from jaxpix.report.table import MOST_ROWS, Table
from jaxpix.report.tables.study import tables_of

CLASSES = [f"finding {number}" for number in range(12)]
LABELS = [[], *map(list, itertools.combinations(CLASSES, 2))]


def attack_on(labels: list[list[str]], target: list[str] | None = None):
    """The first label is attacked 3 times, the last one twice, all others once; the first of each succeeds."""
    counts = [3, *[1] * (len(labels) - 2), 2]
    records = [
        record(
            task="multilabel",
            class_names=CLASSES,
            normal_classes=[],
            target=target,
            fitness="cosine",
            image_id=f"{place}-{number}",
            label_before=label,
            # One more finding than before: as many different label sets again.
            label_after=label if number else sorted({*label, CLASSES[place % 12]}, key=CLASSES.index),
            success=number == 0 and CLASSES[place % 12] not in label,
        )
        for place, (label, count) in enumerate(zip(labels, counts, strict=True))
        for number in range(count)
    ]
    return attack_result(records, asked=None)


@pytest.fixture(scope="module")
def series() -> Series:
    (found,) = series_of([attack_on(LABELS)])
    return found


def table(series: Series, start: str) -> Table:
    return next(one for one in tables_of([series]) if one.key.startswith(start))


def test_few_labels_keep_their_order_and_the_most_attacked_of_many_come_first(series):
    (few,) = series_of([attack_on(LABELS[:MOST_ROWS])])
    assert [row.aims[0] for row in few.rows()] == list(few.cells)
    rows = series.rows()
    assert len(rows) == MOST_ROWS + 1
    assert [row.name for row in rows[:2]] == ["Normal", "finding 10, finding 11"]
    assert rows[-1].name == f"{len(LABELS) - MOST_ROWS} others together"
    assert sorted(aim.before for row in rows for aim in row.aims) == sorted(map(tuple, LABELS))


def test_every_target_has_others_of_its_own():
    targets = [["finding 0"], ["finding 1"]]
    (several,) = series_of([attack_on(LABELS, target) for target in targets])
    names = [row.name for row in several.rows()]
    assert len(names) == 2 * MOST_ROWS + 2
    assert names[-2:] == [f"27 others together to {target[0]}" for target in targets]


def test_rows_add_up_to_all_experiments(series):
    made = table(series, "01")
    counts = [row[1].rpartition(", ")[2].split("/") for row in made.rows]
    records = series.records(1)
    assert sum(int(count[0]) for count in counts) == sum(record.success for record in records)
    assert sum(int(count[1]) for count in counts) == len(records) == len(LABELS) + 3
    assert any("the others together" in note for note in made.notes)


def test_transformations_add_up_to_all_successes(series):
    made = table(series, "04")
    assert len(made.columns) == MOST_ROWS + 2
    assert len(made.rows) == MOST_ROWS + 1
    assert made.columns[-1] == "27 others together"
    numbers = [int(cell) for row in made.rows for cell in row[1:] if cell != "–"]
    assert sum(numbers) == sum(record.success for record in series.records(1))
    # Some of the others became some of the others.
    assert made.rows[-1][-1] != "–"
    assert "27 others together 27" in made.notes[1]


def test_ratios_add_up_to_one(series):
    made = table(series, "05")
    assert len(made.rows) == MOST_ROWS + 1
    assert sum(float(row[1].removesuffix(" %")) for row in made.rows) == pytest.approx(100, abs=0.3)


def test_the_summary_holds_every_label(series):
    (summary,) = summary_of([series])["series"]
    assert sorted(cell["before"] for cell in summary["cells"]) == sorted(map(tuple, LABELS))
