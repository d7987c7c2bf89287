#!/bin/bash
# tests/damage_test.sh: a run whose files are damaged is refused, or comes out as the whole one (tests/damage.py).
# FILES: how many are damaged; SEED: how.
# Builds: plain
. "$(dirname "$0")/shell.sh"
python3 "$(dirname "$0")/damage.py" "$BIN" --files "${FILES:-30}" --seed "${SEED:-1}" || failed=1
exit $failed
