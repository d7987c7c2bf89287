#!/bin/bash
# tests/divisions.sh [FILE.cu...]: how many whole-number divisions each kernel has in its compiled code (PTX); default:
# all files of cuda/.  Kernels with 32-bit indices and those without an index must have none: see cuda/README.md.
# Needs nvcc, no GPU; `make cuda` runs it.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
: "${BIN:=$PWD}"  # no program is needed
. tests/shell.sh

# Kernels that may divide, and why.
declare -A allowed=(
  [fill_tables]="once for each place of an axis, not for each element"
)

nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
if ! [ -x "$nvcc" ]; then
  echo "skipped: divisions in the kernels' code (nvcc compiles them, and is not installed)"
  exit 0
fi
[ $# -gt 0 ] || set -- cuda/*.cu
# A kernel's line: "unfold_kernel<int, 4> 0".
for file in "$@"; do
  "$nvcc" -std=c++20 -DFMT_USE_CONSTEXPR=1 -DFMT_SHARED -I. -arch=compute_75 -ptx -o "$work/code.ptx" "$file" 2>"$work/log" ||
    bad "$file: $(head -3 "$work/log")"
  awk '/\.entry/ { sub(/.*\.entry /, ""); sub(/\(.*/, ""); kernel = $0; found[kernel] = 0 }
       /(div|rem)\.[su](32|64)/ { ++found[kernel] }
       END { for (kernel in found) print kernel, found[kernel] }' "$work/code.ptx" | c++filt |
    sed -E 's/medusa::(cuda::)?(\(anonymous namespace\)::)?//g; s/^void //; s/\(.*\) ([0-9]+)$/ \1/' | sort >"$work/counts"
  kernels=0
  while read -r line; do
    name=${line% *} count=${line##* }
    kernels=$((kernels + 1))
    printf '%-70s %s\n' "$name" "$count"
    [ "$count" = 0 ] || [[ $name =~ [\<,\ ]long[\>,] ]] || [ -n "${allowed[${name%%<*}]:-}" ] || bad "$file: $name divides"
  done <"$work/counts"
  [ "$kernels" -gt 0 ] && ok "$file: $kernels kernels" || bad "$file: no kernel found in its code"
done
exit $failed
