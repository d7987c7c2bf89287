#!/bin/bash
# tests/device.sh with build folders of made-up programs: only a machine without a GPU may go without a run.
# Builds: plain
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh

# build MODE: an empty build folder, configured with MEDUSA_CUDA=MODE
build() {
  rm -rf "$work/b" && mkdir -p "$work/b/bin" && echo "MEDUSA_CUDA:STRING=$1" >"$work/b/CMakeCache.txt"
}
# program NAME: standard input is what it does
program() {
  { echo '#!/bin/bash' && cat; } >"$work/b/bin/$1"
  chmod +x "$work/b/bin/$1"
}
# says STATUS COUNTS TEXT: tests/device.sh ends so, its last line is COUNTS, and it prints TEXT
says() {
  local out got=0
  out=$(MEDUSA_DEV=$work/${dev:-none} bash tests/device.sh "$work/b" 2>&1) || got=$?
  if [ $got = "$1" ] && [ "$(tail -1 <<<"$out")" = "$2" ] && grep -qF -- "$3" <<<"$out"; then
    ok "device.sh: $3"
  else
    bad "device.sh: status $got, expected $1, '$2' and '$3' in: $out"
  fi
}
passes='echo "[doctest] test cases:  1 |  1 passed | 0 failed | 0 skipped"'
runs="echo 'CHECK( there.to_vector() == x.to_vector() )'; $passes"
fails='echo "[doctest] test cases:  1 |  0 passed | 1 failed | 0 skipped"; exit 1'
mkdir "$work/dev" && touch "$work/dev/nvidia0"

build ON
rm -r "$work/b/bin"
says 1 "0 passed, 1 failed" "there is no such folder"
build ON
says 1 "0 passed, 1 failed" "device_tests does not start (status 127)"
program device_tests <<<'echo "libcublas.so.13: cannot open shared object file" >&2; exit 127'
says 1 "0 passed, 1 failed" "(status 127): libcublas.so.13: cannot open"
program device_tests <<<'kill -SEGV $$'
says 1 "0 passed, 1 failed" "device_tests does not start (status 139)"
program device_tests <<<'exit 0'
says 1 "0 passed, 1 failed" "device_tests does not start (status 0)"
program device_tests <<<'echo "[doctest] test cases: 0 | 0 passed | 0 failed | 9 skipped"'
says 1 "0 passed, 1 failed" "device_tests does not start (status 0)"  # the case is not there
program device_tests <<<"$passes; exit 5"
says 1 "0 passed, 1 failed" "device_tests ended with status 5"
program device_tests <<<"$passes"
says 0 "1 passed, 0 failed" "it has not run: this machine has no GPU"
dev=dev says 1 "0 passed, 1 failed" "finds no GPU, and this machine has one"
program device_tests <<<"$runs"
says 0 "1 passed, 0 failed" "1 passed"
program device_tests <<<"[ \$# = 0 ] && { $fails; }; $runs"
says 1 "0 passed, 1 failed" "1 failed"
program device_tests <<<"[ \$# = 0 ] && exit 0; $runs"  # ends in the middle
says 1 "0 passed, 1 failed" "device_tests did not finish (status 0)"
program device_tests <<<"[ \$# = 0 ] && { $passes; exit 3; }; $runs"
says 1 "1 passed, 1 failed" "device_tests ended with status 3"

# What a test lacks is a failure in CI alone.
program device_tests <<<"[ \$# = 0 ] && echo 'skipped: of two'; $runs"
MEDUSA_CI="" says 0 "1 passed, 0 failed" "skipped: of two"
MEDUSA_CI=1 says 1 "1 passed, 1 failed" "FAILED: in CI nothing is skipped: skipped: of two"

# Of the simulated device: three runs of device_tests, and sim_bugs.
build SIM
says 1 "0 passed, 1 failed" "device_tests does not start"
program device_tests <<<"$runs"
says 1 "3 passed, 1 failed" "sim_bugs is missing"
program sim_bugs <<<'echo "libmedusa.so: cannot open shared object file" >&2; exit 127'
says 1 "3 passed, 1 failed" "sim_bugs does not run: status 127: libmedusa.so: cannot open"
program sim_bugs <<<'echo "strange"'
says 1 "3 passed, 1 failed" "sim_bugs does not run: strange"
rm "$work/b/bin/sim_bugs"
program device_tests <<<"$passes"
says 1 "3 passed, 2 failed" "finds no simulated device"
program device_tests <<<"[ -n \"\${MEDUSA_POOL:-}\" ] && kill -SEGV \$\$; $runs"
says 1 "1 passed, 3 failed" "did not finish (status 139)"
exit $failed
