# Sourced by scripts/study_gpu.sh: a step under observation, and the results so far as a few small files.
#
# Variables of the script: python, run and out (folders), work (temporary), attacks_end (in SECONDS), stopping (a signal
# came).
_PACK_EVERY=15
_MOST_BYTES=$((16 * 1024 * 1024))

note_step() {
  echo "$1" >> "$run/steps.txt"
}

# watch NAME COMMAND…: until it ends, a signal comes, or no time is left for it. Returns the command's status.
watch() {
  local name="$1" began=$SECONDS packed=$SECONDS child status ended='' stage now
  shift
  stage="$(finished_stages)"
  echo "== $name"
  "$@" &
  child=$!
  while kill -0 "$child" 2> /dev/null; do
    if [ -n "$stopping" ] || [ "$SECONDS" -ge "$attacks_end" ]; then
      [ -z "$stopping" ] && ended=", ended because the time is over" || ended=", ended by a signal"
      end_child "$child"
      break
    fi
    now="$(finished_stages)"
    if [ "$now" != "$stage" ]; then
      stage="$now"
      echo "== finished: $(echo "$now" | tr '\n' ' ')"
      report_so_far
      pack
      packed=$SECONDS
    elif [ $((SECONDS - packed)) -ge "$_PACK_EVERY" ]; then
      pack
      packed=$SECONDS
    fi
    sleep 0.5
  done
  wait "$child"
  status=$?
  note_step "$name: status $status after $((SECONDS - began)) s$ended"
  pack
  return "$status"
}

# A door stops within five seconds of SIGTERM and keeps everything that is finished.
end_child() {
  local until=$((SECONDS + 10))
  kill -TERM "$1" 2> /dev/null
  while kill -0 "$1" 2> /dev/null; do
    [ "$SECONDS" -lt "$until" ] || kill -KILL "$1" 2> /dev/null
    sleep 0.2
  done
}

finished_stages() {
  (cd "$run" && ls -d victim/test_metrics.json ./*/records.parquet 2> /dev/null)
}

# report FOLDER LIMIT: of all attacks that have begun. A signal does not have to wait for it.
report() {
  local folder="$1" limit="$2" child
  # The study holds the GPU and its memory.
  JAX_PLATFORMS=cpu timeout --kill-after=5 "$limit" "$python" -m jaxpix.report "$run" --out "$folder" &
  child=$!
  wait "$child"
}

# A study writes its own report at its end; this one lies elsewhere, so that the two never wait for each other.
report_so_far() {
  local left=$((attacks_end - SECONDS))
  ls "$run"/*/records.parquet > /dev/null 2>&1 && [ "$left" -gt 15 ] || return 0
  report "$run/report-so-far" "$((left < 60 ? left : 60))" > "$work/report.log" 2>&1 ||
    tail -n 3 "$work/report.log"
}

# final_report SECONDS: where the study did not come to its own, of what there is, a running attack's journal included.
final_report() {
  local began=$SECONDS left="$1"
  if ! ls "$run"/*/selection.json > /dev/null 2>&1; then
    note_step "report: none, no attack had begun"
    return 1
  fi
  echo "== report of what there is"
  report "$run/report" "$((left > 20 ? left : 20))" && rm -rf "$run/report-so-far"
  note_step "report: status $? after $((SECONDS - began)) s"
}

# Weights and pictures stay: what is carried home says everything in numbers, and the page holds the successes' pictures.
pack() {
  local page=report older=report-so-far
  [ ! "$run/$older/index.html" -nt "$run/$page/index.html" ] || { page=report-so-far; older=report; }
  tar --create --gzip --file "$out/.study.tar.gz" --directory "$run" --exclude checkpoints --exclude weights \
    --exclude adversarial --exclude originals --exclude "./$older" --exclude '.*.tmp' --exclude .lock . 2> /dev/null
  # 1: a file grew while it was read; a journal's torn last line is passed over by whoever reads it.
  [ "$?" -gt 1 ] || mv "$out/.study.tar.gz" "$out/study.tar.gz"
  [ ! -f "$run/$page/index.html" ] || replace "$run/$page/index.html" report.html
  [ ! -f "$run/$page/summary.json" ] || replace "$run/$page/summary.json" summary.json
}

replace() {
  cp "$1" "$out/.$2" && mv "$out/.$2" "$out/$2"
}

say_what_to_carry() {
  local file size
  echo "== carry home, from $out:"
  for file in study.tar.gz summary.json report.html study.log; do
    [ -f "$out/$file" ] || { echo "$file: not written"; continue; }
    size="$(stat -c %s "$out/$file")"
    echo "$file: $((size / 1024)) KiB$([ "$size" -le "$_MOST_BYTES" ] || echo ', MORE THAN 16 MiB')"
  done
}
