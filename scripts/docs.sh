#!/usr/bin/env bash
# Builds the documentation as a site, into site/: docs/ and the pages beside it. Strict: a dead link or anchor, a page that
# the menu lacks, and a picture of the house that is not what the code gives fail it. It has a small environment of its
# own, .venv-docs; JAXPIX_PYTHON chooses the interpreter. Arguments go to mkdocs, such as --site-dir FOLDER.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
jaxpix_environment "${JAXPIX_VENV:-.venv}-docs" docs docs mkdocs-material
"$venv/bin/python" scripts/architecture.py --check
# Without --quiet, which hides warnings from --strict, too.
NO_MKDOCS_2_WARNING=1 "$venv/bin/python" -m mkdocs build --strict --config-file mkdocs.yml "$@"
echo "== the site is built: open site/index.html"
