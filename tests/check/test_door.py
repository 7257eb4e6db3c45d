"""`jaxpix check` as a pipeline runs it."""

from xml.etree import ElementTree

import pytest
from support.drawn_runs import make_run

from jaxpix.check.__main__ import main
from jaxpix.errors import InputError

CLEAR, OPACITY = ["clear-like"], ["opacity-like"]


def status(*arguments):
    try:
        main(list(map(str, arguments)))
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """6 of 40 diseased images called normal: 15 %, 7.1 to 29.1 %."""
    outcomes = [(OPACITY, CLEAR)] * 6 + [(OPACITY, OPACITY)] * 34
    return make_run(tmp_path_factory.mktemp("runs") / "phantom-k1", outcomes, size=16)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--dangerous-rate", "5"], 1),
        (["--dangerous-rate", "30"], 0),
        (["--dangerous-rate", "20"], 3),
        # One above its limit decides, whatever the other says.
        (["--dangerous-rate", "5", "--success-rate", "20"], 1),
        (["--dangerous-rate", "30", "--success-rate", "20"], 3),
        (["--dangerous-rate", "30", "--success-rate", "30"], 0),
    ],
)
def test_exit_status(run, flags, code):
    assert status(run, *flags) == code


def test_a_line_and_a_test_case_for_each(run, tmp_path, capsys):
    file = tmp_path / "made" / "check.xml"
    assert status(run, "--dangerous-rate", 5, "--success-rate", 20, "--junit", file) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "FAILED: phantom-k1: dangerous rate 15.0 %, 6 of 40 (95 % interval 7.1–29.1 %), limit 5 %"
    )
    # 3.8415 * 0.16 / 0.05^2 = 245.9 images at 15 % against 20 %: 246, of which 40 are there.
    assert lines[1].startswith("undecided: phantom-k1: success rate 15.0 %")
    assert lines[1].endswith("about 206 more images at this rate would settle it")
    assert len(ElementTree.parse(file).findall(".//testcase")) == 2


def test_a_run_without_records_is_an_error_even_beside_others(run, tmp_path):
    empty = make_run(tmp_path / "empty", [(OPACITY, CLEAR)], size=16)
    for path in (*empty.glob("journal*"), *empty.glob("records*")):
        path.unlink()
    with pytest.raises(InputError, match=r"no experiment has finished yet in .*empty$"):
        status(run, empty, "--success-rate", 20)


def test_what_is_missing_is_asked_for(run):
    with pytest.raises(InputError, match="which attacks"):
        status("--success-rate", 20)
    with pytest.raises(InputError, match="which limit"):
        status(run)
