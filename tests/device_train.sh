#!/bin/bash
# The programs on a device: a run is trained on the GPU (or the simulated one), goes on and is evaluated on both sides.
# Not one of run.sh's: only builds with a CUDA backend can do it; tests/device.sh calls it.
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
small=(--size 16x24 --widths 4,8 --batch 4 --epochs 1 --seed 1 --workers 1 --threads 1)
"$BIN/phantom" --count 20 --size 24x32 --out "$work/data" >/dev/null || bad "phantom"
expect 0 "" "$BIN/train" --arch ctan --data "$work/data" --out "$work/run" "${small[@]}" --device cuda
expect 0 "" "$BIN/train" --out "$work/run" --resume --device cpu
"$BIN/evaluate" --run "$work/run" --json --device cuda >"$work/there" 2>&1
"$BIN/evaluate" --run "$work/run" --json --device cpu >"$work/here" 2>&1
# The same but for the last digits.
if grep -q dice "$work/here" && cmp -s <(grep -oE '"[a-z_ ]+"|[0-9]+\.[0-9]{1,3}' "$work/here") <(grep -oE '"[a-z_ ]+"|[0-9]+\.[0-9]{1,3}' "$work/there"); then
  ok "evaluate: the same on both devices"
else
  bad "evaluate: $(cat "$work/here") on the CPU, $(cat "$work/there") on the device"
fi
expect 2 "expected cpu, cuda or cuda:k" "$BIN/evaluate" --run "$work/run" --device gpu
expect 1 "device 7 asked for" "$BIN/evaluate" --run "$work/run" --device cuda:7
exit $failed
