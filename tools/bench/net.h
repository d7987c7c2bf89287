// The networks that `bench` times, and a random batch for each.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "mtl/networks/model.h"

namespace medusa::tools {

struct NetShape {
  const char* name;
  int rank;
  std::int64_t batch, channels;
  std::vector<std::int64_t> size, widths;
};
const std::vector<NetShape>& net_shapes();
NetShape net_shape(const std::string& name);  // throws InputError that lists the known ones
std::string net_shapes_help();                // a line for each

// Two tasks, one mask and one of seven classes, on random data: times do not depend on the values.
struct Problem {
  std::unique_ptr<mtl::Model> model;
  Tensor x;
  std::vector<Tensor> targets;
};
Problem make_problem(const std::string& arch, const NetShape& shape, Device device);

// Prints one line of JSON, or a line with name and figure for each entry.
void print_line(const nlohmann::ordered_json& line, bool json);

// Milliseconds of wall time, and of CPU time of all threads of this process together.
double wall_ms();
double cpu_ms();
double round_to(double value, int decimals);

}  // namespace medusa::tools
