#!/bin/bash
# The layer rule: includes go down only.  tests/check_includes.sh [FOLDER] looks at the sources below FOLDER (default: here).
set -u -o pipefail
cd "${1:-$(dirname "$0")/..}"

# Folder -> the project's folders that its files may include.
declare -A may=(
  [tensor]="tensor"
  [autograd]="autograd tensor"
  [nn]="nn autograd tensor"
  [datasets]="datasets tensor"
  [mtl]="mtl nn autograd tensor datasets"
)

bad=0
for folder in "${!may[@]}"; do
  while IFS=: read -r file line include; do
    name=${include#*\"}
    name=${name%%\"*}
    target=${name%%/*}
    ok=0
    for allowed in ${may[$folder]}; do [ "$target" = "$allowed" ] && ok=1; done
    # Of the datasets, networks and trainers know only what a sample is.
    if [ "$folder" = mtl ] && [ "$target" = datasets ] && [ "$name" != datasets/dataset.h ]; then ok=0; fi
    if [ $ok = 0 ]; then
      echo "$file:$line: $folder must not include \"$name\""
      bad=1
    fi
  done < <(grep -rnE '^#include "(tensor|autograd|nn|datasets|mtl|tools|tests|cuda)/' --include='*.h' --include='*.cpp' --include='*.inc' "$folder" 2>/dev/null)
done
exit $bad
