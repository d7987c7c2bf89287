#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/random.h"

namespace medusa::nn {

namespace {

double positive(std::int64_t fan) {
  MEDUSA_CHECK(fan > 0, "init: fan must be at least 1, got {}", fan);
  return static_cast<double>(fan);
}

void fill_diagonal(Tensor& tensor, double on, double off) {
  const Shape& shape = tensor.shape();
  MEDUSA_CHECK(shape.rank() >= 2 && shape[0] == shape[1], "init: a diagonal needs [n, n, ..], got {}", shape);
  std::vector<real> values(static_cast<std::size_t>(tensor.numel()), static_cast<real>(off));
  const std::int64_t n = shape[0], size = tensor.numel() / std::max<std::int64_t>(1, n * n);
  for (std::int64_t i = 0; i < n; ++i) std::fill_n(values.begin() + i * (n + 1) * size, size, static_cast<real>(on));
  tensor.copy_from(Tensor::from(values, shape));
}

}  // namespace

Init Init::kaiming_normal(std::int64_t fan_in) { return normal(std::sqrt(2 / positive(fan_in))); }
Init Init::kaiming_uniform(std::int64_t fan_in) { return uniform(std::sqrt(6 / positive(fan_in))); }
Init Init::xavier_uniform(std::int64_t fan_in, std::int64_t fan_out) {
  return uniform(std::sqrt(6 / positive(fan_in + fan_out)));
}
Init Init::torch_default(std::int64_t fan_in) { return uniform(1 / std::sqrt(positive(fan_in))); }

void Init::fill(Tensor& tensor, std::uint64_t seed, const std::string& name) const {
  if (kind == Kind::Constant) {
    tensor.fill(static_cast<real>(a));
    return;
  }
  if (kind == Kind::Diagonal) return fill_diagonal(tensor, a, b);
  Random random(seed, stream_of(name));
  std::vector<real> values(static_cast<std::size_t>(tensor.numel()));
  for (real& value : values)
    value = static_cast<real>(kind == Kind::Uniform ? random.uniform(-a, a) : a * random.normal());
  tensor.copy_from(Tensor::from(values, tensor.shape()));
}

}  // namespace medusa::nn
