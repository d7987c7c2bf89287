#!/bin/bash
# tests/cases_test.sh: phantoms in the layouts stoic, prostate and folder, trained on for a moment and judged, as a user
# does it; with MEDUSA_DATA the real files of stoic, too.
. "$(dirname "$0")/shell.sh"

expect 0 '10 chests of 12x16x16 voxels' "$BIN/phantom" --layout stoic --count 10 --size 12x16x16 --out "$work/stoic"
expect 2 'exists; choose a new folder' "$BIN/phantom" --layout stoic --size 12x16x16 --out "$work/stoic"
[ "$("$BIN/phantom" --count 0 --out "$work/none" 2>&1)" = 'phantom: count is 0, expected 1 to 900000' ] \
  && ok "phantom --count 0" || bad "phantom --count 0: $("$BIN/phantom" --count 0 --out "$work/none" 2>&1)"
expect 2 'expected DEPTHxHEIGHTxWIDTH' "$BIN/phantom" --layout stoic --size 16x16 --out "$work/none"
expect 2 'has no --setting' "$BIN/phantom" --layout stoic --setting shared --out "$work/none"
expect 0 '5 pelves of 8x16x16 voxels' "$BIN/phantom" --layout prostate --count 5 --size 8x16x16 --out "$work/prostate"
expect 0 '24 pictures of 32x40 (height x width)' "$BIN/phantom" --layout folder --count 24 --size 32x40 --out "$work/folder"

# trained NAME TEXT OPTIONS...: a run ends, and its log has TEXT
trained() {
  local name=$1 text=$2
  shift 2
  "$BIN/train" --dataset "$name" --data "$work/$name" --widths 4,8 --epochs 1 --seed 1 --out "$work/$name-run" "$@" \
    >"$work/log" 2>&1 || bad "train on $name: $(tail -1 "$work/log")"
  grep -q "$text" "$work/log" && ok "train on $name: $text" || bad "train on $name: no $text in $(cat "$work/log")"
}
# One sample a batch: most have no label of severity.
trained stoic '10 patients: 4 without COVID-19, 6 with it, 2 of these severe' --size 8x8x8 --batch 1 --arch ctan --threads 1
grep -q '^spacing' "$work/stoic-run/config.toml" && bad "config.toml has a spacing nobody chose" || ok "no spacing, none written"
expect 0 'severe           auc' "$BIN/evaluate" --run "$work/stoic-run" --split all
mv "$work/stoic-run" "$work/first"
trained stoic 'severe' --size 8x8x8 --batch 1 --arch ctan --threads 2 --workers 0
cmp -s "$work/first/best.safetensors" "$work/stoic-run/best.safetensors" && ok "the same weights for other threads and workers" \
  || bad "other weights for other threads and workers"
rm -rf "$work/stoic-run"
trained stoic 'severe' --size 8x8x8 --batch 2 --spacing 30,20,20
grep -q '^spacing = \[30, 20, 20\]' "$work/stoic-run/config.toml" && ok "config.toml has the spacing" || bad "no spacing"
trained prostate 'dice.FemurLeft' --size 8x8x8 --batch 1 --rotation 5 --noise 0.01
grep -q 'these swap in a mirrored patient: FemurLeft and FemurRight' "$work/log" && ok "the sides that were found" || bad "no pair in $(cat "$work/log")"
expect 2 "--pictures: only openkbp's doses are drawn, this run's dataset is prostate" "$BIN/evaluate" --run "$work/prostate-run" --pictures "$work/none"
# A loss is chosen in dataset.toml or on the command line, with the same result.
own_loss=(--loss 'lesion=dice+0.5*focal' --loss-weight lesion=2)
trained folder 'lesion' --batch 4 --threads 1 --no-augment
mv "$work/folder-run" "$work/usual"
trained folder 'lesion' --batch 4 --threads 1 --no-augment "${own_loss[@]}"
grep -q '^loss = \["lesion=dice+0.5\*focal"\]' "$work/folder-run/config.toml" && ok "config.toml has the loss" || bad "no loss in config.toml"
expect 0 'lesion           dice' "$BIN/evaluate" --run "$work/folder-run"
mv "$work/folder-run" "$work/chosen"
expect 2 "loss 'l1': expected a sum of losses that fit segmentation with 1 channel: dice, bce, focal" \
  "$BIN/train" --dataset folder --data "$work/folder" --out "$work/none" --loss lesion=l1
expect 0 'focal           binary cross-entropy times' "$BIN/train" --loss help
expect 2 '--loss scar: expected one of lesion, finding, removed, area' \
  "$BIN/train" --dataset folder --data "$work/folder" --out "$work/none" --loss scar=dice
cp "$work/folder/dataset.toml" "$work/plain.toml"
sed -i '/^\[target.lesion\]/a loss = "dice+0.5*focal"\nloss_weight = 2' "$work/folder/dataset.toml"
trained folder 'lesion' --batch 4 --threads 1 --no-augment
cp "$work/plain.toml" "$work/folder/dataset.toml"
cmp -s "$work/chosen/best.safetensors" "$work/folder-run/best.safetensors" && ok "the same loss, the same weights" \
  || bad "dataset.toml and --loss train other weights"
cmp -s "$work/usual/best.safetensors" "$work/chosen/best.safetensors" && bad "the loss changes nothing" || ok "another loss, other weights"
expect 2 'or with other losses' "$BIN/train" --out "$work/folder-run" --resume
rm -rf "$work/folder-run"
trained folder 'removed' --batch 4 --arch hps --rotation 20 --elastic 0.05 --weighted-sampling
grep -q ' area *mae .* %$' "$work/log" && ok "an amount of the picture, in its unit" || bad "no mae of area: $(cat "$work/log")"
grep -q '^size = "48x64"' "$work/folder-run/config.toml" && ok "the size is dataset.toml's" || bad "no size of dataset.toml"

# Cases kept on disk: the same weights when they are made and when they are found; what is damaged is made anew.
for name in stoic prostate folder; do
  for n in none made found damaged; do
    kept=()
    [ $n = none ] || kept=(--cache-disk "$work/kept-$name")
    [ $n = damaged ] && for file in "$work/kept-$name"/*; do head -c 700 "$file" >"$work/short" && cp "$work/short" "$file"; done
    size=(--size 8x8x8)
    [ $name = folder ] && size=()
    "$BIN/train" --dataset $name --data "$work/$name" "${size[@]}" --widths 4,8 --epochs 1 --batch 1 --seed 1 --rotation 5 "${kept[@]}" \
      --out "$work/$name-$n" >"$work/log" 2>&1 || bad "train on $name, cache $n: $(tail -1 "$work/log")"
    cmp -s "$work/$name-none/best.safetensors" "$work/$name-$n/best.safetensors" && ok "$name, cache on disk $n: the same weights" \
      || bad "$name, cache on disk $n: other weights"
  done
done
[ "$(ls "$work/kept-stoic" | wc -l)" = 10 ] && ok "a file for each case" || bad "files in the cache: $(ls "$work/kept-stoic")"

refused() { expect 2 "$1" "$BIN/train" --dataset "$2" --data "$work/$2" --out "$work/no" "${@:3}"; }
refused 'has two sides' stoic --size 8x8
refused 'spacing is -1 mm' stoic --spacing=-1
refused 'spacing has 2 numbers' stoic --spacing 1,2
refused "brightness, contrast, saturation and hue do not apply" stoic --brightness 0.1
sed -i 's/kind = "binary"/kind = "bin"/' "$work/folder/dataset.toml"
refused 'dataset.toml:18: task kind bin is unknown' folder
"$BIN/phantom" --count 4 --size 16x16 --out "$work/ham10000" >/dev/null
refused 'ham10000: spacing cannot be chosen' ham10000 --spacing 2

if [ -z "${MEDUSA_DATA:-}" ]; then
  echo "left out: real scans (MEDUSA_DATA names no folder)"
elif [ -d "$MEDUSA_DATA/stoic" ]; then
  mv "$work/stoic" "$work/made" && ln -s "$MEDUSA_DATA/stoic" "$work/stoic" && rm -rf "$work/stoic-run"
  trained stoic 'of these severe' --size 16x16x16 --batch 1 --val-fraction 0.25
else
  echo "skipped: real scans (MEDUSA_DATA has no folder stoic)"
fi
exit $failed
