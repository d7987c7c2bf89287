#!/bin/bash
# tests/lint_test.sh: each check of tests/check_*.sh finds what is planted for it, and nothing where nothing is.
# Builds: plain
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
checks=$PWD/tests

# finds CHECK STATUS TEXT: the check of the planted repository ends so and one of its lines has the text
finds() {
  local out got=0
  out=$(bash "$checks/$1" "$work" 2>&1) || got=$?
  if [ $got = "$2" ] && grep -qF -- "$3" <<<"$out"; then
    ok "$1: ${3:-silent}"
  else
    bad "$1: status $got, expected $2 and '$3' in: $out"
  fi
}

mkdir -p "$work"/{tools,tensor/cpu,autograd,tests,build/bin}
cd "$work" && git init -q . || exit 1
echo /build/ >.gitignore
echo 'all:' >Makefile
echo '# r' | tee README.md tensor/README.md autograd/README.md tests/README.md >tools/README.md
echo '// see tensor/shape.h' | tee tensor/shape.h >tools/show.cpp
printf '#!/bin/sh\necho "  --size TEXT  a size, --out FOLDER, --resume"\n' >build/bin/show
chmod +x build/bin/show
echo 'Var twice(const Var& x);  // 2 x' >autograd/ops.h
printf '// y = 2 x\nVar twice(const Var& x) {\n  return Var::result();\n}\n' >autograd/twice.cpp
# shellcheck disable=SC2016
printf '`make all` `tensor/shape.h` `shape.h` `/tmp/mine.cpp` [x](../README.md)\n\n    build/bin/show --size 3\n' >>tensor/README.md
printf 'TEST_CASE("sum: of one") {}\nTEST_CASE(\n    "sum: [2] of \\"two\\"") {}\n' >tests/sum_test.cpp
printf '%s\n' '' "    build/bin/tests -tc='Sum*,*[2] of \"t?o\"' -tce='sum: of one'" >>tests/README.md
printf '%s\n' '' '    build/bin/show --out RUN' '    build/bin/show --out RUN' '    build/bin/show --out /tmp/a' \
  '    build/bin/show --out /tmp/a --resume' '    build/bin/show --out /tmp/ab' >>tools/README.md
git add -A
finds check_docs.sh 0 ""

# shellcheck disable=SC2016
printf '%s\n' '`make none`, `build/bin/nothing`, `tensor/none.h`, [x](none.md), issue #3,' '`build/bin/show' '--colour red`' \
  >>tensor/README.md
printf '%s\n' '' '    build/bin/show --size 3 --out /tmp/a/' >>autograd/README.md
printf '%s\n' "    build/bin/tests -tc='sum*,of two'" '    build/bin/tests --test-case=add*' >>tests/README.md
echo '// see tools/none.cpp' >>tools/show.cpp
sed -i 1d autograd/twice.cpp
mkdir extra && touch extra/file && git add -A
finds check_docs.sh 1 "tensor/README.md:5: make none: the Makefile has no such target"
finds check_docs.sh 1 "tensor/README.md:5: build/bin/nothing: there is no such program"
finds check_docs.sh 1 "tensor/README.md:5: tensor/none.h: there is no such file"
finds check_docs.sh 1 "tensor/README.md:5: link to none.md leads nowhere"
finds check_docs.sh 1 'tensor/README.md:5: "issue #" means nothing outside one workplace'
finds check_docs.sh 1 "tensor/README.md:7: show has no option --colour"
finds check_docs.sh 1 "tools/README.md:5: --out /tmp/a: autograd/README.md:3 writes there already"
finds check_docs.sh 1 "tests/README.md:4: of two: no test case has such a name"
finds check_docs.sh 1 "tests/README.md:5: add*: no test case has such a name"
finds check_docs.sh 1 "tools/show.cpp:2: tools/none.cpp: there is no such file"
finds check_docs.sh 1 "autograd/twice.cpp:1: twice has no formula above it"
finds check_docs.sh 1 "extra/README.md: is missing"

echo '#include "tensor/real.h"' >tensor/memory.h
finds check_includes.sh 0 ""
echo '#include "nn/module.h"' >>tensor/memory.h
finds check_includes.sh 1 'tensor/memory.h:2: tensor must not include "nn/module.h"'

echo '// on a GPU, with CUDA' >tensor/memory.h
finds check_cuda.sh 0 ""
echo 'int n = cuda::device_count();' >>tensor/memory.h
finds check_cuda.sh 1 'tensor/memory.h:2: CUDA is the business of cuda/'

# compiled BODY: a kernel file as an object of every set, in its namespace
compiled() {
  local isa folder
  echo "$1" >tensor/cpu/k.cpp
  for isa in base avx2; do
    folder=build/CMakeFiles/kernels_$isa.dir/tensor/cpu
    mkdir -p "$folder"
    "${CXX:-c++}" -O2 -DNAME=cpu_$isa -c tensor/cpu/k.cpp -o "$folder/k.cpp.o" || exit 1
  done
}
finds check_isa.sh 1 "kernels_base.dir: is missing"
compiled 'namespace NAME { template <class T> __attribute__((noinline)) T own(T x) { return x + 1; }
int f(int x) { return own(x); } }'
finds check_isa.sh 0 ""
compiled 'template <class T> __attribute__((noinline)) T everyones(T x) { return x + 1; }
namespace NAME { int f(int x) { return everyones(x); } }'
finds check_isa.sh 1 "tensor/cpu/k.cpp, compiled as cpu_avx2, defines int everyones<int>(int) for all"
rm build/CMakeFiles/kernels_avx2.dir/tensor/cpu/k.cpp.o
finds check_isa.sh 1 "kernels_avx2.dir/tensor/cpu/k.cpp.o: is missing, run make"
exit $failed
