"""The folder of a run, be it a training, an attack or a study: who works in it, and what it must match to go on.

config.toml        the options, resolved
environment.json   versions, devices, date
identity.json      what decides the results: a run that goes on must match all of it
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .documents import read_json
from .environment import describe_environment
from .files import remove_unfinished, write_atomically
from .locks import hold

CONFIG, ENVIRONMENT, IDENTITY = "config.toml", "environment.json", "identity.json"


class RunFolder:
    """The folder of one run.

    Args:
        path: created when it is held.
        kind: what is done in it, such as "attack"; for messages.
    """

    def __init__(self, path: Path, kind: str):
        self.path, self.kind = Path(path), kind

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process alone.

        Raises:
            InputError: it cannot be written, or another process holds it.
        """
        busy = f"another process is working on the {self.kind} in {self.path}; wait for it or choose another --run"
        with hold(self.path / ".lock", f"the run folder {self.path}", busy):
            yield

    def match(self, identity: Mapping[str, Any]) -> None:
        """Refuse another run than the one whose results are here.

        Raises:
            InputError: `identity` is not the stored one (names what differs), or that is damaged.
        """
        before, now = read_json(self.path / IDENTITY), _plain(identity)
        changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        if changed:
            what = "; ".join(
                f"{key}: it has {before.get(key)!r}, now asked {now.get(key)!r}" for key in changed
            )
            raise InputError(
                f"{self.path} holds another {self.kind} ({what}); choose another --run, or delete the folder"
            )

    def bind(self, identity: Mapping[str, Any], *, has_results: bool) -> bool:
        """Go on with the run that is here, or begin one: a folder without results binds nobody.

        What writers that were killed have left is removed.

        Args:
            identity: JSON-able values that decide the results.
            has_results: something that was computed is kept here.

        Returns:
            Whether the run that was here before, if any, is this one.

        Raises:
            InputError: the results here are another run's, or the folder is damaged.
        """
        path = self.path / IDENTITY
        if path.is_dir():
            raise InputError(f"{path} is a folder, expected a file; choose another --run")
        is_same = self._holds(identity)
        if not is_same:
            if has_results and path.exists():
                self.match(identity)
            self.store_json(IDENTITY, identity)
        remove_unfinished(self.path)
        return is_same

    def _holds(self, identity: Mapping[str, Any]) -> bool:
        try:
            return read_json(self.path / IDENTITY) == _plain(identity)
        except InputError:
            return False

    def describe(self, config_text: str, **more: Any) -> None:
        """Keep the resolved options and what they run on; `more` is added to the environment."""
        self.store_text(CONFIG, config_text)
        self.store_json(ENVIRONMENT, {**describe_environment(), **more})

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.path / name).exists()

    def store_json(self, name: str, content: Any) -> None:
        """Write a JSON file of this folder, atomically."""
        self.store_text(name, json.dumps(content, indent=1) + "\n")

    def store_text(self, name: str, content: str) -> None:
        """Write a text file of this folder, atomically."""
        write_atomically(self.path / name, content)


def _plain(identity: Mapping[str, Any]) -> Any:
    """As it comes back from a file: tuples are lists."""
    return json.loads(json.dumps(identity))
