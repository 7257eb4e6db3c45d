"""Whatever a table means, it is read as that or refused; never as anything else."""

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import made_trees as made

from jaxpix.data.registry import CHEST_LABELS
from jaxpix.errors import InputError
from jaxpix.prepare.sources.one_hot import is_flag, read_flags
from jaxpix.victim.class_order import order_of

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.lists(
    st.sampled_from(["COVID", "1", "2", "normal", "a(1)", "rsna", "x.png", "COVID-19"]),
    min_size=1,
    max_size=3,
).map(" ".join)
LINES = st.lists(
    st.tuples(
        WORDS,
        st.builds("{}{}".format, WORDS, st.sampled_from([".png", ".jpg", ".JPG"])),
        st.sampled_from(["normal", "pneumonia", "COVID-19"]),
        st.sampled_from(["rsna", "cohen", "normal"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda line: line[1].lower(),
)
SURE = [
    ("p", f"sure{number}.png", name, "rsna")
    for number, name in enumerate(("normal", "pneumonia", "COVID-19"))
]


@given(train=LINES, test=LINES, absent=st.integers(0, 20), allow_missing=st.booleans())
@QUICK
def test_lists_of_covidx(train, test, absent, allow_missing):
    """Patients and files of any words; one of the files may be absent."""
    meant = {("train", line) for line in train + SURE} | {("test", line) for line in test + SURE}
    files = {f"{split}/{line[1]}": b"x" for split, line in sorted(meant)}
    gone = sorted(files)[absent] if absent < len(files) else None
    lists = {
        f"{name}_COVIDx9A.txt": "\n".join(
            " ".join(line) for split, line in sorted(meant) if split == name
        ).encode()
        for name in ("train", "test")
    }
    expected = {
        (
            f"{split}/{name}",
            ("normal", "pneumonia", "COVID-19").index(class_name),
            f"{origin} {patient}",
            split,
        )
        for split, (patient, name, class_name, origin) in meant
        if f"{split}/{name}" != gone
    }
    with tempfile.TemporaryDirectory() as folder:
        there = {name: content for name, content in files.items() if name != gone}
        source = made.pack(Path(folder) / "a.zip", there | lists)
        try:
            found = made.listing("covid", source, allow_missing=allow_missing)
        except InputError:
            return
    assert {(item.member, item.label, item.group, item.split) for item in found.items} == expected


FINDINGS = st.lists(st.sampled_from(CHEST_LABELS), unique=True, max_size=3)
SPELLINGS = st.sampled_from(
    [str, str.lower, str.upper, lambda text: text.replace("_", " "), lambda text: text.replace("|", ", ")]
)


@given(rows=st.lists(FINDINGS, min_size=2, max_size=6), spell=SPELLINGS, delimiter=st.sampled_from(",;\t"))
@QUICK
def test_tables_of_chestxray14(rows, spell, delimiter):
    lines = [delimiter.join(("Image Index", "Finding Labels", "Patient ID"))]
    for number, findings in enumerate(rows):
        cell = spell("|".join(findings) or "No Finding")
        lines.append(delimiter.join((f"{number}.png", f'"{cell}"', str(number))))
    files = {f"images/{number}.png": b"x" for number in range(len(rows))}
    files["Data_Entry_2017.csv"] = "\n".join(lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        found = made.listing("chest", made.pack(Path(folder) / "a.zip", files), split="patient")
    assert [{CHEST_LABELS[label] for label in item.label} for item in found.items] == [
        set(row) for row in rows
    ]


@given(
    rows=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=5),
    words=st.sampled_from([("0", "1"), ("0.0", "1.0"), ("False", "True")]),
    spoilt=st.one_of(st.none(), st.sampled_from(["", "-1", "0.5", "2", "nan"])),
)
@QUICK
def test_flags(rows, words, spoilt):
    header = ("image", "a", "b", "c")
    cells = [("x", *(words[flag] for flag in row)) for row in rows]
    if spoilt is not None:
        cells[-1] = (*cells[-1][:-1], spoilt)
        assert [is_flag(cell) for cell in cells[-1][1:]] == [True, True, False]
    try:
        flags = read_flags(header, cells, header[1:], "t.csv")
    except InputError:
        flags = None
    assert (flags is None) == (spoilt is not None or not any(map(any, rows)))
    if flags is None:
        return
    assert flags.positives == tuple(
        frozenset(name for name, flag in zip("abc", row, strict=True) if flag) for row in rows
    )
    assert (flags.task == "multiclass") == all(sum(row) == 1 for row in rows)


NAMES = st.lists(st.text("aA_ b1", min_size=1, max_size=4), min_size=2, max_size=5, unique=True)


@given(names=NAMES, data=st.data())
@QUICK
def test_orders_of_classes(names, data):
    """A shuffled copy is matched to the very same names; whatever is matched differs in case, spaces and `_` only."""
    shuffled = data.draw(st.permutations(names))
    assert [shuffled[place] for place in order_of(shuffled, names)] == names
    other = data.draw(NAMES)
    order = order_of(other, names)
    if order is not None:
        assert sorted(order) == list(range(len(other)))
        for place, name in zip(order, names, strict=True):
            alike = [re.sub(r"[\s_]+", " ", one).strip().lower() for one in (other[place], name)]
            assert alike[0] == alike[1]
