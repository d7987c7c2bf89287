#!/bin/bash
# tests/lint.sh: every check of the source that needs no run.  Last line: N passed, N failed.
set -u -o pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0

check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
  fi
}

format() {
  git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format --dry-run --Werror
}

check "format (make format repairs it)" format
for script in tests/check_*.sh; do
  check "$script" bash "$script"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
