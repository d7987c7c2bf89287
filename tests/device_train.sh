#!/bin/bash
# The programs on a device: a run is trained on the GPU (or the simulated one), goes on and is used on both sides.
# Not one of run.sh's: only builds with a CUDA backend can do it; tests/device.sh calls it.
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
small=(--size 16x24 --widths 4,8 --batch 4 --epochs 1 --seed 1 --workers 1 --threads 1)
"$BIN/phantom" --count 20 --size 24x32 --out "$work/data" >/dev/null || bad "phantom"
expect 0 "" "$BIN/train" --arch ctan --data "$work/data" --out "$work/run" "${small[@]}" --device cuda
expect 0 "" "$BIN/train" --out "$work/run" --resume --device cpu

# rounded FILE: its names, and its numbers without their last digits
rounded() { grep -oE '[A-Za-z_]+|-?[0-9]+\.[0-9]{1,3}' "$1"; }
# same WHAT HERE THERE TEXT: both files have the text, and the same but for the last digits
same() {
  if grep -q "$4" "$2" && cmp -s <(rounded "$2") <(rounded "$3"); then
    ok "$1: the same on both devices"
  else
    bad "$1: $(head -c 800 "$2") on the CPU, $(head -c 800 "$3") on the device"
  fi
}
picture=$(find "$work/data" -name '*.jpg' | grep -v mask | sort | head -1)
for device in cpu cuda; do
  "$BIN/evaluate" --run "$work/run" --json --device $device >"$work/evaluate.$device" 2>&1
  "$BIN/predict" --run "$work/run" --input "$picture" --out "$work/predict.$device" --device $device >/dev/null 2>"$work/log" ||
    bad "predict --device $device: $(cat "$work/log")"
  "$BIN/inspect" --run "$work/run" --input "$picture" --attention "$work/attention" --json --device $device \
    >"$work/attention.$device" 2>&1
done
same evaluate "$work/evaluate.cpu" "$work/evaluate.cuda" dice
same "predict's table" "$work"/predict.cpu/*.csv "$work"/predict.cuda/*.csv predicted
same "inspect --attention" "$work/attention.cpu" "$work/attention.cuda" entropy_bits
if [ -s "$(echo "$work"/predict.cpu/*_lesion.png)" ] && cmp -s "$work"/predict.cpu/*_lesion.png "$work"/predict.cuda/*_lesion.png; then
  ok "predict's mask: the same on both devices"
else
  bad "predict's mask"
fi

expect 0 "" "$BIN/train" --arch hps --data "$work/data" --out "$work/tf32" "${small[@]}" --device cuda --tf32
grep -q '^tf32 = true' "$work/tf32/config.toml" && ok "config.toml keeps --tf32" || bad "config.toml has no tf32 = true"
expect 0 "tf32" "$BIN/compare" --data "$work/data" --out "$work/comparison" --archs stl,hps --seeds 1 --test-fraction 0.2 \
  --val-fraction 0.2 --sweep tf32=false,true "${small[@]:0:8}" --workers 1 --threads 1 --device cuda
grep -q '^device = "cuda"' "$work/comparison/hps-tf32-true-1/config.toml" && ok "compare hands --device on" || bad "compare: device"

# field NAME: its value in the line that bench printed
field() { grep -oE "\"$1\":[^,}]*" "$work/bench" | cut -d: -f2; }
# What a step asks of the device; the bounds are what it asked when this was written, and a few more.
while read -r arch shape launches products; do
  "$BIN/bench" step --arch "$arch" --shape "$shape" --steps 1 --device cuda --json >"$work/bench" 2>&1
  if awk -v l="$(field launches)" -v L="$launches" -v p="$(field products)" -v P="$products" \
    'BEGIN { exit !(l > 0 && l <= L && p > 0 && p <= P) }' &&
    [ "$(field allocations) $(field copies) $(field synchronisations) $(field system_allocations)" = "0.0 0.0 0.0 0" ]; then
    ok "bench step --arch $arch --shape $shape: $(field launches) launches, $(field products) products, nothing else"
  else
    bad "bench step --arch $arch --shape $shape: expected at most $launches launches, $products products and nothing else: $(cat "$work/bench")"
  fi
done <<<"ctan 2dtiny 710 215
ctan 3dtiny 720 230"
expect 0 "product" "$BIN/bench" roofline --device cuda --mib 1 --side 32 --seconds 0.01

# On the simulated device memory is as small as one wants it.
if [ -x "$BIN/sim_bugs" ]; then
  export MEDUSA_SIM_MEMORY=1
  expect 1 "a smaller --batch needs less" "$BIN/train" --arch hps --data "$work/data" --out "$work/large" "${small[@]}" --batch 12 --device cuda
  export MEDUSA_SIM_MEMORY=0  # what these programs do here fits into 1 MiB
  expect 1 "a smaller --batch needs less" "$BIN/evaluate" --run "$work/run" --device cuda
  for program in "predict --run $work/run --input $picture --out $work/none" "bench step --arch ctan --shape 2dtiny --steps 1"; do
    # shellcheck disable=SC2086
    out=$("$BIN"/$program --device cuda 2>&1)
    if [[ $out == *"out of memory"*"MiB free of 0 MiB"* && $out != *--batch* ]]; then
      ok "${program%% *}: out of memory, without advice that it cannot take"
    else
      bad "${program%% *}: out of memory: $out"
    fi
  done
  unset MEDUSA_SIM_MEMORY
fi
expect 2 "expected cpu, cuda or cuda:k" "$BIN/evaluate" --run "$work/run" --device gpu
expect 1 "device 7 requested" "$BIN/evaluate" --run "$work/run" --device cuda:7
exit $failed
