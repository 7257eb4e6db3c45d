"""Runs one attack under many settings and interpreters, and says what of its records stays the same.

bash scripts/long_tests.sh reproduce --python .venv/bin/python --python other/bin/python [--folder runs/reproduce]

Phantom radiographs (drawn, synthetic) of 32 px, one pixel. The first interpreter draws the data and trains the
victims; all interpreters attack them. Within an interpreter all settings of an evaluator must give the same records
to the bit, but for their seconds, and the same pictures. Between interpreters the verdicts on the same saved
candidates must agree, except where the margin is within float32's reach. Whole searches of different interpreters
or evaluators may part by rounding, which is only counted.
A folder that is given again is gone on with: attacks that are finished there are not repeated.
"""

import argparse
import dataclasses
import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from long.reproduce_agreement import (
    compare_records,
    compare_searches,
    compare_verdicts,
    fitness_difference,
    margin,
)
from long.reproduce_settings import DENSE, REFERENCE, SUBJECTS, Setting, Subject

from jaxpix import read_records
from jaxpix.records.attacked import SELECTION
from jaxpix.storage.documents import read_json
from jaxpix.storage.run_folder import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
DATA = "phantom-xray"


def start(python: str, arguments: list[str], setting: Setting = REFERENCE) -> subprocess.Popen[str]:
    """An interpreter at work, in a process group of its own."""
    command = [*shlex.split(python), *arguments]
    if setting.num_cores:
        cores = sorted(os.sched_getaffinity(0))[: setting.num_cores]
        command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    flags = f"--xla_force_host_platform_device_count={setting.num_devices}"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(python: str, arguments: list[str], setting: Setting = REFERENCE) -> None:
    """Run an interpreter to its end."""
    process = start(python, arguments, setting)
    _, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{python} {shlex.join(arguments)} ended with status {process.returncode}:\n{err}")


def attack(python: str, subject: Subject, setting: Setting, folder: Path, run: Path, total: int) -> int:
    """Attack `total` images in `run`, killed on the way where the setting says so; how many kills there were."""
    arguments = ["-m", "jaxpix.attack", "--victim", str(folder / subject.model)]
    arguments += ["--data-dir", str(folder / "data"), "--run", str(run), *shlex.split(subject.search)]
    remembered = run.with_name(f"{run.name}.kills")
    if setting.num_kills and not remembered.exists():
        shutil.rmtree(run, ignore_errors=True)
        kills = 0
        for number in range(1, setting.num_kills + 1):
            process = start(python, [*arguments, "--slots", str(number)])
            kills += kill_after(total * number // (setting.num_kills + 1), process, run)
        remembered.write_text(str(kills), encoding="utf-8")
    if not (run / "records.parquet").exists():
        finish(python, [*arguments, *shlex.split(setting.options)], setting)
    return int(remembered.read_text(encoding="utf-8")) if setting.num_kills else 0


def kill_after(experiments: int, process: subprocess.Popen[str], run: Path) -> bool:
    """SIGKILL a process once its journal has that many lines; False: it ended before."""
    journal = run / "journal.jsonl"
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= experiments:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return not (run / "records.parquet").exists()
        time.sleep(0.005)
    return False


def pictures(run: Path) -> dict[str, bytes]:
    """All pictures of a run folder."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*.png"))}


def folder_of(runs: Path, name: str) -> Path:
    """Run folder of a setting."""
    return runs / name.replace(" ", "-").replace(",", "")


def within(python: str, subject: Subject, folder: Path, runs: Path) -> list[dict[str, Any]]:
    """All settings under one interpreter, each held against its reference; a row for each."""
    rows: list[dict[str, Any]] = []
    for setting in subject.settings:
        run, reference = folder_of(runs, setting.name), folder_of(runs, setting.reference)
        total = rows[0]["records"] if rows else 0
        kills = attack(python, subject, setting, folder, run, total)
        devices = len(read_json(run / ENVIRONMENT)["devices"])
        row = {"setting": dataclasses.asdict(setting), "kills": kills, "devices": devices}
        row |= compare_records(read_records(reference), read_records(run))
        row["same_pictures"] = pictures(reference) == pictures(run)
        row["same_selection"] = read_json(reference / SELECTION) == read_json(run / SELECTION)
        row["passed"] = bool(
            row["identical"] == row["records"] > 0
            and row["same_pictures"]
            and row["same_selection"]
            and (kills, devices) == (setting.num_kills, setting.num_devices)
        )
        rows.append(row)
        print(f"  {setting.name}: {row['identical']} of {row['records']} identical", flush=True)
    return rows


def compare_evaluators(runs: Path) -> dict[str, Any]:
    """The searches of both evaluators under one interpreter, which may differ by rounding."""
    first, second = (read_records(folder_of(runs, setting.name)) for setting in (REFERENCE, DENSE))
    return {**compare_searches(first, second), "max_fitness_difference": fitness_difference(first, second)}


def between(pythons: list[str], subject: Subject, folder: Path, runs: list[Path]) -> list[dict[str, Any]]:
    """The reference runs of every two interpreters: verdicts on the same candidates, and whole searches."""
    judged = []
    references = [str(run / REFERENCE.name) for run in runs]
    for python, run in zip(pythons, runs, strict=True):
        out = run / "verdicts.json"
        places = [
            "--victim",
            str(folder / subject.model),
            "--data-dir",
            str(folder / "data"),
            "--out",
            str(out),
        ]
        finish(python, [str(Path(__file__).with_name("reproduce_verdicts.py")), *places, *references])
        judged.append(json.loads(out.read_text(encoding="utf-8")))
    records = [read_records(Path(reference)) for reference in references]
    rows = []
    for first, second in itertools.combinations(range(len(pythons)), 2):
        made = {}
        for maker in (first, second):
            verdicts = [judged[judge][references[maker]] for judge in (first, second)]
            made[runs[maker].name] = compare_verdicts(records[maker], *verdicts)
        margins = [
            {
                record.image_id: margin(record, judged[side][references[side]][record.image_id]["logits"])
                for record in records[side]
            }
            for side in (first, second)
        ]
        rows.append(
            {
                "interpreters": [runs[first].name, runs[second].name],
                "verdicts_on_candidates_of": made,
                "searches": compare_searches(records[first], records[second], *margins),
                "passed": not any(verdicts["beyond_tolerance"] for verdicts in made.values()),
            }
        )
    return rows


def has_passed(results: dict[str, Any]) -> bool:
    """Whether nothing differs that must not."""
    rows = itertools.chain(results["between"], *results["within"].values())
    return all(row["passed"] for row in rows)


def searches_text(row: dict[str, Any]) -> str:
    """What `compare_searches` found."""
    return (
        f"of {row['records']} records {row['identical']} identical, {row['same_but_for_rounding']} the same but for "
        f"rounding; successes {row['successes']}"
    )


def show(model: str, results: dict[str, Any]) -> None:
    """A short table of one subject's results."""
    for name, rows in results["within"].items():
        passed = sum(row["passed"] for row in rows)
        print(f"{model}, {name}: {passed} of {len(rows)} settings give the same {rows[0]['records']} records")
    for name, row in results["evaluators"].items():
        print(
            f"{model}, {name}, incremental and dense: {searches_text(row)}; fitness of the same candidate differs by "
            f"at most {row['max_fitness_difference']:.1e}"
        )
    for row in results["between"]:
        first, second = row["interpreters"]
        for maker, verdicts in row["verdicts_on_candidates_of"].items():
            print(
                f"{model}, candidates of {maker}: {verdicts['same_label']} of {verdicts['candidates']} have the same "
                f"label for both; {verdicts['beyond_tolerance']} disagree beyond rounding; logits differ by at "
                f"most {verdicts['max_logit_difference']:.1e} of {verdicts['logit_scale']:.3g}"
            )
        print(f"{model}, searches of {first} and {second}: {searches_text(row['searches'])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", action="append", help="an interpreter with jaxpix's packages; repeat it")
    models = [subject.model for subject in SUBJECTS]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/reproduce.json"))
    options = parser.parse_args()
    pythons = options.python or [sys.executable]
    folder = options.folder or Path(tempfile.mkdtemp(prefix="jaxpix-reproduce-"))
    data = ["--data-dir", str(folder / "data")]
    finish(pythons[0], ["-m", "jaxpix.prepare", DATA, *data, "--image-size", "32", "--num-images", "1200"])
    content: dict[str, Any] = {"command": ["python", *sys.argv], "environments": {}, "victims": {}}
    for subject in (subject for subject in SUBJECTS if subject.model in options.models):
        recipe = [
            "--model",
            subject.model,
            *shlex.split(subject.recipe),
            "--run",
            str(folder / subject.model),
        ]
        finish(pythons[0], ["-m", "jaxpix.train", DATA, *data, *recipe])
        rows, runs = {}, []
        for number, python in enumerate(pythons, start=1):
            print(f"{subject.model} under interpreter {number}", flush=True)
            runs.append(folder / f"{subject.model}-{number}")
            rows[runs[-1].name] = within(python, subject, folder, runs[-1])
            environment = read_json(runs[-1] / REFERENCE.name / ENVIRONMENT)
            content["environments"][runs[-1].name] = environment
        evaluators = {run.name: compare_evaluators(run) for run in runs}
        between_interpreters = between(pythons, subject, folder, runs)
        results = {"within": rows, "evaluators": evaluators, "between": between_interpreters}
        content["victims"][subject.model] = {"subject": dataclasses.asdict(subject), **results}
        show(subject.model, results)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sys.exit(not all(has_passed(victim) for victim in content["victims"].values()))


if __name__ == "__main__":
    main()
