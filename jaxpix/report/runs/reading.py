"""Finished (or unfinished) attacks, read from their run folders: all that a report is made of."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from ...errors import InputError
from ...labels import aim_text
from ...metrics.chance import doubts_of_judged, doubts_of_test
from ...records.attacked import ABOUT, SELECTION, Group, Selection, load_about
from ...records.files import each_record, read_passed_over, read_reasons
from ...records.maps import SweepMaps, read_maps
from ...records.record import Record
from ...storage.documents import load, read_json
from ...storage.run_folder import CONFIG, ENVIRONMENT, IDENTITY
from ...storage.settings import read_toml
from ..table import pixels_text
from .contents import check_records, options_of
from .defences import CLEAN, DEFENCES, undefended_runs


@with_config(ConfigDict(strict=True))
class _Identity(TypedDict):
    data_fingerprint: NotRequired[str]


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
        groups: images by label, as they were chosen; none where nobody knows.
        doubts: sentences on a victim that knows no more than chance does (`metrics.chance`).
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
    doubts: Sequence[str] = ()
    groups: Sequence[Group] = ()

    @functools.cached_property
    def maps(self) -> dict[str, SweepMaps]:
        """What exhaustive searches found, by image id, read once for all tables and figures (`read_maps`)."""
        swept = (one.image_id for one in self.records if one.exhaustive_flips is not None)
        return read_maps(self.folder, swept, self.dataset["image_size"])

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
    def name(self) -> str:
        """Its pixels and its aim, which tell it from others of a series: `1 pixel, untargeted`."""
        return f"{pixels_text(self.num_pixels)}, {aim_text(self.target)}"

    @property
    def is_finished(self) -> bool:
        """Every chosen image has its record."""
        return len(self.records) == self.num_experiments


def read_attacks(paths: Sequence[Path], *, passing_over: bool = True) -> list[AttackResult]:
    """Read run folders of attacks; a folder that holds such folders (a study) stands for all of them.

    Args:
        paths: where to look.
        passing_over: attacks without any record yet are passed over, unless nothing else is left; False: refused.

    Raises:
        InputError: a path is no such folder, a file is damaged or missing, or there is no record at all.
    """
    folders: dict[Path, None] = {}
    for path in paths:
        found = _attacks_in(path)
        if not found:
            raise InputError(
                f"{path} is no run folder of an attack and holds none; expected {SELECTION} in it or one level below"
            )
        folders |= dict.fromkeys(found)
    attacks = [_read(folder) for folder in folders]
    results = [attack for attack in attacks if attack.records]
    if not results or (len(results) < len(attacks) and not passing_over):
        folders = {one.folder: None for one in attacks if not one.records}
        raise InputError(f"no experiment has finished yet in {', '.join(map(str, folders))}")
    return results


def _attacks_in(path: Path) -> list[Path]:
    """The attack at this place, or those one level below; of a measurement of defences those without defence."""
    if _is_attack(path):
        return [path]
    if (path / DEFENCES).is_file():
        return [one for run in undefended_runs(path) for one in _attacks_in(run)]
    found = sorted(one for one in path.glob("*") if _is_attack(one))
    # Beside the attacks through a defence lie those that check the evaluation, of fewer and other images.
    is_variant = (path / CLEAN).is_file()
    return [one for one in found if not (is_variant and one.name.startswith("check-"))]


def _is_attack(path: Path) -> bool:
    return (path / SELECTION).is_file()


def _read(folder: Path) -> AttackResult:
    for name in (ABOUT, SELECTION, IDENTITY, CONFIG, ENVIRONMENT):
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{folder / name} is a link out of its folder; put the file itself there")
    about, selection = load_about(folder), Selection.load(folder)
    identity = load(folder / IDENTITY, _Identity)
    options = options_of(read_toml(folder / CONFIG), f"{folder / CONFIG}: ")
    records = list(each_record(folder))
    check_records(records, about, options, str(folder))
    data = about["dataset"]
    judged = doubts_of_judged(selection, data["task"], data["class_names"], records, read_reasons(folder))
    return AttackResult(
        folder,
        records,
        selection.total - len(read_passed_over(folder)),
        selection.asked,
        about["dataset"],
        about["victim"],
        read_json(folder / ENVIRONMENT),
        options,
        identity.get("data_fingerprint"),
        [*doubts_of_test(about["victim"]["test_metrics"]), *judged],
        selection.groups,
    )
