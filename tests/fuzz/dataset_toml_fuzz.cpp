// libFuzzer entry: any text read as a dataset.toml is refused with the file's name, or is a description whose text is
// read as the same again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/cases/plan_toml.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa::datasets;
  const auto read = [](const std::string& text) { return read_description(parse_toml(text, "input"), "input").plan; };
  try {
    const CasePlan plan = read(std::string(reinterpret_cast<const char*>(data), size));
    if (plan.inputs.empty() || plan.targets.empty()) __builtin_trap();
    const std::string text = description_text(plan, Extent{8, 8});
    if (description_text(read(text), Extent{8, 8}) != text) __builtin_trap();
  } catch (const medusa::InputError& error) {
    if (std::string(error.what()).find("input") == std::string::npos) __builtin_trap();
  }
  return 0;
}
