// What the tests of volume files share: decoders of bytes in memory, and what the small files hold.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "datasets/formats/metaimage.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "datasets/formats/nrrd.h"
#include "datasets/formats/volume_file.h"
#include "tests/data_fixture.h"
#include "tests/volume_files.h"

namespace medusa::test {

using datasets::Volume;

inline std::span<const unsigned char> span_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}
inline Volume nifti(const std::string& bytes, const std::string& image = "") {
  return datasets::decode_nifti(span_of(bytes), span_of(image), "x.nii");
}
inline Volume nifti(const NiftiFile& file) { return nifti(file.bytes()); }
inline Volume metaimage(const std::string& bytes, const std::string& data = "") {
  return datasets::decode_metaimage(span_of(bytes), span_of(data), "x.mha");
}
inline Volume nrrd(const std::string& bytes, const std::string& data = "") {
  return datasets::decode_nrrd(span_of(bytes), span_of(data), "x.nrrd");
}
inline datasets::NpyArray npy(const std::string& bytes) { return datasets::decode_npy(span_of(bytes), "x.npy"); }
inline datasets::NpzArrays npz(const std::string& bytes) { return datasets::decode_npz(span_of(bytes), "x.npz"); }

inline const std::vector<real> kSix{1, -2, 300, -400, 5, 6};  // the voxels of the small files
inline const std::string kSixBytes = small_nifti().voxels;

// Twelve numbers as an affine's three rows.
inline std::array<std::array<double, 4>, 3> rows(std::initializer_list<double> v) {
  std::array<std::array<double, 4>, 3> m;
  std::size_t i = 0;
  for (double x : v) m[i / 4][i % 4] = x, ++i;
  return m;
}

}  // namespace medusa::test
