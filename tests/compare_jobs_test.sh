#!/bin/bash
# tests/compare_jobs_test.sh: a comparison as a plan, as runs side by side or by several programs, and as tables of what
# is finished; networks of equal size.
# Builds: plain
. "$(dirname "$0")/shell.sh"

mkdir "$work/it's here" && cd "$work/it's here" || exit 1
"$BIN/phantom" --count 40 --seed 1 --size 48x64 --out data >/dev/null || bad "phantom"
compare() {
  "$BIN/compare" --data data --size 16x24 --widths "${widths:-8,16}" --batch 4 --epochs "${epochs:-2}" --workers 0 --no-augment --archs stl,hps \
    --seeds 0,1 --out "$@"
}
names='hps-0 hps-1 stl-0 stl-1'
# The table without what depends on the machine.
figures() { sed -E '/"(step_ms|peak_memory_mib)": \{/,/\}/d' "$1/table.json"; }
same_weights() { for run in $names; do cmp -s "$1/$run/best.safetensors" "$2/$run/best.safetensors" || bad "$run: other weights in $2"; done; }

# ---- side by side: the same bits
expect 0 'average vs STL' compare one
expect 0 '3 runs at a time: about ' compare three --jobs 3
cmp -s <(figures one) <(figures three) && ok "three at a time, the same table" || bad "$(diff <(figures one) <(figures three))"
same_weights one three
expect 2 'MiB are available; a smaller --batch needs less' compare x --jobs 2 --batch 10000000
[ ! -e x ] || [ -z "$(ls x/*-0 2>/dev/null)" ] && ok "nothing is trained" || bad "trained: $(ls x)"
expect 2 '--jobs: Value 0 not in range' compare x --jobs 0

# ---- a command for each run: nothing is trained by --list; each command may be given twice, in any order
compare "listed" --list >commands || bad "--list ended with $?"
[ "$(wc -l <commands)" = 4 ] && [ ! -e listed ] && ok "a command for each run, no folder" || bad "$(cat commands)"
expect 1 'none of the 4 runs is finished' compare listed --collect
(cd / && sed -n '4p;1p;4p' "$work/it's here/commands" | sh) >log 2>&1 || bad "the commands failed: $(cat log)"
[ "$(grep -c 'was finished before' log)" = 1 ] && [ ! -e listed/table.json ] && ok "the second time trains nothing; no table yet" || bad "$(cat log)"
MANY_LINES=yes expect 1 '2 of 4 runs are missing' compare listed --collect
grep -q '^| hps .*1 of 2: the others are missing' listed/table.md && grep -q 'hps-0 has not begun' listed/table.md && ok "the table names what is missing" || bad "$(cat listed/table.md)"
sh commands >log 2>&1 || bad "the commands failed: $(cat log)"
expect 0 'average vs STL' compare listed --collect
cmp -s <(figures one) <(figures listed) && ok "by single commands, the same table" || bad "$(diff <(figures one) <(figures listed))"
expect 2 '--only nobody: expected one of stl-0' compare listed --only nobody
expect 2 'one of them at a time' compare listed --only stl-0 --collect

# ---- two programs on one comparison: each run is trained once, both have the whole table
compare both >first.log 2>&1 &
first=$!
compare both >second.log 2>&1 &
second=$!
wait $first || bad "the first of two: $(cat first.log)"
wait $second || bad "the second of two: $(cat second.log)"
[ "$(cat first.log second.log | grep -c ': 0:.*; validation')" = 4 ] && ok "each run is trained once" || bad "$(cat first.log second.log)"
cmp -s <(figures one) <(figures both) && ok "the same table by two" || bad "$(diff <(figures one) <(figures both))"
same_weights one both

# ---- Ctrl-C ends all children; the same command goes on
epochs=60 compare whole --jobs 2 >/dev/null || bad "whole"
epochs=60 "$BIN/compare" --data data --size 16x24 --widths 8,16 --batch 4 --epochs 60 --workers 0 --no-augment --archs stl,hps \
  --seeds 0,1 --out stopped --jobs 2 >log 2>&1 &
pid=$!
await stopped/stl-0/last.safetensors $pid
await stopped/hps-0/last.safetensors $pid
kill -INT $pid 2>/dev/null || kill -TERM $pid
kill -TERM $pid 2>/dev/null
wait $pid
status=$?
[ $status = 1 ] && [[ $(tail -1 log) == *'interrupted; the same command resumes it' ]] && [ ! -e stopped/table.md ] && ok "Ctrl-C ends it" ||
  bad "status $status: $(cat log)"
for run in stl-0 hps-0; do
  flock --nonblock "stopped/$run" true && ok "nobody works on $run any more" || bad "$run is still trained"
done
[ "$(grep -c 'interrupted, saved after step' log)" -ge 1 ] && ! grep -q FAILED log && ok "the runs were stopped, they did not fail" || bad "$(cat log)"
epochs=60 expect 0 'average vs STL' compare stopped --jobs 2
cmp -s <(figures whole) <(figures stopped) && ok "interrupted, then the same table" || bad "$(diff <(figures whole) <(figures stopped))"

# ---- networks of equal size
expect 0 '--match-parameters: hps widths=' compare equal --match-parameters
awk -F'|' '/^\| stl/ && !stl { stl = $8 } /^\| hps widths=/ && !hps { hps = $8 } END { exit !(stl > 0 && hps > 0.98 * stl && hps < 1.02 * stl) }' equal/table.md &&
  ok "within 2 %" || bad "$(cat equal/table.md)"
grep -q '"widths": \[' equal/table.json && ls -d equal/hps-widths-*-0 >/dev/null && ok "the widths are in table.json and in the folder's name" || bad "$(ls equal)"
expect 0 'was finished before' compare equal --match-parameters
widths=1,2 expect 2 'no factor of the widths 1,2 gives hps the' compare x --match-parameters
exit $failed
