#!/usr/bin/env bash
# A real study on a GPU machine within seven minutes: prepares, trains, attacks, reports (configs/pneumonia-gpu.toml), and
# packs the results again and again on the way, so that a machine that is taken away takes little with it.
#
#   bash scripts/study_gpu.sh                 when the time is over, what is there is reported
#   bash scripts/study_gpu.sh --small         a rehearsal on a CPU, with a tiny network on small images
#   bash scripts/study_gpu.sh --set …         more words go to jaxpix.study
#
# Its status is 0 when everything is finished, else that of the step which failed or was ended (143: no time left).
#
# SOURCE            the chest X-rays as downloaded, a zip or a folder (the first of the usual places; --small draws images)
# OUT               folder of what is carried home, four files (runs/home)
# RUN, DATA         run folder, and folder of the prepared images (runs/pneumonia-gpu, data; --small: temporary ones)
# JAXPIX_NOTE       what the report says of the images (for a zip called …_224.zip: that it was resized)
# JAXPIX_SECONDS    time for everything (420); the last tenth, at most 40 s, is the report's
# JAXPIX_PYTHON, JAXPIX_WHEELS, JAXPIX_COMMIT: see scripts/gpu_setup.sh
set -uo pipefail
cd "$(dirname "$0")/.."
source scripts/gpu_setup.sh
source scripts/study_packing.sh
small=
[ "${1:-}" != "--small" ] || { small=yes; shift; }
seconds="${JAXPIX_SECONDS:-420}" out="${OUT:-runs/home}" source="${SOURCE:-}" split=patient size=224
reserve=$((seconds / 10 < 40 ? seconds / 10 : 40)) stopping='' data_set=pneumonia
work="$(mktemp -d)" changes=()
run="${RUN:-runs/pneumonia-gpu}" data="${DATA:-data}"
if [ -n "$small" ]; then
  run="${RUN:-$work/run}" data="${DATA:-$work/data}" size=32
  export JAX_PLATFORMS=cpu JAX_DISABLE_MOST_OPTIMIZATIONS=1
  changes=(data.image_size=32 train.model=resnet14 train.epochs=1 train.batch_size=8 train.precision=float32
    attack.precision=float32 attack.per_class=2 attack.generations=2 attack.population=8 attack.evaluator=dense
    'study.num_pixels=[1, 3]')
  if [ -z "$source" ]; then
    data_set=phantom-xray split=drawn
    changes+=(data.dataset=phantom-xray data.split=drawn 'study.title="A rehearsal on drawn images"')
  fi
fi
# The study takes --set once.
[ "${1:-}" != "--set" ] || { shift; changes+=("$@"); set --; }
[ "${#changes[@]}" -eq 0 ] || set -- "$@" --set "${changes[@]}"

mkdir -p "$out" "$run"
# What the signals end besides this script must not be the log.
exec > >(trap '' TERM INT HUP; exec tee "$out/study.log") 2>&1
log=$!
trap 'stopping=yes' TERM INT HUP
trap 'rm -rf "$work"' EXIT

find_source() {
  local place
  for place in chest_xray*.zip data/chest_xray*.zip ../shared/data/chest_xray*.zip ../chest_xray*.zip chest_xray; do
    [ ! -e "$place" ] || { source="$place"; return; }
  done
  echo "no chest X-rays: set SOURCE to the zip as downloaded; looked for chest_xray*.zip in ., data, ../shared/data and .."
  return 1
}

prepare() {
  if [ -z "$source" ] && [ -d "$data/$data_set/$split-$size" ]; then
    note_step "prepare: done before, in $data"
    return 0
  fi
  local note="${JAXPIX_NOTE:-}" words=(--split "$split" --image-size "$size" --data-dir "$data")
  if [ "$data_set" = phantom-xray ]; then
    words+=(--num-images 120)
  else
    [ -n "$source" ] || find_source || return 1
    case "$source" in
      *_224.zip) note="${note:-a copy (${source##*/}) that a third party had squeezed to 224 x 224}" ;;
    esac
    words+=(--source "$source" --allow-missing ${note:+--note "$note"})
  fi
  watch prepare "$python" -m jaxpix.prepare "$data_set" "${words[@]}"
}

deadline=$((SECONDS + seconds)) attacks_end=$((SECONDS + seconds - reserve))
: > "$run/steps.txt"
! command -v nvidia-smi > /dev/null || nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
jaxpix_gpu_setup "$work" || { note_step "wheels: status $?"; exit 1; }
prepare &&
  watch study "$python" -m jaxpix.study configs/pneumonia-gpu.toml --data-dir "$data" --run "$run" "$@"
status=$?
if [ "$status" -eq 0 ]; then
  rm -rf "$run/report-so-far"
else
  final_report $((deadline - SECONDS))
fi
echo "== steps, after $SECONDS s"
cat "$run/steps.txt"
pack
say_what_to_carry
exec >&- 2>&-
wait "$log"
exit "$status"
