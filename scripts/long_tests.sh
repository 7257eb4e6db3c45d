#!/usr/bin/env bash
# Tests that take minutes to hours, in tests/long: `long_tests.sh NAME [ARGUMENT…]`. Without a name it lists them.
# NAME --help says what an argument does. JAXPIX_PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
names=(exactness faults fuzz mutations reproduce scale)
list() {
  for name in "${names[@]}"; do
    printf '%-10s  %s\n' "$name" "$(sed -n '1s/^"""//p' "tests/long/$name.py")"
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
jaxpix_setup "[dev]"
export PYTHONPATH="$PWD/tests${PYTHONPATH:+:$PYTHONPATH}"
exec "$venv/bin/python" "tests/long/$name.py" "$@"
