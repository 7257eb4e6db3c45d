"""Try many hostile inputs on everything that reads what others have written.

bash scripts/long_tests.sh fuzz [--inputs 1000] [--seed 0] [--only tables] [--out FILE]
bash scripts/long_tests.sh fuzz --coverage-guided tables|archives|images [--seconds 60] [--corpus FOLDER]

The first form drives the properties of tests/support/hostile*.py with `--inputs` generated inputs each, counts them,
and shrinks what breaks one. The second form needs atheris (`pip install atheris`): it changes bytes towards new
branches of jaxpix and of the libraries that read the format. Exit status 1: something undocumented came out.
"""

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

GUIDED = ("tables", "archives", "images")
_INSTRUMENTED = ["jaxpix.prepare", "jaxpix.data", "csv", "zipfile", "tarfile", "gzip", "PIL"]


def try_property(kept: Any, inputs: int, seed: int) -> dict[str, Any]:
    """Count the inputs of one property, and keep the smallest that breaks it."""
    import hypothesis
    from hypothesis import HealthCheck, Phase, given, settings

    count, finding = 0, None

    @hypothesis.seed(seed)
    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(kept.inputs)
    def every_input(value: Any) -> None:
        nonlocal count
        count += 1
        if isinstance(value, bytes):
            hypothesis.target(float(len(set(value))), label="different bytes")
        kept.check(value)

    began = time.monotonic()
    try:
        every_input()
    except Exception as error:
        finding = "".join(traceback.format_exception(error, limit=-6))
    return {
        "property": kept.name,
        "inputs": count,
        "seconds": round(time.monotonic() - began, 1),
        "finding": finding,
    }


def try_all(options: argparse.Namespace) -> int:
    """All properties in turn; the number of those that broke."""
    from test_hostile import PROPERTIES

    from jaxpix.storage.environment import describe_environment

    rows = []
    for kept in PROPERTIES:
        if options.only and options.only not in kept.name:
            continue
        rows.append(try_property(kept, options.inputs, options.seed))
        row = rows[-1]
        print(f"{row['property']:24} {row['inputs']:>7,} inputs {row['seconds']:>7.1f} s", flush=True)
        if row["finding"]:
            print(row["finding"], flush=True)
    broken = sum(row["finding"] is not None for row in rows)
    print(f"{sum(row['inputs'] for row in rows):,} inputs, {broken} of {len(rows)} properties broken")
    if options.out:
        content = {"environment": describe_environment(), "command": sys.argv, "rows": rows}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return broken


def guide(options: argparse.Namespace) -> None:
    """Hand over to libFuzzer, which ends the process; it writes the input that broke something."""
    try:
        import atheris
    except ImportError:
        sys.exit("--coverage-guided needs atheris: pip install atheris")
    with atheris.instrument_imports(include=_INSTRUMENTED):
        from support import hostile_archives, hostile_files, hostile_tables
    targets = {
        "tables": lambda data: hostile_tables.table_holds(
            ("derma", "covid", "chest", "folder")[data[0] % 4] if data else "derma", data[1:]
        ),
        "archives": hostile_archives.archive_holds,
        "images": hostile_files.image_holds,
    }
    corpus = options.corpus or Path(f"/tmp/jaxpix-fuzz-{options.coverage_guided}")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(options.coverage_guided)):
        (corpus / f"seed-{number}").write_bytes(content)
    arguments = [f"-max_total_time={options.seconds}", f"-seed={options.seed + 1}", "-rss_limit_mb=3000"]
    arguments += ["-timeout=30", "-max_len=8192", f"-artifact_prefix={corpus}/broke-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], targets[options.coverage_guided])
    atheris.Fuzz()


def seeds(kind: str) -> list[bytes]:
    """Sound inputs to start from."""
    from support import hostile_archives, made_trees

    if kind == "tables":
        from support.hostile_tables import _TREES

        return [bytes([number]) + files[table] for number, (files, table, *_) in enumerate(_TREES.values())]
    if kind == "images":
        return [made_trees.encoded(1, suffix, mode) for suffix in (".png", ".jpg") for mode in ("L", "RGB")]
    entries = [("a/1.png", b"one"), ("labels.csv", b"image,labels\n")]
    return [
        hostile_archives.zipped([(name, content, 8, 0) for name, content in entries]),
        *(
            hostile_archives.tarred([(name, content, b"0", "") for name, content in entries], form)
            for form in range(3)
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--coverage-guided", choices=GUIDED)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    options = parser.parse_args()
    if options.coverage_guided:
        guide(options)
    else:
        sys.exit(1 if try_all(options) else 0)


if __name__ == "__main__":
    main()
