"""What `jaxpix.defend` measured, as its `defences.json` holds it and as a report reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ...errors import InputError
from ...metrics.rates import Rate
from ...storage.documents import load

DEFENCES = "defences.json"
"""The file, in the folder of a measurement."""
CLEAN = "clean.json"
"""Beside the attacks through a defence: which images it misclassifies untouched."""
NONE = "none"
"""The defence of a victim that has none."""

_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Points = Annotated[float, Field(ge=-1, le=1)]


@with_config(ConfigDict(strict=True))
class PlainRate(TypedDict):
    """A rate; None: of nothing."""

    successes: _Count
    experiments: _Count
    rate: _Share | None
    low: _Share
    high: _Share


@with_config(ConfigDict(strict=True))
class PlainChange(TypedDict):
    """Paired rates: the second minus the first, -1..1, its interval, and McNemar's test."""

    both: _Count
    only_first: _Count
    only_second: _Count
    neither: _Count
    first: PlainRate
    second: PlainRate
    difference: _Points | None
    low: _Points
    high: _Points
    p_value: _Share


@with_config(ConfigDict(strict=True))
class PlainLine(TypedDict):
    """One check; `says` holds its numbers, or why it was not run."""

    name: str
    verdict: Literal["pass", "fail", "not run"]
    says: str


@with_config(ConfigDict(strict=True))
class Defended(TypedDict):
    """One victim behind one defence, or without any."""

    victim: str
    defence: str
    victim_id: str
    defences: list[str]
    folder: str
    clean_accuracy: PlainRate
    clean_change: PlainChange | None
    transferred_success: PlainRate | None
    adaptive_success: dict[str, PlainRate]
    made_for: dict[str, PlainRate]
    worst_case_accuracy: PlainRate
    worst_case_change: PlainChange | None
    milliseconds_per_image: Annotated[float, Field(ge=0)]
    checks: list[PlainLine]


@with_config(ConfigDict(strict=True))
class Measurement(TypedDict):
    """All of a run; files from before have no title."""

    schema_version: int
    title: NotRequired[str]
    dataset: str
    synthetic: bool
    note: str | None
    subset: str
    num_clean_images: _Count
    num_attacked_images: _Count
    num_pixels: Annotated[int, Field(ge=1)]
    check_images: NotRequired[_Count]
    variants: Annotated[list[Defended], Field(min_length=1)]


def rate_of(plain: PlainRate) -> Rate:
    """The rate with its words."""
    share = math.nan if plain["rate"] is None else plain["rate"]
    return Rate(plain["successes"], plain["experiments"], share, plain["low"], plain["high"])


def victims_of(measurement: Measurement) -> list[str]:
    """The undefended victims, in order."""
    return list(dict.fromkeys(row["victim"] for row in measurement["variants"]))


def attacks_of(measurement: Measurement) -> list[str]:
    """Names of the attacks that went through every defence."""
    return list(measurement["variants"][0]["adaptive_success"])


def title_of(measurement: Measurement) -> str:
    """Number of pixels, data set, and the victim where there is one."""
    victims = victims_of(measurement)
    alone = f", {victims[0]}" if len(victims) == 1 else ""
    title = measurement.get("title", measurement["dataset"])
    return f"Defences, K = {measurement['num_pixels']}: {title}{alone}"


def caution_of(measurement: Measurement) -> str:
    """What stands beside every figure: synthetic images, and the note of whoever prepared the data; or ""."""
    drawn = "Synthetic images, drawn by jaxpix; no patient." if measurement["synthetic"] else ""
    return " ".join(filter(None, (drawn, measurement["note"])))


def standings_of(measurement: Measurement) -> Iterator[tuple[str, Rate, tuple[str, Rate] | None]]:
    """Of each victim: the worst case without any defence, and that of the best defence, None where there is none."""
    for victim in victims_of(measurement):
        rows = [row for row in measurement["variants"] if row["victim"] == victim]
        (_, none), *others = ((row["defence"], rate_of(row["worst_case_accuracy"])) for row in rows)
        yield victim, none, max(others, key=lambda item: item[1].rate, default=None)


def verdicts_of(measurement: Measurement) -> list[str]:
    """A sentence for each victim: what its best defence leaves standing, against none."""
    said = []
    for victim, none, best in standings_of(measurement):
        text = f"{victim}: without defence {none.text()} stay correct under every attack"
        if best is not None:
            name, left = best
            text += f"; best {name}, {left.text()}" if left.rate > none.rate else "; no defence leaves more"
        said.append(f"{text}.")
    return said


def doubts_of(measurement: Measurement) -> list[str]:
    """Checks that failed."""
    return [
        f"{row['victim']}, {row['defence']}: {line['name']}: failed ({line['says']})"
        for row in measurement["variants"]
        for line in row["checks"]
        if line["verdict"] == "fail"
    ]


def checked_text(row: Defended) -> str:
    """How many checks passed, failed and were not run."""
    verdicts = [line["verdict"] for line in row["checks"]]
    words = (("pass", "passed"), ("fail", "failed"), ("not run", "not run"))
    return ", ".join(f"{verdicts.count(one)} {said}" for one, said in words if one in verdicts)


def read_measurements(paths: Sequence[Path]) -> list[Measurement]:
    """Measurements of defences in these folders, or that runs among them are of; each once.

    Raises:
        InputError: a file is damaged, or lies outside its folder.
    """
    folders: dict[Path, Measurement] = {}
    for path in paths:
        for folder, inner in ((path, None), (path.parent, path.name), (path.parent.parent, path.parent.name)):
            if folder.resolve() in folders or not (folder / DEFENCES).is_file():
                continue
            if not (folder / DEFENCES).resolve().is_relative_to(folder.resolve()):
                raise InputError(
                    f"{folder / DEFENCES} is a link out of its folder; put the file itself there"
                )
            found = load(folder / DEFENCES, Measurement)
            # A folder above that only happens to hold a measurement has nothing to do with the run.
            if inner is None or inner in {row["folder"] for row in found["variants"]}:
                folders[folder.resolve()] = found
    return list(folders.values())


def undefended_runs(folder: Path) -> Iterator[Path]:
    """Folders of a measurement that hold attacks on victims without defence; those behind one are named by users."""
    for row in load(folder / DEFENCES, Measurement)["variants"]:
        # Nobody's file leads out of its folder.
        if row["defence"] == NONE and Path(row["folder"]).name == row["folder"]:
            yield folder / row["folder"]
