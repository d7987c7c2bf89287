#!/bin/bash
# The library as others get it: installed, found by CMake and by pkg-config, taken in by add_subdirectory(), and as a Debian
# package on a system that has only what the package asks for.  The examples of tools/examples are built against it.
# EXAMPLES="my_op": these alone, and nothing else.
cd "$(dirname "$0")/.." || exit 1
. tests/shell.sh
build=$(dirname "$BIN")
setting() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
# How a sanitized build is made is the sanitizer's business, and nobody installs one.
[ -z "$(setting MEDUSA_SANITIZE)" ] || exit 0
compiler=$(setting CMAKE_CXX_COMPILER)
source=$PWD
prefix=$work/prefix

# quiet WHAT COMMAND...: the command succeeds; else its last lines are shown
quiet() {
  local what=$1
  shift
  if "$@" >"$work/log" 2>&1; then ok "$what"; else bad "$what: $(tail -n 20 "$work/log")"; return 1; fi
}

quiet "cmake --install" cmake --install "$build" --prefix "$prefix" || exit 1
expect 0 "Usage: train" "$prefix/bin/medusa" train --help
expect 2 "expected one of: bench" "$prefix/bin/medusa" trian
expect 0 "train" "$prefix/bin/medusa"

# ---- every example, copied elsewhere, as a project of its own ---------------------------------------------------------
# example NAME: builds and runs it in $work/examples/NAME
example() {
  local folder=$work/examples/$1
  cp -r "$source/tools/examples/$1" "$folder"
  cd "$folder" || return 1
  {
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug \
      -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" &&
      cmake --build build
  } >log 2>&1 || { tail -n 20 log; return 1; }
  ctest --test-dir build --output-on-failure >log 2>&1 || { tail -n 20 log; return 1; }
}
mkdir "$work/examples"
export -f example
export work source prefix compiler
{ [ -n "${EXAMPLES:-}" ] && printf '%s\n' $EXAMPLES || (cd tools/examples && ls -d */) | tr -d /; } >"$work/names"
xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'example {} >"$work/{}.error" 2>&1 || touch "$work/{}.failed"' <"$work/names"
while read -r name; do
  if [ -e "$work/$name.failed" ]; then bad "example $name: $(cat "$work/$name.error")"; else ok "example $name"; fi
done <"$work/names"
if [ "$(setting MEDUSA_CUDA)" = SIM ]; then
  grep -q 'the GPU agrees' "$work/examples/my_op/build/Testing/Temporary/LastTest.log" || bad "my_op did not run on the device"
fi
[ -z "${EXAMPLES:-}" ] || exit $failed
lines=$(grep -cvE '^ *(//|$)' tools/examples/hello/hello.cpp)
if [ "$lines" -lt 40 ]; then ok "hello has $lines lines"; else bad "hello has $lines lines, expected fewer than 40"; fi
[ -s "$work/examples/hello/build/hello.safetensors" ] || bad "hello wrote no file"

# ---- without the library's flags: it works, or does not link -----------------------------------------------------------
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib/$("$compiler" -print-multiarch 2>/dev/null || true)/pkgconfig
real=$(pkg-config --variable=real medusa) || bad "pkg-config finds no medusa"
read -ra libraries <<<"$(pkg-config --libs medusa)"
compile() { "$compiler" -std=c++20 -I"$prefix/include/medusa" "$@" tests/package/plain.cpp -o "$work/plain" "${libraries[@]}"; }
other=""
own=-DMEDUSA_REAL_DOUBLE
if [ "$real" = float ]; then
  other=-DMEDUSA_REAL_DOUBLE
  own=""
fi
# shellcheck disable=SC2086
quiet "a program that knows the number type alone" compile $own && expect 0 "base works" "$work/plain"
# shellcheck disable=SC2086
if compile $other >"$work/log" 2>&1; then bad "a program with the other number type was linked"
elif grep -q medusa_was_built_with "$work/log"; then ok "a program with the other number type does not link"
else bad "a program with the other number type: $(tail -n 3 "$work/log")"; fi

# ---- add_subdirectory ----------------------------------------------------------------------------------------------------
mkdir "$work/parent"
cp tests/package/parent.cmake "$work/parent/CMakeLists.txt"
quiet "add_subdirectory" cmake -S "$work/parent" -B "$work/parent/build" -DMEDUSA="$source" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Release -DMEDUSA_CUDA=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
command=$(grep -E '"command".*hello\.cpp' "$work/parent/build/compile_commands.json")
case $command in
  *-Wall* | *MEDUSA_HAVE_AVX* | *-fno-math-errno* | *-O2*) bad "add_subdirectory: flags are forced on the parent: $command" ;;
  *OWN_FLAG*) ok "add_subdirectory: the parent's files have the parent's flags" ;;
  *) bad "add_subdirectory: no command compiles hello.cpp" ;;
esac

# ---- the Debian package, on a system with no more than it asks for -------------------------------------------------------
command -v dpkg-query >/dev/null || { echo "no dpkg here: the Debian package is left out"; exit $failed; }
quiet "cpack" cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work/deb" || exit 1
deb=$(echo "$work"/deb/*.deb)
depends=$(dpkg-deb -f "$deb" Depends)
for package in libfmt-dev zlib1g-dev libpng-dev libjpeg-dev libtomlplusplus-dev libc6; do
  [[ $depends == *$package* ]] || bad "the package does not depend on $package: $depends"
done
# A system of the packages' files, and no other: those of the package, what it depends on, a compiler, and CMake.
root=$work/root
mkdir -p "$root"/{usr/{bin,sbin,lib,lib32,lib64,libx32},dev,tmp,home}
for link in bin sbin lib lib32 lib64 libx32; do [ ! -L /$link ] || ln -s usr/$link "$root/$link"; done
: >"$root/dev/null"
bash tests/package/packages.sh $(sed 's/([^)]*)//g; s/,/ /g; s/|[^,]*//g' <<<"$depends") g++ cmake make >"$work/packages"
grep -qx doctest-dev "$work/packages" && bad "the package asks for the tests' library"
xargs dpkg-query -L <"$work/packages" | grep '^/' | grep -v '^/usr/share/\(doc\|man\|locale\)/' | sort -u | sed 's|^/||' |
  tar -c -C / --no-recursion --ignore-failed-read -T - 2>/dev/null | tar -x -C "$root" --keep-directory-symlink
dpkg-deb -x "$deb" "$root"
cp -r tools/examples/hello "$root/home/hello"
enter=chroot
[ "$(id -u)" = 0 ] || enter="unshare -r chroot"
if ! $enter "$root" /bin/true 2>/dev/null; then
  echo "skipped: the package on a system of its own (needs root)"
  exit $failed
fi
quiet "hello, built where there is nothing but the package and what it depends on" \
  $enter "$root" /usr/bin/env -i PATH=/usr/bin:/bin /bin/sh -c 'cd /home/hello && cmake -S . -B build -DCMAKE_CXX_COMPILER=/usr/bin/g++ && cmake --build build && ctest --test-dir build'
quiet "medusa train there" $enter "$root" /usr/bin/medusa train --help
exit $failed
