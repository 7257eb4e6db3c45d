#!/usr/bin/env bash
# Everything that a visit to a GPU should measure, one process per step, in at most ten minutes.
#
#   bash scripts/bench_gpu.sh                  all steps, the most important first; what does not fit in is skipped
#   bash scripts/bench_gpu.sh peers train      only these steps
#   bash scripts/bench_gpu.sh --small          one of each kind on a CPU with a tiny network, to test this script
#
# OUT               folder of the results (benchmarks/results)
# JAXPIX_PYTHON     interpreter with jaxpix' dependencies (python3)
# JAXPIX_WHEELS     folder of wheels to use where packages are missing and no index can be reached; needed beyond
#                   JAX, Flax, Optax, Orbax, matplotlib, pyarrow, Pillow, rich and safetensors: evosax dotmap tyro
#                   docstring_parser typeguard pydantic pydantic_core annotated_types typing_extensions
#                   typing_inspection tomli_w, and for the peers adversarial-robustness-toolbox torchattacks
# JAXPIX_COMMIT     the commit, where the checkout has no .git
# JAXPIX_SECONDS    time for all steps together (570)
set -uo pipefail
cd "$(dirname "$0")/.."
out="${OUT:-benchmarks/results}"
python="${JAXPIX_PYTHON:-python3}"
seconds="${JAXPIX_SECONDS:-570}"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# torch needs some memory beside JAX.
export XLA_PYTHON_CLIENT_MEM_FRACTION="${XLA_PYTHON_CLIENT_MEM_FRACTION:-0.7}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

if [ -n "${JAXPIX_WHEELS:-}" ]; then
  site="$work/site"
  "$python" -m pip install --quiet --no-index --no-deps --find-links "$JAXPIX_WHEELS" --target "$site" \
    "$JAXPIX_WHEELS"/*.whl || exit 1
  export PYTHONPATH="$PYTHONPATH:$site"
fi

prefix=gpu resnet=resnet50 densenet=densenet121 peer_model=resnet50
evaluator_sizes=(--image-size 224 --repeats 5)
sweep=(--batches 400 1600 6400) batch=(--batches 1600) pixels=(1 2 3) pixels_after_sweep=(2 3)
attack_sizes=(--image-size 224 --generations 100 --repeats 2)
mixed=(--images 256) full=(--images 64)
train_sizes=(--image-size 224 --train-batch 128 --repeats 5)
peer_sizes=(--image-size 224 --generations 100 --repeats 3)
fast=bfloat16 exact=(tfloat32 float32) both=(bfloat16 float32)
if [ "${1:-}" = "--small" ]; then
  shift
  export JAX_PLATFORMS=cpu
  prefix=small resnet=resnet14 densenet=resnet14
  tiny=(--population 5 --repeats 1)
  evaluator_sizes=(--image-size 16 "${tiny[@]}")
  sweep=(--batches 5 10) batch=(--batches 5 --evaluators dense) pixels=(1) pixels_after_sweep=(2)
  attack_sizes=(--image-size 16 --generations 1 --evaluators dense "${tiny[@]}")
  mixed=(--images 4) full=(--images 2)
  train_sizes=(--image-size 16 --train-batch 2 --repeats 1)
  peer_sizes=(--image-size 16 --generations 1 --peer-layouts shipped "${tiny[@]}")
  fast=float32 exact=(float32) both=(float32)
fi

names=(forward attack peers exact densenet full train)
wanted=("${names[@]}")
[ "$#" -eq 0 ] || wanted=("$@")
for name in "${wanted[@]}"; do
  case " ${names[*]} " in
    *" $name "*) ;;
    *) echo "unknown step $name; allowed: ${names[*]}" >&2; exit 2 ;;
  esac
done
deadline=$((SECONDS + seconds))

# step NAME LIMIT OPTIONS…: one benchmark in a process of its own, for at most LIMIT seconds.
step() {
  local name="$1"
  case " ${wanted[*]} " in *" ${name%%-*} "*) ;; *) return ;; esac
  if [ "$prefix" = gpu ]; then
    measure "$@"
    return
  fi
  # Nothing is timed in earnest, so two run side by side; and NAME-… would only be more of the same.
  case "$name" in *-*) return ;; esac
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  measure "$@" &
}

measure() {
  local name="$1" limit="$2" left=$((deadline - SECONDS)) began=$SECONDS status=0
  shift 2
  if [ "$left" -lt 15 ]; then
    echo "$name: skipped, no time left" >> "$work/report"
    return
  fi
  echo "== $name"
  timeout --kill-after=10 "$((limit < left ? limit : left))" \
    "$python" -m jaxpix.bench --out "$out" --name "$prefix-$name" "$@" || status=$?
  echo "$name: status $status after $((SECONDS - began)) s" >> "$work/report"
}

peers_here() {
  "$python" - <<'EOF'
import importlib.util as util
if util.find_spec("torch") and util.find_spec("torchvision"):
    known = {"art": "art", "torchattacks": "torchattacks"}
    print("torch-forward numpy-de", *(name for name, module in known.items() if util.find_spec(module)))
EOF
}

step forward 200 --measure forward --models "$resnet" --precision "$fast" --num-pixels 1 "${sweep[@]}" \
  "${evaluator_sizes[@]}"
step attack 150 --measure attack --models "$resnet" --precision "$fast" --num-pixels 1 --evaluators incremental \
  "${attack_sizes[@]}" "${mixed[@]}"
read -r -a peers <<< "$(peers_here)"
[ "$prefix" = gpu ] || peers=("${peers[@]:1:1}")
if [ "${#peers[@]}" -gt 0 ]; then
  step peers 240 --models "$peer_model" --precision "$fast" --num-pixels 1 --evaluators incremental \
    --peers "${peers[@]}" "${peer_sizes[@]}"
else
  echo "peers: skipped, torch or torchvision is missing" >> "$work/report"
fi
step forward-pixels 90 --measure forward --models "$resnet" --precision "$fast" --evaluators incremental \
  --num-pixels "${pixels_after_sweep[@]}" "${batch[@]}" "${evaluator_sizes[@]}"
step exact 150 --measure forward --models "$resnet" --precision "${exact[@]}" --num-pixels 1 "${batch[@]}" \
  "${evaluator_sizes[@]}"
step densenet 200 --measure forward --models "$densenet" --precision "$fast" --num-pixels "${pixels[@]}" \
  "${batch[@]}" "${evaluator_sizes[@]}"
step full 120 --measure attack --models "$resnet" --precision "$fast" --num-pixels 1 --evaluators incremental \
  "${attack_sizes[@]}" --difficulty full "${full[@]}"
step train 150 --measure train --models "$resnet" --precision "${both[@]}" "${train_sizes[@]}"
step densenet-exact 150 --measure forward --models "$densenet" --precision "${exact[@]}" --num-pixels 1 \
  "${batch[@]}" "${evaluator_sizes[@]}"
step densenet-attack 150 --measure attack --models "$densenet" --precision "$fast" --num-pixels 1 \
  --evaluators incremental "${attack_sizes[@]}" "${mixed[@]}"
wait
echo "== steps, after $SECONDS s"
cat "$work/report"
! grep -Eq ': status [1-9]' "$work/report"
