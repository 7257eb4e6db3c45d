#!/usr/bin/env bash
# The paper's studies, one after another: every file of configs/ whose data set is prepared; of the others it says how
# to prepare them. Run folders are runs/NAME-OF-THE-FILE. Arguments go to every study, such as
# --data-dir DATA --set attack.generations=10. An interrupted study goes on where it stopped. JAXPIX_PYTHON chooses the
# interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
jaxpix_setup ""
ready=()
for config in configs/*.toml; do
  grep -q '^\[study\]' "$config" || continue
  if plan=$("$venv/bin/python" -m jaxpix.study "$config" --plan "$@" 2>&1); then
    ready+=("$config")
  else
    echo "$config is left out: ${plan##*error: }"
  fi
done
failed=()
for config in ${ready[@]+"${ready[@]}"}; do
  echo
  echo "== $config"
  "$venv/bin/python" -m jaxpix.study "$config" "$@" || failed+=("$config")
done
echo
echo "${#ready[@]} studies were prepared, ${#failed[@]} of them failed${failed[*]+: ${failed[*]}}"
[ "${#ready[@]}" -gt 0 ] && [ "${#failed[@]}" -eq 0 ]
