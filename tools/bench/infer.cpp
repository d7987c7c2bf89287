#include "tools/bench/infer.h"

#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "autograd/flops.h"
#include "tensor/isa.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tools/bench/net.h"
#include "tools/bench/roofline.h"

namespace medusa::tools {

nlohmann::ordered_json infer_line(const InferOptions& options) {
  MEDUSA_CHECK_INPUT(options.batch >= 1 && options.batch <= 4096, "--batch {}: expected 1 to 4096", options.batch);
  MEDUSA_CHECK_INPUT(options.repeats >= 1, "--repeats {}: expected 1 or more", options.repeats);
  MEDUSA_CHECK_INPUT(options.warmup >= 0, "--warmup {}: expected 0 or more", options.warmup);
  const Device device = open_device(options.device);
  NetShape shape = net_shape(options.shape);
  shape.batch = options.batch;
  Problem problem = make_problem(options.arch, shape, device);
  problem.targets.clear();
  problem.model->eval();
  const NoGrad no_grad;
  std::vector<double> wall, cpu;
  const auto predict = [&] {
    wait_for(device);
    const double cpu_start = cpu_ms(), start = wall_ms();
    problem.model->outputs(Var(problem.x));
    wait_for(device);
    wall.push_back(wall_ms() - start);
    cpu.push_back(cpu_ms() - cpu_start);
  };
  for (int i = 0; i < options.warmup; ++i) predict();
  wall.clear(), cpu.clear();

  const std::int64_t allocations = memory_stats(device).system_allocations, flops = flops_counted();
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < options.repeats; ++i) predict();
  ::getrusage(RUSAGE_SELF, &after);
  const auto rounded = [](double value) { return round_to(value, 2); };
  return {{"arch", options.arch},
          {"shape", options.shape},
          {"batch", options.batch},
          {"device", name(device)},
          {"threads", threads()},
          {"isa", name(isa())},
          {"repeats", options.repeats},
          {"latency_ms", rounded(median(wall))},
          {"min_ms", rounded(*std::min_element(wall.begin(), wall.end()))},
          {"max_ms", rounded(*std::max_element(wall.begin(), wall.end()))},
          {"cpu_ms", rounded(median(cpu))},
          {"gflop", rounded(static_cast<double>(flops_counted() - flops) / 1e9 / options.repeats)},
          {"peak_rss_mb", after.ru_maxrss / 1024},
          {"peak_pool_mb", memory_stats(device).peak >> 20},
          {"system_allocations", memory_stats(device).system_allocations - allocations},
          {"page_faults", rounded(static_cast<double>(after.ru_minflt - before.ru_minflt) / options.repeats)}};
}

void bench_infer(const InferOptions& options) { print_line(infer_line(options), options.json); }

}  // namespace medusa::tools
