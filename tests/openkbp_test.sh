#!/bin/bash
# tests/openkbp_test.sh: phantoms in OpenKBP's layout, trained on for a moment, predicted, judged; the scores are those
# that numpy finds in the predicted files.
. "$(dirname "$0")/shell.sh"
here=$(dirname "$0")

expect 0 '4 patients of 128x128x128' "$BIN/phantom" --layout openkbp --count 4 --seed 2 --out "$work/data"
expect 2 'exists; choose a new folder' "$BIN/phantom" --layout openkbp --count 4 --seed 2 --out "$work/data"
expect 2 'has neither --size nor --setting' "$BIN/phantom" --layout openkbp --size 8x8 --count 1 --out "$work/none"

train() { "$BIN/train" --dataset openkbp --data "$work/data" --widths 4,8 --batch 1 --epochs 1 --seed 1 "$@" 2>>"$work/log"; }
train --arch ctan --size 16x16x16 --rotation 5 --noise 0.01 --gamma-range 0.2 --threads 1 --workers 0 --out "$work/run" \
  >/dev/null || bad "train: $(tail -1 "$work/log")"
train --arch ctan --size 16x16x16 --rotation 5 --noise 0.01 --gamma-range 0.2 --threads 2 --workers 3 --out "$work/again" \
  >/dev/null || bad "train again: $(tail -1 "$work/log")"
cmp -s "$work/run/best.safetensors" "$work/again/best.safetensors" && ok "the same weights for other threads and workers" \
  || bad "other weights for other threads and workers"
grep -q '"waited_share":' "$work/run/metrics.jsonl" && ok "metrics.jsonl has the share of waiting" || bad "no waited_share"
grep -q '"dice.PTV70":' "$work/run/result.json" && ok "result.json has the Dice of each structure" || bad "no dice.PTV70"
grep -q '^size = "16x16x16"' "$work/run/config.toml" && ok "config.toml has the size" || bad "size"

expect 0 'dose score' "$BIN/evaluate" --run "$work/run" --pictures "$work/pictures"
for file in pt_4_dvh.svg pt_4_dose.png; do
  [ -s "$work/pictures/$file" ] && ok "evaluate drew $file" || bad "evaluate: no $file"
done
# Planned and predicted figures of the one patient: means over patients are its own.
"$BIN/evaluate" --run "$work/run" --json >"$work/dvh.json"
if with_python json 'the table of DVH figures'; then
  "$python" - "$work/dvh.json" "$work/run/dvh_val.csv" <<'EOF' && ok "the DVH figures by structure" || bad "dvh: $(cat "$work/run/dvh_val.csv")"
import csv, json, sys
report, rows = json.load(open(sys.argv[1]))["openkbp"], list(csv.DictReader(open(sys.argv[2])))
errors = []
for row in rows:
    mean = report["dvh"][row["structure"]][row["figure"]]
    planned, predicted = float(row["planned_gy"]), float(row["predicted_gy"])
    assert row["patient"] == "pt_4" and mean["planned"] == planned and mean["predicted"] == predicted
    assert mean["error"] == abs(planned - predicted)
    errors.append(mean["error"])
assert abs(sum(errors) / len(errors) - report["dvh_score"]) < 1e-9
assert {r["figure"] for r in rows} == {"D_0.1_cc", "mean", "D_99", "D_95", "D_1"}
EOF
fi
# Judging needs no part to train on; without one there is no constant predictor.
mkdir "$work/tests" "$work/one" && cp -r "$work/data/validation-pats" "$work/tests/test-pats" && cp -r "$work/data/validation-pats/pt_4" "$work/one"
expect 0 '(constant ' "$BIN/evaluate" --run "$work/run" --split all
for data in "tests test" "tests all" "one all" "one val"; do
  set -- $data
  expect 0 '"constant_gy":null,"constant_dose_score":null,"constant_dvh_score":null' "$BIN/evaluate" --run "$work/run" --data "$work/$1" --split "$2" --json
done
out=$("$BIN/evaluate" --run "$work/run" --data "$work/tests" --split test 2>&1)
[[ $out == *'dose score'* && $out != *constant* ]] && ok "evaluate: a table without a constant" || bad "evaluate: $out"
own() { "$BIN/evaluate" --run "$work/run" "$@" --json | sed 's/.*"patients"//'; }
[ "$(own --split val)" = "$(own --data "$work/tests" --split test)" ] && ok "evaluate: the same figures of the same patient" || bad "evaluate: other figures"
expect 2 'pt_4 belongs to its test part, the run has it for val' "$BIN/evaluate" --run "$work/run" --data "$work/tests" --split val
expect 0 'pt_4: dose up to' "$BIN/predict" --run "$work/run" --input "$work/data" --out "$work/out"
for file in dose.csv PTV70.csv Larynx.csv; do
  [ "$(head -1 "$work/out/pt_4/$file")" = ",data" ] && ok "predict wrote $file" || bad "predict: no $file"
done

# The predicted files hold three decimals; so the scores agree to about one thousandth of a Gy.
"$BIN/evaluate" --run "$work/run" --split train --json >"$work/ours.json" || bad "evaluate --json"
if with_python numpy 'the scores and curves by numpy'; then
  "$python" "$here/openkbp_reference.py" "$work/data/train-pats" "$work/out" >"$work/theirs.json" || bad "reference"
  "$python" - "$work/ours.json" "$work/theirs.json" <<'EOF' && ok "the scores are numpy's" || bad "the scores are not numpy's"
import json, sys
ours, theirs = json.load(open(sys.argv[1]))["openkbp"], json.load(open(sys.argv[2]))
print(theirs, ours["dose_score"], ours["dvh_score"])
assert theirs["patients"] == 3 == len(ours["patients"])
assert all(abs(ours[k] - theirs[k]) < 1e-3 for k in ("dose_score", "dvh_score"))
assert theirs["dose_score"] > 0.5
EOF
  "$python" - "$here" "$work/data/validation-pats/pt_4" "$work/out/pt_4/dose.csv" "$work/pictures/pt_4_dvh.svg" <<'EOF' \
    && ok "the curves are numpy's" || bad "the curves are not numpy's"
import os, re, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from openkbp_reference import OARS, TARGETS, dense, sparse
folder, predicted, svg = sys.argv[2:]
lines = re.findall(r'<polyline ([^>]*)points="([^"]*)"', open(svg).read())
doses = [dense(os.path.join(folder, "dose.csv")), dense(predicted)]
names = [name for name in OARS + TARGETS if os.path.exists(f"{folder}/{name}.csv")]
assert len(names) >= 5 and len(lines) == 2 * len(names), (names, len(lines))
for i, (style, points) in enumerate(lines):
    inside = doses[i % 2][sparse(f"{folder}/{names[i // 2]}.csv")[0]]
    x, y = np.array([[float(v) for v in point.split(",")] for point in points.split()]).T
    gy = (x - 60) / 480 * 80
    assert ("dasharray" in style) == (i % 2 == 1) and np.allclose(gy, np.arange(161) / 2, atol=0.01), style
    least = np.array([(inside >= d + 0.0006).mean() * 100 for d in np.arange(161) / 2])  # files hold three decimals
    most = np.array([(inside >= d - 0.0006).mean() * 100 for d in np.arange(161) / 2])
    drawn = 100 - (y - 40) / 320 * 100
    assert (drawn >= least - 0.02).all() and (drawn <= most + 0.02).all(), names[i // 2]
EOF
fi

# The cache on disk: the same weights when it is made and when it is used; what is damaged or outdated is made anew.
kept() { train --arch ctan --size 16x16x16 --rotation 5 --noise 0.01 --gamma-range 0.2 --cache-disk "$work/kept" --out "$1" >/dev/null; }
for n in 1 2; do
  kept "$work/kept$n" || bad "train with a cache: $(tail -1 "$work/log")"
  cmp -s "$work/run/best.safetensors" "$work/kept$n/best.safetensors" && ok "cache on disk, run $n: the same weights" || bad "cache on disk, run $n: other weights"
done
[ "$(ls "$work/kept" | wc -l)" = 4 ] && ok "a file for each patient" || bad "files in the cache: $(ls "$work/kept")"
for file in "$work"/kept/*; do head -c 3000 "$file" >"$work/short" && cp "$work/short" "$file"; done
touch "$work/data/train-pats/pt_1/ct.csv"
kept "$work/kept3" || bad "train with a damaged cache: $(tail -1 "$work/log")"
cmp -s "$work/run/best.safetensors" "$work/kept3/best.safetensors" && ok "a damaged cache is made anew" || bad "a damaged cache is believed"

# Pieces, deformed: the same for other workers and after an interruption; judged and predicted as wholes.
pieces() { train --arch hps --size 16x16x16 --patch 8x8x8 --overlap 0.25 --rotation 5 --elastic 0.05 --noise 0.01 --epochs 2 "$@"; }
pieces --workers 0 --out "$work/pieces" >/dev/null || bad "train on pieces: $(tail -1 "$work/log")"
pieces --workers 3 --out "$work/pieces3" >/dev/null || bad "train on pieces: $(tail -1 "$work/log")"
cmp -s "$work/pieces/best.safetensors" "$work/pieces3/best.safetensors" && ok "pieces: the same weights for other workers" \
  || bad "pieces: other weights for other workers"
grep -q '^patch = "8x8x8"' "$work/pieces/config.toml" && grep -q '^elastic = 0.05' "$work/pieces/config.toml" \
  && ok "config.toml has the pieces" || bad "config.toml has no pieces"
expect 0 'dose score' "$BIN/evaluate" --run "$work/pieces"
expect 0 'pt_4: dose up to' "$BIN/predict" --run "$work/pieces" --input "$work/data" --out "$work/pieces-out"
# The same patient as a CT in a file, with other axes: the answer lies on the grid of the file.
if with_python array 'scans with other axes'; then
  "$python" - "$work/data/validation-pats/pt_4/ct.csv" "$work/pt_4.nrrd" <<'EOF'
import array, sys
hu = array.array("h", [-1024]) * 128 ** 3
for line in open(sys.argv[1]).read().split("\n")[1:]:
    if line:
        i, v = line.split(",")
        hu[int(i)] = int(float(v)) - 1024
with open(sys.argv[2], "wb") as file:
    file.write(b"NRRD0004\ntype: short\ndimension: 3\nsizes: 128 128 128\nencoding: raw\nendian: little\n"
               b"space: left-posterior-superior\nspace directions: (0,0,-2.5) (3.9,0,0) (0,3.9,0)\nspace origin: (-250,-250,160)\n\n")
    file.write(hu.tobytes())
EOF
  mkdir "$work/scans"
  "$BIN/convert" volume --in "$work/pt_4.nrrd" --out "$work/scans/pt_4.nii.gz" --orientation RAS >/dev/null || bad "convert"
  expect 0 'scans/pt_4.nii.gz: ' "$BIN/predict" --run "$work/pieces" --input "$work/scans" --out "$work/scans-out"
  geometry() { "$BIN/inspect" --json "$1" | sed 's/.*"shape"/"shape"/; s/"dtype":"[a-z0-9]*",//; s/,"\(unit\|min\)".*//'; }
  [ "$(geometry "$work/scans/pt_4.nii.gz")" = "$(geometry "$work/scans-out/pt_4_dose.nii.gz")" ] \
    && ok "predict: the dose lies on the grid of the scan" || bad "predict: $(geometry "$work/scans-out/pt_4_dose.nii.gz"), the scan has $(geometry "$work/scans/pt_4.nii.gz")"
  [ -s "$work/scans-out/pt_4_PTV70.nii.gz" ] && ok "predict: a mask for each structure" || bad "predict: no mask"
  "$BIN/predict" --run "$work/pieces" --input "$work/pt_4.nrrd" --out "$work/other-axes" >/dev/null || bad "predict the NRRD"
  range() { "$BIN/inspect" --json "$1" | sed 's/.*"min"//; s/\(\.[0-9][0-9][0-9]\)[0-9]*/\1/g'; }
  a=$(range "$work/scans-out/pt_4_dose.nii.gz")
  b=$(range "$work/other-axes/pt_4_dose.nii.gz")
  [ "$a" = "$b" ] && ok "predict: the same dose for the same scan with other axes" || bad "predict: $a, with other axes $b"
  # Voxels of the scan's own size: the run knows those of its patients, the middle one of each side.
  "$python" - "$work" <<'EOF' && ok "the run keeps its patients' spacing" || bad "spacing: $(cat "$work/pieces/dataset.toml")"
import glob, re, sys
mm = [sorted(float(open(f).read().split()[a]) * 8 for f in glob.glob(sys.argv[1] + "/data/train-pats/*/voxel_dimensions.csv"))[1] for a in range(3)]
text = open(sys.argv[1] + "/pieces/dataset.toml").read()
kept = [float(x) for x in re.search(r"^spacing = \[(.*)\]", text, re.M).group(1).split(",")]
assert all(abs(a - b) < 1e-9 for a, b in zip(mm, kept)), (mm, kept)
EOF
  "$BIN/convert" volume --in "$work/scans/pt_4.nii.gz" --out "$work/finer.nii.gz" --spacing 3.1,2.7,2 >/dev/null || bad "convert --spacing"
  "$BIN/predict" --run "$work/pieces" --input "$work/finer.nii.gz" --out "$work/finer-out" >/dev/null || bad "predict the finer scan"
  [ "$(geometry "$work/finer.nii.gz")" = "$(geometry "$work/finer-out/finer_dose.nii.gz")" ] && ok "predict: the grid of a finer scan" || bad "grid of a finer scan"
  "$python" - "$("$BIN/inspect" --json "$work/scans-out/pt_4_dose.nii.gz")" "$("$BIN/inspect" --json "$work/finer-out/finer_dose.nii.gz")" <<'EOF' \
    && ok "predict: the same dose from finer voxels" || bad "another dose from finer voxels"
import json, sys
a, b = json.loads(sys.argv[1]), json.loads(sys.argv[2])
print({k: (a[k], b[k]) for k in ("min", "max", "mean")})
assert abs(a["mean"] - b["mean"]) < 0.01 * (a["max"] - a["min"]) and abs(a["max"] - b["max"]) < 0.05 * (a["max"] - a["min"])
EOF
  mv "$work/pieces/dataset.toml" "$work/none.toml"
  expect 0 'does not say the voxel size of its patients; assuming 31.2 x 31.2 x 20 mm' "$BIN/predict" --run "$work/pieces" --input "$work/finer.nii.gz" --out "$work/finer-out"
  mv "$work/none.toml" "$work/pieces/dataset.toml"
fi
expect 2 'was begun with --elastic 0.05, not 0.1' "$BIN/train" --out "$work/pieces" --resume --elastic 0.1

train --arch hps --size 16x16x16 --inputs structures --out "$work/dose" >"$work/dose.log" || bad "dose alone: $(tail -1 "$work/log")"
grep -q '  dose  *mae' "$work/dose.log" && ! grep -q '  structures' "$work/dose.log" && ok "structures in, dose out" || bad "inputs"
refused() { expect 2 "$1" "$BIN/train" --dataset openkbp --data "$work/data" --out "$work/no" "${@:2}"; }
refused 'size 16x16x8: expected three equal numbers' --size 16x16x8
refused 'size 96x128: expected three equal' --size 96x128
refused 'input pet is unknown' --inputs pet
refused 'patch 8x8: does not fit into inputs of' --size 16x16x16 --batch 1 --patch 8x8
refused 'patch 8x8x17: does not fit' --size 16x16x16 --batch 1 --patch 8x8x17
refused '--foreground 2: expected 0 to 1' --patch 8x8x8 --foreground 2
refused 'there is no such folder' --data "$work/nowhere"
refused 'are for pictures' --hue 0.1
echo "12,5" >>"$work/data/train-pats/pt_1/PTV70.csv"
refused 'PTV70.csv:' --batch 1 --size 16x16x16 --widths 4,8 --arch hps
exit $failed
