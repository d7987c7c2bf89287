// The specification: every structured op as the plainest loop nest that says what it computes, in double.
// CPU and CUDA are both held to these.  Read this before any fast kernel.
#pragma once

#include <cassert>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace medusa::reference {

// A dense row-major array of double: a Tensor without any cleverness.
struct Array {
  Shape shape;
  std::vector<double> v;

  Array() = default;
  explicit Array(const Shape& s) : shape(s), v(static_cast<std::size_t>(s.numel()), 0.0) {}
  explicit Array(const Tensor& t) : shape(t.shape()) {
    for (real x : t.to_vector()) v.push_back(static_cast<double>(x));
  }
  std::int64_t size(int axis) const { return shape[axis]; }
  double& operator[](std::int64_t i) { return v[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return v[static_cast<std::size_t>(i)]; }

  // Element by coordinates, as many as there are axes: x(n, h, w, c).
  template <class... I>
  double& operator()(I... i) {
    return v[at({static_cast<std::int64_t>(i)...})];
  }
  template <class... I>
  double operator()(I... i) const {
    return v[at({static_cast<std::int64_t>(i)...})];
  }

 private:
  std::size_t at(std::initializer_list<std::int64_t> index) const {
    assert(static_cast<int>(index.size()) == shape.rank());
    // Not shape[axis], which checks: this is where the tests spend their time.
    const std::int64_t* size = shape.begin();
    std::int64_t flat = 0;
    for (std::int64_t i : index) flat = flat * *size++ + i;
    return static_cast<std::size_t>(flat);
  }
};

}  // namespace medusa::reference
