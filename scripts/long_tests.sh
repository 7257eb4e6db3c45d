#!/usr/bin/env bash
# Tests that take minutes to hours, in tests/long: `long_tests.sh NAME [ARGUMENT…]`. Without a name it lists them.
# NAME --help says what an argument does. JAXPIX_PYTHON chooses the interpreter. Those with torch get an environment
# of their own, .venv-torch, with gigabytes in it.
set -euo pipefail
cd "$(dirname "$0")/.."
names=(algorithms exactness faults fuzz kills mutations reproduce scale torch_networks torch_peers)
list() {
  for name in "${names[@]}"; do
    printf '%-14s  %s\n' "$name" "$(sed -n '1s/^"""//p' "tests/long/$name.py")"
  done
}
if [ "$#" = 0 ]; then
  list
  exit
fi
name="$1"
shift
if [[ " ${names[*]} " != *" $name "* ]]; then
  echo "no long test is called '$name'; there are:" >&2
  list >&2
  exit 2
fi
source scripts/setup.sh
case "$name" in
  torch_*)
    # torchattacks pins an old `requests`, and torchvision the torch that it was built with.
    jaxpix_environment .venv-torch "torch" "torch" -e ".[dev,peers]" torch==2.13.0
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
      torchvision==0.28.0 torchattacks==3.5.1 timm
    ;;
  *) jaxpix_setup "[dev]" ;;
esac
export PYTHONPATH="$PWD/tests${PYTHONPATH:+:$PYTHONPATH}"
exec "$venv/bin/python" "tests/long/$name.py" "$@"
