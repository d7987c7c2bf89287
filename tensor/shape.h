// Shape: the sizes of a tensor's axes, outermost first, e.g. [N, H, W, C].
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tensor/check.h"

namespace medusa {

class Shape {
 public:
  static constexpr int kMaxRank = 6;
  static constexpr std::int64_t kMaxNumel = std::int64_t{1} << 58;

  Shape() = default;  // rank 0: a scalar, one element
  Shape(std::initializer_list<std::int64_t> dims) : Shape(dims.begin(), dims.end()) {}
  explicit Shape(const std::vector<std::int64_t>& dims) : Shape(dims.begin(), dims.end()) {}
  template <class It>
  Shape(It first, It last) {
    for (; first != last; ++first) push_back(*first);
  }

  void push_back(std::int64_t dim) {
    MEDUSA_CHECK(rank_ < kMaxRank, "shape: more than {} axes", kMaxRank);
    MEDUSA_CHECK(dim >= 0, "shape: axis {} has negative size {}", rank_, dim);
    dims_[rank_++] = dim;
  }

  int rank() const { return rank_; }
  // Throws if the non-empty axes multiply to more than 2^58: no product of sizes can overflow.
  std::int64_t numel() const {
    std::int64_t n = 1;
    bool empty = false;
    for (std::int64_t dim : *this) {
      if (dim == 0)
        empty = true;
      else if (dim > kMaxNumel / n)
        too_large();
      else
        n *= dim;
    }
    return empty ? 0 : n;
  }

  // Size of an axis; negative axes count from the end: shape[-1] is the number of channels.
  std::int64_t operator[](int axis) const { return dims_[checked(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[checked(axis)]; }

  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (dims_[i] != other.dims_[i]) return false;
    return true;
  }

 private:
  [[noreturn]] void too_large() const;
  int checked(int axis) const {
    MEDUSA_CHECK(axis >= -rank_ && axis < rank_, "shape: axis {} of a shape of rank {}", axis, rank_);
    return axis < 0 ? axis + rank_ : axis;
  }

  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

inline std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

inline void Shape::too_large() const { fail("shape: {} has more elements than memory could hold", to_string(*this)); }

}  // namespace medusa

template <>
struct fmt::formatter<medusa::Shape> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const medusa::Shape& shape, Context& context) const {
    return fmt::formatter<std::string>::format(medusa::to_string(shape), context);
  }
};
