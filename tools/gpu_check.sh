#!/bin/bash
# tools/gpu_check.sh [FOLDER]: checks a machine with a GPU.  Builds the CUDA backend into build/cuda, runs its tests, the same under
# compute-sanitizer if that is installed, and times training steps against the GPU's measured peak.
# Prints one table; everything else goes to FOLDER/gpu_check.log (default: build/cuda).
# Exit status: 0 all is well, 1 something failed, 3 there is no toolkit or no GPU to check.
# DRY=BUILD runs the same on the programs in BUILD, which may be of the simulated device: to test this script.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
folder=${1:-build/cuda}
build=${DRY:-build/cuda}

if [ -z "${DRY:-}" ]; then
  nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) || nvcc=""
  [ -n "$nvcc" ] || { echo "gpu_check: there is no CUDA toolkit here (nvcc is neither in PATH nor in /usr/local/cuda/bin)"; exit 3; }
  # The driver's own list, not nvidia-smi alone: in containers that is often missing.
  compgen -G '/dev/nvidia[0-9]*' >/dev/null || [ -e /dev/dxg ] || { echo "gpu_check: this machine has no NVIDIA GPU"; exit 3; }
  PATH=$PATH:$(dirname "$nvcc")
fi

mkdir -p "$folder" || exit 1
log=$folder/gpu_check.log
: >"$log"
failed=0
rows=()

# row WHAT RESULT FIGURE
row() { rows+=("$(printf '%-44s %-8s %s' "$1" "$2" "$3")"); }
# check WHAT COMMAND...: a row that says whether the command ended with status 0
check() {
  local what=$1 from=$SECONDS result=ok
  shift
  echo "== $what: $*" >>"$log"
  "$@" >>"$log" 2>&1 || { result=FAILED; failed=1; }
  row "$what" $result "$((SECONDS - from)) s"
}
# field FILE NAME: a value of the JSON line that bench printed
field() { grep -oE "\"$2\":(\"[^\"]*\"|[^,}]*)" "$1" | tail -1 | cut -d: -f2- | tr -d '"'; }

[ -n "${DRY:-}" ] || check "build" make cuda
BIN=$PWD/$build/bin
if [ ! -x "$BIN/device_tests" ] || [ ! -x "$BIN/bench" ]; then
  echo "gpu_check: $build has no programs; see $log"
  exit 1
fi

export MEDUSA_PARITY=only
if [ -n "${DRY:-}" ]; then some=(-tc="softmax*"); else some=(); fi
check "device_tests" "$BIN/device_tests" "${some[@]}"
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null) || sanitizer=""
for tool in memcheck racecheck initcheck; do
  if [ -z "$sanitizer" ] || [ -n "${DRY:-}" ]; then
    row "compute-sanitizer $tool" "-" "not run: it is not installed, or there is no GPU"
  else  # exact blocks, so that it sees what the pool hides
    check "compute-sanitizer $tool" env MEDUSA_POOL=off "$sanitizer" --tool "$tool" --error-exitcode 1 "$BIN/device_tests" -tc='cuda:*'
  fi
done

# The device's own limits, then steps against them.
sizes=(--mib 256 --side 4096 --seconds 0.5)
shapes="2d 3d"
[ -z "${DRY:-}" ] || { sizes=(--mib 1 --side 32 --seconds 0.01); shapes="2dtiny 3dtiny"; }
for tf32 in "" --tf32; do
  roof=$folder/gpu_check.roofline$tf32
  "$BIN/bench" roofline --device cuda "${sizes[@]}" $tf32 --json >"$roof" 2>>"$log" || { failed=1; row "bench roofline $tf32" FAILED ""; continue; }
  cat "$roof" >>"$log"
  [ -n "$tf32" ] || row "device" "" "$(field "$roof" device)"
  [ -n "$tf32" ] || row "copy within its memory, from the host" "" "$(printf '%.0f GB/s, %.1f GB/s' "$(field "$roof" copy_gbs)" "$(field "$roof" upload_gbs)")"
  row "matrix product${tf32:+, TF32}" "" "$(printf '%.0f GFLOP/s' "$(field "$roof" product_gflops)")"
  for shape in $shapes; do
    for arch in hps ctan; do
      step=$folder/gpu_check.step
      if ! "$BIN/bench" step --arch $arch --shape "$shape" --steps 3 --device cuda $tf32 --json >"$step" 2>>"$log"; then
        failed=1
        row "step $arch $shape $tf32" FAILED ""
        continue
      fi
      cat "$step" >>"$log"
      # A step must not allocate, copy or wait.
      result=ok
      [ "$(field "$step" allocations) $(field "$step" copies) $(field "$step" synchronisations)" = "0.0 0.0 0.0" ] || { result=FAILED; failed=1; }
      row "step $arch $shape $tf32" $result "$(awk -v ms="$(field "$step" step_ms)" -v gflop="$(field "$step" gflop)" -v roof="$(field "$roof" product_gflops)" \
        -v launches="$(field "$step" launches)" -v products="$(field "$step" products)" 'BEGIN {
          printf "%.1f ms, %.0f GFLOP/s = %.0f %% of the product, %d launches, %d products", ms, gflop / ms * 1000, 100 * gflop / ms * 1000 / roof, launches, products }')"
    done
  done
done

printf '%s\n' "${rows[@]}"
[ $failed = 0 ] && echo "gpu_check: all is well" || echo "gpu_check: something FAILED; see $log"
exit $failed
