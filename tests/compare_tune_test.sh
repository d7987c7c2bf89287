#!/bin/bash
# tests/compare_tune_test.sh: compare --tune chooses each network's value by the validation set alone; a sweep of fixed
# weights.
# Builds: plain
. "$(dirname "$0")/shell.sh"

cd "$work" || exit 1
"$BIN/phantom" --count 40 --seed 1 --size 48x64 --out data >/dev/null || bad "phantom"
compare() {
  "$BIN/compare" --data data --size 16x24 --widths 8,16 --batch 4 --epochs 3 --threads 1 --workers 0 --no-augment --archs "${archs:-stl,hps}" \
    --seeds 0,1 --out "$@"
}
# The table without what depends on the machine.
figures() { sed -E '/"(step_ms|peak_memory_mib)": \{/,/\}/d' "$1/table.json"; }
runs() { (cd "$1" && echo *-[01]); }

# ---- bad input
expect 2 "--tune lr: expected OPTION=VALUE" compare x --tune lr
expect 2 "cannot tune 'tasks': all runs of a comparison must share it" compare x --tune tasks=lesion,diagnosis
expect 2 "--tune lr=1,2: --sweep has 'lr' too; a row for each value" compare x --tune lr=1,2 --sweep lr=3,4
expect 2 '--lr -1: expected more than 0' compare x --tune lr=1e-3,-1
[ ! -e x ] && ok "nothing is written" || bad "bad input left a folder behind"

# ---- every value with the first seed, the best one with the second.  `hps`, `stl`: what is chosen; `not_hps`: what is not.
tune=(--tune lr=1e-2,1e-1)
compare whole "${tune[@]}" >log 2>&1 || bad "whole: $(cat log)"
chosen() { sed -n "s/^--tune: $1 lr=\([^ ]*\) is chosen; validation scores: lr=1e-2 -.*, lr=1e-1 -.*/\1/p" log; }
unchosen() { [ "$1" = 1e-2 ] && echo 1e-1 || echo 1e-2; }
hps=$(chosen hps) stl=$(chosen stl)
not_hps=$(unchosen "$hps") not_stl=$(unchosen "$stl")
[ -n "$hps" ] && [ -n "$stl" ] && ok "it says what is chosen: $stl for stl, $hps for hps" || bad "$(cat log)"
[ "$(runs whole | tr ' ' '\n' | sort)" = "$(printf '%s\n' {hps,stl}-lr-{1e-1,1e-2}-0 "hps-lr-$hps-1" "stl-lr-$stl-1" | sort)" ] &&
  ok "the second seed trains the chosen value only" || bad "$(runs whole)"
for file in table.md table.html; do
  grep -q 'Which values were tried' whole/$file && grep -q "hps lr=$not_hps" whole/$file && ok "$file" || bad "$file: $(cat whole/$file)"
done
grep -q "^| hps lr=$hps .* 2  *|\$" whole/table.md && [ "$(grep -c "^| hps lr=$not_hps" whole/table.md)" = 1 ] && ok "one row for a network" || bad "$(cat whole/table.md)"
if with_python json 'the choice by hand'; then
  cat >choice.py <<'PY'
# The value with the best score, from the runs' result.json; the table has no test figure of the others.
import json, math, sys
folder, option, values = sys.argv[1], sys.argv[2], sys.argv[3:]
table = json.load(open(folder + "/table.json"))
for row in table["rows"]:
    scores, tests = [], []
    for value in values:
        result = json.load(open("%s/%s-%s-%s-0/result.json" % (folder, row["arch"], option, value)))
        score = 0
        for task, how in result["tasks"].items():
            log = math.log(max(result["val"][task][how["metric"]], 1e-3))
            score += (log if how["larger_is_better"] else -log) / len(result["tasks"])
        scores.append(score)
        tests.append(result["test"])
    best = scores.index(max(scores))
    tuned = row["tuned"]
    assert tuned["option"] == option and tuned["value"] == values[best], (row["name"], scores)
    assert tuned["on"] == "seed 0" and [c["value"] for c in tuned["candidates"]] == values
    assert all(abs(c["score"] - s) < 1e-12 for c, s in zip(tuned["candidates"], scores))
    assert row["name"] == "%s %s=%s" % (row["arch"], option, values[best]) and len(row["runs"]) == 2
    known = [result["test"] for result in (json.load(open("%s/%s/result.json" % (folder, run["folder"]))) for run in row["runs"])]
    for task, metrics in row["test"].items():
        for metric, spread in metrics.items():
            assert spread["values"] == [t[task][metric] for t in known if t[task][metric] is not None]
    # No candidate has more than its validation figures.
    assert all(set(c) == {"value", "run", "score", "val"} for c in tuned["candidates"])
PY
  "$python" choice.py whole lr 1e-2 1e-1 && ok "the choice, from the runs' validation figures" || bad "$(cat whole/table.json)"
fi
again=$(compare whole "${tune[@]}")
[ "$(grep -c 'was finished before' <<<"$again")" = 6 ] && ok "finished runs are used again" || bad "$again"
expect 2 'was made with --epochs 3, not 4' compare whole "${tune[@]}" --epochs 4

# ---- the test figures of a value that was not chosen may be anything: nobody looks at them
cp -r whole blind
for run in "hps-lr-$not_hps-0" "stl-lr-$not_stl-0"; do
  rm -f "blind/$run/provenance.json" "blind/$run/cases_test.csv" "blind/$run/cost.json"
  sed -i '/"checksum": /d; /"test"/,$ s/: 0\.[0-9]*/: 0.999/' "blind/$run/result.json"
done
grep -q 0.999 "blind/hps-lr-$not_hps-0/result.json" || bad "no test figure was changed"
compare blind "${tune[@]}" >log 2>&1 || bad "blind: $(cat log)"
cmp -s <(figures whole) <(figures blind) && ok "test figures of the others count nothing" || bad "$(diff <(figures whole) <(figures blind) | head)"
# A better validation figure changes the choice; of equal ones the first given counts.
cp -r whole other
rm "other/hps-lr-$not_hps-0/provenance.json"
sed -i '/"checksum": /d; /"val"/,/"test"/ s/: 0\.[0-9]*/: 0.999/' "other/hps-lr-$not_hps-0/result.json"
expect 0 "--tune: hps lr=$not_hps is chosen" compare other "${tune[@]}"
[ -d "other/hps-lr-$not_hps-1" ] && ok "the other seed follows" || bad "$(runs other)"
archs=hps expect 0 "--tune: hps threads=2 is chosen" compare tie --tune threads=2,1

# ---- run by run: candidates first; each list may be given twice
compare listed "${tune[@]}" --list >first 2>notes || bad "--list: $(cat notes)"
[ "$(wc -l <first)" = 4 ] && ! grep -q -- '-1$' first && grep -q 'has not decided yet for stl, hps; when these runs are finished, --list prints the others too' notes &&
  ok "--list: those that decide" || bad "$(cat first notes)"
expect 1 'none of the 4 runs is finished' compare listed "${tune[@]}" --collect
expect 2 '--only hps-lr-1e-1-1: expected one of stl-lr-1e-2-0' compare listed "${tune[@]}" --only hps-lr-1e-1-1
sed -n '1,3p' first | sh >log 2>&1 || bad "the commands failed: $(cat log)"
compare listed "${tune[@]}" --list >second 2>notes || bad "--list: $(cat notes)"
[ "$(wc -l <second)" = 5 ] && grep -q -- "--only stl-lr-$stl-1\$" second && grep -q 'for hps; when' notes && ok "--list: one network is decided" || bad "$(cat second notes)"
MANY_LINES=yes expect 1 'missing: hps-lr-1e-1-0 has not begun' compare listed "${tune[@]}" --collect
grep -q 'hps is not decided: some of its runs are not there' listed/table.md && grep -q 'hps-lr-1e-1-0 has not begun' listed/table.md && ok "the table says it" || bad "$(cat listed/table.md)"
{ sh second && compare listed "${tune[@]}" --list >third && [ "$(wc -l <third)" = 6 ] && sh third; } >log 2>&1 || bad "the commands failed: $(cat log third)"
expect 0 'average vs STL' compare listed "${tune[@]}" --collect
cmp -s <(figures whole) <(figures listed) && ok "by single commands, the same table" || bad "$(diff <(figures whole) <(figures listed))"

# ---- stopped while it tunes, then two at a time: the same table
compare stopped "${tune[@]}" >log 2>&1 &
pid=$!
await stopped/stl-lr-1e-1-0/config.toml $pid
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
[ ! -e stopped/table.md ] && [ ! -e "stopped/stl-lr-$stl-1" ] && ok "it was stopped before it had chosen" || bad "too late: $(cat log)"
expect 0 'average vs STL' compare stopped "${tune[@]}" --jobs 2
cmp -s <(figures whole) <(figures stopped) && ok "stopped, then the same table" || bad "$(diff <(figures whole) <(figures stopped))"

# ---- a value that cannot be trained: its network has no figures, the others have theirs
cp -r whole broken
rm "broken/hps-lr-$not_hps-0/result.json"
echo nonsense >"broken/hps-lr-$not_hps-0/last.safetensors"
MANY_LINES=yes expect 1 '1 of 3 runs failed' compare broken "${tune[@]}"
grep -q "hps-lr-$not_hps-0 failed: " broken/table.md && grep -q "^| stl lr=$stl .* 2  *|\$" broken/table.md && ok "the table names it" || bad "$(cat broken/table.md)"

# ---- a sweep of fixed weights, which leaves stl alone; with --tune one row has the best of them
weights=(--balancing fixed --epochs 1)
expect 0 '| hps task-weights=3,1 ' compare weights "${weights[@]}" --sweep 'task-weights=1,1;3,1'
[ "$(runs weights)" = 'hps-task-weights-1_1-0 hps-task-weights-1_1-1 hps-task-weights-3_1-0 hps-task-weights-3_1-1 stl-0 stl-1' ] &&
  grep -qx 'balancing = "equal"' weights/stl-0/config.toml && ok "a row for each pair of weights" || bad "$(runs weights)"
grep -qx 'task-weights = \[3, 1\]' weights/hps-task-weights-3_1-0/config.toml && ok "the weights are those of the row" || bad "$(cat weights/hps-task-weights-3_1-0/config.toml)"
archs=hps expect 0 'hps-task-weights-3_1-0: was finished before' compare weights "${weights[@]}" --tune 'task-weights=1,1;3,1'
archs=stl expect 2 '--balancing fixed: --task-weights is missing' compare x "${weights[@]}"
exit $failed
