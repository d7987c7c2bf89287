#!/bin/sh
# tools/deps.sh build|lint|package|dicom|peer: installs the Debian packages that the build (or `make lint`, or `make deb` and its
# test) needs and that are missing; dicom, peer: those that are optional, for `convert dicom` and `make peer`.
# Prints nothing if nothing is missing; on systems without dpkg it prints what to install.
set -eu

case "${1:-build}" in
  build) packages="g++ make cmake libfmt-dev zlib1g-dev libpng-dev libjpeg-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev doctest-dev" ;;
  lint) packages="clang-format" ;;
  package) packages="dpkg-dev file pkg-config" ;;
  dicom) packages="libdcmtk-dev" ;;
  peer) packages="libdnnl-dev ocl-icd-opencl-dev" ;;  # the latter: its CMake file looks for OpenCL
  *) echo "deps.sh: expected build, lint, package, dicom or peer, got $1" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  [ -e build/CMakeCache.txt ] && exit 0
  cat <<TEXT
This system has no apt-get.  Please install these yourself (Debian's names; README.md has those of other systems):
  $packages
Trying to build with what is there.
TEXT
  exit 0
fi

missing=""
for package in $packages; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and no sudo here.  As root: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  sudo="sudo"
fi
echo "Installing$missing"
install() {
  # Through `env`, since sudo does not pass variables on.
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}
# A machine that has not run `apt-get update` lately does not know where the packages are.
install 2>/dev/null || { $sudo apt-get update -qq; install; }
