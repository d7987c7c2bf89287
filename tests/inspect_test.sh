#!/bin/bash
# tests/inspect_test.sh: inspect and bench as a user calls them.
. "$(dirname "$0")/shell.sh"

"$BIN/phantom" --count 7 --seed 1 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
jpeg=$(find "$work/data" -name '*.jpg' | head -1)
png=$(find "$work/data" -name '*.png' | head -1)

expect 0 '"format":"JPEG"' "$BIN/inspect" --json "$jpeg"
expect 0 '"shape":[48,64,3]' "$BIN/inspect" --json "$jpeg"
expect 0 '"shape":[48,64,1]' "$BIN/inspect" --json "$png"
expect 0 '"max":255' "$BIN/inspect" --json "$png"
expect 0 '"dtype":"uint8"' "$BIN/inspect" --json "$png"
expect 0 'PNG' "$BIN/inspect" "$png"
expect 0 'lesion_id' "$BIN/inspect" "$work/data/HAM10000_metadata.csv"
expect 0 '"shape":[7,' "$BIN/inspect" --json "$work/data/HAM10000_metadata.csv"

{ seq -s, -f 'c%.0f' 1 40000; seq -s, 1 40000; seq -s, 2 40001; } >"$work/wide.csv"
last=$("$BIN/inspect" "$work/wide.csv" | tail -1)
[ "$(echo $last)" = 'c40000 number 2 40000 40001 40000.5' ] && ok "a table of 40,000 columns" || bad "the last of 40,000 columns: $last"

expect 2 'there is no such file' "$BIN/inspect" "$work/none.png"
expect 2 'unknown format, expected one of PNG, JPEG, safetensors, NIfTI, MetaImage, NRRD, npy, npz, CSV' "$BIN/inspect" "$BIN/../CMakeCache.txt"
expect 2 'ct_explicit: is DICOM; `convert dicom --in DIR --out FILE` makes arrays from' "$BIN/inspect" "$(dirname "$0")/fuzz/corpus/dicom/ct_explicit"
: >"$work/zero.png"
expect 2 'zero.png: unknown format' "$BIN/inspect" "$work/zero.png"
head -c 300 "$jpeg" >"$work/cut.jpg"
expect 2 'cut.jpg' "$BIN/inspect" "$work/cut.jpg"
printf 'no safetensors' >"$work/text.safetensors"
expect 2 'text.safetensors: not a safetensors file' "$BIN/inspect" "$work/text.safetensors"
expect 2 'config.toml' "$BIN/inspect" "$work/data"
expect 2 'file is required' "$BIN/inspect"

expect 0 'system_allocations' "$BIN/bench" step --help
expect 2 '--shape 4d: expected one of 2d, 2dsmall, 3d, 3d128' "$BIN/bench" step --shape 4d
expect 2 '--steps 0: expected 1 or more' "$BIN/bench" step --steps 0
expect 2 '--threads -1' "$BIN/bench" ops --threads -1
expect 2 '--arch nonsense: expected one of stl, hps' "$BIN/bench" step --arch nonsense
expect 0 '"fma_gflops"' "$BIN/bench" ops --only relu --seconds 0.01 --json
expect 0 '"loaded":"volume [128, 128, 128, 1]"' "$BIN/bench" load --repeats 1 --json
expect 0 '"loaded":"picture [48, 64, 3]"' "$BIN/bench" load --in "$jpeg" --size 48x64 --json
expect 2 '--repeats 0: expected 1 or more' "$BIN/bench" load --repeats 0
expect 2 'none.nii: cannot be read: No such file' "$BIN/bench" load --in "$work/none.nii"
line=$("$BIN/bench" step --arch hps --shape 2dsmall --threads 1 --steps 1 --warmup 2 --json)
for key in step_ms min_ms cpu_ms fwd_ms bwd_ms adam_ms peak_rss_mb page_faults_per_step loss; do
  [[ $line == *"\"$key\":"* ]] || bad "bench step: no $key in $line"
done
[[ $line == *'"parameters":917304,'* ]] && ok "bench step: 917304 parameters" || bad "bench step: parameters: $line"
[[ $line == *'"system_allocations":0,'* ]] && ok "bench step: nothing allocated after the warm-up" || bad "bench step: $line"
exit $failed
