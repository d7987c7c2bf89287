# tests/shell.sh: what every tests/*_test.sh begins with (`. tests/shell.sh`).  BIN is the folder of the programs, $work an
# empty folder that is removed at the end; end with `exit $failed`.
set -u
: "${BIN:=$PWD/build/bin}"
BIN=$(cd "$BIN" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

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
