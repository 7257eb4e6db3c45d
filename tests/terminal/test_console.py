import pytest

from jaxpix.errors import InputError
from jaxpix.terminal import console
from jaxpix.terminal.console import Meter, run_door


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(console.time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_log_gets_a_line_now_and_then(clock, capsys):
    with Meter("storing", 100, "images") as meter:
        for _ in range(50):
            clock.now += 1.0
            meter.advance()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0] == "storing: 11/100 images · 1.0 images/s · 1:29 left · 0:11"
    assert lines[-1].startswith("storing: 50/100 images")


def test_slow_things_are_counted_by_the_minute_and_resumed_ones_do_not_count(clock, capsys):
    with Meter("attack", 40, "experiments", already=30) as meter:
        clock.now += 120.0
        meter.advance(4, "2 successes")
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "attack: 34/40 experiments · 2.0 experiments/min · 3:00 left · 2 successes · 2:00"


def test_input_errors_end_with_status_2_and_one_line(capsys):
    def door(arguments):
        raise InputError(f"expected 1, got {arguments[0]} [not markup]")

    with pytest.raises(SystemExit) as stop:
        run_door(door, ["2"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: expected 1, got 2 [not markup]\n"


def test_a_bug_keeps_its_traceback():
    def door(arguments):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_door(door, [])


def test_an_interruption_says_how_to_go_on(capsys):
    def door(arguments):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        run_door(door, [])
    assert stop.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err
