#include "mtl/networks/attention_record.h"

#include <cmath>

namespace medusa::mtl {

void AttentionRecord::clear(std::size_t tasks) {
  masks.assign(tasks, {});
  bottleneck.assign(tasks, {});
}

void AttentionRecord::set_bottleneck(std::size_t task, std::vector<Tensor> to_others) {
  if (sums) {
    for (std::size_t i = 0; i < to_others.size(); ++i) sums->add(task, i < task ? i : i + 1, to_others[i]);
    return;
  }
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

double diagonal_share(const Tensor& attention) {
  MEDUSA_CHECK(attention.rank() >= 2 && attention.numel() > 0 && attention.size(-1) == attention.size(-2),
               "diagonal_share: expects as many queries as keys, got {}", attention.shape());
  const std::vector<real> a = attention.to_vector();
  const auto keys = static_cast<std::size_t>(attention.size(-1));
  double sum = 0;
  for (std::size_t row = 0; row * keys < a.size(); ++row) sum += static_cast<double>(a[row * keys + row % keys]);
  return sum / static_cast<double>(a.size() / keys);
}

void BottleneckSums::add(std::size_t task, std::size_t other, const Tensor& attention) {
  const Tensor here = attention.to(Device::CPU);
  const auto samples = static_cast<double>(here.size(0));
  Sum& sum = sums_[{task, other}];
  sum.entropy += samples * entropy_bits(here);
  sum.most += samples * std::log2(static_cast<double>(here.size(-1)));
  sum.diagonal += samples * diagonal_share(here);
  sum.samples += samples;
}

std::vector<BottleneckFigures> BottleneckSums::means() const {
  std::vector<BottleneckFigures> means;
  for (const auto& [tasks, sum] : sums_)
    means.push_back(
        {tasks.first, tasks.second, sum.entropy / sum.samples, sum.most / sum.samples, sum.diagonal / sum.samples});
  return means;
}

}  // namespace medusa::mtl
