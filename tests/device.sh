#!/bin/bash
# tests/device.sh BUILD: the tests of the CUDA backend in a build folder that has one.  Last line: N passed, N failed.
# On the simulated device blocks of memory are exact, so that each access beyond one is seen; the tests of counters, copies
# and whole trainings, which are about the caching pool, run with it.
set -u -o pipefail
build=${1:-build/sim}
export BIN=$PWD/$build/bin MEDUSA_PARITY=only
log=$build/test.log
: >"$log"

run() {
  "$@" 2>&1 | tee -a "$log"
  local status=$?
  if [ $status != 0 ] && ! tail -4 "$log" | grep -aq '^\[doctest\].*[1-9][0-9]* failed'; then
    echo "FAILED: ${*: -2} ended with status $status" | tee -a "$log"
  fi
}
beside() { log=$log.beside run "$@" >/dev/null; }  # while the others run: each has one thread

if [ -x "$BIN/sim_bugs" ]; then
  : >"$log.beside"
  beside env MEDUSA_POOL=off "$BIN/device_tests" -tce='cuda: the trainer ends*' &
  run "$BIN/device_tests" -tc='cuda: after the first*,cuda: the copy of the next*,cuda: the trainer ends*,cuda: what is counted'
  bash tests/sim_test.sh 2>&1 | tee -a "$log"
  if [ -x "$BIN/train" ]; then  # the plain build, which has the programs
    bash tests/device_catalogue.sh 2>&1 | tee -a "$log"
    bash tests/device_train.sh 2>&1 | tee -a "$log"
    MEDUSA_DEVICE=cuda bash tests/oracle_test.sh 2>&1 | tee -a "$log"
  fi
  wait
  tee -a "$log" <"$log.beside"
  if grep -a '^sim: ' "$log"; then echo "FAILED: the simulated device complained" | tee -a "$log"; fi
elif "$BIN/device_tests" -tc='cuda: tensors move*' -s | grep -aq 'to_vector'; then
  run "$BIN/device_tests"
else
  echo "ok: $build is compiled and linked; it has not run: this machine has no GPU" | tee -a "$log"
fi

read -r passed failed < <(awk '/^\[doctest\] test cases:/ {
    for (i = 2; i <= NF; ++i) { if ($i == "passed") p += $(i - 1); if ($i == "failed") f += $(i - 1) } }
  /^ok: / { ++p } /^FAILED: / { ++f } END { print p + 0, f + 0 }' "$log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
