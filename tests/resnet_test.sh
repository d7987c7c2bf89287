#!/bin/bash
# The encoders resnet18, resnet34 and resnet50: features, gradients and running statistics against PyTorch's, where a
# Python here has torch (MEDUSA_PYTHON, or one in the PATH); and runs with them, as a user calls them.
. tests/shell.sh

run() { expect "$1" "$2" "$BIN/$3" "${@:4}"; }

run 0 'all                             1,351,672' train --arch help
run 0 'attention.diagnosis                 6,096   levels: 168 + 848 + 1,848 + 3,232' train --arch help --backbone resnet50 --widths 4,8,12,16
run 2 "backbone 'vgg' is unknown, expected one of: resunet, resnet18, resnet34, resnet50" train --arch help --backbone vgg

# ---- a run: the backbone is kept with it
small=(--arch mtan --size 32x32 --batch 4 --workers 1 --threads 1 --seed 1 --no-augment)
"$BIN/phantom" --count 24 --seed 1 --size 32x48 --out "$work/data" >/dev/null || bad "phantom"
picture=$(find "$work/data" -name '*.jpg' | sort | head -1)
run 2 '--backbone vgg: ' train --data "$work/data" --out "$work/refused" "${small[@]}" --backbone vgg
run 2 "backbone 'resnet18' has 4 stages and needs as many widths, got 2" train --data "$work/data" \
  --out "$work/refused" "${small[@]}" --backbone resnet18 --widths 4,8
run 0 'best weights' train --data "$work/data" --out "$work/run" "${small[@]}" --backbone resnet18 --widths 4,5,6,7 --epochs 1
expect 0 'backbone = "resnet18"' cat "$work/run/config.toml"
run 0 'backbone         resnet18' inspect "$work/run"
run 0 'balanced_accuracy' evaluate --run "$work/run" --split val
run 0 '' predict --run "$work/run" --input "$picture" --out "$work/predictions"
run 2 'was begun with --backbone "resnet18", not "resnet50"' train --out "$work/run" --resume --backbone resnet50
run 0 '' inspect --run "$work/run" --input "$picture" --attention "$work/sheet"

# ---- and so is the norm
normed=(--data "$work/data" "${small[@]}" --widths 4,8 --epochs 1)
run 2 '--norm layer: ' train --out "$work/refused" "${normed[@]}" --norm layer
run 0 'best weights' train --out "$work/normed" "${normed[@]}" --norm instance
expect 0 'norm = "instance"' cat "$work/normed/config.toml"
run 0 'norm             instance' inspect "$work/normed"
run 0 'balanced_accuracy' evaluate --run "$work/normed" --split val
run 0 '' predict --run "$work/normed" --input "$picture" --out "$work/normed-predictions"
run 2 'was begun with --norm "instance", not "group"' train --out "$work/normed" --resume --norm group

# ---- weights from elsewhere: what is wrong with a file is said before anything is made
pretrained() { run "$1" "$2" train --data "$work/data" --out "$work/new" "${small[@]}" --backbone resnet18 --epochs 1 "${@:3}"; }
pretrained 2 "$work/nowhere.safetensors: cannot be" --pretrained "$work/nowhere.safetensors"
pretrained 2 'does not fit the encoder of this network: ' --pretrained "$work/normed"
[ ! -e "$work/new" ] || bad "a refused file leaves a folder behind"

if build_has SANITIZE=. && ! build_has REAL=double; then
  echo "left out: agreement of the ResNets with PyTorch (sanitizers are for other mistakes, and slow)"
  exit $failed
fi
with_python 'torch, numpy' 'agreement of the ResNets with PyTorch' || exit $failed
mkdir "$work/cases"
"$python" tests/resnet_reference.py make "$work/cases" || bad "resnet_reference.py make"
for case in "$work"/cases/*; do
  "$BIN/replay" --case "$case" --out "$case/out.safetensors" >/dev/null || bad "replay of $case"
done
"$python" tests/resnet_reference.py compare "$work/cases" | tee "$work/compared"
grep -q '^FAILED' "$work/compared" && failed=1
[ "$(grep -c '^ok' "$work/compared")" -ge 7 ] || bad "fewer than 7 cases of ResNets agree"

# The reference's files have torchvision's names, with the last layer and the counters that are to be ignored.
pretrained 2 'wrongly shaped' --widths 4,5,6,8 --pretrained "$work/cases/resnet18-narrow/weights.safetensors"
pretrained 0 '100 matched; 2 ignored (fc.bias, fc.weight)' --widths 4,5,6,7 \
  --pretrained "$work/cases/resnet18-narrow/weights.safetensors"
rm "$work/cases/resnet18-narrow/weights.safetensors"
run 0 '' train --out "$work/new" --resume  # goes on from the run's own weights
exit $failed
