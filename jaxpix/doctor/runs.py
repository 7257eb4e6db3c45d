"""Whether trainings, victims, attacks and studies can be read, are complete, and fit what is prepared."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import InputError
from ..records.attacked import ABOUT, SELECTION, Selection, load_about
from ..records.files import each_record, read_passed_over
from ..storage.documents import read_json
from ..storage.run_folder import IDENTITY
from ..train.evaluation import table
from ..train.run import TrainingRun
from ..victim import files
from ..victim.networks import structure
from .findings import OK, UNFINISHED, Finding, examined

_VICTIM, _STUDY = "victim.json", "study.toml"
_SHORT = 16


def run_findings(runs: Path, prepared: Mapping[str, str], above: str = "") -> Iterator[Finding]:
    """One finding for each run in `runs`, those of a study after it.

    Args:
        runs: a folder of run folders.
        prepared: what is prepared here, by its whole fingerprint.
        above: begins the names, such as `study/`.
    """
    for folder in sorted(path for path in runs.glob("*") if path.is_dir()):
        yield from _of_folder(folder, f"{above}{folder.name}", prepared)


def _of_folder(folder: Path, name: str, prepared: Mapping[str, str]) -> Iterator[Finding]:
    if (folder / _STUDY).exists():
        yield examined("study", name, lambda: _study(folder))
        yield from run_findings(folder, prepared, f"{name}/")
    elif (folder / SELECTION).exists() or (folder / ABOUT).exists():
        yield examined("attack", name, lambda: _attack(folder, prepared))
    elif (folder / _VICTIM).exists():
        yield examined("victim", name, lambda: (OK, _victim(folder, prepared)))
    elif (folder / IDENTITY).exists() or (folder / "victim" / _VICTIM).exists():
        yield examined("training", name, lambda: _training(folder, prepared))


def _study(folder: Path) -> tuple[str, str]:
    report = folder / "report" / "index.html"
    return (OK, "finished, with its report") if report.exists() else (UNFINISHED, "has no report yet")


def _training(folder: Path, prepared: Mapping[str, str]) -> tuple[str, str]:
    run = TrainingRun(folder)
    epochs, metrics = run.epochs(), run.test_metrics
    if metrics is None:
        return UNFINISHED, f"{len(epochs):,} epochs trained; the same command goes on"
    return OK, f"{len(epochs):,} epochs, {table(metrics)[0]}, {_victim(run.victim, prepared)}"


def _victim(folder: Path, prepared: Mapping[str, str]) -> str:
    """Reads all weights, whose hashes are checked."""
    content, model = files.read(folder, structure)
    if model is None:
        return f"id {content['victim_id']}, made by {content['made_by']['function']}()"
    provenance = content["provenance"]
    return f"id {content['victim_id']}, weights checked, {_data(provenance.get('fingerprint'), prepared)}"


def _data(fingerprint: str | None, prepared: Mapping[str, str]) -> str:
    if not fingerprint:
        return "data unknown"
    if fingerprint in prepared:
        return f"on {prepared[fingerprint]}"
    return f"on data of fingerprint {fingerprint[:_SHORT]}, not prepared here"


def _attack(folder: Path, prepared: Mapping[str, str]) -> tuple[str, str]:
    about, records = load_about(folder), list(each_record(folder))
    selection = Selection.load(folder) if (folder / SELECTION).exists() else None
    absent = [one.image_file for one in records if one.success and not _is_there(folder, one.image_file)]
    if absent:
        raise InputError(f"{len(absent):,} pictures of successes are not there, such as {absent[0]}")
    successes = sum(record.success for record in records)
    fingerprint = read_json(folder / IDENTITY).get("data_fingerprint")
    text = (
        f"{len(records):,} experiments, {successes:,} successes, victim {about['victim']['id']}, "
        f"{_data(fingerprint if isinstance(fingerprint, str) else None, prepared)}"
    )
    wanted = selection.total - len(read_passed_over(folder)) if selection else None
    if wanted is None or len(records) < wanted:
        of_wanted = "" if wanted is None else f"of {wanted:,} "
        return UNFINISHED, f"{of_wanted}{text}; the same command goes on"
    return OK, text


def _is_there(folder: Path, name: str) -> bool:
    return bool(name) and (folder / name).is_file() and (folder / "originals" / Path(name).name).is_file()
