"""`jaxpix DOOR …`: the same doors as `python -m jaxpix.DOOR`."""

import importlib
import sys

from .terminal.console import run_door, say
from .version import __version__

DOORS = {
    "prepare": "make a data set ready for training and attack",
    "train": "train a classifier, the later victim",
    "attack": "attack a victim by differential evolution",
    "report": "tables, figures and one HTML page from finished attacks",
    "study": "train, attack and report as a configuration file says",
    "bench": "measure speed, beside other libraries or on a whole data set",
}


def main() -> None:
    """Dispatch to a door by its name."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        say(__version__)
        return
    if not arguments or arguments[0] not in DOORS:
        say("usage: jaxpix DOOR [OPTIONS], or python -m jaxpix.DOOR; --help after a door lists its options")
        for name, purpose in DOORS.items():
            say(f"  {name:<10}{purpose}")
        sys.exit(0 if arguments in ([], ["--help"], ["-h"]) else 2)
    door = importlib.import_module(f".{arguments[0]}.__main__", __package__)
    run_door(door.main, arguments[1:])


if __name__ == "__main__":
    main()
