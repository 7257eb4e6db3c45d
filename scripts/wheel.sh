#!/usr/bin/env bash
# Builds the wheel, installs it into a new, empty environment and uses it from another folder, as somebody does who has no
# checkout: a study by its name on drawn images, its report, and a victim of one's own from Python. Two minutes on 2 cores,
# installation included. JAXPIX_PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
bin="$place/venv/bin"
step() { echo "== $1, after $SECONDS s"; }

# A copy, since a build/ from before would bring modules along that are no longer there.
mkdir "$place/source" "$place/elsewhere"
cp -R pyproject.toml README.md LICENSE jaxpix configs "$place/source"
find "$place/source" -name __pycache__ -prune -exec rm -rf {} +
"${JAXPIX_PYTHON:-python3}" -m venv "$place/venv"
step "building the wheel with $("$bin/python" --version)"
"$bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$place" "$place/source"
step "installing it"
# Python compiles what it imports, which is the smaller part.
"$bin/python" -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt "$place"/jaxpix-*.whl

unset PYTHONPATH
cd "$place/elsewhere"
# Nearly all of the rest is compiling, and nothing here hangs on how fast the programs are.
export JAX_PLATFORMS=cpu JAX_DISABLE_MOST_OPTIMIZATIONS=1
step "what was installed"
"$bin/jaxpix" --version
installed="$("$bin/python" -c 'import pathlib, jaxpix; print(pathlib.Path(jaxpix.__file__).parent)')"
case "$installed" in
  "$place"/venv/*) ;;
  *) echo "jaxpix was imported from $installed, not from the new environment" >&2; exit 1 ;;
esac
# Every file of the package: modules, templates, the paper's figures, configurations.
diff --recursive --exclude __pycache__ "$place/source/jaxpix" "$installed"
diff <(grep -l '^\[study\]' "$place"/source/configs/*.toml | sed 's|.*/||; s|\.toml$||' | sort) \
  <("$bin/jaxpix" study --list | grep '^[a-z]' | sort)

step "a study by its name"
changes=(data.dataset=phantom-xray data.split=drawn data.image_size=32 train.init=random train.model=resnet14
  train.epochs=1 train.batch_size=8 attack.per_class=2 attack.generations=2 attack.population=8 attack.evaluator=dense
  'study.num_pixels=[1]')
"$bin/jaxpix" prepare phantom-xray --num-images 120 --image-size 32
"$bin/jaxpix" study pneumonia --plan --set "${changes[@]}"
"$bin/jaxpix" study pneumonia --set "${changes[@]}"
"$bin/python" -m jaxpix.report runs/pneumonia --out report
grep -q phantom-xray-resnet14-32 report/index.html

step "a victim of one's own"
"$bin/python" - <<'PYTHON'
import numpy as np

import jaxpix


def logits(images):
    return (images.mean((1, 2, 3))[:, None] - 127) * np.array([-1.0, 1.0], np.float32)


victim = jaxpix.Victim.from_function(logits, class_names=["dark", "bright"], input_shape=(8, 8, 1))
images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
labels = (images.mean((1, 2, 3)) > 127).astype(int)
records = jaxpix.attack_images(victim, images, labels, jaxpix.AttackConfig(population=20, generations=5))
assert len(records) == len(images) and all(record.verified for record in records if record.success)
print(sum(record.success for record in records), "of", len(records))
PYTHON
step "all is there"
