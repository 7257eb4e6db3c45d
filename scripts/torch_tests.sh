#!/usr/bin/env bash
# The tests of doors for other frameworks: torch, torchvision, Keras, onnxruntime. They get an environment of their own,
# .venv-torch-tests, laid over .venv, of versions in constraints.txt. JAXPIX_PYTHON chooses the interpreter. Where no CPU
# build of torch is to be had, this takes gigabytes of CUDA libraries. Arguments are pytest's: `tests` also runs those
# that compare with the peers' libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
jaxpix_setup "[dev]"
below="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
frameworks=.venv-torch-tests
known="$(cat "$venv/.jaxpix") $(cksum < scripts/torch_tests.sh)"
if [ "$(cat "$frameworks/.jaxpix" 2>/dev/null)" != "$known" ]; then
  echo "== setting up $frameworks (about a minute, once)"
  "$venv/bin/python" -m venv --clear "$frameworks"
  echo "$below" > "$("$frameworks/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
  "$frameworks/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt torch keras onnx onnxruntime
  # torchvision would pull in the torch that it was built with.
  "$frameworks/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps torchvision
  echo "$known" > "$frameworks/.jaxpix"
fi
if [ "$#" = 0 ]; then
  set -- tests/victim tests/models tests/train tests/test_documentation.py
fi
exec "$frameworks/bin/python" -m pytest -n 2 --dist worksteal -m torch "$@"
