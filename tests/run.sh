#!/bin/bash
# tests/run.sh BUILD: runs the test program of a build folder and the tests/*_test.sh that are for such a build, with
# BIN=BUILD/bin, JOBS at a time (default: one for each processor).  tests/run.sh BUILD predict_test.sh ... runs these
# alone; `program` and `program base` name the test program.  Last line: N passed, N failed.
# A shell test prints "ok: what" or "FAILED: what" per check and fails if any did; "skipped: what" where this machine lacks
# something that it needs (with MEDUSA_CI set that is a failure), "left out: what" where another build or call has it.
# Its line "# Builds:" says in which builds it runs: plain, address, thread (sanitizers); without one in plain and address.
set -u -o pipefail
. "$(dirname "$0")/judge.sh"
build=${1:-build}
export BIN=$PWD/$build/bin
log=$build/test.log
cache() { grep -qsE "^MEDUSA_$1" "$build/CMakeCache.txt"; }

# program [SIMD]: the test program, with that instruction set
program() {
  local no_random=""
  # The thread sanitizer of older compilers cannot place its shadow where addresses are very random.
  setarch -R true 2>/dev/null && no_random="setarch -R"
  MEDUSA_SIMD=${1:-${MEDUSA_SIMD:-}} TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1} $no_random "$BIN/tests" \
    ${1:+"-sfe=$own_sets"} ${TEST_ARGS:-}
}

# The cases of these files go through all instruction sets by themselves.
own_sets='*/elementwise_test.cpp,*/reduce_test.cpp,*/matmul_test.cpp,*/conv_test.cpp,*/pool_test.cpp,*/norm_test.cpp'
own_sets+=',*/softmax_test.cpp,*/resize_test.cpp,*/layout_test.cpp,*/loss_test.cpp,*/structures_loss_test.cpp'

# --one TASK: one of those that run at a time; what it prints is shown when it has ended, whole
if [ "${2:-}" = --one ]; then
  from=$SECONDS
  own=$(mktemp)
  case $3 in
    program*)  # with its instruction set
      $3 >"$own" 2>&1
      judge_program "$build/bin/tests ${3#program}" $? "$own" >>"$own"
      ;;
    *)
      bash "tests/$3" >"$own" 2>&1
      judge_script "tests/$3" $? "$own" >>"$own"
      ;;
  esac
  exec 9>>"$log"
  flock 9
  { echo "== $3, $((SECONDS - from)) s" && cat "$own"; } | tee -a "$log"
  rm "$own"
  exit 0
fi

# The long ones first, so that no processor waits for the last.
tasks() {
  local kind=plain file builds
  cache 'SANITIZE:[^=]*=.*address' && kind=address
  cache 'SANITIZE:[^=]*=.*thread' && kind=thread
  echo "program"
  local long="docs_test.sh openkbp_test.sh bench_test.sh"
  (cd tests && for file in $long $(ls -- *_test.sh | grep -vxF "${long// /$'\n'}"); do
    builds=$(sed -n 's/^# Builds: //p' "$file")
    [[ " ${builds:-plain address} " != *" $kind "* ]] || echo "$file"
  done)
  # A plain build with each narrower instruction set that this machine has, too.
  if [ -z "${MEDUSA_SIMD:-}" ] && [ $kind = plain ] && ! cache 'REAL:[^=]*=double'; then
    for simd in base avx2; do
      if MEDUSA_SIMD=$simd "$BIN/tests" -tc='isa: the one that was asked for' >/dev/null 2>&1; then
        echo "program $simd"
      else
        echo "left out: MEDUSA_SIMD=$simd (not in this build, or not in this machine)" >&2
      fi
    done
  fi
}

: >"$log"
{ if [ $# -gt 1 ]; then printf '%s\n' "${@:2}"; else tasks; fi; } |
  xargs -P "${JOBS:-$(nproc)}" -d '\n' -n 1 bash "$0" "$build" --one ||
  echo "FAILED: a task of tests/run.sh was ended" | tee -a "$log"
conclude "$log"
