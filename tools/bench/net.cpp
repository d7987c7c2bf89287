#include "tools/bench/net.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>

#include "datasets/layouts/ham10000.h"
#include "tensor/random.h"
#include "tools/cli/program.h"

namespace medusa::tools {

const std::vector<NetShape>& net_shapes() {
  static const std::vector<NetShape> shapes{
      {"2d", 2, 8, 3, {128, 128}, {32, 64, 128, 256, 512}},
      {"2dsmall", 2, 8, 3, {96, 128}, {16, 32, 64, 128}},
      {"3d", 3, 1, 1, {64, 64, 64}, {16, 32, 64, 128}},
      {"3d128", 3, 1, 10, {128, 128, 128}, {16, 32, 64, 128, 256}},
      {"2d256", 2, 8, 3, {256, 256}, {32, 64, 128, 256, 512}},
      {"2dtiny", 2, 2, 3, {16, 16}, {4, 4, 8, 8}},
      {"3dtiny", 3, 2, 1, {8, 8, 8}, {4, 4, 8, 8}},
  };
  return shapes;
}

NetShape net_shape(const std::string& name) {
  std::vector<std::string> known;
  for (const NetShape& shape : net_shapes()) {
    if (name == shape.name) return shape;
    known.push_back(shape.name);
  }
  fail_input("--shape {}: expected one of {}", name, fmt::join(known, ", "));
}

std::string net_shapes_help() {
  std::string text = "network and batch, batch x channels x size:";
  for (const NetShape& s : net_shapes())
    text += fmt::format("\n{}: {} x {} x {}, widths {}", s.name, s.batch, s.channels, fmt::join(s.size, "x"),
                        fmt::join(s.widths, ","));
  return text + "\n(2dtiny and 3dtiny are for counting, not for timing)";
}

Problem make_problem(const std::string& arch, const NetShape& shape, Device device) {
  check_one_of("--arch", arch, mtl::architectures());
  mtl::ModelConfig config;
  config.arch = arch;
  config.spatial_dims = shape.rank;
  config.in_channels = shape.channels;
  config.widths = shape.widths;
  config.tasks = {mtl::Task(datasets::segmentation("lesion", {"lesion"})),
                  mtl::Task(datasets::classification("diagnosis", datasets::Ham10000::classes()))};

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

void print_line(const nlohmann::ordered_json& line, bool json) {
  if (json)
    fmt::print("{}\n", line.dump());
  else
    for (const auto& [key, value] : line.items()) fmt::print("{:22} {}\n", key, value.dump());
  std::fflush(stdout);
}

double wall_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_ms() {  // of all threads of this process
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

double round_to(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

}  // namespace medusa::tools
