// Comma-separated tables with a header line (RFC 4180: quotes, commas and line breaks inside quotes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medusa::datasets {

struct Table {
  std::string name;  // the file, for messages
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // each as long as the header
  std::vector<std::int64_t> lines;             // line of the file where a row starts, from 1

  // The index of a column; an unknown title throws InputError that lists the known ones.
  std::size_t column(const std::string& title) const;
  // "file:line" of a row.
  std::string where(std::size_t row) const;
};

// LF and CRLF, a byte-order mark and empty lines are accepted.  Throws InputError with file:line if a row does not have
// as many fields as the header, a quote is not closed, or the text is empty or binary.
Table parse_csv(std::string_view text, const std::string& name);
Table read_csv(const std::string& path);
// A text as a field to write, quoted if necessary.
std::string csv_field(const std::string& text);

}  // namespace medusa::datasets
