"""SIGTERM and SIGINT at a door: exit status, the line that says how to go on, and patience."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

QUICK = """
print("open", flush=True)
time.sleep(60)
"""
CLEANING = """
try:
    print("open", flush=True)
    time.sleep(60)
finally:
    print("cleaned up", flush=True)
"""
DEAF = """
said = ["open"]
while True:
    try:
        while said:
            print(said.pop(), flush=True)
        time.sleep(60)
    except BaseException:
        print("not now", flush=True)
"""

TIDYING = """
class Tidied:
    def __del__(self):
        print("open", flush=True)
        time.sleep(1)
try:
    Tidied()
    time.sleep(60)
finally:
    print("cleaned up", flush=True)
"""


def opened(body, patience=5.0, ignored=False):
    """A process whose door does `body`, once it has said that it is open."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    code = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGINT, signal.{'SIG_IGN' if ignored else 'default_int_handler'})\n"
        "from jaxpix.terminal import interruption\n"
        "from jaxpix.terminal.console import run_door\n"
        f"interruption.PATIENCE_SECONDS = {patience}\n"
        f"def door(arguments):\n{lines}"
        "run_door(door, [])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "open\n"
    return process


def left(process):
    """Exit status, and what was said."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_one_line_and_the_status_that_shells_expect(number, status, word):
    process = opened(CLEANING)
    process.send_signal(number)
    line = f"{word}; the same command goes on from what is saved\n"
    assert left(process) == (status, "cleaned up\n", line)


def test_a_signal_is_not_lost_where_python_lets_no_exception_out():
    process = opened(TIDYING, patience=1000.0)
    process.send_signal(signal.SIGINT)
    line = "interrupted; the same command goes on from what is saved\n"
    assert left(process) == (130, "cleaned up\n", line)


ALARMED = f"""
signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
{DEAF}
"""


@pytest.mark.parametrize("body", [DEAF, ALARMED])
def test_who_does_not_listen_is_stopped_when_patience_ends(body):
    process = opened(body, patience=0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    status, out, err = left(process)
    assert (status, out) == (143, "not now\n")
    assert err.count("\n") == 1
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(second):
    process = opened(DEAF, patience=1000.0)
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "not now\n"
    assert process.poll() is None
    process.send_signal(second)
    status, _, err = left(process)
    assert status == 143
    assert err.count("the same command goes on") == 1


def test_what_is_ignored_stays_ignored():
    """As `nohup` and a shell's `&` have it."""
    process = opened(QUICK, ignored=True)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert left(process)[0] == 143


def test_a_door_that_ends_gives_the_signals_back():
    code = (
        "import os, signal, threading\n"
        "before = signal.getsignal(signal.SIGTERM)\n"
        "from jaxpix.terminal.console import run_door\n"
        "run_door(lambda arguments: None, [])\n"
        "threads = [thread.name for thread in threading.enumerate()]\n"
        "print(signal.getsignal(signal.SIGTERM) == before, threads, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == -signal.SIGTERM
    assert done.stdout == "True ['MainThread']\n"
