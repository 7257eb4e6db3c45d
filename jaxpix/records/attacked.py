"""What a run folder says beside its records: `selection.json`, the images that were chosen, and `about.json`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, StrictBool, StrictInt, with_config
from typing_extensions import TypedDict

from ..config import Task
from ..storage.documents import dump, load

SELECTION, ABOUT = "selection.json", "about.json"

_STRICT = with_config(ConfigDict(strict=True))
_Position = Annotated[StrictInt, Field(ge=0)]
_Asked = Annotated[StrictInt, Field(ge=1)]


MISCLASSIFIED, AT_THE_TARGET, UNKNOWN = "misclassified", "already at the target", "unknown"


class PassedOver(NamedTuple):
    """An image that was looked at and not attacked.

    Attributes:
        image_id: its name.
        reason: `misclassified`, `already at the target`, or `unknown` where an older version did not say.
        label_said: names of the classes that the victim sees in it; empty is Normal, or unknown.
    """

    image_id: str
    reason: str
    label_said: list[str]


@dataclasses.dataclass(frozen=True)
class Group:
    """Images of one label that were chosen.

    Attributes:
        label: class names; empty is Normal.
        indices: positions in the subset, in order.
        examined: how many images of this label the victim was shown when they were chosen.
        available: how many there are in the subset.
        correct: of the examined ones, how many it classifies correctly; None: unknown.
    """

    label: tuple[str, ...]
    indices: list[_Position]
    examined: StrictInt
    available: StrictInt
    correct: StrictInt | None = None


@dataclasses.dataclass(frozen=True)
class Selection:
    """All chosen images.

    Attributes:
        groups: by label.
        asked: images wanted per label; None: all.
        screened: the victim classifies them all correctly; False: each is judged when its turn comes.
        passed_over: screened: images that were looked at, too, and cannot be attacked.
    """

    groups: list[Group]
    asked: _Asked | None
    screened: StrictBool = True
    passed_over: list[PassedOver] = dataclasses.field(default_factory=list)

    @property
    def total(self) -> int:
        """Number of images."""
        return sum(len(group.indices) for group in self.groups)

    @property
    def indices(self) -> list[int]:
        """Positions in the subset, label by label: the order of records."""
        return [index for group in self.groups for index in group.indices]

    def turns(self, seed: int) -> list[int]:
        """Positions in the order of work. Unscreened images come mixed, so that a part of them speaks for all."""
        if self.screened:
            return self.indices
        return np.random.Generator(np.random.PCG64(seed)).permutation(self.indices).tolist()

    def save(self, folder: Path) -> None:
        """Keep it in a run folder."""
        dump(folder / SELECTION, self, indent=1 if self.screened else None)

    @classmethod
    def load(cls, folder: Path) -> "Selection":
        """What `save` kept.

        Raises:
            InputError: it is damaged, or not there.
        """
        return load(folder / SELECTION, cls)


@_STRICT
class AttackedData(TypedDict):
    """The data set whose images were attacked; `note`: free text of whoever prepared it."""

    name: str
    title: str
    citation: str
    licence: str
    task: Task
    class_names: list[str]
    normal_classes: list[str]
    image_size: Annotated[int, Field(ge=1, le=65_535)]
    channels: Literal[1, 3]
    split: str
    subset: str
    synthetic: bool
    note: str | None


@with_config(ConfigDict(strict=True, extra="allow"))
class Provenance(TypedDict):
    """Where a victim came from; whoever makes one may say more."""

    training: NotRequired[dict[str, Any]]


@_STRICT
class AttackedVictim(TypedDict):
    """Who was attacked; `test_metrics` as training's evaluation gives them."""

    name: str
    id: str
    architecture: str | None
    provenance: Provenance
    test_metrics: dict[str, Any] | None


@_STRICT
class About(TypedDict):
    """What `about.json` holds."""

    dataset: AttackedData
    victim: AttackedVictim


def load_about(folder: Path) -> About:
    """What a run folder says of its data set and victim.

    Raises:
        InputError: it is damaged, or not there.
    """
    return load(folder / ABOUT, About)
