#!/bin/bash
# tests/predict_test.sh: predict on a network that was trained for a moment.
. "$(dirname "$0")/shell.sh"
shape() { "$BIN/inspect" --json "$1" | sed 's/.*"shape":\(\[[0-9,]*\]\).*/\1/'; }

"$BIN/phantom" --count 30 --seed 1 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
"$BIN/train" --arch hps --data "$work/data" --out "$work/run" --size 24x40 --widths 4,8 --epochs 1 --batch 4 \
  --seed 1 >/dev/null 2>"$work/log" || bad "train: $(tail -1 "$work/log")"

mkdir "$work/in"
n=0
for jpeg in $(find "$work/data" -name '*.jpg' | sort | head -3); do
  cp "$jpeg" "$work/in/p$((n++)).jpg"
done
expect 0 'p2.jpg: lesion' "$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/out"
for file in p0_lesion.png p0_overlay.png p2_lesion.png overview.png diagnosis.csv config.toml; do
  [ -s "$work/out/$file" ] && ok "predict wrote $file" || bad "predict: no $file"
done
[ "$(shape "$work/out/p0_lesion.png")" = '[48,64,1]' ] && ok "mask has the picture's size" || bad "mask $(shape "$work/out/p0_lesion.png")"
[ "$(shape "$work/out/p0_overlay.png")" = '[48,64,3]' ] && ok "overlay has the picture's size" || bad "overlay"
[ "$(shape "$work/out/overview.png")" = '[48,200,3]' ] && ok "overview of three" || bad "overview $(shape "$work/out/overview.png")"
[ "$(head -1 "$work/out/diagnosis.csv")" = "image,akiec,bcc,bkl,df,mel,nv,vasc,predicted" ] && ok "header" || bad "header"
[ "$(wc -l <"$work/out/diagnosis.csv")" = 4 ] && ok "a row per picture" || bad "rows"
awk -F, 'NR > 1 { s = 0; for (i = 2; i <= 8; ++i) s += $i; if (s < 0.9999 || s > 1.0001) exit 1 }' "$work/out/diagnosis.csv" \
  && ok "probabilities add up to 1" || bad "probabilities"

# one picture, the settings of the run before
expect 0 'p1.jpg' "$BIN/predict" --config "$work/out/config.toml" --input "$work/in/p1.jpg" --out "$work/one"
cmp -s "$work/out/p1_lesion.png" "$work/one/p1_lesion.png" && ok "the same mask alone" || bad "another mask alone"

# a grey picture: said once
expect 0 'note: input image: 1 picture in grey: its three channels are equal, since the network expects colour (the first: ' \
  "$BIN/predict" --run "$work/run" --input "$work/out/p0_lesion.png" --out "$work/grey"
"$BIN/predict" --run "$work/run" --input "$work/in/p1.jpg" --out "$work/grey" 2>&1 | grep -q note: && bad "a note of colour" \
  || ok "no note of a picture in colour"

# what a user has in --out stays: a training run, files of the same names; earlier results are replaced
sums() { (cd "$1" && find . -type f | sort | xargs sha256sum); }
before=$(sums "$work/run")
expect 2 "its config.toml is not predict's" "$BIN/predict" --run "$work/run" --input "$work/in/p1.jpg" --out "$work/run"
[ "$(sums "$work/run")" = "$before" ] && ok "the run is as it was" || bad "the run was changed"
for name in p1_lesion.png diagnosis.csv; do
  mkdir -p "$work/own-$name" && echo mine >"$work/own-$name/$name"
  expect 2 "$name is there, and no earlier predict wrote it" "$BIN/predict" --run "$work/run" --input "$work/in/p1.jpg" \
    --out "$work/own-$name"
  [ "$(ls "$work/own-$name")" = "$name" ] && [ "$(cat "$work/own-$name/$name")" = mine ] && ok "nothing was written" || bad "written"
done
expect 0 'p1.jpg' "$BIN/predict" --run "$work/run" --input "$work/in/p1.jpg" --out "$work/one"
printf 'case,image\np1,../in/p1.jpg\n' >"$work/grey/rows.csv"
expect 2 'is the folder of the input' "$BIN/predict" --run "$work/run" --input "$work/grey/rows.csv" --follow-outside --out "$work/in"

# unreadable files: one line each, the others are done, status 2
: >"$work/in/zero.png"
echo "a text" >"$work/in/text.png"
head -c 500 "$work/in/p0.jpg" >"$work/in/cut.jpg"
cp "$work/out/p0_overlay.png" "$work/in/p0.png"
MANY_LINES=yes expect 2 '4 of 7 files left out' "$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/out2"
[ -s "$work/out2/p2_lesion.png" ] && ok "the others are done" || bad "the others are missing"
[ "$("$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/out2" 2>&1 >/dev/null | wc -l)" = 5 ] \
  && ok "one line each" || bad "not one line each"
MANY_LINES=yes expect 2 'zero.png' "$BIN/predict" --run "$work/run" --input "$work/in/zero.png" --out "$work/out2"

expect 2 'there is no such run folder' "$BIN/predict" --run "$work/none" --input "$work/in" --out "$work/o"
expect 2 'no such file or folder' "$BIN/predict" --run "$work/run" --input "$work/none" --out "$work/o"
expect 2 'results must not mix' "$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/in"
expect 2 '--opacity 2' "$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/o" --opacity 2
mkdir "$work/empty"
expect 2 'there is no .png' "$BIN/predict" --run "$work/run" --input "$work/empty" --out "$work/o"
: >"$work/file"
expect 1 'cannot be made' "$BIN/predict" --run "$work/run" --input "$work/in" --out "$work/file"
expect 0 '"arch":"hps"' "$BIN/inspect" --json "$work/run"
expect 0 'lesion (segmentation, 1 channel)' "$BIN/inspect" "$work/run"
expect 0 'encoder.stem.conv.weight' "$BIN/inspect" "$work/run/best.safetensors"
head -c 2000 "$work/run/best.safetensors" >"$work/cut.safetensors"
mv "$work/cut.safetensors" "$work/run/best.safetensors"
expect 2 'best.safetensors' "$BIN/predict" --run "$work/run" --input "$work/in/p0.jpg" --out "$work/o"
exit $failed
