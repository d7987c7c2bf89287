#include "nn/init.h"

#include <cmath>
#include <vector>

#include "tensor/random.h"

namespace medusa::nn {

namespace {

double positive(std::int64_t fan) {
  MEDUSA_CHECK(fan > 0, "init: fan must be at least 1, got {}", fan);
  return static_cast<double>(fan);
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
  Random random(seed, stream_of(name));
  std::vector<real> values(static_cast<std::size_t>(tensor.numel()));
  for (real& value : values)
    value = static_cast<real>(kind == Kind::Uniform ? random.uniform(-a, a) : a * random.normal());
  tensor.copy_from(Tensor::from(values, tensor.shape()));
}

}  // namespace medusa::nn
