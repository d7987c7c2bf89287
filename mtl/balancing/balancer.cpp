#include "mtl/balancing/balancer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mtl/balancing/by_gradients.h"
#include "mtl/balancing/by_losses.h"
#include "tensor/check.h"

namespace medusa::mtl {

Vector gradient_norms(const Vector& gram) {
  const std::size_t n = task_count(gram);
  Vector norms(n);
  for (std::size_t i = 0; i < n; ++i) norms[i] = std::sqrt(std::max(0.0, gram[i * n + i]));
  return norms;
}

Vector gradient_cosines(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector norms = gradient_norms(gram);
  Vector cosines(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double product = norms[i] * norms[j];
      cosines[i * n + j] = product > 0 ? std::clamp(gram[i * n + j] / product, -1.0, 1.0) : 0.0;
    }
  return cosines;
}

std::size_t task_count(const Vector& gram) {
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(gram.size()))));
  MEDUSA_CHECK(n > 0 && n * n == gram.size(), "balancing: a Gram matrix has {} entries, no square", gram.size());
  return n;
}

std::vector<std::string> balancing_methods() {
  return {"equal", "fixed", "dwa", "uw", "gradnorm", "pcgrad", "cagrad", "imtl", "nashmtl", "famo"};
}

std::unique_ptr<Balancer> make_balancer(const BalanceOptions& o, std::size_t tasks) {
  MEDUSA_CHECK_INPUT(tasks > 0, "balancing: no tasks");
  if (o.name == "equal") return std::make_unique<FixedWeights>(Vector(tasks, 1.0));
  if (o.name == "fixed") {
    MEDUSA_CHECK_INPUT(o.fixed.size() == tasks, "balancing fixed: {} weights for {} tasks", o.fixed.size(), tasks);
    for (double w : o.fixed)
      MEDUSA_CHECK_INPUT(std::isfinite(w) && w >= 0, "balancing fixed: weight {}: expected a number >= 0", w);
    return std::make_unique<FixedWeights>(o.fixed);
  }
  if (o.name == "dwa") return std::make_unique<DynamicWeightAverage>(tasks, o.temperature);
  if (o.name == "uw") return std::make_unique<UncertaintyWeighting>(tasks, o.lr);
  if (o.name == "gradnorm") return std::make_unique<GradNorm>(tasks, o.alpha, o.lr);
  if (o.name == "pcgrad") return std::make_unique<PcGrad>(tasks, o.seed);
  if (o.name == "cagrad") return std::make_unique<CaGrad>(tasks, o.c);
  if (o.name == "imtl") return std::make_unique<Imtl>(tasks);
  if (o.name == "nashmtl") return std::make_unique<NashMtl>(tasks);
  if (o.name == "famo") return std::make_unique<Famo>(tasks, o.lr, o.decay);
  std::string known;
  for (const std::string& name : balancing_methods()) known += (known.empty() ? "" : ", ") + name;
  fail_input("balancing '{}': expected one of {}", o.name, known);
}

}  // namespace medusa::mtl
