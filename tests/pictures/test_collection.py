"""Records that show themselves."""

import pickle
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.finished import IDENTITY, IMAGE, finished, wrong
from support.some_records import some_record

from jaxpix import Records, read_records
from jaxpix.attack.run import AttackRun
from jaxpix.errors import InputError
from jaxpix.pictures.viewers import GivenPictures
from jaxpix.records.attacked import Group, Selection


@pytest.fixture
def folder(tmp_path):
    with AttackRun(tmp_path / "run", IDENTITY) as run:
        run.save(finished("<b>good</b>", success=True))
        run.save(finished("bad"))
        run.pass_over(wrong("c"))
        group = Group(("healthy",), [0, 1, 2], 4, 4)
        Selection([group], 3, passed_over=wrong("d & e")).save(tmp_path / "run")
    return tmp_path / "run"


def given(count, **changes):
    made = [
        some_record(str(number), success=number % 2 == 0, after="sick", **changes) for number in range(count)
    ]
    return Records(made, wrong("x"), GivenPictures(lambda name: IMAGE))


def test_a_success_finds_its_pictures_in_the_run_folder(folder):
    good, bad = read_records(folder)
    changed = IMAGE.copy()
    changed[4, 3] = 255
    np.testing.assert_array_equal(good.original_image(), IMAGE)
    np.testing.assert_array_equal(good.adversarial_image(), changed)
    assert good.show().size[0] > 300
    # Of failures the first few are kept; their change is painted anew.
    np.testing.assert_array_equal(bad.adversarial_image(), changed)
    for path in (folder / "originals").glob("bad-*"):
        path.unlink()
    for look in (bad.show, bad.original_image, bad.adversarial_image):
        with pytest.raises(
            InputError, match=r"no picture of 'bad' in .*those of successes and of few failures"
        ):
            look()
    (folder / good.image_file).unlink()
    with pytest.raises(InputError, match=r"no picture of '<b>good</b>' in .*is no file of"):
        good.show()
    assert "no picture of" in good._repr_html_()


def test_images_at_hand_are_painted(folder):
    record = given(1)[0]
    changed = IMAGE.copy()
    changed[4, 3] = 255
    np.testing.assert_array_equal(record.adversarial_image(), changed)
    np.testing.assert_array_equal(record.original_image(), IMAGE)


def test_a_viewer_is_no_part_of_a_record():
    record, plain = given(1)[0], some_record("0", success=True, after="sick")
    assert record == plain
    assert repr(record) == repr(plain)
    assert pickle.loads(pickle.dumps(record)) == plain
    assert plain._repr_html_() is None
    with pytest.raises(
        InputError, match="the record of '0' does not know its images; expected one that attack_images"
    ):
        plain.show()


def test_records_are_a_list(folder):
    records = read_records(folder)
    assert records == list(records)
    assert repr(records) == "<Records: 2 experiments, 1 successes; 2 images passed over>"
    part = records[:1]
    assert isinstance(part, Records)
    assert part.passed_over == records.passed_over == [*wrong("d & e"), *wrong("c")]
    assert records[-1].image_id == "bad"


def test_a_notebook_shows_pictures_and_escapes_names(folder):
    page = read_records(folder)._repr_html_()
    assert "2 experiments, 1 successes; 2 images passed over" in page
    assert page.count("data:image/png;base64,") == 4
    assert "&lt;b&gt;good&lt;/b&gt;" in page
    assert "<b>good" not in page
    assert "d &amp; e" in page
    single = read_records(folder)[0]._repr_html_()
    assert "<b>good" not in single
    assert single.count("data:image/png;base64,") == 1


def test_a_notebook_shows_some_of_many():
    page = given(50, synthetic=True)._repr_html_()
    assert page.count("<tr>") == 1 + 20 + 2
    assert "… and 30 more" in page
    assert "Synthetic images" in page
    assert Records()._repr_html_() == "<div><p>0 experiments, 0 successes.</p></div>"


def test_records_of_an_older_version_are_passed_over_for_reasons_unknown(folder):
    (folder / "selection.json").unlink()
    (folder / "journal.jsonl").write_text('{"passed_over": ["c"]}\n')
    assert read_records(folder).passed_over == [("c", "unknown", [])]


def test_pandas(folder):
    pandas = pytest.importorskip("pandas")
    with AttackRun(folder, IDENTITY) as run:
        run.finish(["<b>good</b>", "bad"])
    frame = read_records(folder).to_pandas()
    expected = pq.read_table(folder / "records.parquet").to_pandas()
    pandas.testing.assert_frame_equal(frame, expected)
    assert frame.success.sum() == 1


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        InputError, match="to_pandas needs pandas, which is not installed: pip install pandas"
    ):
        given(1).to_pandas()
