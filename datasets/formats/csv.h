// Tables with a header line: fields separated by commas (RFC 4180: quotes, commas and line breaks inside quotes), or by
// semicolons or tabs where the header has no comma, as spreadsheets write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medusa::datasets {

struct Table {
  std::string name;                            // the file, for messages
  std::vector<std::string> header;             // no name is empty, none is there twice
  std::vector<std::vector<std::string>> rows;  // each as long as the header
  std::vector<std::int64_t> lines;             // line of the file where a row starts, from 1

  // The index of a column; an unknown title throws InputError that lists the known ones.
  std::size_t column(const std::string& title) const;
  // "file:line" of a row.
  std::string where(std::size_t row) const;
};

// LF and CRLF, a byte-order mark, blanks about a field, rows without a value and empty fields behind the last column
// are accepted.  A column without a name is left out if it has no values, or is the first and numbers the rows, as
// pandas writes it.  Throws InputError with file:line if a column has no name, another's or
// one that is not UTF-8, a row does not have as
// many fields as the header, a quote is not closed, or the text is empty or binary.
Table parse_csv(std::string_view text, const std::string& name);
Table read_csv(const std::string& path);
// A text as a field to write, quoted if necessary.
std::string csv_field(const std::string& text);

}  // namespace medusa::datasets
