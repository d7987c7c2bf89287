#include "autograd/trace.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "autograd/var.h"
#include "tensor/memory.h"

namespace medusa::trace {

namespace {

double milliseconds_since_last() {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point last = Clock::now();
  const Clock::time_point now = Clock::now();
  const double ms = std::chrono::duration<double, std::milli>(now - last).count();
  last = now;
  return ms;
}

void line(const char* direction, const char* op, const std::string& shapes, Device device) {
  std::fputs(fmt::format("{:8} {:18} {:60} {:9.3f} ms {:10.2f} MB in use\n", direction, op, shapes,
                         milliseconds_since_last(), static_cast<double>(memory_stats(device).in_use) / 1e6)
                 .c_str(),
             stderr);
}

}  // namespace

bool enabled() {
  static const bool on = [] {
    const char* value = std::getenv("MEDUSA_TRACE");
    return value != nullptr && std::string(value) != "0" && *value != '\0';
  }();
  return on;
}

void forward(const char* op, const std::vector<Var>& inputs, const Tensor& output) {
  if (!enabled()) return;
  std::string shapes;
  for (const Var& x : inputs) shapes += (shapes.empty() ? "" : " ") + to_string(x.shape());
  line("forward", op, shapes + " -> " + to_string(output.shape()), output.device());
}

void backward(const char* op, const Shape& shape) {
  if (enabled()) line("backward", op, "d" + to_string(shape), Device::CPU);
}

void recomputed(const char* op, const Shape& shape) {
  if (enabled()) line("recompute", op, to_string(shape), Device::CPU);
}

}  // namespace medusa::trace

namespace medusa {

std::string to_dot(const Var& y) {
  std::string text = "digraph medusa {\n  rankdir = BT;\n  node [shape = box];\n";
  std::unordered_map<const Node*, std::size_t> numbers;  // in the order in which a walk from the end meets them
  std::vector<const Node*> nodes;
  auto number = [&](const Node* node) {
    const auto [at, fresh] = numbers.emplace(node, nodes.size());
    if (fresh) nodes.push_back(node);
    return at->second;
  };
  if (y.node()) number(y.node().get());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = *nodes[i];
    text += fmt::format("  n{} [label = \"{}\\n{}\"{}];\n", i, node.op, node.shape,
                        node.backward ? "" : ", style = filled");
    for (const auto& input : node.inputs)
      if (input) text += fmt::format("  n{} -> n{};\n", number(input.get()), i);
  }
  return text + "}\n";
}

}  // namespace medusa
