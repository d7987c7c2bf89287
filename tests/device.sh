#!/bin/bash
# tests/device.sh BUILD: the tests of the CUDA backend in a build folder that has one.  Last line: N passed, N failed.
# On the simulated device blocks of memory are exact, so that each access beyond one is seen; the tests of counters, copies
# and whole trainings, which are about the caching pool, run with it.
# Where a GPU or its driver is absent the tests are said not to have run; a program that is missing or does not start is a
# failure everywhere.
set -u -o pipefail
build=${1:-build/sim}
if ! BIN=$(cd "$build/bin" 2>/dev/null && pwd); then
  echo "FAILED: $build/bin: there is no such folder"
  echo "0 passed, 1 failed"
  exit 1
fi
export BIN MEDUSA_PARITY=only
log=$build/test.log
: >"$log"

fails() { echo "FAILED: $1" | tee -a "$log"; }

# run PROGRAM...: a run of device_tests must end with doctest's counts.
run() {
  local own=$log.own status
  "$@" 2>&1 | tee "$own"
  status=$?
  cat "$own" >>"$log"
  if ! grep -aq '^\[doctest\] test cases:' "$own"; then
    fails "${*: -2} did not finish (status $status)"
  elif [ $status != 0 ] && ! grep -aqE '^\[doctest\] test cases:.*\| *[1-9][0-9]* failed' "$own"; then
    fails "${*: -2} ended with status $status"
  fi
  rm -f "$own"
}
# beside NAME PROGRAM...: while the others run, each with one thread; `wait`, then its log is $log.NAME
beside() { log=$log.$1 run "${@:2}" >/dev/null; }

# script FILE: a shell test, which prints "ok: what" or "FAILED: what" per check
script() {
  local before status
  before=$(grep -ac '^FAILED: ' "$log")
  bash "$1" 2>&1 | tee -a "$log"
  status=$?
  if [ $status != 0 ] && [ "$(grep -ac '^FAILED: ' "$log")" = "$before" ]; then fails "$1 ended with status $status"; fi
}

# The driver's own list of GPUs: whether one should be found.  MEDUSA_DEV is for the test of this script.
has_gpu() { compgen -G "${MEDUSA_DEV:-/dev}/nvidia[0-9]*" >/dev/null || [ -e "${MEDUSA_DEV:-/dev}/dxg" ]; }

# One case on the device, told of in full: does the program start, and does it find a device?
probe=$("$BIN/device_tests" -tc='cuda: tensors move*' -s 2>&1)
status=$?
if ! grep -aqE '^\[doctest\] test cases: *[1-9]' <<<"$probe"; then
  fails "$BIN/device_tests does not start (status $status): $(tail -1 <<<"$probe")"
elif [ -x "$BIN/sim_bugs" ] || grep -qs '^MEDUSA_CUDA:[^=]*=SIM$' "$build/CMakeCache.txt"; then
  : >"$log.half"
  : >"$log.other"
  half='*/conv_test.cpp,*/cuda_step_test.cpp,*/elementwise_test.cpp,*/reduce_test.cpp'  # of the time, not of the files
  beside half env MEDUSA_POOL=off "$BIN/device_tests" -sf="$half" -tce='cuda: the trainer ends*' &
  beside other env MEDUSA_POOL=off "$BIN/device_tests" -sfe="$half" -tce='cuda: the trainer ends*' &
  run "$BIN/device_tests" -tc='cuda: after the first*,cuda: the copy of the next*,cuda: the trainer ends*,cuda: what is counted,cuda: a convolution*scratch*'
  grep -aq 'to_vector' <<<"$probe" || fails "$BIN/device_tests finds no simulated device"
  if [ -x "$BIN/sim_bugs" ]; then script tests/sim_test.sh; else fails "$BIN/sim_bugs is missing"; fi
  if [ -x "$BIN/train" ]; then  # the plain build, which has the programs
    script tests/device_catalogue.sh
    script tests/device_train.sh
    MEDUSA_DEVICE=cuda script tests/oracle_test.sh
  fi
  wait
  cat "$log.half" "$log.other" | tee -a "$log"
  if grep -a '^sim: ' "$log"; then fails "the simulated device complained"; fi
elif grep -aq 'to_vector' <<<"$probe"; then
  run "$BIN/device_tests"
elif [ "$status" != 0 ]; then
  fails "$BIN/device_tests ended with status $status: $(tail -1 <<<"$probe")"
elif has_gpu; then
  fails "$BIN/device_tests finds no GPU, and this machine has one"
else
  echo "ok: $build is compiled and linked; it has not run: this machine has no GPU" | tee -a "$log"
fi

read -r passed failed < <(awk '/^\[doctest\] test cases:/ {
    for (i = 2; i <= NF; ++i) { if ($i == "passed") p += $(i - 1); if ($i == "failed") f += $(i - 1) } }
  /^ok: / { ++p } /^FAILED: / { ++f } END { print p + 0, f + 0 }' "$log")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
