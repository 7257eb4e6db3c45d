"""What one interpreter says of the candidates that run folders hold, whoever made them.

python tests/long/reproduce_verdicts.py --victim runs/victim --data-dir data --out verdicts.json RUN [RUN ...]

Successes are judged from their saved PNG, failures from the candidate that their record names. For each run folder
and image: the label, the logits of the candidate, and those of the untouched image. `reproduce.py` compares.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxpix import Victim, read_records
from jaxpix.data.prepared import open_prepared
from jaxpix.records.attacked import ABOUT
from jaxpix.records.record import Record
from jaxpix.search.verification import Judge
from jaxpix.storage.documents import read_json
from jaxpix.storage.png import decode_png, encode_png


def candidate_of(record: Record, original: np.ndarray, run: Path) -> bytes:
    """PNG of what the record returns; a success's file must be the original with the record's pixels."""
    changed = original.copy()
    for pixel in record.pixels:
        assert original[pixel.y, pixel.x].tolist() == pixel.before, f"{run}: {record.image_id}"
        changed[pixel.y, pixel.x] = pixel.after
    if not record.success:
        return encode_png(changed)
    saved = (run / record.image_file).read_bytes()
    assert np.array_equal(decode_png(saved), changed), f"{run}: {record.image_file} is not what was recorded"
    return saved


def judge_run(victim: Victim, run: Path, data_dir: Path) -> dict[str, Any]:
    """Verdicts on all records of a run folder, by image id."""
    about = read_json(run / ABOUT)["dataset"]
    dataset = open_prepared(about["name"], data_dir, about["split"], about["image_size"])
    source = dataset.source(about["subset"])
    positions = {str(name): index for index, name in enumerate(dataset.image_ids(about["subset"]))}
    verdicts = {}
    judge = Judge(victim)
    for record in read_records(run):
        original = np.asarray(source[positions[record.image_id]]["image"])
        changed, untouched = judge([candidate_of(record, original, run), encode_png(original)])
        verdicts[record.image_id] = {
            "label": list(victim.space.names(np.asarray(victim.space.labels(changed)))),
            "logits": changed.tolist(),
            "untouched": untouched.tolist(),
        }
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of attacks on the victim")
    parser.add_argument("--victim", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    victim = Victim.load(options.victim)
    verdicts = {str(run): judge_run(victim, run, options.data_dir) for run in options.runs}
    options.out.write_text(json.dumps(verdicts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
