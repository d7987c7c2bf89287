#!/bin/bash
# tests/compare_test.sh: a comparison is trained, killed and gone on with, used again, broken; its numbers are checked by
# hand.
. "$(dirname "$0")/shell.sh"

"$BIN/phantom" --count 40 --seed 1 --size 48x64 --out "$work/data" >/dev/null || bad "phantom"
options=(--data "$work/data" --size 16x24 --widths 4,8 --batch 4 --epochs 8 --threads 1 --workers 0 --no-augment)
compare() { "$BIN/compare" --out "$work/$1" "${options[@]}" --archs stl,hps --seeds 0,1 "${@:2}"; }

# ---- bad input: one line, status 2, nothing written
expect 2 '--data is missing' "$BIN/compare" --out "$work/x"
expect 2 '--out is missing' "$BIN/compare" --data "$work/data"
expect 2 'there is no such folder' "$BIN/compare" --data "$work/none" --out "$work/x"
expect 2 '--archs nonsense: expected one of stl' compare x --archs nonsense
expect 2 'stl twice' compare x --archs stl,stl
expect 2 '--seeds 1: expected whole numbers of 0 or more, each once' compare x --seeds 1,1
expect 2 '--arch: compare takes --archs instead' compare x --arch hps
expect 2 '--test-fraction 0' compare x --test-fraction 0
expect 2 'expected OPTION=VALUE' compare x --sweep lr
expect 2 "'nonsense' is not an option of train" compare x --sweep nonsense=1,2
expect 2 "cannot sweep 'tasks': all runs of a comparison must share it" compare x --sweep tasks=lesion,diagnosis
expect 2 'expected values that differ' compare x --sweep lr=1,1
expect 2 '--lr -1: expected more than 0' compare x --sweep lr=-1,1
[ ! -e "$work/x" ] && ok "nothing is written" || bad "bad input left a folder behind"

# ---- a comparison; then the same again trains nothing
begin=$(date +%s%N)
expect 0 'average vs STL' compare whole
took=$((($(date +%s%N) - begin) / 1000000))  # ms
grep -q 'chosen on the validation set alone, in one epoch for all tasks' "$work/whole/table.md" && ok "the table says how epochs were chosen" || bad "$(head -5 "$work/whole/table.md")"
for file in table.md table.json table.html; do [ -s "$work/whole/$file" ] && ok "$file" || bad "no $file"; done
before=$(stat -c %Y.%i "$work"/whole/*/last.safetensors)
again=$(compare whole)
[ "$(grep -c 'was finished before' <<<"$again")" = 4 ] && [ "$before" = "$(stat -c %Y.%i "$work"/whole/*/last.safetensors)" ] &&
  ok "finished runs are used again" || bad "trained again: $again"
expect 2 'was made with --epochs 8, not 9' compare whole --epochs 9
cp "$work/data/HAM10000_metadata.csv" "$work/table.csv"
sed -i '$d' "$work/data/HAM10000_metadata.csv"
expect 2 'stl-0: was made from ' compare whole
cp "$work/table.csv" "$work/data/HAM10000_metadata.csv"
expect 0 'was finished before' compare whole

# ---- killed at four moments (SIGKILL: compare itself, and its child with it), then finished: the same table.  The moments
# are parts of the time that a whole comparison takes here; where the machine was quicker this once, sooner ones are tried.
metrics() { grep -v -E 'step_ms|peak_memory|about' "$1/table.md" | cut -d '|' -f 1-8; }
pause=$((took / 10))
for ((round = 0; round < 6; ++round)); do
  rm -rf "$work/killed"
  for ((kills = 0; kills < 4; ++kills)); do
    "$BIN/compare" --out "$work/killed" "${options[@]}" --archs stl,hps --seeds 0,1 >>"$work/killed.log" 2>&1 &
    pid=$!
    sleep "$(awk "BEGIN { print $pause * (1 + $kills / 2) / 1000 }")"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
  done
  [ -e "$work/killed/table.md" ] || break
  pause=$((pause / 2))
done
[ ! -e "$work/killed/table.md" ] && ok "it was killed before its end" || bad "the kills came too late: $(cat "$work/killed.log")"
compare killed >"$work/log" 2>&1 || bad "after kills: $(tail -1 "$work/log")"
cmp -s <(metrics "$work/whole") <(metrics "$work/killed") && ok "killed four times, then the same figures" || bad "$(diff "$work/whole/table.md" "$work/killed/table.md")"
for run in stl-0 hps-0 stl-1 hps-1; do
  cmp -s "$work/whole/$run/best.safetensors" "$work/killed/$run/best.safetensors" || bad "$run: other weights after the kills"
done

# ---- Ctrl-C: no table, status 1, and the same command goes on
"$BIN/compare" --out "$work/stopped" "${options[@]}" --archs stl,hps --seeds 0,1 --epochs 1000000 >"$work/log" 2>&1 &
pid=$!
await "$work/stopped/stl-0/last.safetensors" $pid
kill -TERM $pid
wait $pid
status=$?
[ $status = 1 ] && [[ $(tail -1 "$work/log") == *'interrupted; the same command resumes it' ]] && [ ! -e "$work/stopped/table.md" ] &&
  ok "SIGTERM ends the comparison" || bad "SIGTERM: status $status: $(cat "$work/log")"
grep -q '\] stl-0: interrupted, saved after step' "$work/log" && ! grep -q FAILED "$work/log" && ok "the run was stopped, it did not fail" ||
  bad "SIGTERM: the run at work: $(cat "$work/log")"
"$BIN/inspect" "$work/stopped/stl-0/last.safetensors" >/dev/null 2>&1 && ok "the run at work was saved" || bad "no checkpoint"

# ---- the same command from the same place goes on, with paths from there, and with other options that decide no result
"$BIN/phantom" --layout folder --count 24 --size 32x40 --out "$work/own" >/dev/null || bad "phantom"
own=(env -C "$work" "$BIN/compare" --dataset folder --data own/ --out owned --cache-disk kept --widths 4,8 --batch 4 --epochs 1
  --threads 1 --workers 0 --archs hps --seeds 0)
expect 0 '[1/1] hps-0: 0:' "${own[@]}"
expect 0 'hps-0: was finished before' "${own[@]}"
expect 0 'hps-0: was finished before' "${own[@]}" --data "$work/own"
expect 2 'was made with --patience 0, not 3' "${own[@]}" --patience 3
cp -r "$work/own" "$work/other"
expect 2 "was made with --data \"$work/own\", not \"$work/other\"" "${own[@]}" --data other
rm "$work/owned/hps-0/result.json"
expect 0 'hps-0: went on, ' "${own[@]}" --cache-disk elsewhere --cache-mib 7 --save-every 5 --threads 2
for line in "cache-disk = \"$work/elsewhere\"" 'cache-mib = 7' 'save-every = 5' 'threads = 2'; do
  grep -qx "$line" "$work/owned/hps-0/config.toml" && ok "the run that went on has $line" || bad "no $line: $(cat "$work/owned/hps-0/config.toml")"
done
rm "$work/owned/hps-0/result.json"
expect 0 'hps-0: went on, ' "${own[@]}" --cache-disk ''
grep -qx 'cache-disk = ""' "$work/owned/hps-0/config.toml" && ok "an option can be emptied" || bad "cache-disk: $(cat "$work/owned/hps-0/config.toml")"

# ---- a run that cannot be trained: shown as failed, the others are there
cp -r "$work/whole" "$work/broken"
rm "$work/broken/hps-1/result.json"
echo nonsense >"$work/broken/hps-1/last.safetensors"
MANY_LINES=yes expect 1 'compare: 1 of 4 runs failed' compare broken
for file in table.md table.html table.json; do
  grep -q 'hps-1' "$work/broken/$file" && grep -q 'last.safetensors' "$work/broken/$file" && ok "$file names the failed run and why" || bad "$file: $(cat "$work/broken/$file")"
done
grep -q '1 of 2: the others FAILED' "$work/broken/table.md" && ok "the other seed counts" || bad "$(cat "$work/broken/table.md")"

# ---- the figures, by hand: stl 0.5 and 0.4, hps 0.6 and 0.3 for the lesion; 0.2 for all in the diagnosis
cp -r "$work/whole" "$work/hand"
sed -i 's/0\.\([0-9]\)/0.9\1/' "$work/hand/stl-1/result.json"
expect 2 'stl-1/result.json: is damaged or was changed' compare hand
rm -r "$work/hand" && cp -r "$work/whole" "$work/hand" && cp "$work/hand"/stl-{0,1}/result.json
expect 2 'stl-1/result.json: belongs to another run' compare hand
# As an older version wrote them, files have no checksum.
rm "$work"/hand/*/provenance.json && sed -i '/"checksum": /d' "$work"/hand/*/result.json
set_test() {  # RUN DICE ACCURACY
  awk -v dice="$2" -v acc="$3" '/"test"/ { test = 1 }
    test && /"dice"/ { sub(/: .*,/, ": " dice ",") }
    test && /"balanced_accuracy"/ { sub(/: .*,/, ": " acc ",") } { print }' "$work/hand/$1/result.json" >"$work/result" &&
    mv "$work/result" "$work/hand/$1/result.json"
}
set_test stl-0 0.5 0.2 && set_test stl-1 0.4 0.2 && set_test hps-0 0.6 0.2 && set_test hps-1 0.3 0.25
compare hand >/dev/null || bad "hand"
row=$(grep '^| hps' "$work/hand/table.md" | tr -d ' ')
# +20 % and -25 %: mean -2.5, deviation 45 / sqrt 2 = 31.8.  0 and +25 %: 12.5 and 17.7.  Averages +10 and 0: 5 and 7.1.
[[ $row == '|hps|0.450±0.212|0.225±0.035|-2.5±31.8|+12.5±17.7|+5.0±7.1|'* ]] && ok "means, deviations and relative performance by hand" || bad "by hand: $row"
set_test stl-1 0 0.2
compare hand >/dev/null || bad "hand"
row=$(grep '^| hps' "$work/hand/table.md" | tr -d ' ')
[[ $row == *'|+20.0(n=1)|'*'|+10.0(n=1)|'* ]] && ok "relative to 0 is not defined, and the table says how many runs count" || bad "n: $row"

# ---- a sweep
expect 0 '| ctan parts=bottleneck ' "$BIN/compare" --out "$work/sweep" "${options[@]}" --epochs 1 --archs stl,ctan --seeds 0 \
  --sweep ctan-parts=both,bottleneck
[ "$(cd "$work/sweep" && echo *-0)" = 'ctan-parts-both-0 ctan-parts-bottleneck-0 stl-0' ] && ok "a run for each value, one for stl" || bad "$(ls "$work/sweep")"
[[ $(grep -m 1 '^| network' "$work/sweep/table.md" | tr -d ' ') == *'|bottleneck,bits|diagonal|'* ]] &&
  grep -q '"lesion,diagnosis"' "$work/sweep/table.json" && [[ $(grep -m 1 '^| stl' "$work/sweep/table.md" | tr -d ' ') == *'|-|-|'* ]] &&
  ok "how the attention at the bottleneck is spread" || bad "bottleneck: $(cat "$work/sweep/table.md")"
expect 0 '| hps balancing=uw ' "$BIN/compare" --out "$work/methods" "${options[@]}" --epochs 1 --archs stl,hps --seeds 0 --sweep balancing=equal,uw
if with_python xml 'the chart'; then
  "$python" - "$work/sweep/table.html" <<'PY' && ok "the chart is XML" || bad "the chart is no XML"
import re, sys, xml.dom.minidom
html = open(sys.argv[1], encoding="utf-8").read()
xml.dom.minidom.parseString(re.search(r"<svg.*</svg>", html, re.S).group(0))
assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
PY
fi
exit $failed
