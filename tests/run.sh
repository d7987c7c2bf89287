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

broken=0
TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1} $no_random "$BIN/tests" ${TEST_ARGS:-} 2>&1 | tee -a "$log"
status=$?
grep -aq '^\[doctest\] test cases:' "$log" || { echo "FAILED: $build/bin/tests did not finish (status $status)" | tee -a "$log"; broken=1; }
if [ $status != 0 ] && ! grep -aqE '^\[doctest\] test cases:.*\| *[1-9][0-9]* failed' "$log" && [ $broken = 0 ]; then
  echo "FAILED: $build/bin/tests ended with status $status" | tee -a "$log"
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
