"""Attacks held against limits on two rates: diseased images called normal, and any success."""

import dataclasses
import math
from collections.abc import Sequence

from ..errors import InputError
from ..metrics.limits import Verdict, images_to_settle, judge
from ..metrics.rates import Rate, success_rate
from ..metrics.transformations import dangerous_rate, is_normal, knows_normal
from ..report.runs.reading import AttackResult

DANGEROUS, SUCCESS = "dangerous rate", "success rate"
_SHOWN = {"passed": "passed", "failed": "FAILED", "undecided": "undecided"}


@dataclasses.dataclass(frozen=True)
class Limit:
    """One limit: which rate (`DANGEROUS` or `SUCCESS`) must stay below how many percent."""

    kind: str
    percent: float


@dataclasses.dataclass(frozen=True)
class Judgement:
    """One attack against one limit.

    Attributes:
        attack: the name of its run folder.
        limit: what it was held against.
        rate: what was measured.
        verdict: an unfinished attack can fail, and never passes.
        reasons: what must be known beside the figures.
    """

    attack: str
    limit: Limit
    rate: Rate
    verdict: Verdict
    reasons: Sequence[str]

    @property
    def text(self) -> str:
        """One line: verdict, attack, rate with counts and interval, limit, and what would help."""
        rate, percent = self.rate, f"{self.limit.percent:g} %"
        interval = f"95 % interval {100 * rate.low:.1f}–{100 * rate.high:.1f} %"
        share = "" if rate.experiments == 0 else f"{100 * rate.rate:.1f} %, "
        figures = f"{self.limit.kind} {share}{rate.successes:,} of {rate.experiments:,} ({interval})"
        line = f"{_SHOWN[self.verdict]}: {self.attack}: {figures}, limit {percent}"
        return "; ".join([line, *self.reasons])


def limits_of(dangerous: float | None, success: float | None) -> list[Limit]:
    """The limits that were asked for, in percent.

    Raises:
        InputError: there are none, or one that nothing, or everything, could keep.
    """
    asked = [
        Limit(kind, value)
        for kind, value in ((DANGEROUS, dangerous), (SUCCESS, success))
        if value is not None
    ]
    if not asked:
        raise InputError("which limit? expected --dangerous-rate PERCENT, --success-rate PERCENT, or both")
    for limit in asked:
        if not (math.isfinite(limit.percent) and 0 < limit.percent < 100):
            flag = "--" + limit.kind.replace(" ", "-")
            raise InputError(
                f"{flag}: expected a limit in percent between 0 and 100, got {limit.percent:g}; no number of images "
                "can show that a rate is below 0 or above 100 %"
            )
    return asked


def judgements(attacks: Sequence[AttackResult], limits: Sequence[Limit]) -> list[Judgement]:
    """Every attack against every limit.

    Raises:
        InputError: a dangerous rate is asked for where nothing says which class is normal, or where the attack
            aimed at a disease.
    """
    names = _names(attacks)
    return [
        _judged(attack, name, limit) for attack, name in zip(attacks, names, strict=True) for limit in limits
    ]


def _names(attacks: Sequence[AttackResult]) -> list[str]:
    """Folders by their name, or by as much of the path as tells them apart."""
    names = [attack.folder.name for attack in attacks]
    return [
        name if names.count(name) == 1 else attack.folder.as_posix()
        for name, attack in zip(names, attacks, strict=True)
    ]


def _judged(attack: AttackResult, name: str, limit: Limit) -> Judgement:
    rate = _rate_of(limit.kind, attack)
    verdict = judge(rate, limit.percent / 100)
    reasons = []
    if not attack.is_finished:
        reasons.append(f"unfinished, {len(attack.records):,} of {attack.num_experiments:,} experiments")
        # What is missing may be the images of one class.
        verdict = "undecided" if verdict == "passed" else verdict
    if verdict == "undecided":
        reasons += _help(attack, rate, limit)
    return Judgement(name, limit, rate, verdict, [*reasons, *attack.doubts])


def _help(attack: AttackResult, rate: Rate, limit: Limit) -> list[str]:
    """How many more images would say more; nothing where the attack only has to be finished."""
    if rate.experiments == 0:
        return ["no diseased image was attacked" if limit.kind == DANGEROUS else "no image was attacked"]
    needed = images_to_settle(rate, limit.percent / 100)
    if needed is None:
        return ["the rate lies on the limit: no number of images at this rate would settle it"]
    if needed <= rate.experiments:
        return []
    images = "diseased images" if limit.kind == DANGEROUS else "images"
    return [
        f"too few images to say: about {needed - rate.experiments:,} more {images} at this rate would settle it"
    ]


def _rate_of(kind: str, attack: AttackResult) -> Rate:
    if kind == SUCCESS:
        return success_rate(attack.records)
    if not knows_normal(attack.records):
        raise InputError(
            f"{attack.folder}: --dangerous-rate: nothing says which of the classes "
            f"{', '.join(attack.records[0].class_names)} is normal; name it when the data set is prepared "
            "(--normal-classes) or the victim is made (normal_classes), or check --success-rate alone"
        )
    if attack.target is not None and not is_normal(attack.target, attack.records[0]):
        raise InputError(
            f"{attack.folder}: --dangerous-rate: the attack aimed at {', '.join(attack.target)}, which is no normal "
            "class, so that its successes are not called normal; expected an untargeted one, or one at a normal class"
        )
    return dangerous_rate(attack.records)
