#!/bin/bash
# tests/run.sh BUILD: runs the test program of a build folder, then every tests/*_test.sh with BIN=BUILD/bin.
# A shell test prints "ok: what" or "FAILED: what" per check and fails if any did.  Last line: N passed, N failed.
set -u -o pipefail
build=${1:-build}
export BIN=$PWD/$build/bin
log=$build/test.log
: >"$log"

# The thread sanitizer of older compilers cannot place its shadow where addresses are very random.
no_random=""
setarch -R true 2>/dev/null && no_random="setarch -R"

# program [SIMD]: the test program, with that instruction set
program() {
  local status
  MEDUSA_SIMD=${1:-${MEDUSA_SIMD:-}} TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1} $no_random "$BIN/tests" ${TEST_ARGS:-} 2>&1 |
    tee -a "$log" "$log.program"
  status=$?
  if ! grep -aq '^\[doctest\] test cases:' "$log.program"; then
    echo "FAILED: $build/bin/tests ${1:-} did not finish (status $status)" | tee -a "$log"
  elif [ $status != 0 ] && ! grep -aqE '^\[doctest\] test cases:.*\| *[1-9][0-9]* failed' "$log.program"; then
    echo "FAILED: $build/bin/tests ${1:-} ended with status $status" | tee -a "$log"
  fi
  rm -f "$log.program"
}

program
# A plain build with each narrower instruction set that this machine has, too: a quarter of a minute each.
if [ -z "${MEDUSA_SIMD:-}" ] && ! grep -qsE '^MEDUSA_(SANITIZE:[^=]*=.|REAL:[^=]*=double)' "$build/CMakeCache.txt"; then
  for simd in base avx2; do
    if MEDUSA_SIMD=$simd "$BIN/tests" -tc='isa: the one that was asked for' >/dev/null 2>&1; then
      echo "== $build/bin/tests with MEDUSA_SIMD=$simd"
      program $simd
    else
      echo "skipped: MEDUSA_SIMD=$simd (not in this build, or not in this machine)"
    fi
  done
fi

for script in tests/*_test.sh; do
  [ -e "$script" ] || continue
  echo "== $script"
  before=$(grep -ac '^FAILED: ' "$log")
  bash "$script" 2>&1 | tee -a "$log"
  status=$?
  if [ $status != 0 ] && [ "$(grep -ac '^FAILED: ' "$log")" = "$before" ]; then
    echo "FAILED: $script ended with status $status" | tee -a "$log"
  fi
done

# [doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped
read -r passed failed < <(awk '/^\[doctest\] test cases:/ {
    for (i = 2; i <= NF; ++i) { if ($i == "passed") p += $(i - 1); if ($i == "failed") f += $(i - 1) } }
  /^ok: / { ++p } /^FAILED: / { ++f } END { print p + 0, f + 0 }' "$log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
