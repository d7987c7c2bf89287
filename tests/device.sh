#!/bin/bash
# tests/device.sh BUILD: the tests of the CUDA backend in a build folder that has one.  Last line: N passed, N failed.
# On the simulated device blocks of memory are exact, so that each access beyond one is seen; the tests of counters, copies
# and whole trainings, which are about the caching pool, run with it.
# Where a GPU or its driver is absent the tests are said not to have run; a program that is missing or does not start is a
# failure everywhere.
set -u -o pipefail
. "$(dirname "$0")/judge.sh"
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

# run JUDGE COMMAND...: a command whose end is judged by judge_program or judge_script
run() {
  local own
  own=$(mktemp)
  "${@:2}" >"$own" 2>&1
  "$1" "${*: -2}" $? "$own" >>"$own"
  tee -a "$log" <"$own"
  rm "$own"
}
program() { run judge_program "$@"; }
script() { run judge_script "$@"; }
# beside NAME COMMAND...: while the others run, each with one thread; `wait`, then its log is $log.NAME
beside() { log=$log.$1 "${@:2}" >/dev/null; }

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
  beside half program env MEDUSA_POOL=off "$BIN/device_tests" -sf="$half" -tce='cuda: the trainer ends*' &
  beside other program env MEDUSA_POOL=off "$BIN/device_tests" -sfe="$half" -tce='cuda: the trainer ends*' &
  program "$BIN/device_tests" -tc='cuda: after the first*,cuda: the copy of the next*,cuda: the trainer ends*,cuda: what is counted,cuda: a convolution*scratch*'
  grep -aq 'to_vector' <<<"$probe" || fails "$BIN/device_tests finds no simulated device"
  if [ -x "$BIN/sim_bugs" ]; then script bash tests/sim_test.sh; else fails "$BIN/sim_bugs is missing"; fi
  if [ -x "$BIN/train" ]; then  # the plain build, which has the programs
    script bash tests/device_catalogue.sh
    script bash tests/device_train.sh
    script env MEDUSA_DEVICE=cuda bash tests/oracle_test.sh
    script env EXAMPLES=my_op bash tests/examples_test.sh
  fi
  wait
  cat "$log.half" "$log.other" | tee -a "$log"
  if grep -a '^sim: ' "$log"; then fails "the simulated device complained"; fi
elif grep -aq 'to_vector' <<<"$probe"; then
  program "$BIN/device_tests"
  [ ! -x "$BIN/train" ] || script env EXAMPLES=my_op bash tests/examples_test.sh
elif [ "$status" != 0 ]; then
  fails "$BIN/device_tests ended with status $status: $(tail -1 <<<"$probe")"
elif has_gpu; then
  fails "$BIN/device_tests finds no GPU, and this machine has one"
else
  echo "ok: $build is compiled and linked; it has not run: this machine has no GPU" | tee -a "$log"
fi

conclude "$log"
