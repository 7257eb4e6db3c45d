#!/usr/bin/env bash
# A fresh machine with Python >= 3.11: sets up .venv, draws the built-in data, trains the two built-in victims, attacks
# them and writes the report. Everything is synthetic; nothing is downloaded but packages. JAXPIX_PYTHON chooses the
# interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
jaxpix_setup ""
echo
echo "== one pixel, one diagnosis: phantom skin lesions (synthetic)"
"$venv/bin/python" -m jaxpix.attack --config configs/demo.toml --run runs/demo-derma "$@"
echo
echo "== one pixel, a set of findings: phantom chest radiographs (synthetic)"
"$venv/bin/python" -m jaxpix.attack --config configs/demo.toml --fitness cosine --run runs/demo-chest "$@"
echo
echo "== the report: tables, figures, gallery"
"$venv/bin/python" -m jaxpix.report runs/demo-derma runs/demo-chest --out runs/demo-report
