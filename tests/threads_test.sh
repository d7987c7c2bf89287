#!/bin/bash
# tests/threads_test.sh: programs with several threads and workers give the bytes that they give with one.
# Builds: plain thread
. "$(dirname "$0")/shell.sh"

# trained FOLDER LAYOUT OPTIONS...: a run of each kind of data, of CTAN, which has every kind of block
trained() {
  "$BIN/train" --out "$work/$1" --dataset "$2" --data "$work/$2" --arch ctan --widths 4,8 --batch 2 --epochs 1 --seed 1 \
    --val-fraction 0.3 "${@:3}" >/dev/null 2>"$work/log" || bad "train: $(tail -1 "$work/log")"
}
# alike LAYOUT INPUT OPTIONS...: train, evaluate and predict
alike() {
  local layout=$1 input=$2 n
  shift 2
  trained "$layout-1" "$layout" --threads 1 --workers 0 "$@"
  # shellcheck disable=SC2086
  trained "$layout-3" "$layout" --threads 3 --workers 3 $cache "$@"
  for n in 1 3; do
    "$BIN/evaluate" --run "$work/$layout-$n" --json --threads $n >"$work/$layout-$n.json" 2>"$work/log" || bad "evaluate: $(cat "$work/log")"
    "$BIN/predict" --run "$work/$layout-$n" --input "$input" --out "$work/$layout-$n-out" --threads $n >/dev/null 2>"$work/log" ||
      bad "predict: $(cat "$work/log")"
    rm -f "$work/$layout-$n-out/config.toml"
  done
  cmp -s "$work/$layout-1/best.safetensors" "$work/$layout-3/best.safetensors" && ok "$layout: the same weights" || bad "$layout: other weights"
  cmp -s "$work/$layout-1.json" "$work/$layout-3.json" && ok "$layout: the same figures" || bad "$layout: other figures"
  diff -r "$work/$layout-1-out" "$work/$layout-3-out" >"$work/log" && ok "$layout: the same answers" || bad "$layout: $(cat "$work/log")"
}

"$BIN/phantom" --count 12 --size 32x40 --out "$work/ham10000" >/dev/null || bad "phantom"
"$BIN/phantom" --layout prostate --count 6 --out "$work/prostate" >/dev/null || bad "phantom"
cache=""
alike ham10000 "$work/ham10000/HAM10000_images_part_1" --size 16x24
cache="--cache-disk $work/kept"
alike prostate "$work/prostate/cases.csv" --size 16x16x16 --patch 8x8x8 --elastic 0.05
exit $failed
