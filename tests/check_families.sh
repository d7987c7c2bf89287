#!/bin/bash
# Every test file with cases for the device - rows of check_op, agree() - is one of CMakeLists.txt's device_families, so that
# device_tests runs it.  tests/check_families.sh [FOLDER] looks at the repository FOLDER (default: here).  One line per finding.
set -u -o pipefail
cd "${1:-$(dirname "$0")/..}" || exit 1

families=$(sed -n '/set(device_families/,/)/p' CMakeLists.txt | sed 's/.*device_families//; s/).*//' | tr -s ' \n' '\n')
bad=0
for file in $(grep -lE '\<(check_op|agree)\(' tests/*_test.cpp | sort); do
  family=${file#tests/}
  family=${family%_test.cpp}
  grep -qx -- "$family" <<<"$families" && continue
  echo "$file: has cases for the device, and is not one of the device_families of CMakeLists.txt"
  bad=1
done
exit $bad
