#include "autograd/read_back.h"

#include "autograd/ops.h"

namespace medusa {

std::vector<std::vector<double>> read_back(const std::vector<Tensor>& tensors) {
  const NoGrad no_grad;
  std::vector<Var> flat;
  for (const Tensor& t : tensors)
    if (t) flat.emplace_back(t.reshape({t.numel()}));
  std::vector<std::vector<double>> numbers(tensors.size());
  if (flat.empty()) return numbers;
  const std::vector<real> all = (flat.size() == 1 ? flat[0] : concat(flat, 0)).value().to_vector();
  auto at = all.begin();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i]) continue;
    const auto end = at + tensors[i].numel();
    numbers[i].assign(at, end);
    at = end;
  }
  return numbers;
}

}  // namespace medusa
