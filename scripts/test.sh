#!/usr/bin/env bash
# A fresh machine with Python >= 3.11: sets up .venv and runs the tests. `--all` adds format, lint, types and
# the import contract, and puts a browser here if there is none, as CI does. JAXPIX_PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
jaxpix_setup "[dev]"
if [ "${1:-}" = "--all" ]; then
  shift
  "$venv/bin/ruff" format --check .
  "$venv/bin/ruff" check .
  "$venv/bin/mypy"
  "$venv/bin/lint-imports"
  bash scripts/browser.sh
fi
# Most of a test is compiling, which uses one core. The order of files is that of tests/conftest.py.
exec "$venv/bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
