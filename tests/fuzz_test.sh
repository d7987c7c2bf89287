#!/bin/bash
# Every fuzz target takes every file of its corpus without a crash.
cd "$(dirname "$0")/.."
failed=0
for source in tests/fuzz/*_fuzz.cpp; do
  name=$(basename "$source" _fuzz.cpp)
  if output=$("$BIN/replay_$name" "tests/fuzz/corpus/$name" 2>&1); then
    echo "ok: fuzz corpus $name, $(tail -1 <<<"$output")"
  else
    echo "FAILED: fuzz corpus $name"
    tail -20 <<<"$output"
    failed=1
  fi
done
exit $failed
