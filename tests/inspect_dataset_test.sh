#!/bin/bash
# tests/inspect_dataset_test.sh: a whole dataset in one pass: counts, and every problem, not the first alone.
. "$(dirname "$0")/shell.sh"

"$BIN/phantom" --layout prostate --count 5 --size 8x16x16 --seed 1 --out "$work/p" >/dev/null || bad phantom
"$BIN/phantom" --count 24 --size 32x40 --seed 1 --out "$work/h" >/dev/null || bad phantom
"$BIN/phantom" --layout folder --count 12 --size 32x40 --out "$work/f" >/dev/null || bad phantom
"$BIN/phantom" --layout stoic --count 10 --size 8x16x16 --out "$work/s" >/dev/null || bad phantom
look() { "$BIN/inspect" --dataset "$1" --data "$work/$2" "${@:3}"; }

expect 0 '0 problems' look prostate p --size 16x16x16
expect 0 '0 problems' look ham10000 h
expect 0 '0 problems' look stoic s --size 8x8x8
expect 0 '"spacing_mm_min":[' look stoic s --json
# has NAME TEXT: the last output of --json holds TEXT
json=$(look prostate p --json --size 16x16x16)
has() { [[ $json == *"$1"* ]] && ok "json: $1" || bad "no $1 in $json"; }
has '"samples":5,"notes":['
has 'mirrored patient: FemurLeft and FemurRight"],"shape_min":[8,16,16]'
has '{"part":"train","samples":4,"groups":4},{"part":"validation","samples":1,"groups":1}'
has '"class":"FemurLeft","labelled":5,"train":3,"validation":1'
has '"image":"ct","unit":"HU","min":-1000.0'
has '"target":"dose","kind":"regression","class":"Gy","labelled":5'
has '"problems":[]'
# An outline that is empty in every training sample.
cp -r "$work/p" "$work/empty"
sed -i '/npz#/d' "$work/empty/cases.csv"
for mask in "$work/empty"/case*/Rectum.nii.gz; do
  "$BIN/convert" volume --in "$mask" --out "$mask" --window 5,6 --type uint8 >/dev/null || bad convert
done
json=$(look prostate empty --json --size 16x16x16)
has 'structures: none of the 3 training samples with a label has Rectum in it"]'
json=$(look stoic s --json --size 8x8x8)
has '"target":"covid","kind":"binary","class":"covid","labelled":10,"all":6'
has '"target":"severe","kind":"binary","class":"severe","labelled":6,"all":2'
json=$(look folder f --json)
has '"target":"finding","kind":"classification","class":"mel","labelled":10'

# Five kinds of damage, all of them named in one pass; the rest is still counted.
echo "x,train,no.nii,,,,,,," >>"$work/p/cases.csv"
head -c 100 "$work/p/case002/dose.nii.gz" >"$work/cut" && cp "$work/cut" "$work/p/case002/dose.nii.gz"
cp "$work/p/case001/ct.nii.gz" "$work/p/case004/ct.nii.gz"
for part in body dose Bladder Rectum Prostate; do cp "$work/p/case001/$part.nii.gz" "$work/p/case004/$part.nii.gz"; done
expect 2 '3 problems' look prostate p --size 16x16x16
out=$(look prostate p --size 16x16x16 2>&1)
for text in 'cases.csv:7: ct: ' 'case002/dose.nii.gz: ' 'case001 and case004: the same image twice, in two groups'; do
  [[ $out == *"$text"* ]] && ok "found: $text" || bad "no '$text' in: $out"
done
# Several in one case, and in one patient of OpenKBP: one does not hide the others.
cp "$work/cut" "$work/p/case005/ct.nii.gz" && cp "$work/cut" "$work/p/case005/Rectum.nii.gz"
expect 2 '5 problems' look prostate p --size 16x16x16
out=$(look prostate p --size 16x16x16 2>&1)
for text in case005/ct.nii.gz case005/Rectum.nii.gz; do
  [[ $out == *"$text: "* ]] && ok "found: $text" || bad "no '$text' in: $out"
done
"$BIN/phantom" --layout openkbp --count 1 --out "$work/k" >/dev/null || bad phantom
expect 0 '0 problems' look openkbp k --size 16x16x16
printf ',data\n5,9000\n' >"$work/k/train-pats/pt_1/ct.csv"
json=$(look openkbp k --json --size 16x16x16)
has '"image":"ct","unit":"HU","min":-1024.0,"max":7976.0'
printf ',data\n5,\n' >"$work/k/train-pats/pt_1/ct.csv"
printf ',data\n5,-2\n' >"$work/k/train-pats/pt_1/dose.csv"
printf 'no\n' >"$work/k/train-pats/pt_1/voxel_dimensions.csv"
expect 2 '3 problems' look openkbp k --size 16x16x16
expect 2 'dose is -2 Gy' look openkbp k --size 16x16x16
sed -i '3s/,mel,\|,nv,\|,bcc,\|,bkl,\|,akiec,\|,df,\|,vasc,/,wart,/; 5s/ISIC_[0-9]*/ISIC_0000001/' "$work/h/HAM10000_metadata.csv"
expect 2 '2 problems' look ham10000 h
expect 2 'class wart is unknown' look ham10000 h
expect 2 "--dataset mnist: expected one of" look mnist h
expect 2 '1 problems' look openkbp h
expect 2 'there is no such folder' look stoic nowhere
expect 2 '--data is missing' "$BIN/inspect" --dataset stoic
expect 2 'takes the folder by --data' "$BIN/inspect" --dataset stoic --data "$work/s" "$work/s"
exit $failed
