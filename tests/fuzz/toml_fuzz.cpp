// libFuzzer entry: any bytes read as TOML give tables with unique names, whose getters answer or throw, or an
// InputError.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "datasets/formats/toml.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  std::vector<datasets::TomlTable> tables;
  try {
    tables = datasets::parse_toml({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const InputError&) {
    return 0;
  }
  std::set<std::string> names;
  if (tables.empty() || !tables[0].name.empty()) __builtin_trap();
  for (const datasets::TomlTable& table : tables) {
    if (!names.insert(table.name).second) __builtin_trap();
    const auto ask = [&](const auto& getter) {
      try {
        getter();
      } catch (const InputError&) {
      }
    };
    ask([&] { table.text("a", ""); });
    ask([&] { table.number("a", 0); });
    ask([&] { table.texts("a"); });
    ask([&] { table.numbers("a"); });
    ask([&] { table.lists("a"); });
    if (table.where("a").empty()) __builtin_trap();
    ask([&] { table.check_all_known(); });
  }
  return 0;
}
