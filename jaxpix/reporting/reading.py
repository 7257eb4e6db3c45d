"""Finished (or unfinished) attacks, read from their run folders: all that a report is made of."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..record_files import read_passed_over, read_records
from ..records import Record
from ..runs import ABOUT, CONFIG, ENVIRONMENT, IDENTITY, SELECTION


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """One run folder of `jaxpix.attack`.

    Attributes:
        folder: where it lies; pictures are named relative to it by the records.
        records: one per finished experiment.
        num_experiments: how many images were chosen, without those that turned out to be misclassified; more
            than `records` while the attack is unfinished.
        asked: images wanted per label; None: every one.
        dataset, victim: what was attacked (`about.json`).
        environment: versions, device, date.
        options: the attack's options as its configuration file has them.
        data_fingerprint: of the prepared data set; None: the folder does not say.
    """

    folder: Path
    records: list[Record]
    num_experiments: int
    asked: int | None
    dataset: Mapping[str, Any]
    victim: Mapping[str, Any]
    environment: Mapping[str, Any]
    options: Mapping[str, Any]
    data_fingerprint: str | None = None

    @property
    def num_pixels(self) -> int:
        """K."""
        return self.records[0].num_pixels

    @property
    def target(self) -> tuple[str, ...] | None:
        """Label set to reach; None is untargeted."""
        target = self.records[0].target
        return None if target is None else tuple(target)

    @property
    def is_finished(self) -> bool:
        """Every chosen image has its record."""
        return len(self.records) == self.num_experiments


def read_attacks(paths: Sequence[Path]) -> list[AttackResult]:
    """Read run folders of attacks; a folder that holds such folders (a study) stands for all of them.

    Attacks without any record yet are passed over, unless nothing else is left.

    Raises:
        InputError: a path is no such folder, a file is damaged or missing, or there is no record at all.
    """
    folders: dict[Path, None] = {}
    for path in paths:
        found = [path] if _is_attack(path) else sorted(one for one in path.glob("*") if _is_attack(one))
        if not found:
            raise InputError(
                f"{path} is no run folder of an attack and holds none; expected {SELECTION} in it or one level below"
            )
        folders |= dict.fromkeys(found)
    attacks = [_read(folder) for folder in folders]
    results = [attack for attack in attacks if attack.records]
    if not results:
        raise InputError(f"no experiment has finished yet in {', '.join(map(str, folders))}")
    return results


def _is_attack(path: Path) -> bool:
    return (path / SELECTION).is_file()


def _read(folder: Path) -> AttackResult:
    about = _json(folder / ABOUT)
    selection = _json(folder / SELECTION)
    try:
        config = tomllib.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{folder / CONFIG} cannot be read: {error}") from None
    try:
        num_chosen = sum(len(group["indices"]) for group in selection["groups"])
        return AttackResult(
            folder,
            read_records(folder),
            num_chosen - len(read_passed_over(folder)),
            selection["asked"],
            about["dataset"],
            about["victim"],
            _json(folder / ENVIRONMENT),
            config["attack"],
            _json(folder / IDENTITY).get("data_fingerprint"),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is not what jaxpix.attack writes: {error!r}") from None


def _json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} cannot be read: expected an object, got {type(content).__name__}")
    return content
