#!/bin/bash
# The simulated device must report each bug planted in sim_bugs.cu, and say nothing of kernels that are right.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
if [ ! -x "$BIN/sim_bugs" ]; then
  echo "left out: the simulated device's own tests (make sim has them)"
  exit 0
fi
mode=$("$BIN/sim_bugs" 2>&1) || mode="status $?: $mode"
if [[ " plain asan check " != *" $mode "* ]]; then
  bad "sim_bugs does not run: $mode"
  exit $failed
fi
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=0

# reports MODES TEXT BUG: in a build of one of the modes the bug ends with a status other than 0, or is told of at the
# end, and the report has the text.
reports() {
  [[ " $1 " == *" $mode "* ]] || return 0
  local output status
  output=$("$BIN/sim_bugs" "$3" 2>&1)
  status=$?
  if grep -qE -- "$2" <<<"$output"; then
    echo "ok: $mode: $3 is reported"
  else
    echo "FAILED: $mode: $3: expected '$2', got (status $status): $(tail -3 <<<"$output")"
  fi
}

# silent BUG: no word, status 0, whatever the order
silent() {
  local seed streams output
  for seed in 0 1 2 3; do
    for streams in lazy eager random; do
      if ! output=$(MEDUSA_SIM_SEED=$seed MEDUSA_SIM_STREAMS=$streams "$BIN/sim_bugs" "$1" 2>&1) || [ -n "$output" ]; then
        echo "FAILED: $mode: $1 with seed $seed and $streams streams: $output"
        return
      fi
    done
  done
  echo "ok: $mode: nothing is said of $1"
}

silent right
silent right_product
silent right_overlap
silent right_neighbours

reports "asan" "heap-buffer-overflow" write_beyond
reports "check" "write outside of any allocation at sim_bugs.cu:[0-9]+" write_beyond
reports "asan" "global-buffer-overflow|insufficient space|out of bounds" write_beyond_shared
reports "check" "write of an address that is not device memory at sim_bugs.cu:[0-9]+|uninitialised shared memory" write_beyond_shared
reports "plain asan" "wrong result" no_barrier
reports "check" "race in shared memory: .* at sim_bugs.cu:[0-9]+ by thread .* at sim_bugs.cu:[0-9]+ by thread" no_second_barrier
reports "check" "race in shared memory|uninitialised shared memory at sim_bugs.cu" no_barrier
reports "check" "read of uninitialised shared memory at sim_bugs.cu:[0-9]+" uninitialised
reports "plain asan check" "divergent __syncthreads\(\): one thread waits at sim_bugs.cu:[0-9]+, another at" divergent
reports "plain asan check" "__syncthreads\(\) at sim_bugs.cu:[0-9]+ is not reached by all threads" early_return
reports "check" "race in device memory: .* of another block" no_atomic
reports "check" "race in shared memory|uninitialised shared memory" no_syncwarp
reports "plain asan check" "warp collective at sim_bugs.cu:[0-9]+ is not reached by all lanes" absent_lane
reports "plain asan check" "shuffle at sim_bugs.cu:[0-9]+ reads lane 20, which is not in its mask" lane_outside_mask
reports "check" "read of an address that is not device memory at sim_bugs.cu:[0-9]+" host_pointer
reports "asan" "misaligned" misaligned
reports "plain asan check" "cudaErrorInvalidConfiguration" too_many_threads
reports "plain asan check" "cudaErrorInvalidConfiguration" empty_grid
reports "plain asan check" "a copy's range or direction is wrong \(8192 bytes" copy_too_long
reports "plain asan check" "a copy's range or direction is wrong" copy_direction
reports "plain asan check" "cudaErrorInvalidValue" freed_twice
reports "plain asan check" "cudaErrorMemoryAllocation" out_of_memory
reports "plain asan check" "at exit: cudaErrorInvalidDevice was never looked at" unread_error
reports "plain asan check" "overwrites cudaErrorInvalidDevice, which was never looked at" two_unread_errors
reports "plain asan check" "wrong result" host_waits_not
reports "plain asan check" "wrong result" stream_waits_not
reports "plain asan check" "wrong result" overlap_too_early
reports "plain asan check" "wrong result" overlap_too_late
reports "plain asan check" "leading dimension is smaller" small_leading
reports "plain asan check" "a matrix does not lie in one device allocation" matrix_beyond
reports "plain asan check" "cublas: C \(3 x 5\) overlaps A \(3 x 4\)$" product_in_place
reports "plain asan check" "cublas: C \(3 x 5\) overlaps B \(4 x 5\), in a batch of 3" batch_in_place
reports "plain asan check" "at exit: 1 device allocations \(4096 bytes\) were never freed" leak
reports "plain asan check" "at exit: 1 operations were never waited for" never_waited_for

# The host that touches device memory ends with a segmentation fault at once.
if [ "$mode" != asan ]; then
  bash -c '"$BIN/sim_bugs" host_reads_device; exit $?' >/dev/null 2>&1
  if [ $? = 139 ]; then echo "ok: $mode: host_reads_device ends the program"; else echo "FAILED: $mode: host_reads_device"; fi
fi
