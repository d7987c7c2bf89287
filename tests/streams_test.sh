#!/bin/bash
# tests/streams_test.sh: no program of the build is ended by its own messages, wherever they go: to a full disk, to streams
# that are closed, to a pipe whose reader has left.  Each is tried with a command that succeeds, one that fails, and --help.
. "$(dirname "$0")/shell.sh"

"$BIN/phantom" --count 12 --seed 3 --size 32x40 --out "$work/data" >/dev/null || { bad "phantom"; exit 1; }
"$BIN/phantom" --layout prostate --count 1 --out "$work/volumes" >/dev/null || bad "phantom"
volume=$(find "$work/volumes" -name '*.nii.gz' | sort | head -n 1)
options=(--data "$work/data" --size 16x24 --widths 4,8 --batch 4 --epochs 1 --threads 1 --workers 0)
"$BIN/train" --out "$work/run" "${options[@]}" >/dev/null || bad "train"
mkdir "$work/case"
printf '{"kind": "ops", "cases": [{"name": "a", "op": "relu", "inputs": ["x"], "gradients": ["x"]}]}' >"$work/case/case.json"
header='{"a.x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a.dy":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
{ printf "\\x$(printf %x ${#header})\0\0\0\0\0\0\0%s" "$header" && head -c 16 /dev/zero; } >"$work/case/io.safetensors"

# words PROGRAM: sets `command` to one that succeeds and prints something
words() {
  command=("$BIN/$1")
  case $1 in
    train) command+=(--out "$work/made/run" "${options[@]}") ;;
    compare) command+=(--out "$work/made/compared" "${options[@]}" --test-fraction 0.3 --archs hps --seeds 0) ;;
    evaluate) command+=(--run "$work/run") ;;
    predict) command+=(--run "$work/run" --input "$work/data/HAM10000_images_part_1" --out "$work/made/answers" --threads 1) ;;
    inspect) command+=("$work/run") ;;
    plot) command+=(--run "$work/run" --out "$work/made/plot.svg") ;;
    convert) command+=(volume --in "$volume" --out "$work/made/volume.nii.gz") ;;
    phantom) command+=(--count 1 --size 24x32 --out "$work/made/data") ;;
    bench) command+=(roofline --mib 1 --side 16 --seconds 0.001) ;;
    replay) command+=(--case "$work/case" --out "$work/made/out.safetensors") ;;
    *) return 1 ;;
  esac
}

# with STREAMS COMMAND...: sets `status` of the command with its standard streams so
with() {
  local streams=$1
  shift
  case $streams in
    "stdout full") "$@" >/dev/full 2>"$work/log" ;;
    "both full") "$@" >/dev/full 2>/dev/full ;;
    "stderr full") "$@" >/dev/null 2>/dev/full ;;
    "stdout closed") "$@" >&- 2>"$work/log" ;;
    "all closed") "$@" <&- >&- 2>&- ;;
    # The write end of a pipe that nobody reads: a FIFO is opened for both, then its reading end is closed.
    "readers gone") (exec 3<>"$work/fifo" 4>"$work/fifo" 3<&- && exec "$@" >&4 2>&4) ;;
  esac
  status=$?
}
mkfifo "$work/fifo"

# ends PROGRAM NAME STATUS... -- COMMAND...: with one of these statuses for each kind of streams
ends() {
  local program=$1 name=$2 streams wrong=""
  shift 2
  local -A allowed=()
  while [ "$1" != -- ]; do
    allowed[${1%%=*}]=${1#*=}
    shift
  done
  shift
  for streams in "stdout full" "both full" "stderr full" "stdout closed" "all closed" "readers gone"; do
    rm -rf "$work/made" && mkdir "$work/made"
    : >"$work/log"
    with "$streams" "$@" 2>/dev/null
    [[ ",${allowed[$streams]:-${allowed[any]}}," == *",$status,"* ]] || wrong+="; $streams: status $status $(head -c 300 "$work/log")"
  done
  [ -z "$wrong" ] && ok "$program $name, streams full, closed, left" || bad "$program $name$wrong"
}

# 141: SIGPIPE, which ends a program that only prints; those that survive it end with 1.
for path in "$BIN"/*; do
  program=${path##*/}
  case $program in
    tests | device_tests | sim_bugs | make_corpus | replay_* | fuzz_* | peer_*) continue ;;  # not for users
  esac
  words "$program" || { bad "$program: this test has no command for it"; continue; }
  rm -rf "$work/made" && mkdir "$work/made"
  "${command[@]}" >"$work/said" 2>"$work/log" && [ -s "$work/said" ] || bad "$program: $(cat "$work/log")"
  ends "$program" "as it should be called" any=0 "stdout full=1" "both full=1" "readers gone=1,141" -- "${command[@]}"
  ends "$program" --help any=0 "stdout full=1" "both full=1" "readers gone=1,141" -- "$BIN/$program" --help
  ends "$program" --nonsense any=2 "readers gone=2,141" -- "$BIN/$program" --nonsense
done
# What a file or a name says reaches a terminal as text, on one line.
"$BIN/inspect" "$work/no"$'\e[31m\v\n'such 2>"$work/log"
[ $? = 2 ] && [ "$(wc -l <"$work/log")" = 1 ] && ! LC_ALL=C tr -d '\n' <"$work/log" | LC_ALL=C grep -q '[[:cntrl:]]' &&
  ok "control characters in a message are spaces" || bad "control characters: $(cat -v "$work/log")"
exit $failed
