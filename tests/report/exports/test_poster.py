"""`report --poster`: one picture of the most dangerous success."""

import shutil

import numpy as np
import pytest
from PIL import Image
from support.drawn_runs import make_run
from support.handmade import record

from jaxpix.metrics.transformations import is_dangerous
from jaxpix.pictures import poster
from jaxpix.report.__main__ import main
from jaxpix.report.exports.poster import POSTER, write_poster
from jaxpix.report.page.lead import lead_of
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of

CLEAR, OPACITY, NODULE = ["clear-like"], ["opacity-like"], ["nodule-like"]


@pytest.fixture
def drawn(monkeypatch):
    """What the poster was told: record and words."""
    told = []
    real = poster.draw_poster

    def noted(one, original, adversarial, text):
        told.append((one, text))
        return real(one, original, adversarial, text)

    monkeypatch.setattr("jaxpix.report.exports.poster.draw_poster", noted)
    return told


def test_disease_called_normal_is_shown_before_any_surer_success(tmp_path, drawn):
    outcomes = (
        [(CLEAR, OPACITY)] * 5 + [(OPACITY, CLEAR)] * 4 + [(NODULE, OPACITY)] * 5 + [(OPACITY, OPACITY)] * 6
    )
    run = make_run(tmp_path / "run", outcomes, size=16)
    assert write_poster(read_attacks([run]), tmp_path / POSTER) is None
    ((one, text),) = drawn
    assert (one.label_before, one.label_after) == (OPACITY, CLEAR)
    dangerous = [record for record in read_attacks([run])[0].records if is_dangerous(record)]
    assert max(found.confidences_after[0] for found in dangerous) == one.confidences_after[0]
    # 4 of 15 diseased, 14 of all 20.
    assert text.verdict.startswith(
        "Changing one pixel made the classifier call 4 of 15 synthetic diseased images normal"
    )
    assert text.figures[0] == ("26.7 %", "disease called normal", "95 % interval 10.9–52 %, 4 of 15 images")
    assert text.figures[1] == ("70 %", "label changed", "95 % interval 48.1–85.5 %, 14 of 20 images")
    assert text.mark == "synthetic"
    assert text.is_dangerous


def test_the_file_is_a_slide_with_both_pictures_on_it(tmp_path):
    run = make_run(tmp_path / "run", [(OPACITY, CLEAR)], size=16)
    assert write_poster(read_attacks([run]), tmp_path / POSTER) is None
    with Image.open(tmp_path / POSTER) as opened:
        slide = np.asarray(opened.convert("RGB"))
    assert slide.shape == (900, 1600, 3)
    (attack,) = read_attacks([run])
    change = attack.records[0].pixels[0]
    side = 430 / 16
    y, x = round(262 + (change.y + 0.5) * side), round(60 + (change.x + 0.5) * side)
    # The pixel's values in the original, and 460 to the right of it in the adversarial image.
    assert slide[y, x].tolist() == change.before * 3
    assert slide[y, x + 460].tolist() == change.after * 3


def test_the_fewest_pixels_win_among_the_equally_sure(tmp_path, drawn):
    runs = [
        make_run(tmp_path / str(count), [(OPACITY, CLEAR)], size=16, num_pixels=count, image_id=f"k{count}")
        for count in (3, 1)
    ]
    assert write_poster(read_attacks(runs), tmp_path / POSTER) is None
    ((one, text),) = drawn
    told = {1: "one pixel", 3: "three pixels"}[one.num_pixels]
    assert f"Changing {told} " in text.verdict


def test_without_normal_the_surest_change_is_shown(tmp_path, drawn):
    run = make_run(
        tmp_path / "run",
        [(["a"], ["b"]), (["a"], ["a"])],
        size=16,
        class_names=["a", "b"],
        normal_classes=[],
        synthetic=False,
        about={"synthetic": False, "note": "resized by others"},
    )
    assert write_poster(read_attacks([run]), tmp_path / POSTER) is None
    ((_, text),) = drawn
    assert not text.is_dangerous
    assert text.mark == ""
    assert text.cautions == ["Resized by others."]
    assert text.figures[0][1] == "label changed"


def test_without_a_success_the_nearest_miss_is_shown(tmp_path, drawn):
    run = make_run(tmp_path / "run", [(OPACITY, OPACITY)] * 3, size=16)
    attacks = read_attacks([run])
    assert write_poster(attacks, tmp_path / POSTER) is None
    ((one, text),) = drawn
    lead = lead_of(series_of(attacks))
    assert one == lead.record
    assert not one.success
    assert text.verdict == (
        "No change of one pixel was found that made the classifier call any of 3 synthetic opacity-like images "
        "normal."
    )
    assert text.after.startswith("still opacity-like")
    assert text.cautions[0].startswith("“None found” is not “robust”")
    assert text.attacked == lead.attacked
    with Image.open(tmp_path / POSTER) as opened:
        slide = np.asarray(opened.convert("RGB"))
    change, side = one.pixels[0], 430 / 16
    y, x = round(262 + (change.y + 0.5) * side), round(60 + (change.x + 0.5) * side)
    assert slide[y, x + 460].tolist() == change.after * 3


def test_without_any_picture_that_is_said(tmp_path):
    nothing = make_run(tmp_path / "nothing", [(OPACITY, OPACITY)], size=16)
    shutil.rmtree(nothing / "originals")
    assert (
        write_poster(read_attacks([nothing]), tmp_path / POSTER)
        == "the pictures of the nearest misses are not there"
    )
    missing = make_run(tmp_path / "missing", [(OPACITY, CLEAR)], size=16)
    shutil.rmtree(missing / "originals")
    assert (
        write_poster(read_attacks([missing]), tmp_path / POSTER)
        == "the pictures of the successes are not there"
    )
    assert not (tmp_path / POSTER).exists()


def test_from_the_command_line(tmp_path, capsys):
    run = make_run(tmp_path / "run", [(OPACITY, CLEAR)], size=16)
    main([str(run), "--out", str(tmp_path / "out"), "--poster"])
    assert "poster: " in capsys.readouterr().out
    with Image.open(tmp_path / "out" / POSTER) as slide:
        assert slide.size == (1600, 900)


@pytest.mark.parametrize(
    "name",
    ["x" * 400, "word " * 80, "مرحبا 中文", "", "a\nb"],
    ids=["long", "words", "scripts", "empty", "lines"],
)
def test_any_words_stay_on_the_slide(name):
    one = record(label_after=["PNEUMONIA"])
    image = np.full((16, 16, 1), 90, np.uint8)
    figures = [(name, name, name)] * 3
    text = poster.PosterText(name, name, name, figures, True, name, [name], name[:20])
    drawn = np.asarray(poster.draw_poster(one, image, image, text))
    # Nothing is written into the margin on the right or at the bottom.
    assert (drawn[:, -50:] == drawn[0, 0]).all()
    assert (drawn[-10:] == drawn[0, 0]).all()
