"""Where a report's numbers come from: versions, device, seed, data and victim, and the commands that repeat them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import tomli_w

from ...storage.run_folder import CONFIG
from .scores import scores_of

if TYPE_CHECKING:
    from .reading import AttackResult
    from .series import Series


class Fact(NamedTuple):
    """A term and what it is."""

    term: str
    text: str


class Origin(NamedTuple):
    """One attack: a heading, its facts, its configuration as TOML, and the command that repeats it."""

    heading: str
    facts: list[Fact]
    configuration: str
    command: str


def victim_facts(series: Series) -> list[Fact]:
    """Who was attacked, and how good it is on test images."""
    victim = series.victim
    facts = [
        Fact("name", victim["name"]),
        Fact("id", victim["id"]),
        Fact("architecture", victim["architecture"] or "unknown: a function of its user's"),
    ]
    facts += [Fact(f"test {name}", text) for name, text in scores_of(victim["test_metrics"])]
    return facts + _flat(victim["provenance"])


def _flat(values: Mapping[str, Any], before: str = "") -> list[Fact]:
    facts = []
    for name, value in values.items():
        term = f"{before}{name.replace('_', ' ')}"
        if name == "packages" and isinstance(value, Mapping):
            facts.append(Fact(term, ", ".join(f"{package} {version}" for package, version in value.items())))
        elif isinstance(value, Mapping):
            facts += _flat(value, f"{term}: ")
        elif isinstance(value, list):
            facts.append(Fact(term, ", ".join(map(str, value))))
        elif value is not None:
            facts.append(Fact(term, value if isinstance(value, str) else json.dumps(value)))
    return facts


def origins_of(series: Series) -> list[Origin]:
    """Every attack of a series."""
    return [_origin(attack) for attack in series.attacks]


def shared_facts(all_series: Sequence[Series]) -> list[Fact]:
    """What is true of every attack; none where there is only one."""
    first, *others = [origin.facts for series in all_series for origin in origins_of(series)]
    return [fact for fact in first if all(fact in facts for facts in others)] if others else []


def _origin(attack: AttackResult) -> Origin:
    first = attack.records[0]
    environment = dict(attack.environment)
    call = environment.pop("call", None)
    facts = [
        Fact("run folder", attack.folder.name),
        Fact("experiments", f"{len(attack.records):,} of {attack.num_experiments:,} finished"),
        Fact("seed", str(first.seed)),
        Fact("victim id", first.victim_id),
        Fact("data fingerprint", attack.data_fingerprint or "unknown"),
        Fact("record schema", f"version {first.schema_version}"),
    ]
    configuration = tomli_w.dumps({"attack": dict(attack.options)})
    return Origin(attack.name, facts + _flat(environment), configuration, _command(attack, call))


def _command(attack: AttackResult, call: object) -> str:
    """What repeats an attack: the door, or the call in Python that made it, whose victim no file names."""
    if isinstance(call, str):
        return f"{call.removesuffix(')')}, run='NEW_FOLDER')"
    command = ["python", "-m", "jaxpix.attack", "--config", str(attack.folder / CONFIG)]
    return shlex.join([*command, "--run", "NEW_FOLDER"])


def report_command(paths: Sequence[Path], out: Path) -> str:
    """The command that writes the report again."""
    return shlex.join(["python", "-m", "jaxpix.report", *map(str, paths), "--out", str(out)])
