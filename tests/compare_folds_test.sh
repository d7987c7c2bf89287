#!/bin/bash
# tests/compare_folds_test.sh: cross-validation, and a division that a file says, in train, evaluate and compare.
. "$(dirname "$0")/shell.sh"

"$BIN/phantom" --count 40 --seed 1 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
options=(--data "$work/data" --size 16x24 --widths 4,8 --batch 4 --epochs 1 --threads 1 --workers 0 --no-augment)
train() { "$BIN/train" "${options[@]}" "${@:2}" --out "$work/$1"; }
compare() { "$BIN/compare" "${options[@]}" --archs "${archs:-stl,hps}" "${@:2}" --out "$work/$1"; }
parts() { "$BIN/inspect" "$work/$1" --parts /dev/stdout; }
part() { parts "$1" | grep ",$2\$"; }

# ---- folds: bad input
expect 2 '--folds 1: expected 2 or more' train x --folds 1
expect 2 '--fold 1: expected --folds with it' train x --fold 1
expect 2 '--fold 3: expected 0 to 2' train x --folds 3 --fold 3
expect 2 '--folds 99: the dataset has only' train x --folds 99
expect 2 '--split-file: says the parts' train x --folds 3 --split-file "$work/parts.csv"
expect 2 '--fold: compare takes --folds instead' compare x --folds 3 --fold 1
"$BIN/phantom" --layout openkbp --count 4 --out "$work/kbp" >/dev/null || bad "phantom"
expect 2 'the dataset is distributed in parts' "$BIN/train" --dataset openkbp --data "$work/kbp" --out "$work/x" --folds 2
[ ! -e "$work/x" ] && ok "nothing is written" || bad "bad input left a folder behind"

# ---- folds: the test parts are disjoint and together all; the division does not follow --seed
for fold in 0 1 2; do expect 0 'test set, best weights' train "fold$fold" --folds 3 --fold $fold; done
[ "$(for fold in 0 1 2; do part fold$fold test; done | sort -u | wc -l)" = 40 ] && ok "each sample tests once" || bad "test parts: $(part fold0 test)"
train seed1 --folds 3 --fold 1 --seed 1 >/dev/null
[ "$(parts seed1)" = "$(parts fold1)" ] && ok "another seed, the same parts" || bad "the parts follow the seed"
train other --folds 3 --fold 1 --fold-seed 1 >/dev/null
[ "$(parts other)" != "$(parts fold1)" ] && ok "another fold-seed, other parts" || bad "the parts do not follow the fold-seed"
expect 0 '"dice"' "$BIN/evaluate" --run "$work/fold1" --split test --json
expect 2 'was begun with --fold 1, not 2' train fold1 --resume --fold 2
expect 0 'note: --test-fraction has no effect' train noted --folds 2 --test-fraction 0.2

# ---- compare: seeds and folds cross; rows of one fold and seed have the same samples
expect 0 'over 2 folds, each with 2 seeds' compare folds --folds 2 --seeds 0,1
[ "$(cd "$work/folds" && echo *-fold*)" = 'hps-0-fold0 hps-0-fold1 hps-1-fold0 hps-1-fold1 stl-0-fold0 stl-0-fold1 stl-1-fold0 stl-1-fold1' ] && ok "names" || bad "$(ls "$work/folds")"
for run in stl-0 stl-1 hps-1; do [ "$(parts "folds/$run-fold1")" = "$(parts folds/hps-0-fold1)" ] || bad "$run: other parts"; done
[ "$(grep -c '"fold": 1' "$work/folds/table.json")" = 4 ] && grep -q '"folds": 2' "$work/folds/table.json" && ok "table.json names the folds" || bad "$(cat "$work/folds/table.json")"
! grep -q 'there is no interval' "$work/folds/table.md" && ok "four runs are enough for an interval" || bad "$(cat "$work/folds/table.md")"
expect 0 'hps-1-fold1: was finished before' compare folds --folds 2 --seeds 0,1
expect 2 'was made with --folds 2, not 3' compare folds --folds 3 --seeds 0,1
expect 0 'note: --test-fraction has no effect' compare folds --folds 2 --seeds 0 --test-fraction 0.5
# A class that is missing is said: three samples of it cannot be in ten folds.
archs=hps expect 0 'test sample is of class' compare many --folds 10 --seeds 0

# ---- a division from a file: that of a run, in any order
parts fold2 | (read -r head && echo "$head" && sort) >"$work/parts.csv"
expect 0 'test set, best weights' train filed --split-file "$work/parts.csv"
[ "$(parts filed)" = "$(parts fold2)" ] && ok "the parts are those of the file" || bad "other parts than the file's"
cmp -s <(grep -v checksum "$work/filed/result.json" | grep -A99 '"val"') <(grep -v checksum "$work/fold2/result.json" | grep -A99 '"val"') &&
  ok "the same parts, the same result" || bad "$(diff "$work/filed/result.json" "$work/fold2/result.json")"
expect 0 'over 1 seed' compare bycsv --split-file "$work/parts.csv" --seeds 0
mistake() {  # TEXT SED-SCRIPT
  sed "$2" "$work/parts.csv" >"$work/wrong.csv"
  expect 2 "$1" train x --split-file "$work/wrong.csv"
}
mistake "wrong.csv:3: id 'nobody' is none of the dataset's" '3s/^[^,]*/nobody/'
mistake 'is there twice, first in line 2' '2p'
mistake "of the dataset's 40 samples are in no row" '4d'
mistake "wrong.csv:5: part 'trian', expected train, val or test" '5s/,.*/,trian/'
mistake 'wrong.csv:1: no sample is in part val' 's/,val/,train/'
mistake 'has no column id or group' '1s/id/name/'
sed 's/,test/,train/' "$work/parts.csv" >"$work/wrong.csv"
expect 2 'samples to validate and 0 to test' compare y --split-file "$work/wrong.csv" --seeds 0
# The run holds its parts: a file that was changed is refused to go on with, and evaluate needs none.
sed -i 's/,val/,was-val/; s/,test/,val/; s/,was-val/,test/' "$work/parts.csv"
rm "$work/filed/result.json"
expect 2 'moved to another part' train filed --resume
rm "$work/parts.csv"
expect 0 '"dice"' "$BIN/evaluate" --run "$work/filed" --split test --json
exit $failed
