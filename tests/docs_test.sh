#!/bin/bash
# tests/docs_test.sh [README...]: what the READMEs show is run, and what they quote is compared: see tests/docs.py.
# Builds: plain
. "$(dirname "$0")/shell.sh"
if build_has REAL=double; then
  echo "left out: what the READMEs show (their numbers are those of single precision)"
  exit 0
fi
with_python re 'what the READMEs show' || exit $failed
"$python" "$(dirname "$0")/docs.py" "$BIN" "$@" | tee "$work/said"
[ "${PIPESTATUS[0]}" = 0 ] && ! grep -q '^FAILED' "$work/said" || failed=1
exit $failed
