#!/bin/bash
# tests/old_runs_test.sh: runs that an older program made still evaluate, predict and resume.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/shell.sh"
old=$here/fixtures/run_before_rebuild

"$BIN/phantom" --count 16 --size 45x60 --seed 11 --out "$work/ham10000" >/dev/null
"$BIN/phantom" --layout openkbp --count 3 --seed 11 --out "$work/kbp" >/dev/null
cp -r "$old/picture" "$old/openkbp" "$work"

# same NAME: what the old program printed and what this one does are the same words, with numbers that differ by less
# than 0.02 or 1 %.  Metrics that the old program did not have are left out.
same() {
  awk 'NR == FNR { if (/^  [a-z]/) known[$1 " " $2]; next } !/^  (structures|dose|lesion|diagnosis) / || (($1 " " $2) in known && $3 !~ /^[a-z]/)' \
    "$old/$1.txt" "$work/$1.txt" | grep -v -E '^    [A-Za-z0-9]+ ( +(-|[0-9.]+)){4,}$|^  DVH, |^    [A-Za-z0-9]+ +(D_[0-9.a-z_]+|mean) ' >"$work/known.txt"
  mv "$work/known.txt" "$work/$1.txt"
  if paste -d '\n' "$old/$1.txt" "$work/$1.txt" | awk '
    NR % 2 { split($0, was, /[ ,;()%]+/); old = $0; next }
    { n = split($0, is, /[ ,;()%]+/)
      for (i = 1; i <= n; ++i) {
        d = was[i] - is[i]; if (d < 0) d = -d
        number = was[i] ~ /^-?[0-9.]+$/ && is[i] ~ /^-?[0-9.]+$/
        if (was[i] != is[i] && !(number && (d < 0.02 || d < 0.01 * was[i]))) { print "old: " old "\nnow: " $0; exit 1 }
      } }'; then ok "$1: the figures of the old program"
  else bad "$1: other figures than the old program's"; fi
}

(cd "$work/ham10000" && "$BIN/evaluate" --run "$work/picture" --data . --split val --threads 1 &&
  "$BIN/predict" --run "$work/picture" --input HAM10000_images_part_1 --out "$work/p" --threads 1) >"$work/picture.txt"
same picture
(cd "$work/kbp" && "$BIN/evaluate" --run "$work/openkbp" --data . --split train --threads 1 &&
  "$BIN/predict" --run "$work/openkbp" --input train-pats --out "$work/p3" --threads 1) >"$work/openkbp.txt"
same openkbp
[ -e "$work/p/ISIC_9000001_lesion.png" ] && [ -e "$work/p/diagnosis.csv" ] && ok "masks and table" || bad "predictions"
[ -e "$work/p3/pt_2/dose.csv" ] && [ -e "$work/p3/pt_2/PTV70.csv" ] && ok "dose and outlines" || bad "patients"
expect 0 'epochs_done' "$BIN/inspect" "$work/picture"

# resumed NAME DATA EPOCHS: trains on, and leaves the epochs that are done as they were.
resumed() {
  expect 0 "epoch $3/$3" "$BIN/train" --out "$work/$1" --resume --data "$2" --epochs "$3"
  local before
  before=$(wc -l <"$old/$1/metrics.jsonl")
  [ "$(wc -l <"$work/$1/metrics.jsonl")" = "$3" ] && cmp -s "$old/$1/metrics.jsonl" <(head -n "$before" "$work/$1/metrics.jsonl") &&
    ok "$1: $before epochs of before, $3 now" || bad "$1: metrics after resuming"
}
resumed picture "$work/ham10000" 7
resumed openkbp "$work/kbp" 26
exit $failed
