# tests/shell.sh: what every tests/*_test.sh begins with (`. tests/shell.sh`).  BIN is the folder of the programs, $work an
# empty folder that is removed at the end; end with `exit $failed`.
set -u
: "${BIN:=$PWD/build/bin}"
BIN=$(cd "$BIN" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# with_python MODULES WHAT: sets `python` to one that can import them (MEDUSA_PYTHON, or one in the PATH); else says that
# WHAT is skipped, which is a failure in CI (see tests/run.sh)
with_python() {
  for python in ${MEDUSA_PYTHON:-} python3 /usr/bin/python3; do
    "$python" -c "import $1" 2>/dev/null && return
  done
  echo "skipped: $2 (no Python here can import $1)"
  return 1
}
# build_has VARIABLE=PATTERN: the build of these programs was configured so
build_has() { grep -qsE "^MEDUSA_${1%%=*}:[^=]*=.*${1#*=}" "$BIN/../CMakeCache.txt"; }

# await FILE PROCESS: until the file is there, or the process has ended; never for a fixed time, which a busy machine exceeds
await() { until [ -e "$1" ] || ! kill -0 "$2" 2>/dev/null; do sleep 0.02; done; }

ok() { echo "ok: $1"; }
bad() {
  echo "FAILED: $1"
  failed=1
}

# expect STATUS TEXT COMMAND...: the command ends with this status and prints TEXT; an error is one line.
expect() {
  local status=$1 text=$2 out got lines
  shift 2
  out=$("$@" 2>"$work/.stderr")
  got=$?
  lines=$(wc -l <"$work/.stderr")
  out+=$(cat "$work/.stderr")
  if [ $got != "$status" ]; then bad "${*##*/}: status $got, expected $status: $out"
  elif [[ $out != *"$text"* ]]; then bad "${*##*/}: no '$text' in: $out"
  elif [ "$status" != 0 ] && [ "$lines" -gt 1 ] && [ "${MANY_LINES:-no}" = no ]; then bad "${*##*/}: $lines lines of error: $out"
  else ok "${*##*/}: $text"; fi
}
