// Networks of equal size.
#include <algorithm>
#include <cmath>

#include "mtl/networks/model.h"
#include "tensor/check.h"
#include "tools/compare/plan.h"
#include "tools/train/network.h"

namespace medusa::tools {

namespace {

constexpr double kTolerance = 0.02;

std::vector<std::int64_t> scaled(const std::vector<std::int64_t>& widths, double factor) {
  std::vector<std::int64_t> result;
  for (std::int64_t w : widths)
    result.push_back(std::max<std::int64_t>(1, std::llround(static_cast<double>(w) * factor)));
  return result;
}

class Search {
 public:
  Search(const RunOptions& options, const datasets::Dataset& dataset) : options_(options), dataset_(dataset) {}

  double parameters(const std::vector<std::int64_t>& widths) const {
    RunOptions options = options_;
    options.widths = widths;
    std::vector<std::size_t> target_of_task;
    return static_cast<double>(
        mtl::make_model(network_config(options, dataset_, &target_of_task), options.seed)->parameter_count());
  }

  // The widths that come nearest to `target`, by bisection: more width is never fewer parameters.
  std::vector<std::int64_t> nearest(double target) const {
    std::vector<std::int64_t> best = options_.widths;
    double best_off = std::abs(parameters(best) - target);
    const auto count = [&](double factor) {
      const std::vector<std::int64_t> widths = scaled(options_.widths, factor);
      const double found = parameters(widths), off = std::abs(found - target);
      if (off < best_off) best = widths, best_off = off;
      return found;
    };
    double low = 1, high = std::sqrt(target / parameters(options_.widths));  // most parameters are width x width
    while (count(high) < target && high < 64) low = high, high *= 1.2;
    while (scaled(options_.widths, low) != scaled(options_.widths, high) && best_off > target * kTolerance / 20 &&
           high - low > 1e-6) {
      const double middle = (low + high) / 2;
      (count(middle) < target ? low : high) = middle;
    }
    return best;
  }

 private:
  const RunOptions& options_;
  const datasets::Dataset& dataset_;
};

}  // namespace

void match_parameters(const CompareCommand& command, const datasets::Dataset& dataset, std::vector<Variant>* rows) {
  std::vector<double> counts;
  for (const Variant& row : *rows) {
    const RunOptions options = options_of(command, row, {});
    counts.push_back(Search(options, dataset).parameters(options.widths));
  }
  const auto largest = static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  const double target = counts[largest];
  const std::string largest_name = (*rows)[largest].name;
  for (std::size_t r = 0; r < rows->size(); ++r) {
    Variant& row = (*rows)[r];
    if (counts[r] >= target * (1 - kTolerance)) continue;
    const RunOptions options = options_of(command, row, {});
    const Search search(options, dataset);
    const std::vector<std::int64_t> widths = search.nearest(target);
    const double found = search.parameters(widths);
    MEDUSA_CHECK_INPUT(
        std::abs(found - target) <= target * kTolerance,
        "--match-parameters: no factor of the widths {} gives {} the {:.0f} parameters of {} to 2 %; the "
        "nearest is {} with {:.0f}; larger --widths have finer steps",
        fmt::join(options.widths, ","), row.name, target, largest_name, fmt::join(widths, ","), found);
    row.widths = widths;
    row.name += fmt::format(" widths={}", fmt::join(widths, ","));
  }
}

}  // namespace medusa::tools
