#!/bin/bash
# Every kernel of the catalogue, tensor/kernels.h, is called on the device by device_tests: gdb stops at each one once.
# What it calls it calls in every order of the simulated device: check_op and agree() see to that.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
if ! command -v gdb >/dev/null; then
  echo "skipped: which kernels the device tests call (gdb tells, and is not installed)"
  exit 0
fi
mapfile -t kernels < <(sed -n 's/^KERNEL(\([a-z0-9_]*\),.*/\1/p' tensor/kernels.h)
commands=(-ex "set confirm off" -ex "handle SIGSEGV nostop noprint pass")
for kernel in "${kernels[@]}"; do commands+=(-ex "tbreak medusa::cuda::$kernel"); done
commands+=(-ex run)
for kernel in "${kernels[@]:1}"; do commands+=(-ex continue); done
MEDUSA_POOL=off gdb -nx -batch "${commands[@]}" --args "$BIN/device_tests" >"$work/gdb" 2>&1
missing=""
for kernel in "${kernels[@]}"; do
  grep -qE "hit Temporary breakpoint .*medusa::cuda::$kernel ?\(" "$work/gdb" || missing+=" $kernel"
done
if [ ${#kernels[@]} -ge 30 ] && [ -z "$missing" ]; then
  echo "ok: device_tests calls each of the ${#kernels[@]} kernels of the catalogue"
else
  echo "FAILED: kernels that no device test calls:${missing:- the catalogue was not read}"
fi
