#!/bin/bash
# Volumes read and written here against nibabel, SimpleITK and numpy: files of all kinds made for it, and the real ones
# below MEDUSA_DATA.  Needs a Python with these (MEDUSA_PYTHON, or one in the PATH).
. "$(dirname "$0")/shell.sh"

[ "$("$BIN/convert" 2>&1)" = 'convert: expected a subcommand: volume or dicom' ] && ok "convert alone" || bad "$("$BIN/convert" 2>&1)"
expect 2 "$work/x.tif: expected a name that ends in one of .nii, .nii.gz, .hdr, .img, .hdr.gz, .img.gz, .mha, .mhd, .npy, .npz" \
  "$BIN/convert" volume --in "$work/none.nii" --out "$work/x.tif"
expect 2 "$work/none.nii: cannot be read: No such file" "$BIN/convert" volume --in "$work/none.nii" --out "$work/x.nii"

# A volume without any of these: 2 x 1 x 1 voxels of int16, as text.
printf 'NRRD0004\ntype: short\ndimension: 3\nsizes: 2 1 1\nencoding: text\nspace: RAS\n' >"$work/two.nrrd"
printf 'space directions: (0,-2,0) (0,0,3) (4,0,0)\nspace origin: (5,6,7)\nsample units: HU\n\n-1000 400\n' >>"$work/two.nrrd"
for end in nii nii.gz hdr img.gz mha mhd npz; do
  expect 0 "$work/two.$end: 2 x 1 x 1 voxels of int16, PSR" "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/two.$end"
  expect 0 '"dtype":"int16","spacing_mm":[2.0,3.0,4.0],"affine":[[0.0,0.0,4.0,5.0],[-2.0,0.0,0.0,6.0],[0.0,3.0,0.0,7.0],[0,0,0,1]],"orientation":"PSR","unit":"HU","min":-1000.0,"max":400.0,"mean":-300.0}' \
    "$BIN/inspect" --json "$work/two.$end"
done
expect 0 '1 x 2 x 1 voxels of float32, RAS' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/ras.nii" --orientation RAS --type float32
expect 2 'value -1000 does not fit into uint8' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/bad.nii" --type uint8
expect 0 '4 x 1 x 1 voxels of int16, PSR' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/fine.nii" --spacing 1,3,4
expect 0 '"min":-1000.0,"max":400.0,"mean":-300.0' "$BIN/inspect" --json "$work/fine.nii"  # -1000 -650 50 400
expect 0 '1 x 1 x 1 voxels of int16, PSR' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/one.nii" --spacing 4,3,4 --labels
expect 0 '"min":-1000.0,"max":-1000.0' "$BIN/inspect" --json "$work/one.nii"  # a tie: the smaller label
expect 0 '2 x 3 x 1 voxels of float' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/cut.nii" --size 2,3,1 --window -1000,400
expect 2 '--spacing: expected 3 numbers, found 2' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/bad.nii" --spacing 1,3
expect 2 'spacing 0 mm: expected more than 0' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/bad.nii" --spacing 1,0,3
expect 2 '--outside: only with --size' "$BIN/convert" volume --in "$work/two.nrrd" --out "$work/bad.nii" --outside 1
[ ! -e "$work/bad.nii" ] && ok "nothing is written where something is wrong" || bad "bad.nii is there"

if build_has REAL=double; then
  echo "left out: volumes against nibabel (they are compared in single precision)"
  exit $failed
fi
with_python 'nibabel, numpy' 'volumes against nibabel' || exit $failed
[ -n "${MEDUSA_DATA:-}" ] || echo "left out: real volumes (MEDUSA_DATA names no folder)"
"$python" "$(dirname "$0")/volumes_reference.py" "$BIN" ${MEDUSA_DATA:+"$MEDUSA_DATA"} || failed=1
exit $failed
