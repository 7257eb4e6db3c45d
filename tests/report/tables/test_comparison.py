"""The table that compares choices of the search, from attacks made by hand."""

from support.handmade import attack_result, experiments

from jaxpix.report.runs.series import series_of
from jaxpix.report.tables.comparison import search_tables
from jaxpix.report.tables.study import tables_of

NORMAL, ILL = ["NORMAL"], ["PNEUMONIA"]


def attacks():
    paper = attack_result(experiments(10, [ILL] * 2, queries=4000, queries_to_first_hit=None))
    common = attack_result(
        experiments(10, [NORMAL, *[ILL] * 5], preset="scipy", queries=800, queries_to_first_hit=500),
        options={"preset": "scipy", "generations": 9},
    )
    return [paper, common]


def test_one_search_alone_is_not_compared() -> None:
    assert search_tables(series_of(attacks()[:1])) == []


def test_searches_are_compared_on_the_same_images() -> None:
    ((table, _),) = search_tables(series_of(attacks()))
    paper, common = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (paper["preset"], common["preset"]) == ("tsai2023", "scipy")
    assert (paper["bounds"], common["bounds"]) == ("clip", "redraw")
    assert paper["success"].startswith("20.0 %")
    assert common["success"].startswith("50.0 %")
    assert (paper["most queries allowed"], common["most queries allowed"]) == ("10,100", "4,000")
    assert common["median queries to the first hit"] == "500"
    assert common["mean queries of an experiment"] == "800"
    # Of images 0 to 5 the first search changed 0 and 1, the other 1 to 5: 1 against 4 alone.
    assert common["only the first / only this one, p"] == "1 / 4, p 0.38"
    assert paper["only the first / only this one, p"] == "–"


def test_other_images_or_another_victim_are_another_table() -> None:
    first, second = attacks()
    other = attack_result(second.records, options=second.options, dataset={"image_size": 64})
    assert search_tables(series_of([first, other])) == []


def test_the_report_has_it() -> None:
    keys = [table.key for table in tables_of(series_of(attacks()))]
    assert sum(key.startswith("00-search-") for key in keys) == 1
