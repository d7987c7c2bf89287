#!/bin/bash
# convert dicom as a user calls it; and on real files (MEDUSA_DATA), where a Python here has pydicom (MEDUSA_PYTHON, or one
# in the PATH), against that.
. tests/shell.sh

run() { expect "$1" "$2" "$BIN/convert" dicom "${@:3}"; }

run 2 '--in is required' --out "$work/x.nii.gz"
run 2 'expected a name that ends in .nii.gz, .nii or .npz' --in "$work" --out "$work/x.png"
if "$BIN/convert" dicom --in "$work" --out "$work/x.npz" 2>&1 | grep -q 'this build has no DICOM support: install DCMTK'; then
  ok "convert dicom: says how to get DCMTK"
  echo "skipped: convert dicom (built without DCMTK)"
  exit $failed
fi
run 2 "$work/none: there is no such file or folder" --in "$work/none" --out "$work/x.npz"
mkdir "$work/empty"
run 2 'has no CT or MR image among 0 files' --in "$work/empty" --out "$work/x.npz"
# A dictionary that is not there: DCMTK itself would log pages.
DCMDICTPATH=/nowhere/dicom.dic run 1 'DCMTK finds no data dictionary; set DCMDICTPATH' --in tests/fuzz/corpus/dicom/ct_explicit --out "$work/x.npz"
run 0 'CT series 1.2.3: 1 files, 6 x 4 x 1 voxels of 1.5 x 2 x 3 mm, LPS' --in tests/fuzz/corpus/dicom/ct_explicit --out "$work/x.nii.gz"
expect 0 '"spacing_mm":[1.5,2.0,3.0]' "$BIN/inspect" --json "$work/x.nii.gz"
run 2 'cut: is damaged or cut off' --in tests/fuzz/corpus/dicom --out "$work/x.npz"

if [ -z "${MEDUSA_DATA:-}" ]; then
  echo "left out: real DICOM files (MEDUSA_DATA names no folder)"
  exit $failed
fi
if build_has SANITIZE=.; then
  echo "left out: agreement with pydicom (sanitizers are for other mistakes, and slow)"
  exit $failed
fi
with_python 'pydicom, numpy' 'agreement with pydicom' || exit $failed
mkdir "$work/reference"
"$python" tests/dicom_reference.py "$BIN/convert" "$MEDUSA_DATA" "$work/reference" | tee "$work/compared"
[ "${PIPESTATUS[0]}" = 0 ] || bad "dicom_reference.py did not finish"
grep -q '^FAILED' "$work/compared" && failed=1
[ "$(grep -c '^ok' "$work/compared")" -ge 15 ] || bad "fewer than 15 comparisons with pydicom"
exit $failed
