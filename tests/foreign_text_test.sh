#!/bin/bash
# tests/foreign_text_test.sh: names from files and command lines, whatever they hold: no program prints a control
# character of theirs or writes it into SVG and HTML, and a run with such names is resumed, judged and used as any other.
. "$(dirname "$0")/shell.sh"
esc=$'\e[31m' csi=$'\xc2\x9b' rtl=$'\xe2\x80\xae'
evil="$esc<script>alert(\"1\")<b>&'$csi$rtl"$'\t#= %\\'

# clean WHAT FILE: no control character but line breaks, no bidi override, no C1, only UTF-8
clean() {
  if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\t' "$2"; then
    bad "$1: control characters: $(LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\t' "$2" | head -3 | cat -v)"
  elif ! iconv -f UTF-8 -t UTF-8 "$2" >/dev/null 2>&1; then bad "$1: is not UTF-8"
  else ok "$1: nothing that a terminal obeys"; fi
}
# is_xml WHAT FILE: well-formed, and without the script
is_xml() {
  [ -s "$2" ] || { bad "$1: no $2"; return; }
  clean "$1" "$2"
  ! grep -q '<script' "$2" && ok "$1: no script" || bad "$1: has a script"
  with_python xml.dom.minidom "$1 as XML" || return
  "$python" -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$2" 2>"$work/xml" && ok "$1: XML" || bad "$1: $(tail -1 "$work/xml")"
}
# says STATUS WHAT COMMAND...: ends so, and prints nothing that a terminal obeys
says() {
  local status=$1 what=$2 got
  shift 2
  "$@" >"$work/said" 2>&1
  got=$?
  [ $got = "$status" ] && ok "$what: status $got" || bad "$what: status $got, expected $status: $(tail -2 "$work/said" | cat -v)"
  clean "$what" "$work/said"
}

data="$work/da#ta \"quoted\" it's 100% größe=$evil"$'\nx'
"$BIN/phantom" --layout folder --count 16 --size 32x40 --out "$work/plain" >/dev/null || bad "phantom"
mv "$work/plain" "$data"
mv "$data/photos/p0000.jpg" "$data/photos/$evil.jpg"
# The target, a class, columns, cases and a file have such names.
cat >"$data/dataset.toml" <<'TOML'
size = "32x40"
[input."ph\u001b[31m<script>oto"]
column = "photo"
channels = 3
mean = [124, 116, 104]
std = [58, 57, 57]
[target.lesion]
kind = "segmentation"
classes = ["le\u001b[0m & <b>\"sion\"</b>"]
[target.finding]
kind = "classification"
classes = ["nv", "m\u001b[31m<script>el\n", "vasc"]
TOML
with_python csv 'a table with such names' || exit $failed
"$python" - "$data" "$evil" <<'EOP' || bad "no table"
import csv, sys
folder, evil = sys.argv[1:]
rows = list(csv.DictReader(open(folder + "/cases.csv")))
with open(folder + "/cases.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow(["case", "photo", "lesion", "finding", "unused\x1b[31m<script>\n"])
    for n, r in enumerate(rows):
        photo = r["photo"] if n > 0 else f"photos/{evil}.jpg"
        out.writerow([f"{r['case']} {evil}\n{n}", photo, r["lesion"],
                      {"mel": "m\x1b[31m<script>el\n"}.get(r["finding"], r["finding"]), "x"])
EOP
says 0 "inspect the dataset" "$BIN/inspect" --dataset folder --data "$data"
says 0 "inspect the dataset as JSON" "$BIN/inspect" --dataset folder --data "$data" --json
"$BIN/inspect" --dataset folder --data "$data" >"$work/said"
grep -qF 'm\x1b[31m<script>el\n ' "$work/said" && ok "escapes are shown" || bad "no escapes: $(cat -v "$work/said")"
sed "s|^.target.lesion.|[target.\"les/ion\\\\u001b[31m<script>\\\\u009b\\\\u202e\\\\n\"]\ncolumn = 'lesion'|" "$data/dataset.toml" >"$work/task.toml"
cp "$data/dataset.toml" "$work/kept.toml" && cp "$work/task.toml" "$data/dataset.toml"
says 0 "inspect a task of that name" "$BIN/inspect" --dataset folder --data "$data"
says 2 "train refuses a task of that name" "$BIN/train" --dataset folder --data "$data" --out "$work/none"
cp "$work/kept.toml" "$data/dataset.toml"
says 0 "inspect the table" "$BIN/inspect" "$data/cases.csv"
says 0 "inspect a picture" "$BIN/inspect" "$data/photos/$evil.jpg"
cp "$data/cases.csv" "$work/kept.csv"
printf '%s\n' "p9 $evil,photos/none$evil.jpg,,wart$evil,x" >>"$data/cases.csv"
says 2 "inspect finds a bad row" "$BIN/inspect" --dataset folder --data "$data"
says 2 "train refuses a bad row" "$BIN/train" --dataset folder --data "$data" --out "$work/none"
printf 'p9,\xe9.jpg,,nv,x\n' >"$work/row" && cat "$work/kept.csv" "$work/row" >"$data/cases.csv"
says 2 "a name in Latin-1" "$BIN/train" --dataset folder --data "$data" --out "$work/none"
cp "$work/kept.csv" "$data/cases.csv"

run="$work/r#un \"1\" it's 50% ü=\\n$evil"$'\ny'
own=(--dataset folder --data "$data" --widths 4,8 --batch 4 --seed 1 --threads 1)
says 0 "train" "$BIN/train" "${own[@]}" --epochs 2 --out "$run"
says 0 "inspect the run" "$BIN/inspect" "$run"
says 0 "inspect the run as JSON" "$BIN/inspect" "$run" --json
says 0 "evaluate" "$BIN/evaluate" --run "$run"
says 0 "evaluate as JSON" "$BIN/evaluate" --run "$run" --split all --json
says 0 "predict a table" "$BIN/predict" --run "$run" --input "$data/cases.csv" --out "$work/out $evil"
[ "$(find "$work/out $evil" -name '*_lesion.png' | wc -l)" = 16 ] && ok "a mask for each case, in --out" || bad "masks: $(ls "$work/out $evil" | cat -v | head -3)"
says 0 "predict again by its config file" "$BIN/predict" --config "$work/out $evil/config.toml" --out "$work/again" --input "$data/photos/$evil.jpg"
says 2 "predict what is not there" "$BIN/predict" --run "$run" --input "$data/$evil" --out "$work/none"
says 0 "plot" "$BIN/plot" --run "$run" --out "$work/$evil.svg"
is_xml "the curves" "$work/$evil.svg"
says 0 "--arch help with such names" "$BIN/train" --dataset folder --data "$data" --arch help
says 2 "an option that is none" "$BIN/train" "--epo$evil=3"

# A run that was stopped goes on, with all that its config file says; a stranger is refused.
rm "$run/result.json"
says 0 "resume a run that was finished but for its result" "$BIN/train" --out "$run" --resume
says 2 "another place for the data is another run's" "$BIN/train" --out "$run" --resume --tasks finding
half="$run half"
# stopped ARGUMENTS...: train, stopped by SIGTERM once an epoch more is finished
stopped() {
  local before=0 process
  [ -e "$half/metrics.jsonl" ] && before=$(wc -l <"$half/metrics.jsonl")
  "$BIN/train" "$@" --out "$half" &
  process=$!
  until [ "$(cat "$half/metrics.jsonl" 2>/dev/null | wc -l)" -gt "$before" ] || ! kill -0 $process 2>/dev/null; do sleep 0.02; done
  kill -TERM $process
  wait $process
}
says 3 "a run that is stopped" stopped "${own[@]}" --epochs 100000
says 3 "that goes on as it was" stopped --resume

"$BIN/compare" "${own[@]/--seed/--seeds}" --archs hps,stl --epochs 1 --val-fraction 0.2 --test-fraction 0.2 --out "$work/com<pare> $evil" >"$work/said" 2>&1 \
  && ok "compare" || bad "compare: $(tail -2 "$work/said" | cat -v)"
clean "compare" "$work/said"
is_xml "table.html" "$work/com<pare> $evil/table.html"
clean "table.md" "$work/com<pare> $evil/table.md"
! grep -q '<script' "$work/com<pare> $evil/table.md" && ok "table.md: no script" || bad "table.md has a script"
says 0 "compare again, from the config files" "$BIN/compare" "${own[@]/--seed/--seeds}" --archs hps,stl --epochs 1 --val-fraction 0.2 --test-fraction 0.2 --out "$work/com<pare> $evil"
exit $failed
