// Two small cases in the layout `folder`: volumes of every format, outlines, dose, a grade.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/formats/npy.h"
#include "datasets/formats/volume_file.h"
#include "datasets/options.h"
#include "tests/data_fixture.h"

namespace medusa::test {

using datasets::DatasetOptions;
using datasets::ScalarType;
using datasets::Volume;

inline DatasetOptions options_for(const std::string& folder, std::int64_t depth, std::int64_t height,
                                  std::int64_t width, const char* name = "folder") {
  DatasetOptions o;
  o.name = name;
  o.folder = folder;
  o.size = {depth, height, width};
  o.augment = datasets::AugmentOptions::none();
  return o;
}

// [D, H, W] voxels of 1 mm, from f(i, j, k).
template <class F>
Volume volume(std::int64_t depth, std::int64_t height, std::int64_t width, const F& f,
              ScalarType type = ScalarType::Float32) {
  Tensor values = Tensor::empty({depth, height, width, 1});
  real* to = values.mutable_data();
  for (std::int64_t k = 0; k < depth; ++k)
    for (std::int64_t j = 0; j < height; ++j)
      for (std::int64_t i = 0; i < width; ++i) *to++ = static_cast<real>(f(i, j, k));
  return datasets::make_volume(values, datasets::Affine{}, type);
}

// Two cases of 4 x 4 x 4: one of NIfTI and MetaImage files, one archive.  The left organ is where i = 0, the right
// where i = 3; the dose is 7 i, and counts where j < 2.
inline void write_volumes(const TempFolder& folder) {
  std::filesystem::create_directories(folder / "a");
  const auto ct = [](auto i, auto j, auto k) { return 10 * i + j - k; };
  const auto left = [](auto i, auto, auto) { return i == 0; };
  const auto right = [](auto i, auto, auto) { return i == 3 ? 255 : 0; };
  const auto dose = [](auto i, auto, auto) { return 7 * i; };
  const auto body = [](auto, auto j, auto) { return j < 2; };
  datasets::write_volume(folder / "a/ct.nii.gz", volume(4, 4, 4, ct, ScalarType::Int16));
  datasets::write_volume(folder / "a/left.mha", volume(4, 4, 4, left, ScalarType::UInt8));
  datasets::write_volume(folder / "a/right.nii", volume(4, 4, 4, right, ScalarType::UInt8));
  datasets::write_volume(folder / "a/dose.npy", volume(4, 4, 4, dose));
  datasets::write_volume(folder / "a/body.npz", volume(4, 4, 4, body, ScalarType::UInt8));
  datasets::NpzArrays b;
  for (const auto& [name, v] : {std::pair<std::string, Volume>{"ct", volume(4, 4, 4, ct)},
                                {"dose", volume(4, 4, 4, dose)},
                                {"right", volume(4, 4, 4, right)},
                                {"body", volume(4, 4, 4, body)}}) {
    b[name].values = v.values.reshape({4, 4, 4});
    b[name].stored = v.stored;
  }
  datasets::write_npz(folder / "b.npz", b);
}

inline constexpr const char* kToml = R"(size = "4x4x4"
spacing = 1
[input.ct]
window = [0, 30]
[target.organs]
kind = "structures"
classes = ["LeftEye", "RightEye"]
columns = ["left", "right"]
mirrored = [["LeftEye", "RightEye"]]
[target.dose]
kind = "regression"
unit = "Gy"
scale = 70
mask = "body"
[target.grade]
kind = "classification"
classes = ["low", "high"]
only_if = "ill"
)";
inline constexpr const char* kTable =
    "case,split,ct,left,right,dose,body,grade,ill\n"
    "a,train,a/ct.nii.gz,a/left.mha,a/right.nii,a/dose.npy,a/body.npz,high,1\n"
    "b,val,b.npz#ct,,b.npz#right,b.npz#dose,b.npz#body,low,0\n";

}  // namespace medusa::test
