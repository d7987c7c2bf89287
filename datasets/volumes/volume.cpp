#include "datasets/volumes/volume.h"

#include <algorithm>

#include "tensor/check.h"
#include "tensor/parallel.h"

namespace medusa::datasets {
namespace {

// The pair of sides of a letter: 0 for L and R, 1 for P and A, 2 for I and S; `plus` for R, A and S.
struct Side {
  int pair = -1;
  bool plus = false;
};

Side side_of(char letter) {
  const std::size_t place = std::string("LPIRAS").find(letter);
  if (place == std::string::npos) return {};
  return {static_cast<int>(place % 3), place >= 3};
}

// New axis n (0: i, 1: j, 2: k) is old axis from[n], mirrored where flip[n].
struct Rearrangement {
  std::array<std::size_t, 3> from{0, 1, 2};
  std::array<bool, 3> flip{};
  bool trivial() const { return *this == Rearrangement{}; }
  bool operator==(const Rearrangement&) const = default;
};

Rearrangement rearrangement(const std::string& old_code, const std::string& new_code) {
  Rearrangement r;
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t o = 0; o < 3; ++o) {
      if (side_of(new_code[n]).pair != side_of(old_code[o]).pair) continue;
      r.from[n] = o;
      r.flip[n] = side_of(new_code[n]).plus != side_of(old_code[o]).plus;
    }
  return r;
}

void check_code(const std::string& code) {
  std::array<int, 3> used{};
  for (char letter : code)
    if (const int pair = side_of(letter).pair; pair >= 0) ++used[static_cast<std::size_t>(pair)];
  MEDUSA_CHECK_INPUT(code.size() == 3 && used == (std::array<int, 3>{1, 1, 1}),
                     "orientation {}: expected three letters, one each of LR, PA and IS, such as RAS", code);
}

Tensor rearranged(const Tensor& values, const Rearrangement& r, const std::array<std::int64_t, 3>& size) {
  const std::int64_t channels = values.size(3), w = values.size(2), h = values.size(1);
  const std::array<std::int64_t, 3> old_size{w, h, values.size(0)},
      old_stride{channels, w * channels, h * w * channels};
  std::array<std::int64_t, 3> stride;  // in the old values, of a step along a new axis
  std::int64_t start = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    stride[n] = r.flip[n] ? -old_stride[r.from[n]] : old_stride[r.from[n]];
    if (r.flip[n]) start += (old_size[r.from[n]] - 1) * old_stride[r.from[n]];
  }
  Tensor result = Tensor::empty({size[2], size[1], size[0], channels});
  const real* from = values.data();
  real* to = result.mutable_data();
  parallel_for(size[2] * size[1], 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const real* line = from + start + row / size[1] * stride[2] + row % size[1] * stride[1];
      real* out = to + row * size[0] * channels;
      for (std::int64_t i = 0; i < size[0]; ++i, line += stride[0]) out = std::copy_n(line, channels, out);
    }
  });
  return result;
}

}  // namespace

real Volume::at(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t c) const {
  MEDUSA_CHECK(i >= 0 && i < width() && j >= 0 && j < height() && k >= 0 && k < depth() && c >= 0 && c < channels(),
               "volume: voxel ({}, {}, {}), channel {} of {}", i, j, k, c, values.shape());
  return values.at(((k * height() + j) * width() + i) * channels() + c);
}

Volume make_volume(const Tensor& values, const Affine& affine, ScalarType stored, const std::string& unit) {
  MEDUSA_CHECK(values.rank() == 3 || values.rank() == 4, "volume: expects [D, H, W, C] or [D, H, W], values are {}",
               values.shape());
  Volume volume;
  const std::int64_t channels = values.rank() == 4 ? values.size(3) : 1;
  volume.values = values.reshape({values.size(0), values.size(1), values.size(2), channels});
  volume.affine = affine;
  volume.unit = unit;
  volume.stored = stored;
  volume.file_shape = {values.size(2), values.size(1), values.size(0)};
  if (channels > 1) volume.file_shape.push_back(channels);
  volume.file_orientation = orientation(affine);
  return volume;
}

Volume to_orientation(const Volume& volume, const std::string& code, const std::string& name) {
  check_code(code);
  const std::string now = orientation(volume.affine);
  MEDUSA_CHECK_INPUT(now.find('?') == std::string::npos && volume.affine.finite(),
                     "{}: its axes have no orientation ({}), since its affine is flat", name, now);
  const Rearrangement r = rearrangement(now, code);
  if (r.trivial()) return volume;
  const std::array<std::int64_t, 3> old_size{volume.width(), volume.height(), volume.depth()};
  std::array<std::int64_t, 3> size;
  Affine step;  // new indices to old ones
  step.m = {};
  for (std::size_t n = 0; n < 3; ++n) {
    const std::size_t o = r.from[n];
    size[n] = old_size[o];
    step.m[o][n] = r.flip[n] ? -1 : 1;
    step.m[o][3] = r.flip[n] ? static_cast<double>(old_size[o] - 1) : 0;
  }
  Volume result = volume;
  result.values = rearranged(volume.values, r, size);
  result.affine = volume.affine * step;
  return result;
}

Volume to_ras(const Volume& volume, const std::string& name) { return to_orientation(volume, "RAS", name); }

Volume to_file_orientation(const Volume& volume) {
  const bool done = volume.file_orientation.empty() || volume.file_orientation == orientation(volume.affine);
  return done ? volume : to_orientation(volume, volume.file_orientation);
}

}  // namespace medusa::datasets
