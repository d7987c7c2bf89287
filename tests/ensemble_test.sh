#!/bin/bash
# tests/ensemble_test.sh: evaluate and predict with --ensemble and --tta: their means are those of the runs' own answers, and
# what does not go together is refused.
# Builds: plain
. "$(dirname "$0")/shell.sh"
with_python json "means of runs" || exit 0

"$BIN/phantom" --count 40 --seed 1 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
options=(--data "$work/data" --size 48x64 --widths 4,8 --batch 4 --epochs 2 --threads 2 --workers 0)
train() { "$BIN/train" "${options[@]}" "${@:2}" --out "$work/$1" >"$work/$1.log" 2>&1 || bad "train: $(tail -1 "$work/$1.log")"; }
evaluate() { "$BIN/evaluate" --run "$work/$1" --split test "${@:2}"; }
predict() { "$BIN/predict" --run "$work/$1" --input "$work/in" "${@:2}"; }
train a --arch hps --test-fraction 0.3
"$BIN/inspect" "$work/a" --parts "$work/parts.csv" >/dev/null || bad "parts"
train b --arch stl --seed 1 --split-file "$work/parts.csv"

# ---- evaluate: says what it is, writes no table of cases into the run, and averages probabilities
cp "$work/a/cases_test.csv" "$work/a.csv"
expect 0 "mean of 2 runs x 1 view of the image: $work/a, $work/b" evaluate a --ensemble "$work/b"
expect 0 'x 4 views of the image' evaluate a --ensemble "$work/b" --tta
cmp -s "$work/a/cases_test.csv" "$work/a.csv" && ok "the run's table of cases stays" || bad "the run's table was replaced"
evaluate a --ensemble "$work/b" --json --cases "$work/mean.csv" >"$work/mean.json"
evaluate a --tta --json --cases "$work/tta.csv" >"$work/tta.json"
"$python" - "$work" <<'PY' && ok "the probabilities are the means of the runs', the figures those of the cases" || bad "other means"
import csv, json, math, sys
work = sys.argv[1]
rows = {name: list(csv.DictReader(open(f"{work}/{file}"))) for name, file in
        (("a", "a/cases_test.csv"), ("b", "b/cases_test.csv"), ("mean", "mean.csv"), ("tta", "tta.csv"))}
report, flips = json.load(open(work + "/mean.json")), json.load(open(work + "/tta.json"))
assert report["ensemble"] == {"members": 2, "views": 1, "runs": [work + "/a", work + "/b"]}, report["ensemble"]
assert flips["ensemble"] == {"members": 1, "views": 4, "runs": [work + "/a"]}, flips["ensemble"]
p = lambda row, k: math.exp(float(row[k]))
keys = [k for k in rows["a"][0] if k.startswith("diagnosis.log_p.")]
assert len(keys) == 7
for a, b, mean in zip(rows["a"], rows["b"], rows["mean"]):
    assert a["id"] == b["id"] == mean["id"]
    for k in keys:
        assert abs((p(a, k) + p(b, k)) / 2 - p(mean, k)) < 1e-6
assert any(abs(p(a, keys[0]) - p(t, keys[0])) > 1e-4 for a, t in zip(rows["a"], rows["tta"]))
for figures, table in (report, rows["mean"]), (flips, rows["tta"]):
    dice = [float(row["lesion.dice"]) for row in table]
    assert abs(sum(dice) / len(dice) - figures["lesion"]["dice"]) < 1e-9
    right = [row["diagnosis.truth"] == row["diagnosis.predicted"] for row in table]
    assert abs(sum(right) / len(right) - figures["diagnosis"]["accuracy"]) < 1e-9
PY

# ---- predict: the same masks, so that as labels they are found without a difference; and the same probabilities
mkdir "$work/in"
find "$work/data" -name '*.jpg' -exec cp {} "$work/in/" \;
predict a --out "$work/pa" >/dev/null
predict b --out "$work/pb" >/dev/null
expect 0 "note: mean of 2 runs x 4 views of the image: $work/a, $work/b" predict a --ensemble "$work/b" --tta --out "$work/pm"
cp -r "$work/data" "$work/labels"
changed=0
for mask in $(find "$work/labels" -name '*_segmentation.png'); do
  name=$(basename "$mask" _segmentation.png)
  cmp -s "$work/pm/${name}_lesion.png" "$work/pa/${name}_lesion.png" || changed=1
  cp "$work/pm/${name}_lesion.png" "$mask"
done
[ $changed = 1 ] && ok "other masks than one run's" || bad "the masks are those of one run"
evaluate a --ensemble "$work/b" --tta --data "$work/labels" --json 2>/dev/null | grep -q '"dice":1.0,' && ok "predict and evaluate agree" || bad "Dice of predict's masks: $(evaluate a --ensemble "$work/b" --tta --data "$work/labels")"
predict a --ensemble "$work/b" --out "$work/p2" >/dev/null
paste -d , "$work/pa/diagnosis.csv" "$work/pb/diagnosis.csv" "$work/p2/diagnosis.csv" | awk -F, 'NR > 1 {
  for (i = 2; i <= 8; ++i) { d = ($i + $(i + 9)) / 2 - $(i + 18); if (d < -2e-6 || d > 2e-6) exit 1 } }' \
  && ok "probabilities of predict" || bad "probabilities of predict"
expect 0 'lesion' "$BIN/predict" --config "$work/pa/config.toml" --input "$work/in" --out "$work/p1"
cmp -s "$work/pa/diagnosis.csv" "$work/p1/diagnosis.csv" && ok "one without an ensemble repeats that" || bad "one without an ensemble is not repeated"
expect 0 'mean of 2 runs x 1 view' "$BIN/predict" --config "$work/p2/config.toml" --input "$work/in" --out "$work/p3"
cmp -s "$work/p2/diagnosis.csv" "$work/p3/diagnosis.csv" && ok "its config.toml repeats it" || bad "its config.toml does not repeat it"

# ---- refused: samples that a member was trained on, runs that are unlike, flips that training did not make
train seed --arch hps --seed 7 --test-fraction 0.3
expect 2 "--ensemble: $work/seed was trained on " evaluate a --ensemble "$work/seed"
expect 2 "--ensemble: $work/a was trained on 20 of these 20 samples; choose ones that are new to all members" \
  "$BIN/evaluate" --run "$work/a" --split train --ensemble "$work/b"
MANY_LINES=yes expect 2 "was trained on 20 of these 40 samples" "$BIN/evaluate" --run "$work/a" --split all --ensemble "$work/b"
expect 0 "note: $work/b was trained on 20 samples of these names" "$BIN/evaluate" --run "$work/a" --data "$work/labels" --split all --ensemble "$work/b"
train small --arch hps --split-file "$work/parts.csv" --size 24x32
expect 2 "$work/small cannot be averaged with $work/a: size '24x32', expected '48x64'" evaluate a --ensemble "$work/small"
expect 2 "$work/small cannot be averaged with $work/a: size '24x32', expected '48x64'" predict a --ensemble "$work/b,$work/small" --out "$work/px"
train lesion --arch hps --split-file "$work/parts.csv" --tasks lesion --no-augment
expect 2 "$work/lesion cannot be averaged with $work/a: it has the tasks lesion (" evaluate a --ensemble "$work/lesion"
expect 2 "--ensemble: $work/b/../a is given twice" evaluate a --ensemble "$work/b/../a"
expect 2 "--tta: $work/lesion was trained without flips" evaluate lesion --tta
expect 2 "$work/lesion cannot be averaged with $work/a: flips in training 'none', expected 'left-right and up-down'" \
  evaluate a --ensemble "$work/lesion" --tta
expect 2 "$work/none" evaluate a --ensemble "$work/none"
[ ! -e "$work/px" ] && ok "nothing is written" || bad "a refusal left a folder behind"
mv "$work/b/provenance.json" "$work/kept.json"
MANY_LINES=yes expect 2 "$work/b has no provenance.json, so it cannot be told which samples it was trained on" evaluate a --ensemble "$work/b"

# ---- answers about the whole image that are yes or no: at 0.5; amounts: plain means
"$BIN/phantom" --layout prostate --count 6 --size 8x16x16 --seed 3 --out "$work/pelves" >/dev/null || bad "phantom"
options=(--data "$work/pelves" --dataset prostate --size 8x16x16 --widths 4,8 --batch 2 --epochs 1 --threads 2 --workers 0)
train c --arch hps
train d --arch hps --seed 1
"$BIN/predict" --run "$work/c" --input "$work/pelves/cases.csv" --out "$work/pc" >/dev/null || bad "predict"
"$BIN/predict" --run "$work/d" --input "$work/pelves/cases.csv" --out "$work/pd" >/dev/null || bad "predict"
expect 0 'mean of 2 runs x 1 view' "$BIN/predict" --run "$work/c" --ensemble "$work/d" --input "$work/pelves/cases.csv" --out "$work/pcd"
"$python" - "$work" <<'PY' && ok "doses are the means of the runs'" || bad "doses are not the means of the runs'"
import glob, gzip, os, struct, sys
work = sys.argv[1]
def read(folder, name):
    data = gzip.open(f"{work}/{folder}/{name}").read()
    return struct.unpack(f"<{(len(data) - 352) // 4}f", data[352:])
names = [os.path.basename(f) for f in glob.glob(work + "/pcd/*_dose.nii.gz")]
assert len(names) == 6
for name in names:
    c, d, mean = read("pc", name), read("pd", name), read("pcd", name)
    assert any(abs(x - y) > 1e-2 for x, y in zip(c, d))
    assert max(abs((x + y) / 2 - m) for x, y, m in zip(c, d, mean)) < 1e-3
PY
expect 0 'mean of 2 runs x 2 views' "$BIN/evaluate" --run "$work/c" --ensemble "$work/d" --tta --split val
"$BIN/phantom" --layout stoic --count 12 --size 16x16x16 --seed 3 --out "$work/chests" >/dev/null || bad "phantom"
options=(--data "$work/chests" --dataset stoic --size 16x16x16 --widths 4,8 --batch 2 --epochs 1 --threads 2 --workers 0)
train e --arch hps --val-fraction 0.4
expect 0 'sensitivity, specificity and F1 are at probability 0.5' "$BIN/evaluate" --run "$work/e" --tta
exit $failed
