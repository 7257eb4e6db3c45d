"""Break jaxpix on purpose, one thing at a time, and see whether its tests notice.

bash scripts/long_tests.sh mutations [--only TEXT] [--skip-baseline] [--out FILE]

Each mutant is made in a temporary copy of the package and meets the tests that should turn red. Exit
status 1: one survived, or tests are red without any mutant, so that it proves nothing.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NO_FAILURE, _TESTS_FAILED = 0, 1
_PATIENCE_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One thing broken: in `file`, `old` stands exactly once and becomes `new`; `tests` should notice."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = (
    Mutant(
        "tie rule: a trial as good as its parent replaces it",
        "search/strategies/evolution.py",
        "wins = fitness < state.fitness",
        "wins = fitness <= state.fitness",
        "search/strategies/test_evolution.py::test_a_tie_keeps_the_parent_and_a_better_trial_replaces_it",
    ),
    Mutant(
        "bounds: what leaves the box is not clipped",
        "search/genome.py",
        "return jnp.clip(genomes, lower, upper)",
        "return genomes",
        "search/test_genome.py",
    ),
    Mutant(
        "query count: the first population is not counted",
        "search/verification.py",
        "search.population * (1 + generations)",
        "search.population * generations",
        "attack/test_experiments.py::test_queries_and_stop_reasons_are_exact",
    ),
    Mutant(
        "query count: the first hit is one query early",
        "search/strategies/strategy.py",
        "jnp.argmax(is_hit).astype(jnp.int32) + 1",
        "jnp.argmax(is_hit).astype(jnp.int32)",
        "search/strategies/test_evolution.py::test_first_hit_and_fittest_hit_are_counted_exactly",
    ),
    Mutant(
        "label threshold: at the threshold a class is present",
        "labels.py",
        "self.confidences(logits) > self.threshold",
        "self.confidences(logits) >= self.threshold",
        "test_labels.py",
    ),
    Mutant(
        "cosine fitness: confidences are not rescaled to [-1, 1]",
        "search/fitness.py",
        "2.0 * space.confidences(logits) - 1.0",
        "space.confidences(logits)",
        "search/test_fitness.py",
    ),
    Mutant(
        "verification: the search is believed, not the saved image",
        "search/verification.py",
        "succeeds(self._problem, one.experiment.job, logits)\n",
        "bool(one.candidate.is_hit)\n",
        "attack/test_experiments.py::test_a_refuted_hit_goes_back_into_the_search",
    ),
    Mutant(
        "verification: a refuted hit ends its experiment",
        "search/strategies/strategy.py",
        "stopped=progress.generation >= self.search.generations,\n            queries_to_first_hit",
        "stopped=jnp.bool_(True),\n            queries_to_first_hit",
        "attack/test_experiments.py::test_a_refuted_hit_goes_back_into_the_search",
    ),
    Mutant(
        "seed folding: every image has the same draws",
        "search/strategies/strategy.py",
        'zlib.crc32(name.encode("utf-8")) for name in image_ids',
        "0 for name in image_ids",
        "attack/test_experiments.py::test_every_image_has_draws_of_its_own",
    ),
    Mutant(
        "windows: an operation reaches one position less",
        "windows/reach.py",
        "self.high + before * self.stride",
        "self.high + (before - 1) * self.stride",
        "windows/test_incremental.py::test_many_pixels",
    ),
    Mutant(
        "training: normal images are not left out of multi-label training",
        "train/parts.py",
        'dataset.info.task == "multilabel" and not config.include_normal',
        "False",
        "train/test_training.py::test_multilabel_leaves_normal_images_out_of_training_only",
    ),
    Mutant(
        "report: texts of users are not escaped",
        "report/page/shell.py",
        "autoescape=True",
        "autoescape=False",
        "report/test_door.py::test_hostile_names_are_text_only",
    ),
)


def mutated(text: str, mutant: Mutant) -> str:
    """The file with the mutant's change."""
    if text.count(mutant.old) != 1:
        sys.exit(f"{mutant.file} has {text.count(mutant.old)} times, not once: {mutant.old}")
    return text.replace(mutant.old, mutant.new)


def copied(folder: Path) -> Path:
    """The package and its tests, which then import this copy."""
    for name in ("jaxpix", "tests", "configs", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run_tests(folder: Path, tests: str) -> tuple[int, str, float]:
    """pytest's exit status, its last words, and seconds."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "JAX_PLATFORMS": "cpu",
    }
    check = [sys.executable, "-c", "import jaxpix; print(jaxpix.__file__)"]
    found = subprocess.run(check, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    if not Path(found.stdout.strip()).is_relative_to(folder):
        sys.exit(f"Python imports {found.stdout.strip()}, not the copy in {folder}")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"tests/{tests}"]
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode, (failed or done.stdout.splitlines() or [""])[-1], time.monotonic() - began


def try_mutant(mutant: Mutant) -> dict[str, object]:
    """Whether its tests notice a mutant."""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name).resolve())
        path = folder / "jaxpix" / mutant.file
        path.write_text(mutated(path.read_text(encoding="utf-8"), mutant), encoding="utf-8")
        status, words, seconds = run_tests(folder, mutant.tests)
    verdict = {_TESTS_FAILED: "noticed", _NO_FAILURE: "SURVIVED"}.get(status, f"pytest ended with {status}")
    return {
        "mutant": mutant.name,
        "tests": mutant.tests,
        "verdict": verdict,
        "by": words,
        "seconds": round(seconds, 1),
    }


def try_baseline(tests: str) -> dict[str, object]:
    """Whether a test file is green without a mutant."""
    with tempfile.TemporaryDirectory() as name:
        status, words, seconds = run_tests(copied(Path(name).resolve()), tests)
    verdict = "green" if status == _NO_FAILURE else "RED"
    return {"mutant": "none", "tests": tests, "verdict": verdict, "by": words, "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose names hold this text")
    parser.add_argument("--skip-baseline", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    rows = []
    if not options.skip_baseline:
        rows += [try_baseline(tests) for tests in sorted({mutant.tests for mutant in chosen})]
    for mutant in chosen:
        rows.append(try_mutant(mutant))
        print(f"{rows[-1]['verdict']:10} {rows[-1]['seconds']:>6} s  {mutant.name}", flush=True)
    bad = [row for row in rows if row["verdict"] not in ("noticed", "green")]
    for row in bad:
        print(f"{row['verdict']}: {row['mutant']} ({row['tests']}): {row['by']}")
    noticed = sum(row["verdict"] == "noticed" for row in rows)
    print(f"{noticed} of {len(chosen)} mutants noticed")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(
            json.dumps({"command": sys.argv, "rows": rows}, indent=1) + "\n",
            encoding="utf-8",
        )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
