#!/bin/bash
# Nothing below cuda/ knows of CUDA but the dispatch: tests/check_cuda.sh [FOLDER] looks at the code, comments left out, below
# FOLDER (default: here).  One line per finding.
set -u -o pipefail
cd "${1:-$(dirname "$0")/..}" || exit 1

# Where tensors live, what copies them, and the table that chooses a kernel; and who sends batches to a GPU.
dispatch='^(tensor/(device\.h|kernels\.(h|cpp)|memory\.cpp|tensor\.cpp|real\.h)|mtl/training/batch_upload\.cpp)$'

bad=0
for file in $(find tensor autograd nn mtl datasets -name '*.h' -o -name '*.cpp' -o -name '*.inc' 2>/dev/null | sort); do
  [[ $file =~ $dispatch ]] && continue
  while IFS=: read -r line _; do
    echo "$file:$line: CUDA is the business of cuda/ and of the dispatch in tensor/ alone"
    bad=1
  done < <(sed 's|//.*||' "$file" | grep -niE 'cuda|cublas|nvidia')
done
exit $bad
