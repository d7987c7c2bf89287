#include "tools/bench/step.h"

#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/flops.h"
#include "autograd/ops.h"
#include "mtl/losses.h"
#include "nn/optim.h"
#include "tensor/isa.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tools/bench/net.h"
#include "tools/bench/roofline.h"

namespace medusa::tools {
namespace {

rusage usage() {
  rusage result{};
  ::getrusage(RUSAGE_SELF, &result);
  return result;
}

struct StepTimes {
  std::vector<double> wall, cpu, forward, backward, adam;
  double loss = 0;
  std::map<std::string, double> counted;  // what the device was asked for, over all steps

  void count(const cuda::Counters& before, const cuda::Counters& after) {
    counted["launches"] += static_cast<double>(after.launches - before.launches);
    counted["products"] += static_cast<double>(after.products - before.products);
    counted["allocations"] += static_cast<double>(after.allocations - before.allocations);
    counted["copies"] += static_cast<double>(after.copies - before.copies);
    counted["synchronisations"] += static_cast<double>(after.synchronisations - before.synchronisations);
  }
};

// One step, with a wait at its end.  A GPU works while the host goes on, so extra steps (`parts`) time its forward
// pass, backward pass and Adam with a wait after each.
void one_step(Problem& problem, nn::Optimizer& adam, bool parts, StepTimes* times) {
  const Device device = problem.x.device();
  const auto part_ends = [&] {
    if (parts) wait_for(device);
    return wall_ms();
  };
  wait_for(device);
  const cuda::Counters before = counters_of(device);
  const double cpu = cpu_ms(), start = wall_ms();
  adam.zero_grad();
  Var total;
  const std::vector<Var> y = problem.model->outputs(Var(problem.x));
  for (std::size_t t = 0; t < y.size(); ++t) {
    const Var loss = mtl::task_loss(problem.model->tasks()[t], y[t], problem.targets[t]);
    total = total ? total + loss : loss;
  }
  const double forward = part_ends();
  total.backward();
  const double backward = part_ends();
  adam.step(1e-3);
  const cuda::Counters after = counters_of(device);
  wait_for(device);
  const double end = wall_ms();
  if (!parts || device == Device::CPU) {
    times->wall.push_back(end - start);
    times->cpu.push_back(cpu_ms() - cpu);
    times->count(before, after);
  }
  if (parts) {
    times->forward.push_back(forward - start);
    times->backward.push_back(backward - forward);
    times->adam.push_back(end - backward);
  }
  times->loss = static_cast<double>(total.item());
}

void measure_steps(Problem& problem, nn::Optimizer& adam, int steps, StepTimes* times) {
  for (int i = 0; i < steps; ++i) {
    if (problem.x.device() != Device::CPU) one_step(problem, adam, false, times);
    one_step(problem, adam, true, times);
  }
}

nlohmann::ordered_json device_json(const StepOptions& options, const StepTimes& times) {
  nlohmann::ordered_json json{{"tf32", options.device.tf32}};
  for (const char* what : {"launches", "products", "allocations", "copies", "synchronisations"})
    json[what] = times.counted.at(what) / options.steps;
  return json;
}

}  // namespace

nlohmann::ordered_json step_line(const StepOptions& options) {
  MEDUSA_CHECK_INPUT(options.steps >= 1, "--steps {}: expected 1 or more", options.steps);
  MEDUSA_CHECK_INPUT(options.warmup >= 0, "--warmup {}: expected 0 or more", options.warmup);
  const Device device = open_device(options.device);
  Problem problem = make_problem(options.arch, net_shape(options.shape), device);
  problem.model->train();
  const auto adam = nn::make_optimizer({}, problem.model->parameters());
  StepTimes unmeasured, times;
  for (int i = 0; i < options.warmup; ++i) one_step(problem, *adam, true, &unmeasured);

  const std::int64_t allocations = memory_stats(device).system_allocations, flops = flops_counted();
  const rusage before = usage();
  measure_steps(problem, *adam, options.steps, &times);
  const rusage after = usage();
  const double faults = static_cast<double>(after.ru_minflt - before.ru_minflt) / options.steps;
  const double measured = options.steps * (device == Device::CPU ? 1.0 : 2.0);

  const auto round1 = [](double value) { return round_to(value, 1); };
  nlohmann::ordered_json line{{"arch", options.arch},
                              {"shape", options.shape},
                              {"device", name(device)},
                              {"threads", threads()},
                              {"isa", name(isa())},
                              {"parameters", problem.model->parameter_count()},
                              {"steps", options.steps},
                              {"step_ms", round1(median(times.wall))},
                              {"min_ms", round1(*std::min_element(times.wall.begin(), times.wall.end()))},
                              {"max_ms", round1(*std::max_element(times.wall.begin(), times.wall.end()))},
                              {"cpu_ms", round1(median(times.cpu))},
                              {"fwd_ms", round1(median(times.forward))},
                              {"bwd_ms", round1(median(times.backward))},
                              {"adam_ms", round1(median(times.adam))},
                              {"peak_rss_mb", after.ru_maxrss / 1024},
                              {"gflop", round1(static_cast<double>(flops_counted() - flops) / 1e9 / measured)},
                              {"peak_pool_mb", memory_stats(device).peak >> 20},
                              {"system_allocations", memory_stats(device).system_allocations - allocations},
                              {"page_faults_per_step", round1(faults)},
                              {"loss", times.loss}};
  if (device != Device::CPU) line.update(device_json(options, times));
  return line;
}

void bench_step(const StepOptions& options) { print_line(step_line(options), options.json); }

}  // namespace medusa::tools
