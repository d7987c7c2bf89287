#!/bin/bash
# tests/metrics_peer_test.sh: what a run says about its test set against scikit-learn and SciPy: see metrics_peer.py.
# Networks that have learned little: all classes are confused, some are in no sample, outlines are ragged.
# Builds: plain
. "$(dirname "$0")/shell.sh"
peer() { PYTHONDONTWRITEBYTECODE=1 "$python" "$(dirname "$0")/metrics_peer.py" "$@"; }
options=(--arch hps --widths 4,8 --test-fraction 0.5 --threads 1 --workers 0 --no-augment)
with_python sklearn,scipy,PIL 'metrics against scikit-learn and SciPy' || exit $failed

"$BIN/phantom" --count 60 --seed 4 --size 24x32 --out "$work/data" >/dev/null
expect 0 'test set' "$BIN/train" "${options[@]}" --data "$work/data" --size 24x32 --batch 8 --epochs 4 --lr 1e-2 --out "$work/run"
mkdir "$work/pictures"
cut -d , -f 1 "$work/run/cases_test.csv" | tail -n +2 |
  while read -r id; do find "$work/data" -name "$id.jpg" -exec cp {} "$work/pictures" ';'; done
"$BIN/predict" --run "$work/run" --input "$work/pictures" --out "$work/answers" >/dev/null || bad "predict"
said=$(peer "$work/run" "$work/answers" "$work/data") && ok "lesion and diagnosis: $said" || bad "$said"
[[ $said =~ ^[12][0-9][0-9]' figures of 30 cases'$ ]] && ok "all of them" || bad "compared: $said"

"$BIN/phantom" --layout stoic --count 24 --out "$work/chests" >/dev/null
expect 0 'test set' "$BIN/train" "${options[@]}" --dataset stoic --data "$work/chests" --size 16x16x16 --batch 4 --epochs 2 --out "$work/binary"
said=$(peer "$work/binary") && ok "yes and no: $said" || bad "$said"

# A figure that is off is found.
sed -i 's/"brier": 0\./"brier": 0.9/' "$work/binary/result.json"
said=$(peer "$work/binary") && bad "a wrong figure passes"
[[ $said == *' brier: 0.9'* ]] && ok "a wrong figure is found: $(head -1 <<<"$said")" || bad "said of a wrong figure: $said"
exit $failed
