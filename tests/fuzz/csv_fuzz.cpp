// libFuzzer entry: any bytes read as a CSV give a rectangular table or an InputError; a table written with every field
// in quotes reads back the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/formats/csv.h"
#include "tensor/check.h"

namespace {

std::string quoted(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    line += line.empty() ? "\"" : ",\"";
    for (char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  try {
    const datasets::Table table = datasets::parse_csv({reinterpret_cast<const char*>(data), size}, "input");
    if (table.header.empty() || table.lines.size() != table.rows.size()) __builtin_trap();
    std::string text = quoted(table.header);
    for (const auto& row : table.rows) {
      if (row.size() != table.header.size()) __builtin_trap();
      text += quoted(row);
    }
    const datasets::Table again = datasets::parse_csv(text, "again");
    if (again.header != table.header || again.rows != table.rows) __builtin_trap();
  } catch (const InputError&) {
  }
  return 0;
}
