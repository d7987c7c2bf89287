#!/bin/bash
# tests/run.sh BUILD: runs the test program of a build folder and every tests/*_test.sh with BIN=BUILD/bin, JOBS at a time
# (default: one for each processor).  tests/run.sh BUILD predict_test.sh ... runs these alone, `program`, `program base` too.
# A shell test prints "ok: what" or "FAILED: what" per check and fails if any did.  Last line: N passed, N failed.
set -u -o pipefail
build=${1:-build}
export BIN=$PWD/$build/bin
log=$build/test.log

# program [SIMD]: the test program, with that instruction set
program() {
  local status=0 out no_random=""
  # The thread sanitizer of older compilers cannot place its shadow where addresses are very random.
  setarch -R true 2>/dev/null && no_random="setarch -R"
  out=$(mktemp)
  MEDUSA_SIMD=${1:-${MEDUSA_SIMD:-}} TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1} $no_random "$BIN/tests" ${TEST_ARGS:-} 2>&1 |
    tee "$out" || status=$?
  if ! grep -aq '^\[doctest\] test cases:' "$out"; then
    echo "FAILED: $build/bin/tests ${1:-} did not finish (status $status)"
  elif [ $status != 0 ] && ! grep -aqE '^\[doctest\] test cases:.*\| *[1-9][0-9]* failed' "$out"; then
    echo "FAILED: $build/bin/tests ${1:-} ended with status $status"
  fi
  rm "$out"
}

# script FILE: a shell test
script() {
  local status=0 out
  out=$(mktemp)
  bash "tests/$1" 2>&1 | tee "$out" || status=$?
  [ $status = 0 ] || grep -aq '^FAILED: ' "$out" || echo "FAILED: tests/$1 ended with status $status"
  rm "$out"
}

# --one TASK: one of those that run at a time; what it prints is shown when it has ended, whole
if [ "${2:-}" = --one ]; then
  from=$SECONDS
  own=$(mktemp)
  case $3 in
    program*) $3 ;;  # with its instruction set
    *) script "$3" ;;
  esac >"$own" 2>&1
  exec 9>>"$log"
  flock 9
  { echo "== $3, $((SECONDS - from)) s" && cat "$own"; } | tee -a "$log"
  rm "$own"
  exit 0
fi

tasks() {
  echo "program"
  # A plain build with each narrower instruction set that this machine has, too: half a minute each.
  if [ -z "${MEDUSA_SIMD:-}" ] && ! grep -qsE '^MEDUSA_(SANITIZE:[^=]*=.|REAL:[^=]*=double)' "$build/CMakeCache.txt"; then
    for simd in base avx2; do
      if MEDUSA_SIMD=$simd "$BIN/tests" -tc='isa: the one that was asked for' >/dev/null 2>&1; then
        echo "program $simd"
      else
        echo "skipped: MEDUSA_SIMD=$simd (not in this build, or not in this machine)" >&2
      fi
    done
  fi
  (cd tests && printf '%s\n' *_test.sh)
}

: >"$log"
{ if [ $# -gt 1 ]; then printf '%s\n' "${@:2}"; else tasks; fi; } |
  xargs -P "${JOBS:-$(nproc)}" -d '\n' -n 1 bash "$0" "$build" --one ||
  echo "FAILED: a task of tests/run.sh was ended" | tee -a "$log"

# [doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped
read -r passed failed < <(awk '/^\[doctest\] test cases:/ {
    for (i = 2; i <= NF; ++i) { if ($i == "passed") p += $(i - 1); if ($i == "failed") f += $(i - 1) } }
  /^ok: / { ++p } /^FAILED: / { ++f } END { print p + 0, f + 0 }' "$log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
