#!/bin/bash
# No function that was compiled for a newer processor may end up in code that every processor runs.
# tests/check_isa.sh [FOLDER] looks at the kernel objects of FOLDER/build (default: here), built by make.
#
# tensor/cpu is compiled once per instruction set, each time into a namespace of its own (tensor/cpu/simd.h), and the
# set is chosen at run time.  A trap lies in what C++ calls inline: templates and functions in headers, std::'s too.
# Every object that uses one out of line carries a copy, a weak symbol, and the linker keeps whichever copy it meets
# first, for all callers.  Should that be the copy of an AVX-512 object, then a program that never calls a kernel dies
# with "illegal instruction" on a processor without AVX-512, and no test on a newer machine would notice.
# So whatever a kernel object shows to the linker must have its own namespace in its name.
set -u -o pipefail
cd "${1:-$(dirname "$0")/..}" || exit 1

bad=0
finding() {
  echo "$1"
  bad=1
}

shopt -s nullglob
for folder in build/CMakeFiles/kernels_*.dir; do
  isa=${folder#*kernels_}
  isa=cpu_${isa%.dir}
  for source in tensor/cpu/*.cpp; do
    object=$folder/$source.o
    [ -e "$object" ] || { finding "$object: is missing, run make"; continue; }
    # Mangled names have the namespace as <length>cpu_avx2.  DW.ref.__gxx_personality_v0 is no code: the address of
    # the C++ runtime's exception handler, the same in every object.
    while read -r symbol; do
      finding "$source, compiled as $isa, defines $symbol for all"
    done < <(nm --extern-only --defined-only --format=posix "$object" | cut -d' ' -f1 |
      grep -vE "${#isa}$isa|^DW\.ref\.__gxx_personality_v0$" | c++filt | sort -u)
  done
done
[ -d build/CMakeFiles/kernels_base.dir ] || finding "build/CMakeFiles/kernels_base.dir: is missing, run make"
exit $bad
