// bench: how long a training step takes, how much of the machine the kernels use, how long files take to load.
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "mtl/model.h"
#include "nn/optim.h"
#include "tensor/isa.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tools/common_bench_load.h"
#include "tools/common_bench_ops.h"
#include "tools/common_main.h"
#include "tools/common_roofline.h"

namespace medusa::tools {
namespace {

struct StepOptions {
  std::string arch = "hps", shape = "2dsmall";
  int steps = 5, warmup = 2;
  bool json = false;
};

struct NetShape {
  const char* name;
  int rank;
  std::int64_t batch, channels;
  std::vector<std::int64_t> size, widths;
};

const std::vector<NetShape>& net_shapes() {
  static const std::vector<NetShape> shapes{
      {"2d", 2, 8, 3, {128, 128}, {32, 64, 128, 256, 512}},
      {"2dsmall", 2, 8, 3, {96, 128}, {16, 32, 64, 128}},
      {"3d", 3, 1, 1, {64, 64, 64}, {16, 32, 64, 128}},
      {"3d128", 3, 1, 10, {128, 128, 128}, {16, 32, 64, 128, 256}},
  };
  return shapes;
}

const NetShape& net_shape(const std::string& name) {
  std::vector<std::string> known;
  for (const NetShape& shape : net_shapes()) {
    if (name == shape.name) return shape;
    known.push_back(shape.name);
  }
  fail_input("--shape {}: expected one of {}", name, fmt::join(known, ", "));
}

// Two tasks, one mask and one of seven classes, on random data: times do not depend on the values.
struct Problem {
  std::unique_ptr<mtl::Model> model;
  Tensor x;
  std::vector<Tensor> targets;
};

Problem make_problem(const std::string& arch, const NetShape& shape) {
  mtl::ModelConfig config;
  config.arch = arch;
  config.rank = shape.rank;
  config.in_channels = shape.channels;
  config.widths = shape.widths;
  config.tasks.resize(2);
  config.tasks[0].name = "lesion";
  config.tasks[1].name = "diagnosis";
  config.tasks[1].kind = TaskKind::Classification;
  config.tasks[1].channels = 7;

  const auto tensor = [&](std::int64_t channels, const std::function<double(Random&)>& draw) {
    std::vector<std::int64_t> dims{shape.batch};
    dims.insert(dims.end(), shape.size.begin(), shape.size.end());
    dims.push_back(channels);
    Tensor t = Tensor::empty(Shape(dims));
    Random random(1, static_cast<std::uint64_t>(channels));
    real* out = t.mutable_data();
    for (std::int64_t i = 0; i < t.numel(); ++i) out[i] = static_cast<real>(draw(random));
    return t;
  };
  Problem problem{mtl::make_model(config), tensor(shape.channels, [](Random& r) { return r.normal(); }), {}};
  problem.targets.push_back(tensor(1, [](Random& r) { return r.chance(0.4) ? 1.0 : 0.0; }));
  Tensor classes = Tensor::empty(Shape{shape.batch, 1});
  for (std::int64_t i = 0; i < shape.batch; ++i) classes.mutable_data()[i] = static_cast<real>(i % 7);
  problem.targets.push_back(classes);
  return problem;
}

double wall_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_ms() {  // of all threads of this process
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

rusage usage() {
  rusage result{};
  ::getrusage(RUSAGE_SELF, &result);
  return result;
}

struct StepTimes {
  std::vector<double> wall, cpu, forward, backward, adam;
  double loss = 0;
};

void one_step(Problem& problem, nn::Optimizer& adam, StepTimes* times) {
  const double cpu = cpu_ms(), start = wall_ms();
  adam.zero_grad();
  Var total;
  const std::vector<Var> y = problem.model->outputs(Var(problem.x));
  for (std::size_t t = 0; t < y.size(); ++t) {
    const Var loss = mtl::task_loss(problem.model->tasks()[t], y[t], problem.targets[t]);
    total = total ? total + loss : loss;
  }
  const double forward = wall_ms();
  total.backward();
  const double backward = wall_ms();
  adam.step(1e-3);
  const double end = wall_ms();
  times->wall.push_back(end - start);
  times->cpu.push_back(cpu_ms() - cpu);
  times->forward.push_back(forward - start);
  times->backward.push_back(backward - forward);
  times->adam.push_back(end - backward);
  times->loss = static_cast<double>(total.item());
}

void bench_step(const StepOptions& options) {
  MEDUSA_CHECK_INPUT(options.steps >= 1, "--steps {}: expected 1 or more", options.steps);
  MEDUSA_CHECK_INPUT(options.warmup >= 0, "--warmup {}: expected 0 or more", options.warmup);
  Problem problem = make_problem(options.arch, net_shape(options.shape));
  problem.model->train();
  const auto adam = nn::make_optimizer({}, problem.model->parameters());
  StepTimes unmeasured, times;
  for (int i = 0; i < options.warmup; ++i) one_step(problem, *adam, &unmeasured);

  const std::int64_t allocations = memory_stats().system_allocations;
  const rusage before = usage();
  for (int i = 0; i < options.steps; ++i) one_step(problem, *adam, &times);
  const rusage after = usage();
  const double faults = static_cast<double>(after.ru_minflt - before.ru_minflt) / options.steps;

  const auto round1 = [](double value) { return std::round(10 * value) / 10; };
  const nlohmann::ordered_json line{{"arch", options.arch},
                                    {"shape", options.shape},
                                    {"threads", threads()},
                                    {"isa", name(isa())},
                                    {"parameters", problem.model->parameter_count()},
                                    {"steps", options.steps},
                                    {"step_ms", round1(median(times.wall))},
                                    {"min_ms", round1(*std::min_element(times.wall.begin(), times.wall.end()))},
                                    {"cpu_ms", round1(median(times.cpu))},
                                    {"fwd_ms", round1(median(times.forward))},
                                    {"bwd_ms", round1(median(times.backward))},
                                    {"adam_ms", round1(median(times.adam))},
                                    {"peak_rss_mb", after.ru_maxrss / 1024},
                                    {"peak_pool_mb", memory_stats().peak >> 20},
                                    {"system_allocations", memory_stats().system_allocations - allocations},
                                    {"page_faults_per_step", round1(faults)},
                                    {"loss", times.loss}};
  if (options.json) {
    fmt::print("{}\n", line.dump());
    return;
  }
  for (const auto& [key, value] : line.items()) fmt::print("{:22} {}\n", key, value.dump());
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa;
  using namespace medusa::tools;
  CommandLine command{
      "Times a training step of a network, the kernels one by one, or the loading of files.  Without a subcommand: "
      "ops.",
      "bench"};
  int thread_count = 1;

  StepOptions step;
  CommandLine& step_app = command.subcommand(
      "step", "one training step: forward, losses, backward, Adam, on random data; medians over --steps steps");
  step_app.option("--arch", step.arch, "architecture: stl (all tasks' networks in one step), hps, mtan or ctan");
  step_app.option("--shape", step.shape,
                  "2d: 8 x 3 x 128x128, widths 32 to 512; 2dsmall: 8 x 3 x 96x128, widths 16 to 128;\n"
                  "3d: 1 x 1 x 64^3, widths 16 to 128; 3d128: 1 x 10 x 128^3, widths 16 to 256");
  step_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  step_app.option("--steps", step.steps, "measured steps");
  step_app.option("--warmup", step.warmup, "steps before them");
  step_app.flag("--json", step.json, "one JSON line");
  step_app.footer(
      "Times are in milliseconds: step_ms and min_ms by the clock, cpu_ms of all threads together.\n"
      "system_allocations counts those of the memory pool after the warm-up: 0 is right.");

  BenchOpsOptions ops;
  CommandLine& ops_app = command.subcommand(
      "ops", "kernel by kernel: GFLOP/s of convolutions, GB/s of what memory bounds, against measured peaks");
  ops_app.option("--only", ops.only, "only cases whose name or shape contains this text");
  ops_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  ops_app.option("--seconds", ops.seconds, "time for each case, in seconds");
  ops_app.flag("--json", ops.json, "one JSON object a line");

  BenchLoadOptions load;
  CommandLine& load_app = command.subcommand(
      "load", "files into tensors: volumes, pictures (RGB, resized), tables; medians of --repeats times");
  load_app.option("--in", load.files,
                  "files to load; default: a 128^3 .nii.gz, a 256x256 PNG and JPEG, a CSV made for it");
  load_app.option("--size", load.size, "pictures are resized to it, HEIGHTxWIDTH");
  load_app.option("--repeats", load.repeats, "measured times");
  load_app.flag("--json", load.json, "one JSON object a line");
  load_app.footer("cpu_ms is the processor's time, wall_ms that of the clock; the first time is not counted.");

  return run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(thread_count >= 0 && thread_count <= 1024, "--threads {}: expected 0 to 1024", thread_count);
    set_threads(thread_count);
    if (step_app.parsed())
      bench_step(step);
    else if (load_app.parsed())
      bench_load(load);
    else
      bench_ops(ops);
  });
}
