# tests/judge.sh: how a test program and a shell test end, and how results are counted; for tests/run.sh and tests/device.sh.

# judge_program NAME STATUS OUTPUT: says FAILED where a doctest program ended otherwise than with its counts
judge_program() {
  if ! grep -aq '^\[doctest\] test cases:' "$3"; then
    echo "FAILED: $1 did not finish (status $2)"
  elif [ "$2" != 0 ] && ! grep -aqE '^\[doctest\] test cases:.*\| *[1-9][0-9]* failed' "$3"; then
    echo "FAILED: $1 ended with status $2"
  fi
}

# judge_script NAME STATUS OUTPUT: says FAILED where a shell test failed without having said so
judge_script() {
  [ "$2" = 0 ] || grep -aq '^FAILED: ' "$3" || echo "FAILED: $1 ended with status $2"
}

# conclude LOG: prints the counts of all that the log holds; succeeds where something passed and nothing failed.  A line
# "skipped: what" tells of a test that lacks something here: with MEDUSA_CI set it counts as failed.
conclude() {
  local passed failed
  if [ -n "${MEDUSA_CI:-}" ]; then grep -a '^skipped: ' "$1" | sed 's/^/FAILED: in CI nothing is skipped: /'; fi
  # [doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped
  read -r passed failed < <(awk -v ci="${MEDUSA_CI:-}" '/^\[doctest\] test cases:/ {
      for (i = 2; i <= NF; ++i) { if ($i == "passed") p += $(i - 1); if ($i == "failed") f += $(i - 1) } }
    /^ok: / { ++p } /^FAILED: / { ++f } ci != "" && /^skipped: / { ++f } END { print p + 0, f + 0 }' "$1")
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
