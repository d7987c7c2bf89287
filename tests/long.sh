#!/bin/bash
# tests/long.sh [--sample]: the tests that have no end of their own: runs killed again and again, networks drawn at random
# against PyTorch (MEDUSA_ORACLE), every call that can fail, damaged runs, files that a fuzzer makes (clang), damaged kernels.
# As many as take about four hours on two cores; --sample, in CI: as many as take three minutes, in builds that are there
# already (of networks, failing calls and damaged runs the part `test` has a sample).  NUMBER: where chance begins.
# Last line: N passed, N failed.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/judge.sh
: "${NUMBER:=1}"
kills=100 archs="stl hps mtan ctan crossstitch mmoe cgc padnet" networks=200 seconds=600 files=-1 mutants=30
fuzz_build=build/fuzz kernels=""
if [ "${1:-}" = --sample ]; then
  kills=4 archs=hps networks=0 seconds=20 files=150000 mutants=2
  fuzz_build=build/double-asan kernels="cuda/softmax.cu cuda/reduce.cuh"
fi
log=build/long.log
: >"$log"

# part NAME COMMAND...: a shell test, or what ends like one
part() {
  local own status
  own=$(mktemp)
  echo "== $1" | tee -a "$log"
  "${@:2}" 2>&1 | tee "$own"
  status=$?
  judge_script "$1" $status "$own" | tee -a "$own"
  cat "$own" >>"$log" && rm "$own"
}

# fuzzed NAME: a crash, a hang or too much memory ends the fuzzer; what it found lies in build/fuzz-found.  A sample has a
# number of files, always the same ones, so that neither chance nor load decides whether it passes.
fuzzed() {
  local found=build/fuzz-found/$1
  mkdir -p "$found"
  if MEDUSA_POOL=off "$fuzz_build/bin/fuzz_$1" -runs="$files" -max_total_time="$seconds" -timeout=100 -max_len=4096 -malloc_limit_mb=256 \
    -rss_limit_mb=4096 -seed="$NUMBER" -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$1" >"$found.log" 2>&1; then
    echo "ok: fuzz_$1"
  else
    echo "FAILED: fuzz_$1: $(grep -aE 'ERROR|SUMMARY|Test unit' "$found.log" | head -3)"
  fi
}
fuzz() {
  if [ ! -x "$fuzz_build/bin/fuzz_csv" ] && [ $fuzz_build = build/fuzz ]; then
    cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DMEDUSA_FUZZ=ON >/dev/null || { echo "skipped: fuzzing (no clang here)"; return; }
    cmake --build build/fuzz -j "$(nproc)" >/dev/null
  fi
  export -f fuzzed
  export fuzz_build seconds files NUMBER
  ls tests/fuzz | sed -n 's/_fuzz.cpp$//p' | xargs -P "$(nproc)" -I{} bash -c 'fuzzed {}'
}

# mutate SUITES: mutants that survive are listed
mutate() {
  # shellcheck disable=SC2086
  if tests/mutate.py --most $mutants --seed "$NUMBER" --families --suites "$1" $kernels; then
    echo "ok: every mutant is noticed"
  else
    echo "FAILED: mutants survive"
  fi
}

export BIN=$PWD/build/bin
part "killed and resumed" env KILLS=$kills ARCHS="$archs" SEED="$NUMBER" bash tests/kill_resume.sh
[ $networks = 0 ] || part "networks drawn at random" env MEDUSA_ORACLE_RANDOM=$networks MEDUSA_ORACLE_SEED="$NUMBER" bash tests/oracle_test.sh
[ "${1:-}" = --sample ] || part "a failing machine" env EVERY=1 bash tests/faults_test.sh
[ "${1:-}" = --sample ] || part "damaged runs" env FILES=1000 SEED="$NUMBER" bash tests/damage_test.sh
part "fuzzing" fuzz
if [ "${1:-}" = --sample ]; then
  part "damaged kernels" mutate sim,sim-check
else
  make sim sim-check sim-asan >build/long-sim.log 2>&1 || tail -5 build/long-sim.log
  part "damaged kernels" mutate sim,sim-check,sim-asan
fi
conclude "$log"
