#!/bin/bash
# tests/kill_resume.sh: a run that is killed again and again ends with the very bytes of one that was left alone.
# Trains a small phantom run without interruption, then the same run killed (SIGKILL) at random moments and resumed
# with other numbers of threads and workers; then with 2 and 3 threads.  Compared byte for byte: best.safetensors,
# last.safetensors, result.json, and metrics.jsonl but for its times.  padnet needs two tasks with an output per pixel,
# so its run is one on volumes.
# BIN: folder of the programs.  KILLS: per architecture.  ARCHS: architectures.  SEED: of the random moments.
# TRAIN: more options of train.
. "$(dirname "$0")/shell.sh"
: "${KILLS:=10}" "${ARCHS:=hps stl}" "${SEED:=1}" "${TRAIN:=}"
RANDOM=$SEED

now_ms() { echo $(($(date +%s%N) / 1000000)); }
train() { "$BIN/train" --out "$@" >>"$work/log" 2>&1; }
without_times() { sed 's/"seconds":.*//' "$1"; }  # the times end every line

same() {  # RUN NAME: as the reference
  local file wrong=""
  for file in best.safetensors last.safetensors result.json; do
    cmp -s "$reference/$file" "$1/$file" || wrong="$wrong $file"
  done
  cmp -s <(without_times "$reference/metrics.jsonl") <(without_times "$1/metrics.jsonl") || wrong="$wrong metrics.jsonl"
  [ -z "$wrong" ] && ok "$2: the same bytes" || bad "$2: other bytes:$wrong"
  local left
  left=$(find "$1" -name '*.tmp')
  [ -z "$left" ] || bad "$2: left behind: $left"
}

# Trains in a folder, killing the program after a random time while kills are left; returns at the run's end.
killed_run() {
  local out=$1 pid status
  shift
  while :; do
    if [ -e "$out/config.toml" ]; then
      "$BIN/train" --out "$out" --resume --threads $((RANDOM % 3 + 1)) --workers $((RANDOM % 3)) >>"$work/log" 2>&1 &
    else  # killed before the run had begun
      rm -rf "$out"
      "$BIN/train" --out "$out" "$@" >>"$work/log" 2>&1 &
    fi
    pid=$!
    if [ $kills -lt "$KILLS" ]; then
      sleep "$(awk "BEGIN { print ($startup + $RANDOM % $spread) / 1000 }")"
      kill -KILL $pid 2>/dev/null
    fi
    wait $pid 2>/dev/null
    status=$?
    [ $status = 0 ] && return
    if [ $status != 137 ]; then
      bad "$arch: a resumed run ended with status $status: $(tail -1 "$work/log")"
      return
    fi
    kills=$((kills + 1))
    [ -n "$(find "$out" -name '*.tmp' 2>/dev/null)" ] && saving=$((saving + 1))
  done
}

"$BIN/phantom" --count 24 --seed 3 --size 48x64 --out "$work/ham10000" >/dev/null || { bad "phantom"; exit 1; }
case " $ARCHS " in
  *" padnet "*) "$BIN/phantom" --layout prostate --count 10 --seed 3 --out "$work/prostate" >/dev/null || { bad "phantom"; exit 1; } ;;
esac
for arch in $ARCHS; do
  case $arch in
    padnet) samples=(--dataset prostate --data "$work/prostate" --size 16x16x16 --batch 2) ;;
    *) samples=(--dataset ham10000 --data "$work/ham10000" --size 24x32 --batch 4) ;;
  esac
  options=("${samples[@]}" --arch "$arch" --widths 4,8 --epochs 4 --val-fraction 0.4 --clip 5 --save-every 0.001 --seed 5
    --threads 1 --workers 1)
  # shellcheck disable=SC2206
  options+=($TRAIN)
  reference=$work/$arch
  begin=$(now_ms)
  train "$reference" "${options[@]}" || { bad "$arch: $(tail -1 "$work/log")"; continue; }
  took=$(($(now_ms) - begin))

  # Each stretch is about a sixth of the run, so that the kills are spread over all of it.
  startup=$((took / 20 + 1)) spread=$((took / 3 + 1)) kills=0 saving=0 runs=0
  while [ $kills -lt "$KILLS" ] && [ $failed = 0 ]; do
    runs=$((runs + 1))
    killed_run "$work/$arch-killed-$runs" "${options[@]}"
    same "$work/$arch-killed-$runs" "$arch, killed and resumed"
  done
  echo "$arch: $kills kills in $runs runs, $saving of them while a file was being written"
  for threads in 2 3; do
    train "$work/$arch-threads-$threads" "${options[@]}" --threads $threads --workers 0 || bad "$arch: $threads threads"
    same "$work/$arch-threads-$threads" "$arch, $threads threads"
  done
done
exit $failed
