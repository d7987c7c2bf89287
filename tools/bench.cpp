// bench: how long a training step takes, how much of the machine the kernels use, how long files take to load.
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/flops.h"
#include "autograd/ops.h"
#include "mtl/model.h"
#include "nn/optim.h"
#include "tensor/isa.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tools/common_bench_load.h"
#include "tools/common_bench_ops.h"
#include "tools/common_device.h"
#include "tools/common_main.h"
#include "tools/common_roofline.h"

namespace medusa::tools {
namespace {

struct StepOptions {
  std::string arch = "hps", shape = "2dsmall";
  int steps = 5, warmup = 2;
  DeviceChoice device;
  bool json = false;
};

struct RooflineOptions {
  std::int64_t mib = 256, side = 4096;
  double seconds = 0.5;
  DeviceChoice device;
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
      {"2dtiny", 2, 2, 3, {16, 16}, {4, 4, 8, 8}},
      {"3dtiny", 3, 2, 1, {8, 8, 8}, {4, 4, 8, 8}},
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

Problem make_problem(const std::string& arch, const NetShape& shape, Device device) {
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
  problem.model->to(device);
  problem.x = problem.x.to(device);
  for (Tensor& target : problem.targets) target = target.to(device);
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
  std::map<std::string, double> counted;  // what the device was asked for, over all steps

  void count(const cuda::Counters& before, const cuda::Counters& after) {
    counted["launches"] += static_cast<double>(after.launches - before.launches);
    counted["products"] += static_cast<double>(after.products - before.products);
    counted["allocations"] += static_cast<double>(after.allocations - before.allocations);
    counted["copies"] += static_cast<double>(after.copies - before.copies);
    counted["synchronisations"] += static_cast<double>(after.synchronisations - before.synchronisations);
  }
};

// One step, waited for at its end.  A GPU works while the host goes on, so its forward and backward pass and Adam are
// waited for one by one (`parts`) in steps of their own.
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

void bench_step(const StepOptions& options) {
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

  const auto round1 = [](double value) { return std::round(10 * value) / 10; };
  nlohmann::ordered_json line{{"arch", options.arch},
                              {"shape", options.shape},
                              {"device", name(device)},
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
                              {"gflop", round1(static_cast<double>(flops_counted() - flops) / 1e9 / measured)},
                              {"peak_pool_mb", memory_stats(device).peak >> 20},
                              {"system_allocations", memory_stats(device).system_allocations - allocations},
                              {"page_faults_per_step", round1(faults)},
                              {"loss", times.loss}};
  if (device != Device::CPU) line.update(device_json(options, times));
  if (options.json) {
    fmt::print("{}\n", line.dump());
    return;
  }
  for (const auto& [key, value] : line.items()) fmt::print("{:22} {}\n", key, value.dump());
}

void bench_roofline(const RooflineOptions& options) {
  MEDUSA_CHECK_INPUT(options.mib >= 1 && options.side >= 1, "--mib {}, --side {}: expected 1 or more", options.mib,
                     options.side);
  const Device device = open_device(options.device);
  const Roofline r = roofline(device, options.mib << 20, options.side, options.seconds);
  if (options.json) {
    const nlohmann::ordered_json line{{"device", device_text(device)},
                                      {"tf32", options.device.tf32},
                                      {"copy_gbs", r.copy / 1e9},
                                      {"upload_gbs", r.upload / 1e9},
                                      {"product_gflops", r.product / 1e9}};
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{}\n{:22} {:.1f} GB/s within its memory, reads and writes counted\n{:22} {:.1f} GB/s from the host\n",
             device_text(device), "copy", r.copy / 1e9, "upload", r.upload / 1e9);
  fmt::print("{:22} {:.1f} GFLOP/s of matrices {} x {}{}\n", "product", r.product / 1e9, options.side, options.side,
             options.device.tf32 ? ", TF32" : "");
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
                  "3d: 1 x 1 x 64^3, widths 16 to 128; 3d128: 1 x 10 x 128^3, widths 16 to 256;\n"
                  "2dtiny: 2 x 3 x 16x16, 3dtiny: 2 x 1 x 8^3, widths 4 to 8: to count, not to time");
  step_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  step_app.option("--steps", step.steps, "measured steps");
  step_app.option("--warmup", step.warmup, "steps before them");
  device_options(step_app, step.device);
  step_app.flag("--json", step.json, "one JSON line");
  step_app.footer(
      "Times are in milliseconds: step_ms and min_ms by the clock, cpu_ms of all threads together.\n"
      "system_allocations counts those of the memory pool after the warm-up: 0 is right.\n"
      "On a GPU launches (of kernels), products (of matrices), allocations, copies (between host and GPU) and\n"
      "synchronisations (the host waits for the GPU) are those of one step: the last three must be 0.");

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

  RooflineOptions roof;
  CommandLine& roof_app = command.subcommand(
      "roofline", "what a device does at most: copies within its memory and from the host, a large matrix product");
  roof_app.option("--mib", roof.mib, "size of what is copied, MiB");
  roof_app.option("--side", roof.side, "rows and columns of the matrices");
  roof_app.option("--seconds", roof.seconds, "time for each figure, in seconds");
  roof_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  device_options(roof_app, roof.device);
  roof_app.flag("--json", roof.json, "one JSON line");

  return run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(thread_count >= 0 && thread_count <= 1024, "--threads {}: expected 0 to 1024", thread_count);
    set_threads(thread_count);
    if (step_app.parsed())
      bench_step(step);
    else if (load_app.parsed())
      bench_load(load);
    else if (roof_app.parsed())
      bench_roofline(roof);
    else
      bench_ops(ops);
  });
}
