"""Tables of flags: which columns are some, what they say, and what is no flag."""

import re

import pytest

from jaxpix.errors import InputError
from jaxpix.prepare.sources.one_hot import is_flag, read_flags

HEADER = ("image", "MEL", "NV", "BCC")


@pytest.mark.parametrize(
    ("zero", "one"),
    [
        ("0", "1"),
        ("0.0", "1.0"),
        ("0.", "1."),
        ("False", "True"),
        ("false", "TRUE"),
        (" 0", "1 "),
        ("0.000000000000000000e+00", "1.000000000000000000e+00"),
    ],
)
def test_one_one_a_row_is_multiclass(zero, one):
    rows = [("a", one, zero, zero), ("b", zero, zero, one), ("c", zero, one, zero)]
    assert all(is_flag(cell) for row in rows for cell in row[1:])
    flags = read_flags(HEADER, rows, HEADER[1:], "t.csv")
    assert flags.task == "multiclass"
    assert flags.positives == (frozenset({"MEL"}), frozenset({"BCC"}), frozenset({"NV"}))
    assert flags.unused == ()


@pytest.mark.parametrize(
    ("rows", "positives"),
    [
        ([("a", "1", "1", "0"), ("b", "0", "1", "0")], ({"MEL", "NV"}, {"NV"})),
        ([("a", "1", "0", "0"), ("b", "0", "0", "0")], ({"MEL"}, set())),
        ([("a", "1", "1", "1"), ("b", "1", "1", "1")], ({"MEL", "NV", "BCC"},) * 2),
    ],
)
def test_several_ones_or_none_are_multilabel(rows, positives):
    flags = read_flags(HEADER, rows, HEADER[1:], "t.csv")
    assert (flags.task, flags.positives) == ("multilabel", tuple(map(frozenset, positives)))


def test_a_single_column_is_no_choice_between_classes():
    assert read_flags(("image", "ill"), [("a", "1"), ("b", "1")], ["ill"], "t.csv").task == "multilabel"


def test_only_the_chosen_columns_are_read():
    header = ("", "image", "NV", "age", "MEL", "fold")
    rows = [("0", "a", "1", "41", "0", "1"), ("1", "b", "0", "1", "1", "0")]
    flags = read_flags(header, rows, ["MEL", "NV"], "t.csv")
    assert (flags.task, flags.positives) == ("multiclass", (frozenset({"NV"}), frozenset({"MEL"})))


def test_a_class_without_an_image_is_named():
    rows = [("a", "1", "0", "0"), ("b", "0", "1", "0")]
    assert read_flags(HEADER, rows, HEADER[1:], "t.csv").unused == ("BCC",)


@pytest.mark.parametrize("value", ["", "-1", "-1.0", "0.3", "2", "nan", "yes", "01", "1.5", "1_0"])
def test_what_is_no_flag_is_refused_with_line_column_and_value(value):
    rows = [("a", "1", "0", "0"), ("b", "0", value, "0")]
    assert not is_flag(value)
    expected = f"t.csv, line 3, column 'NV': expected 0 or 1 (or 0.0, 1.0, True, False), got {value!r}"
    with pytest.raises(InputError, match=re.escape(expected)):
        read_flags(HEADER, rows, HEADER[1:], "t.csv")


@pytest.mark.parametrize(
    ("value", "advice"), [("", "a blank is not taken for 0"), ("-1", "CheXpert"), ("0.3", "a probability")]
)
def test_what_is_no_flag_is_explained(value, advice):
    with pytest.raises(InputError, match=advice):
        read_flags(HEADER, [("a", value, "0", "0")], HEADER[1:], "t.csv")


def test_lines_are_counted_as_the_caller_says():
    with pytest.raises(InputError, match="line 9, column 'MEL'"):
        read_flags(HEADER, [("a", "x", "0", "0")], HEADER[1:], "t.csv", line_numbers=[9])


def test_tables_that_fit_no_flags():
    with pytest.raises(InputError, match=r"line 2, column 'NV': .* got ''"):
        read_flags(HEADER, [("a", "1")], HEADER[1:], "t.csv")
    with pytest.raises(InputError, match="column 'DF' not found; got image, MEL, NV, BCC"):
        read_flags(HEADER, [("a", "1", "0", "0")], ["DF"], "t.csv")
    with pytest.raises(InputError, match="2 columns are called 'NV'"):
        read_flags(("image", "NV", "NV"), [("a", "1", "0")], ["NV"], "t.csv")
    for rows in ([], [("a", "0", "0", "0")]):
        with pytest.raises(InputError, match="no row has a 1 in any of the columns MEL, NV, BCC"):
            read_flags(HEADER, rows, HEADER[1:], "t.csv")
