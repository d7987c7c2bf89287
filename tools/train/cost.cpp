#include "tools/train/cost.h"

#include <sys/resource.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/flops.h"
#include "mtl/inference/padding.h"

namespace medusa::tools {

namespace {

double gflop_per_image(mtl::Model& model, const datasets::Extent& size) {
  const NoGrad no_grad;
  const bool training = model.training();
  model.eval();
  const std::int64_t before = flops_counted();
  const Device device = model.parameters().front().var.device();
  Shape shape{1};
  for (std::int64_t side : size.sides()) shape.push_back(side);
  shape.push_back(model.config().in_channels);
  mtl::outputs_any_size(model, Var(Tensor::zeros(shape, device)));
  const std::int64_t flops = flops_counted() - before;
  model.train(training);
  return static_cast<double>(flops) / 1e9;
}

}  // namespace

std::string cost_json(mtl::Model& model, const datasets::Extent& size) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);  // before the count, which is not part of training
  const nlohmann::ordered_json json{{"parameters", model.parameter_count()},
                                    {"gflop_per_image", gflop_per_image(model, size)},
                                    {"peak_memory_mib", std::round(static_cast<double>(usage.ru_maxrss) / 1024)}};
  return json.dump(2) + "\n";
}

}  // namespace medusa::tools
