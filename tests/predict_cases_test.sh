#!/bin/bash
# tests/predict_cases_test.sh: predict for runs of stoic, prostate and folder.  What it writes is what evaluate saw: taken
# as labels, evaluate finds no difference.  And it lies where the scan lies, whatever the scan's axes.
. "$(dirname "$0")/shell.sh"
geometry() { "$BIN/inspect" --json "$1" | sed 's/.*"shape"/"shape"/; s/"dtype":"[a-z0-9]*",//; s/,"\(unit\|min\)".*//'; }

# Volumes, whole, each voxel one of the network's: outlines, two kinds of classes, a dose, a word.
"$BIN/phantom" --layout prostate --count 5 --size 8x16x16 --seed 3 --out "$work/pelves" >/dev/null || bad "phantom"
rm "$work/pelves/phantom.toml"
cat >"$work/pelves/dataset.toml" <<'TOML'
size = "8x16x16"
[input.scan]
column = "ct"
window = [-160, 240]
[target.organs]
kind = "structures"
classes = ["Rectum", "Femur left"]
columns = ["Rectum", "FemurLeft"]
[target.zones]
kind = "segmentation"
classes = ["outside", "inside", "gland"]
values = [100, 300, 64]
[target.body]
kind = "segmentation"
[target.dose]
kind = "regression"
unit = "Gy"
scale = 70
mask = "body"
[target.grade]
kind = "classification"
classes = ["low", "high"]
TOML
with_python csv 'a table and a map of classes' || exit $failed
"$python" - "$work/pelves" <<'EOP' || bad "no table"
import csv, gzip, struct, sys
folder = sys.argv[1]
rows = list(csv.DictReader(open(folder + "/cases.csv")))
def read(path):
    data = gzip.open(path).read()
    return data[:352], data[352:]
with open(folder + "/cases.csv", "w") as file:
    file.write("case,split,ct,dose,body,Rectum,FemurLeft,zones,grade\n")
    for n, r in enumerate(row for row in rows if "#" not in row["ct"]):
        case = r["case"]
        head, body = read(f"{folder}/{case}/body.nii.gz")
        gland = read(f"{folder}/{case}/Prostate.nii.gz")[1]
        assert struct.unpack("<h", head[70:72])[0] == 2 and len(body) == 8 * 16 * 16
        head = head[:70] + struct.pack("<hh", 4, 16) + head[74:]
        numbers = [64 if g else 300 if b else 100 for b, g in zip(body, gland)]
        with gzip.open(f"{folder}/{case}/zones.nii.gz", "wb") as out:
            out.write(head + struct.pack("<2048h", *numbers))
        file.write(f"{case},{r['split']},{r['ct']},{r['dose']},{r['body']},{r['Rectum']},{r['FemurLeft']},"
                   f"{case}/zones.nii.gz,{'high' if n % 2 else 'low'}\n")
EOP

# as_labels NAME RUN: the table of the pelves with predictions as labels, in $work/NAME
as_labels() {
  mkdir -p "$work/$1"
  cp "$work/pelves/dataset.toml" "$work/$1/"
  "$python" - "$work" "$1" "$2" <<'EOP' || bad "no table of predictions"
import csv, os, sys
work, name, out = sys.argv[1:]
grades = {}
if os.path.exists(f"{work}/{out}/grade.csv"):
    grades = {r["case"]: r["predicted"] for r in csv.DictReader(open(f"{work}/{out}/grade.csv"))}
with open(f"{work}/{name}/cases.csv", "w") as file:
    file.write("case,ct,dose,body,Rectum,FemurLeft,zones,grade\n")
    for r in csv.DictReader(open(f"{work}/pelves/cases.csv")):
        c = r["case"]
        p = f"../{out}/{c}"
        # body is a target and the mask of the dose at once: the mask is what the network says
        file.write(f"{c},../pelves/{r['ct']},{p}_dose.nii.gz,{p}_body.nii.gz,{p}_Rectum.nii.gz,{p}_Femur left.nii.gz,"
                   f"{p}_zones.nii.gz,{grades.get(c, '')}\n")
EOP
}
# agrees TITLE RUN DATA: evaluate finds nothing wrong with these labels
agrees() {
  "$BIN/evaluate" --run "$2" --data "$3" --follow-outside --split all --batch 1 --json >"$work/agrees.json" 2>"$work/log" || bad "$1: $(cat "$work/log")"
  "$python" - "$work/agrees.json" <<'EOP' && ok "$1" || bad "$1: $(cat "$work/agrees.json")"
import json, sys
figures = [(f"{t}.{m}", v) for t, values in json.load(open(sys.argv[1])).items() for m, v in values.items() if v is not None]
for name, value in figures:
    metric = name.split(".")[1]
    if metric == "mae":
        assert value < 1e-4, (name, value)
    elif metric in ("dice", "iou", "accuracy", "balanced_accuracy"):
        assert abs(value - 1) < 1e-6, (name, value)
assert sum(name.endswith((".dice", ".mae")) for name, value in figures) >= 3, figures
EOP
}
train() { "$BIN/train" --dataset folder --data "$work/pelves" --widths 8,16 --batch 1 --seed 1 --no-augment "$@" >"$work/log" 2>&1 || bad "train: $(tail -1 "$work/log")"; }

train --arch hps --epochs 30 --out "$work/run"
grep -q '^window = \[-160, 240\]' "$work/run/dataset.toml" && ok "the run keeps how its inputs are made" || bad "no dataset.toml in the run"
expect 0 'cm3' "$BIN/predict" --run "$work/run" --input "$work/pelves/cases.csv" --out "$work/out"
as_labels labels out
agrees "volumes: evaluate sees what predict wrote" "$work/run" "$work/labels"
"$BIN/convert" volume --in "$work/out/case001_zones.nii.gz" --out "$work/zones.npy" >/dev/null || bad "convert"
"$python" - "$work/zones.npy" <<'EOP' && ok "classes have the numbers of the dataset's files" || bad "zones have other numbers"
import re, struct, sys
data = open(sys.argv[1], "rb").read()
head = 10 + struct.unpack("<H", data[8:10])[0]
kind = {"i2": "h", "i4": "i", "f4": "f"}[re.search(r"'<(..)'", data[:head].decode("latin-1")).group(1)]
values = [v for v, in struct.iter_unpack("<" + kind, data[head:])]
assert len(values) == 8 * 16 * 16 and set(values) <= {100, 300, 64}, set(values)
EOP
[ "$(head -1 "$work/out/grade.csv")" = "case,low,high,predicted" ] && [ "$(wc -l <"$work/out/grade.csv")" = 5 ] && ok "probabilities of each case" || bad "$(cat "$work/out/grade.csv")"
case1=$work/pelves/case001/ct.nii.gz
[ "$(geometry "$case1")" = "$(geometry "$work/out/case001_dose.nii.gz")" ] && ok "the grid of the scan" || bad "$(geometry "$work/out/case001_dose.nii.gz")"
case $("$BIN/inspect" --json "$work/out/case001_Femur left.nii.gz") in *'"dtype":"uint8"'*) ok "masks are uint8" ;; *) bad "masks are not uint8" ;; esac
case $("$BIN/inspect" --json "$work/out/case001_dose.nii.gz") in *'"dtype":"float32"'*'"unit":"Gy"'*) ok "doses are float32, in Gy" ;; *) bad "doses" ;; esac

# Other axes, another format, another name; no dataset at all.
mkdir "$work/scans"
"$BIN/convert" volume --in "$case1" --out "$work/scans/a.nii.gz" --orientation SAR >/dev/null || bad "convert"
"$BIN/convert" volume --in "$case1" --out "$work/scans/b.mha" >/dev/null || bad "convert"
mv "$work/pelves" "$work/away"
expect 0 'scans/b.mha: ' "$BIN/predict" --run "$work/run" --input "$work/scans" --out "$work/scans-out"
mv "$work/away" "$work/pelves"
[ "$(geometry "$work/scans/a.nii.gz")" = "$(geometry "$work/scans-out/a_zones.nii.gz")" ] && ok "the scan's own axes" || bad "$(geometry "$work/scans-out/a_zones.nii.gz")"
"$BIN/convert" volume --in "$work/scans-out/a_dose.nii.gz" --out "$work/back.nii.gz" --orientation LPS >/dev/null || bad "convert"
for file in "$work/back.nii.gz" "$work/scans-out/b_dose.nii.gz"; do
  for other in "$work/out/case001_dose.nii.gz"; do
    "$BIN/convert" volume --in "$file" --out "$work/x.npy" >/dev/null && "$BIN/convert" volume --in "$other" --out "$work/y.npy" >/dev/null
    cmp -s "$work/x.npy" "$work/y.npy" && ok "${file##*/}: the same dose in every voxel" || bad "${file##*/}: another dose"
  done
done
expect 0 'a.nii.gz' "$BIN/predict" --config "$work/scans-out/config.toml" --input "$work/scans/a.nii.gz" --input "$case1" --out "$work/two"
[ -s "$work/two/a_dose.nii.gz" ] && [ -s "$work/two/ct_dose.nii.gz" ] && ok "several inputs" || bad "several inputs: $(ls "$work/two")"
expect 0 'npz#ct' "$BIN/predict" --run "$work/run" --input "$work/pelves/case003.npz#ct" --out "$work/archive"
[ -s "$work/archive/case003_dose.nii.gz" ] && ok "an array of an archive" || bad "an array of an archive"

# Through a window, as evaluate does; all in one, without the word, which no window can say.
train --arch ctan --epochs 3 --patch 4x8x8 --tasks organs,zones,dose,body --out "$work/pieces"
expect 0 'cm3' "$BIN/predict" --run "$work/pieces" --input "$work/pelves/cases.csv" --out "$work/pieces-out"
as_labels pieces-labels pieces-out
agrees "through a window: evaluate sees what predict wrote" "$work/pieces" "$work/pieces-labels"

# A network that sees less than the scan: what it did not see is 0.
train --arch hps --epochs 1 --spacing 12 --tasks dose,body --out "$work/near"
expect 0 'the network saw ' "$BIN/predict" --run "$work/near" --input "$case1" --out "$work/near-out"
[ "$(geometry "$case1")" = "$(geometry "$work/near-out/ct_dose.nii.gz")" ] && ok "the grid of the scan" || bad "grid"

# Probabilities: stoic.
"$BIN/phantom" --layout stoic --count 10 --size 12x16x16 --out "$work/stoic" >/dev/null || bad "phantom"
"$BIN/train" --dataset stoic --data "$work/stoic" --size 8x8x8 --widths 4,8 --batch 2 --epochs 3 --seed 1 --out "$work/stoic-run" >"$work/log" 2>&1 \
  || bad "train on stoic: $(tail -1 "$work/log")"
grep -q '^field_of_view = 384' "$work/stoic-run/dataset.toml" && ok "stoic: the run keeps its field of view" || bad "stoic: no field of view"
expect 0 'covid' "$BIN/predict" --run "$work/stoic-run" --input "$work/stoic/data/mha" --out "$work/stoic-out"
"$BIN/evaluate" --run "$work/stoic-run" --split all --json >"$work/stoic.json" || bad "evaluate stoic"
"$python" - "$work" <<'EOP' && ok "stoic: the probabilities have evaluate's accuracy and AUC" || bad "stoic: other probabilities: $(cat "$work/stoic.json")"
import csv, json, sys
work = sys.argv[1]
theirs = json.load(open(work + "/stoic.json"))["covid"]
p = {r["case"]: float(r["covid"]) for r in csv.DictReader(open(work + "/stoic-out/covid.csv"))}
truth = {r["PatientID"]: int(r["probCOVID"]) for r in csv.DictReader(open(work + "/stoic/metadata/reference.csv"))}
assert len(p) == 10 == len(truth)
accuracy = sum((p[c] > 0.5) == (truth[c] == 1) for c in p) / 10
pairs = [(p[a], p[b]) for a in p for b in p if truth[a] and not truth[b]]
auc = sum((x > y) + 0.5 * (x == y) for x, y in pairs) / len(pairs)
assert abs(accuracy - theirs["accuracy"]) < 1e-6, (accuracy, theirs)
assert abs(auc - theirs["auc"]) < 1e-6 and len(set(p.values())) > 5, (auc, theirs)
EOP

# Pictures: masks as PNG, at the picture's size.
"$BIN/phantom" --layout folder --count 24 --size 32x40 --out "$work/photos" >/dev/null || bad "phantom"
"$BIN/train" --dataset folder --data "$work/photos" --size 32x40 --widths 8,16 --batch 4 --epochs 4 --seed 1 --arch hps --out "$work/photo-run" >"$work/log" 2>&1 \
  || bad "train on pictures: $(tail -1 "$work/log")"
expect 0 '% of the picture; finding' "$BIN/predict" --run "$work/photo-run" --input "$work/photos/photos" --out "$work/photos-out"
for file in p0000_lesion.png p0000_overlay.png overview.png finding.csv removed.csv area.csv; do
  [ -s "$work/photos-out/$file" ] && ok "predict wrote $file" || bad "predict: no $file"
done
mkdir "$work/photo-labels"
cp "$work/photos/dataset.toml" "$work/photo-labels/"
"$python" - "$work" <<'EOP' || bad "no table of predictions"
import csv, sys
work = sys.argv[1]
finding = {r["case"]: r["predicted"] for r in csv.DictReader(open(work + "/photos-out/finding.csv"))}
removed = {r["case"]: r["predicted"] for r in csv.DictReader(open(work + "/photos-out/removed.csv"))}
area = {r["case"]: r["area"] for r in csv.DictReader(open(work + "/photos-out/area.csv"))}
with open(work + "/photo-labels/cases.csv", "w") as file:
    file.write("case,photo,lesion,finding,suspicious,removed,area\n")
    for r in csv.DictReader(open(work + "/photos/cases.csv")):
        c = r["case"]
        file.write(f"{c},../photos/{r['photo']},../photos-out/{c}_lesion.png,{finding[c]},1,{int(removed[c] != '')},{area[c]}\n")
EOP
"$BIN/evaluate" --run "$work/photo-run" --data "$work/photo-labels" --follow-outside --split all --json >"$work/photos.json" || bad "evaluate pictures"
grep -q '"dice":1.0,' "$work/photos.json" && [ "$(grep -o '"accuracy":1.0' "$work/photos.json" | wc -l)" = 2 ] && grep -q '"area":{"mae":\(0.0000\|[0-9.]*e-\)' "$work/photos.json" && ok "pictures: evaluate sees what predict wrote" || bad "$(cat "$work/photos.json")"
"$BIN/predict" --run "$work/photo-run" --input "$work/photos/cases.csv" --out "$work/photos-table" >/dev/null || bad "a table of pictures"
cmp -s "$work/photos-out/p0003_lesion.png" "$work/photos-table/p0003_lesion.png" && ok "a table and a folder: the same" || bad "a table and a folder differ"

# inspect shows the network the same numbers as predict.
"$BIN/train" --dataset folder --data "$work/photos" --size 32x40 --widths 8,16 --batch 4 --epochs 1 --seed 1 --arch mtan --out "$work/mtan" >"$work/log" 2>&1 \
  || bad "train mtan: $(tail -1 "$work/log")"
"$BIN/predict" --run "$work/mtan" --input "$work/photos/photos/p0001.png" --out "$work/mtan-out" >/dev/null || bad "predict with mtan"
"$BIN/inspect" --run "$work/mtan" --input "$work/photos/photos/p0001.png" --attention "$work/attention" --json >"$work/attention.json" || bad "inspect --attention"
"$python" - "$work" <<'EOP' && ok "inspect: the probabilities of predict" || bad "inspect: other probabilities than predict"
import csv, json, sys
row = next(csv.DictReader(open(sys.argv[1] + "/mtan-out/finding.csv")))
seen = json.load(open(sys.argv[1] + "/attention.json"))["prediction"]["finding"]
assert all(abs(float(row[c]) - seen[c]) < 2e-6 for c in ("nv", "mel", "vasc")), (row, seen)
EOP

# Two inputs: a table alone can name both.
mkdir "$work/both"
cat >"$work/both/dataset.toml" <<'TOML'
size = "8x16x16"
[input.ct]
window = [-160, 240]
[input.plan]
mean = 0
deviation = 70
[target.body]
kind = "segmentation"
TOML
{
  echo "case,ct,plan,body"
  for n in 1 2 4; do echo "c/$n,../pelves/case00$n/ct.nii.gz,../pelves/case00$n/dose.nii.gz,../pelves/case00$n/body.nii.gz"; done
} >"$work/both/cases.csv"
# Its files are another dataset's: they are read where that is asked for, and from then on for this run and its data.
outside='cases.csv:2: ct names ../pelves/case001/ct.nii.gz, which leads outside of'
both=(--dataset folder --data "$work/both" --widths 4,8 --batch 1 --epochs 1 --val-fraction 0.34)
expect 2 "$outside $work/both; --follow-outside reads such files" "$BIN/train" "${both[@]}" --out "$work/both-run"
expect 2 "$outside" "$BIN/compare" "${both[@]/--val-fraction/--test-fraction}" --out "$work/both-runs"
MANY_LINES=yes expect 2 "$outside" "$BIN/inspect" --dataset folder --data "$work/both"
expect 0 '0 problems' "$BIN/inspect" --dataset folder --data "$work/both" --follow-outside
"$BIN/train" "${both[@]}" --follow-outside --out "$work/both-run" >"$work/log" 2>&1 || bad "two inputs: $(tail -1 "$work/log")"
grep -q '^follow-outside = true' "$work/both-run/config.toml" && ok "config.toml has --follow-outside" || bad "no follow-outside in config.toml"
expect 0 'body' "$BIN/evaluate" --run "$work/both-run"
cp -r "$work/both" "$work/both-copy"
expect 2 "$outside $work/both-copy" "$BIN/evaluate" --run "$work/both-run" --data "$work/both-copy" --split all
expect 0 'body' "$BIN/evaluate" --run "$work/both-run" --data "$work/both-copy" --split all --follow-outside
refused() { expect 2 "$1" "$BIN/predict" --run "$2" --out "$work/none" --input "${@:3}"; }
refused 'the network has 2 inputs, expected a table (.csv) with the columns case, ct, plan' "$work/both-run" "$case1"
refused 'has no column plan' "$work/both-run" "$work/pelves/cases.csv"
expect 0 'body' "$BIN/predict" --run "$work/both-run" --input "$work/both/cases.csv" --out "$work/both-out"
expect 0 'body' "$BIN/predict" --run "$work/both-run" --input "$work/both-copy/cases.csv" --follow-outside --out "$work/copy-out"
MANY_LINES=yes expect 2 "$outside $work/both-copy" "$BIN/predict" --run "$work/both-run" --input "$work/both-copy/cases.csv" --out "$work/none"
[ -s "$work/both-out/c_1_body.nii.gz" ] && ok "two inputs; a case's name becomes a file's" || bad "two inputs: $(ls "$work/both-out")"

# What is wrong is said in a line, and the others are done.
refused 'no such file or folder' "$work/run" "$work/nowhere.nii.gz"
refused 'there is no volume' "$work/run" "$work/both"
echo "a text" >"$work/scans/text.nii"
refused 'text.nii' "$work/run" "$work/scans/text.nii"
refused 'is a picture, expected a volume' "$work/run" "$work/photos-out/p0000_lesion.png"
refused 'has 8 slices, expected one' "$work/photo-run" "$case1"
MANY_LINES=yes refused '1 of 3 cases left out' "$work/run" "$work/scans"
[ -s "$work/none/b_dose.nii.gz" ] && ok "the others are done" || bad "the others are missing"
{ echo "case,ct" && echo "a,nowhere.nii" && echo "b,scans/b.mha"; } >"$work/table.csv"
MANY_LINES=yes refused 'table.csv:2: ct: ' "$work/run" "$work/table.csv"
expect 2 'results must not mix' "$BIN/predict" --run "$work/run" --input "$work/scans/b.mha" --out "$work/scans"
sed -i 's/^window = .*/window = [-100, 240]/' "$work/pelves/dataset.toml"
expect 2 "the run was begun with 'window = [-160, 240]', the dataset now says 'window = [-100, 240]'" "$BIN/train" --out "$work/run" --resume
expect 0 "note: the network was trained with 'window = [-160, 240]', the dataset now says 'window = [-100, 240]'" "$BIN/evaluate" --run "$work/run"
sed -i 's/^window = .*/window = [-160, 240]/' "$work/pelves/dataset.toml"
"$BIN/evaluate" --run "$work/run" 2>&1 | grep -q note: && bad "evaluate: a note about inputs that are the same" || ok "evaluate: no note about the same inputs"
rm "$work/run/dataset.toml"
refused 'has no dataset.toml' "$work/run" "$case1"
"$BIN/train" --out "$work/run" --resume >/dev/null 2>"$work/log" || bad "resume: $(cat "$work/log")"
expect 0 'cm3' "$BIN/predict" --run "$work/run" --input "$case1" --out "$work/again"
cp "$work/both-run/dataset.toml" "$work/run/dataset.toml"
refused "dataset.toml: was changed: the run was begun with '" "$work/run" "$case1"
rm "$work/run/provenance.json"
MANY_LINES=yes refused 'its inputs have 2 channels, the network takes 1' "$work/run" "$case1"  # after a note on the record

# Two files of one name: p1's structure L_Lung, and the Lung of the case p1_L.
mkdir "$work/lungs"
sed 's/"Rectum", "Femur left"/"Lung", "L_Lung"/; /^\[target.zones\]/,$d' "$work/pelves/dataset.toml" >"$work/lungs/dataset.toml"
sed "s|,case|,../pelves/case|g; 2s/^[^,]*/p1/; 3s/^[^,]*/p1_L/" "$work/pelves/cases.csv" >"$work/lungs/cases.csv"
"$BIN/train" --dataset folder --data "$work/lungs" --follow-outside --widths 4,8 --batch 1 --epochs 1 --arch stl --out "$work/lungs-run" >"$work/log" 2>&1 \
  || bad "train on lungs: $(cat "$work/log")"
expect 2 'both would be written to p1_L_Lung' "$BIN/predict" --run "$work/lungs-run" --input "$work/lungs/cases.csv" --out "$work/lungs-out"
[ ! -e "$work/lungs-out" ] && ok "nothing is written" || bad "written before the names were checked: $(ls "$work/lungs-out")"
sed -i '3s/^p1_L/p2/' "$work/lungs/cases.csv"
expect 0 'Lung' "$BIN/predict" --run "$work/lungs-run" --input "$work/lungs/cases.csv" --out "$work/lungs-out"
exit $failed
