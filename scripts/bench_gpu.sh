#!/usr/bin/env bash
# A visit to a GPU: everything worth measuring in six minutes, the most valuable first, each figure written at once.
#
#   bash scripts/bench_gpu.sh                    all measurements; what does not fit in is skipped
#   bash scripts/bench_gpu.sh attack peers       only these; an unknown name lists all
#   bash scripts/bench_gpu.sh --small            tiny networks on a CPU, to rehearse
#   bash scripts/bench_gpu.sh --name NAME --resume     go on with an earlier visit
#
# Other options are those of `python -m jaxpix.bench visit`. At home, `python -m jaxpix.bench show FILE` draws plots.
#
# OUT               folder of the results (benchmarks/results)
# JAXPIX_PYTHON     interpreter with jaxpix' dependencies (python3)
# JAXPIX_WHEELS     folder of wheels for what is missing where no index can be reached (scripts/gpu_wheels.sh makes it;
#                   for the peers also torchattacks)
# JAXPIX_COMMIT     the commit, where the checkout has no .git
# JAXPIX_SECONDS    time for everything (360)
set -uo pipefail
cd "$(dirname "$0")/.."
seconds="${JAXPIX_SECONDS:-360}"
export PYTHONFAULTHANDLER=1
# torch needs some memory beside JAX.
export XLA_PYTHON_CLIENT_MEM_FRACTION="${XLA_PYTHON_CLIENT_MEM_FRACTION:-0.7}"
case " $* " in *" --small "*) export JAX_PLATFORMS=cpu ;; esac

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
source scripts/gpu_setup.sh
jaxpix_gpu_setup "$work" || exit 1

# A stop goes to Python, which closes its files; this shell would otherwise leave it behind.
child=""
stopped=""
stop() {
  stopped=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT

# visit OPTIONS…: one process. It keeps to its time; `timeout` is for one that does not even let its threads run.
visit() {
  local status=0
  timeout --kill-after=10 "$((seconds + 45 - SECONDS))" "$python" -m jaxpix.bench visit \
    --seconds "$time_left" --out "${OUT:-benchmarks/results}" --name "$name" "$@" &
  child=$!
  wait "$child"
  status=$?
  # A signal to this shell ends `wait`, not what it waits for.
  while [ -n "$stopped" ] && kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
  return "$status"
}

# What installing took is gone; a later process counts from the start of the first.
time_left=$((seconds - SECONDS))
name="visit-$(date -u +%Y-%m-%dT%H%M%S)"
visit "$@"
status=$?
# 75: a measurement had to be left with its process. From 129: a signal, most likely of a crash in a compiler.
while [ -z "$stopped" ] && [ "$SECONDS" -lt "$seconds" ] && { [ "$status" -eq 75 ] || [ "$status" -gt 128 ]; }; do
  case "$status" in 130 | 143) break ;; esac
  echo "== the process ended with status $status; going on behind the measurement that it was at"
  visit --resume "$@"
  status=$?
done
if [ "$status" -gt 2 ]; then
  echo "== ended with status $status; results: ${OUT:-benchmarks/results}/$name.json (--name $name --resume goes on)"
fi
exit "$status"
