#include "mtl/networks/attention_record.h"

#include <cmath>

namespace medusa::mtl {

void AttentionRecord::clear(std::size_t tasks) {
  masks.assign(tasks, {});
  bottleneck.assign(tasks, {});
}

void AttentionRecord::set_bottleneck(std::size_t task, std::vector<Tensor> to_others) {
  to_others.insert(to_others.begin() + static_cast<std::ptrdiff_t>(task), Tensor());
  bottleneck[task] = std::move(to_others);
}

double entropy_bits(const Tensor& attention) {
  MEDUSA_CHECK(attention.rank() >= 1 && attention.numel() > 0, "entropy_bits: expects rows of attention, got {}",
               attention.shape());
  double sum = 0;
  for (real a : attention.to_vector())
    if (a > 0) sum -= static_cast<double>(a) * std::log2(static_cast<double>(a));
  return sum / static_cast<double>(attention.numel() / attention.size(-1));
}

}  // namespace medusa::mtl
