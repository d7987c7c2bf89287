// The fields of NIfTI-1 and NIfTI-2 headers that matter here, and their places in the file.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "datasets/volumes/affine.h"

namespace medusa::datasets {

struct NiftiHeader {
  int version = 1;
  bool big_endian = false;
  std::string magic;                  // "n+1" in one file, "ni1" for a pair; "n+2", "ni2"
  std::array<std::int64_t, 8> dim{};  // [0] the number of axes, [1] onwards their sizes
  std::array<double, 8> pixdim{};     // [0] qfac, the sign of k in qform; [1] onwards the steps along the axes
  int datatype = 0, bitpix = 0;
  double vox_offset = 0, scl_slope = 0, scl_inter = 0;
  int xyzt_units = 0, qform_code = 0, sform_code = 0;
  Vec3 quatern{}, qoffset{};                    // (b, c, d) and the translation of qform
  std::array<std::array<double, 4>, 3> srow{};  // sform
  std::string descrip;                          // any text of up to 79 bytes
};

// 348 for NIfTI-1 (and Analyze), 540 for NIfTI-2, by the first four bytes in either byte order; else 0.
int nifti_version_size(const unsigned char* bytes, bool* big_endian);
NiftiHeader unpack_nifti1(const unsigned char* bytes, bool big_endian);  // 348 bytes
NiftiHeader unpack_nifti2(const unsigned char* bytes, bool big_endian);  // 540 bytes
// Little endian, padded to where the voxels may begin: 352 or 544 bytes.
std::string pack_nifti1(const NiftiHeader& header);
std::string pack_nifti2(const NiftiHeader& header);

}  // namespace medusa::datasets
