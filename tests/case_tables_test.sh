#!/bin/bash
# tests/case_tables_test.sh: the tables of cases that runs and evaluate write, against the figures of the result; and what
# compare concludes from them.
. "$(dirname "$0")/shell.sh"
with_python json "tables of cases" || exit 0

"$BIN/phantom" --setting shared --count 60 --seed 3 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
options=(--data "$work/data" --size 24x32 --widths 4,8 --batch 4 --epochs 3 --threads 1 --workers 0 --val-fraction 0.3
  --test-fraction 0.3)
"$BIN/train" --arch hps "${options[@]}" --out "$work/run" >"$work/log" || bad "train: $(cat "$work/log")"
for part in val test; do
  [ -s "$work/run/cases_$part.csv" ] && ok "cases_$part.csv" || bad "no cases_$part.csv"
done

# ---- every figure of the result follows from the cases
"$python" - "$work/run" <<'PY' && ok "means, accuracy and balanced accuracy of the cases are the result's" || bad "the cases give other figures"
import csv, json, sys
run = sys.argv[1]
result, parts = json.load(open(run + "/result.json")), json.load(open(run + "/provenance.json"))["samples"]
for part in "val", "test":
    rows = list(csv.DictReader(open(f"{run}/cases_{part}.csv")))
    assert [row["id"] for row in rows] == parts[part]["ids"], part
    assert all(row["group"].startswith("HAM_") for row in rows)
    figures = result[part]
    for metric in "dice", "iou", "hd95", "assd", "nsd", "volume_error":
        values = [float(row["lesion." + metric]) for row in rows if row["lesion." + metric]]
        assert abs(sum(values) / len(values) - figures["lesion"][metric]) < 1e-9, metric
    right = {}
    for row in rows:
        logs = {k: float(v) for k, v in row.items() if k.startswith("diagnosis.log_p.")}
        assert abs(sum(2.718281828459045 ** v for v in logs.values()) - 1) < 1e-6
        right.setdefault(row["diagnosis.truth"], []).append(row["diagnosis.truth"] == row["diagnosis.predicted"])
    recall = [sum(r) / len(r) for r in right.values()]
    assert abs(sum(recall) / len(recall) - figures["diagnosis"]["balanced_accuracy"]) < 1e-9
    assert abs(sum(map(sum, right.values())) / len(rows) - figures["diagnosis"]["accuracy"]) < 1e-9
PY

# ---- evaluate writes the same table into the run's folder, or where it is told; not that of other data
cp "$work/run/cases_test.csv" "$work/kept.csv"
expect 0 'rows true classes, columns predicted ones' "$BIN/evaluate" --run "$work/run" --split test --batch 3 --classes
cmp -s "$work/run/cases_test.csv" "$work/kept.csv" && ok "evaluate finds the same, byte for byte" || bad "$(diff "$work/run/cases_test.csv" "$work/kept.csv" | head -4)"
cp -r "$work/data" "$work/copy"
expect 0 'dice' "$BIN/evaluate" --run "$work/run" --split val --data "$work/copy" --cases "$work/val.csv"
cmp -s "$work/run/cases_val.csv" "$work/val.csv" && ok "--cases names the file" || bad "--cases"
rm "$work/run/cases_val.csv"
expect 0 'dice' "$BIN/evaluate" --run "$work/run" --split val --data "$work/copy"
[ ! -e "$work/run/cases_val.csv" ] && ok "other data leave the run's folder alone" || bad "cases_val.csv of other data"
expect 1 'cannot' "$BIN/evaluate" --run "$work/run" --split val --cases "$work/none/val.csv"
"$BIN/evaluate" --run "$work/run" --split test --json --classes --cases "$work/t.csv" >"$work/json"
"$python" - "$work/json" "$work/kept.csv" <<'PY' && ok "confusion matrix and reliability add up" || bad "confusion: $(cat "$work/json")"
import csv, json, sys
diagnosis, rows = json.load(open(sys.argv[1]))["diagnosis"], list(csv.DictReader(open(sys.argv[2])))
assert sum(map(sum, diagnosis["confusion"])) == len(rows) == sum(b["cases"] for b in diagnosis["reliability"])
right = sum(diagnosis["confusion"][c][c] for c in range(7))
assert right / len(rows) == diagnosis["accuracy"]
assert abs(sum(b["truth"] * b["cases"] for b in diagnosis["reliability"]) - right) < 1e-9
PY

# ---- compare: how sure its differences are
compare() { "$BIN/compare" --out "$work/compared" "${options[@]}" --archs stl,hps --seeds 0,1,2 "$@"; }
expect 0 '## How sure are the differences?' compare
"$python" - "$work/compared" <<'PY' && ok "differences, intervals and p are those of the runs" || bad "evidence: $(cat "$work/compared/table.json")"
import csv, json, math, sys
folder = sys.argv[1]
table = json.load(open(folder + "/table.json"))
stl, hps = table["rows"]
for task, metric in ("lesion", "dice"), ("diagnosis", "balanced_accuracy"):
    found = hps["against_stl"][task]
    pairs = list(zip(hps["test"][task][metric]["values"], stl["test"][task][metric]["values"]))
    d = [a - b for a, b in pairs]
    mean = sum(d) / 3
    assert abs(found["difference"] - mean) < 1e-12
    ratio = 0
    for seed in 0, 1, 2:
        made = json.load(open(f"{folder}/hps-{seed}/provenance.json"))["samples"]
        ratio += made["test"]["count"] / made["train"]["count"] / 3
    wide = 4.302652729911275 * math.sqrt(sum((x - mean) ** 2 for x in d) / 2 * (1 / 3 + ratio))  # t of 2 degrees, 0.975
    assert abs(found["interval"][0] - (mean - wide)) < 1e-9 and abs(found["interval"][1] - (mean + wide)) < 1e-9
    assert found["p_holm"] >= found["p"] and stl["val"][task][metric]["values"]
    if all(a > 0 and b > 0 for a, b in pairs):
        assert abs(found["ratio_percent"] - 100 * (math.exp(sum(math.log(a / b) for a, b in pairs) / 3) - 1)) < 1e-9
    for run, x in zip(found["runs"], d):
        assert abs(run["difference"] - x) < 1e-9 and run["interval"][0] <= x <= run["interval"][1], run
        assert 0 < run["p"] <= run["p_holm"] <= 1 and run["groups"] <= run["cases"]
PY
cp "$work/compared/table.json" "$work/first.json"
compare >/dev/null && cmp -s "$work/compared/table.json" "$work/first.json" && ok "the same again: the draws have a seed" || bad "other figures the second time"

# ---- tables of cases that are missing, damaged or another run's
mv "$work/compared/hps-1/cases_test.csv" "$work/kept.csv"
expect 0 'hps-1 has no table of cases' compare
sed '2s/,0\.\([0-9]\)/,0.9\1/' "$work/kept.csv" >"$work/compared/hps-1/cases_test.csv"
expect 2 'hps-1/cases_test.csv: its cases give lesion a dice of' compare
cp "$work/compared/hps-2/cases_test.csv" "$work/compared/hps-1/"
expect 2 'hps-1/cases_test.csv: its cases give lesion a dice of' compare
sed '3s/.*/&x/' "$work/kept.csv" >"$work/compared/hps-1/cases_test.csv"
expect 2 "hps-1/cases_test.csv:3: diagnosis.truth '" compare
sed '3{p}' "$work/kept.csv" >"$work/compared/hps-1/cases_test.csv"
expect 2 "is there twice" compare
cp "$work/kept.csv" "$work/compared/hps-1/cases_test.csv"
expect 0 '## How sure are the differences?' compare

# ---- a run that goes on is not finished: its tables go with its result
"$BIN/train" --resume --out "$work/compared/hps-1" --epochs 3 >/dev/null 2>&1
[ -e "$work/compared/hps-1/cases_test.csv" ] && ok "a finished run keeps its tables" || bad "resume removed the tables"
exit $failed
