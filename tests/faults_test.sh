#!/bin/bash
# tests/faults_test.sh: the n-th call of one kind fails (tests/faults/README.md), for n = 1, 2, ... until there is no n-th:
# in a training, in one that is gone on with, in evaluate, predict and the other programs.  Each ends with one line and a
# status that is not 0, or goes on and gives what it gives undisturbed; nothing half-written passes for whole; and the same
# command, or --resume, then gives the same bytes.
# EVERY=1: all n; without it a sample of them, always the same.
# Builds: plain
. "$(dirname "$0")/shell.sh"
: "${EVERY:=0}"
library=$BIN/../libfaults.so
[ -e "$library" ] || { bad "there is no $library"; exit 1; }

# with_fault KIND N COMMAND...: sets `status`, leaves stdout in $work/said and stderr in $work/log; false where the command
# made no N-th call.  LIMIT of `memory`: blocks of so many bytes and more.
with_fault() {
  rm -f "$work/mark"
  timeout 120 env FAULT_KIND="$1" FAULT_AT="$2" FAULT_BYTES="${LIMIT:-4096}" FAULT_MARK="$work/mark" LD_PRELOAD="$library" "${@:3}" \
    >"$work/said" 2>"$work/log"
  status=$?
  [ -e "$work/mark" ]
}

# ended WHAT PROGRAM: it did well, or failed in one line of its own (predict: one more for each input)
ended() {
  local lines others
  lines=$(grep -vc '^note: ' "$work/log")
  others=$(grep -v '^note: ' "$work/log" | grep -vc "^$2: .")
  case $status in
    0) [ "$lines" = 0 ] ;;
    1 | 2) [ "$others" = 0 ] && { [ "$lines" = 1 ] || { [ "$2" = predict ] && [ "$lines" -lt 4 ]; }; } ;;
    *) false ;;
  esac || bad "$1: status $status: $(head -c 500 "$work/log")"
}

without_times() { sed 's/"seconds":.*//' "$1"; }
same_run() {  # WHAT
  local file other=""
  for file in best.safetensors last.safetensors result.json; do cmp -s "$work/whole/$file" "$work/run/$file" || other+=" $file"; done
  cmp -s <(without_times "$work/whole/metrics.jsonl") <(without_times "$work/run/metrics.jsonl") || other+=" metrics.jsonl"
  [ -z "$other" ] || bad "$1, then to the end: other bytes:$other"
}
whole_files() {  # WHAT FOLDER
  local file left
  left=$(find "$2" -name '*.tmp*' 2>/dev/null)
  [ -z "$left" ] || bad "$1: left behind: $left"
  for file in "$2"/*.safetensors; do
    [ ! -e "$file" ] || "$BIN/inspect" "$file" >/dev/null 2>&1 || bad "$1: $file cannot be read"
  done
}

# ---- what is walked through: NAME KIND N

trained() {  # WHAT KIND N COMMAND...
  local what=$1
  with_fault "${@:2}" || return 1
  ended "$what" train
  whole_files "$what" "$work/run"
  local again=(--out "$work/run" "${run[@]}")
  [ ! -e "$work/run/config.toml" ] || again=(--out "$work/run" --resume)
  "$BIN/train" "${again[@]}" >/dev/null 2>"$work/log" || bad "$what, then again: $(cat "$work/log")"
  same_run "$what"
}
training() {
  rm -rf "$work/run"
  trained "training, $1 $2" "$1" "$2" "$BIN/train" --out "$work/run" "${run[@]}" "${parallel[@]}"
}
resuming() {
  rm -rf "$work/run" && cp -r "$work/interrupted" "$work/run"
  trained "resuming, $1 $2" "$1" "$2" "$BIN/train" --out "$work/run" --resume "${parallel[@]}"
}
evaluating() {
  with_fault "$1" "$2" "$BIN/evaluate" --run "$work/whole" --json "${parallel[@]}" || return 1
  ended "evaluating, $1 $2" evaluate
  [ $status != 0 ] || cmp -s "$work/figures" "$work/said" || bad "evaluating, $1 $2: other figures"
}

# made WHAT REFERENCE: each file of $work/made is that of the reference, whole.  Where predict has left an input out, and
# says so, what it gathers from all inputs lacks that one.
made() {
  local file
  while read -r file; do
    [ "$status" != 2 ] || [[ $file != *.csv && $file != */overview.png ]] || continue
    cmp -s "$2/$file" "$work/made/$file" || bad "$1: $file is not what it should be"
  done < <(cd "$work/made" && find . -type f)
}
predict_all() { "$@" "$BIN/predict" --run "$work/whole" --input "$work/data/HAM10000_images_part_1" --out "$work/made" "${parallel[@]}"; }
predicting() {
  local answers=$work/answers-${#parallel[@]}  # config.toml tells the threads
  rm -rf "$work/made"
  [ -e "$answers" ] || { predict_all env >/dev/null && mv "$work/made" "$answers"; }
  predict_all with_fault "$1" "$2" || return 1
  ended "predicting, $1 $2" predict
  [ ! -e "$work/made" ] || made "predicting, $1 $2" "$answers"
  predict_all env >/dev/null 2>"$work/log" && diff -r "$answers" "$work/made" >"$work/log" || bad "predicting, $1 $2, then again: $(cat "$work/log")"
}

# A program that writes into $work/made, or prints: `command` has its words, `program` its name.
running() {
  local answers=$work/made-by-$program
  rm -rf "$work/made" && mkdir "$work/made"
  [ -e "$answers" ] || { "${command[@]}" >"$work/said" 2>"$work/log" || bad "$program: $(cat "$work/log")"
    cp -r "$work/made" "$answers"
    rm -rf "$work/made" && mkdir "$work/made"; }
  with_fault "$1" "$2" "${command[@]}" || return 1
  ended "$program, $1 $2" "$program"
  [ "$program" = compare ] || made "$program, $1 $2" "$answers"
}

# walk SUBJECT KIND EVERY: EVERY as long as a sample is wanted
walk() {
  local subject=$1 kind=$2 every=$3 n fell=0 before=$failed
  [ "$EVERY" = 0 ] || every=$EVERY
  failed=0
  for ((n = 1; failed == 0; n += every)); do
    "$subject" "$kind" $n || break
    fell=$((fell + 1))
  done
  [ "$subject" != running ] || subject=$program
  [ $failed = 0 ] && [ $fell -gt 0 ] && ok "$subject: $fell of at least $((n - every)) calls of $kind fail in turn" ||
    bad "$subject: $kind: the walk ended after $fell"
  failed=$((failed | before))
}

"$BIN/phantom" --count 12 --seed 3 --size 32x40 --out "$work/data" >/dev/null || { bad "phantom"; exit 1; }
run=(--data "$work/data" --size 16x24 --widths 4,8 --batch 4 --epochs 2 --val-fraction 0.4 --save-every 0.001 --threads 1 --workers 0)
parallel=()
"$BIN/train" --out "$work/whole" "${run[@]}" >/dev/null || { bad "train"; exit 1; }
with_fault rename 7 "$BIN/train" --out "$work/interrupted" "${run[@]}"
[ $status = 1 ] && [ -e "$work/interrupted/last.safetensors" ] && [ ! -e "$work/interrupted/result.json" ] || bad "no interrupted run"
"$BIN/evaluate" --run "$work/whole" --json >"$work/figures" || bad "evaluate"

while read -r subject kind every; do walk "$subject" "$kind" "$every"; done <<'END'
training write 5
training short 5
training half 6
training rename 4
training fsync 6
training truncate 5
training create 4
training close 13
training mkdir 1
training open 9
training read 9
training mmap 1
resuming write 3
resuming rename 3
resuming open 8
resuming read 41
evaluating open 9
evaluating read 23
predicting write 6
predicting short 7
predicting half 8
predicting rename 5
predicting fsync 9
predicting create 6
predicting mkdir 1
predicting open 8
predicting read 13
predicting mmap 1
END

# Threads: the line is a note, and the result is the same.
parallel=(--threads 3 --workers 2)
for subject in training resuming evaluating; do walk $subject thread 3; done
parallel=(--threads 3)
walk predicting thread 1
for what in "training --workers 2" "predicting"; do
  rm -rf "$work/run" "$work/made"
  if [ "${what%% *}" = predicting ]; then predict_all with_fault thread 1+
  else with_fault thread 1+ "$BIN/train" --out "$work/run" "${run[@]}" "${parallel[@]}" --workers 2; fi
  [ $status = 0 ] && [[ $(cat "$work/log") == "note: 0 of "*" threads could be started (Resource temporarily unavailable): the results are the same and take longer" ]] &&
    ok "$what: no thread to be had is one line" || bad "$what: no thread to be had: status $status: $(cat "$work/log")"
done

# ---- memory: tensors come from malloc too, so that each of their blocks counts
export MEDUSA_POOL=off
parallel=()
stride=1
if [ "$EVERY" = 0 ]; then stride=0; else EVERY=0; fi
every() { [ $stride = 0 ] && echo "$1" || echo "$2"; }
LIMIT=4096
walk training memory "$(every 211 1)"
walk predicting memory "$(every 61 1)"
LIMIT=1
walk training memory "$(every 9001 199)"
walk resuming memory "$(every 9001 199)"
walk evaluating memory "$(every 5003 97)"
walk predicting memory "$(every 3001 97)"

# says TEXT COMMAND...: that no large block is to be had, with the option that needs less
says() {
  LIMIT=20000 with_fault memory 1+ "${@:2}"
  local line
  line=$(cat "$work/log")
  [ $status = 1 ] && [[ $line =~ ^${2##*/}:\ out\ of\ memory:\ [0-9]+\ bytes\ asked\ for ]] && [[ $line == *"$1" ]] &&
    ok "${2##*/}: $line" || bad "${2##*/}: status $status, expected '$1': $line"
}
rm -rf "$work/run" "$work/made"
says '; a smaller --batch needs less' "$BIN/train" --out "$work/run" "${run[@]}"
says '; a smaller --batch needs less' "$BIN/train" --out "$work/run" "${run[@]}" --workers 2
says '; a smaller --batch needs less' "$BIN/evaluate" --run "$work/whole"
says '; fewer --threads need less' "$BIN/predict" --run "$work/whole" --input "$work/data/HAM10000_images_part_1" --out "$work/made"
says '; a smaller --size needs less' "$BIN/phantom" --count 1 --size 300x400 --out "$work/made"
says '; a smaller --batch needs less' "$BIN/bench" infer --shape 2dtiny --repeats 1 --warmup 0
says '; a smaller --mib needs less' "$BIN/bench" roofline --mib 1 --side 32 --seconds 0.001
says ' bytes asked for' "$BIN/bench" step --shape 2dtiny --steps 1 --warmup 0  # has no option that needs less

# ---- the other programs
rm -rf "$work/made"
"$BIN/phantom" --layout prostate --count 1 --out "$work/volumes" >/dev/null || bad "phantom"
volume=$(find "$work/volumes" -name '*.nii.gz' | sort | head -n 1)
for program in phantom plot convert inspect compare; do
  case $program in
    phantom) command=("$BIN/phantom" --count 2 --size 24x32 --threads 1 --out "$work/made") ;;
    plot) command=("$BIN/plot" --run "$work/whole" --out "$work/made/plot.svg") ;;
    convert) command=("$BIN/convert" volume --in "$volume" --out "$work/made/volume.nii.gz") ;;
    inspect) command=("$BIN/inspect" "$work/whole/best.safetensors") ;;
    compare) command=("$BIN/compare" --out "$work/made" "${run[@]}" --epochs 1 --test-fraction 0.3 --archs hps --seeds 0) ;;
  esac
  LIMIT=1 walk running memory "$(every 4001 $([ $program = compare ] && echo 997 || echo 61))"
  [ $program = inspect ] || walk running write "$(every 3 1)"
  [ $program = inspect ] || walk running rename "$(every 3 1)"
done
exit $failed
