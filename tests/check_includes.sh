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
    # Of the datasets, mtl knows what a sample is, the loader, cases, volumes and images, and never a layout or a format.
    if [ "$folder" = mtl ] && [ "$target" = datasets ]; then
      [[ $name =~ ^datasets/(dataset|loader|split|extent|(cases|volumes|images)/[a-z0-9_]+)\.h$ ]] || ok=0
    fi
    # One file hands batches over to a GPU; nothing else above tensor knows that there is one.
    [ "$file $name" = "mtl/training/batch_upload.cpp cuda/upload.h" ] && ok=1
    if [ $ok = 0 ]; then
      echo "$file:$line: $folder must not include \"$name\""
      bad=1
    fi
  done < <(grep -rnE '^#include "(tensor|autograd|nn|datasets|mtl|tools|tests|cuda)/' --include='*.h' --include='*.cpp' --include='*.inc' "$folder" 2>/dev/null)
done
exit $bad
