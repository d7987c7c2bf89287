// CSV tables: what is accepted, and what each kind of damage is called.
#include "datasets/formats/csv.h"

#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;
using Rows = std::vector<std::vector<std::string>>;

TEST_CASE("csv: quotes, CRLF, byte-order mark, empty lines, no line break at the end") {
  const Table t = parse_csv(
      "\xEF\xBB\xBF"
      "id,dx\r\na,\"x, \"\"y\"\"\"\r\n\r\n\"two\nlines\",\nlast,z",
      "t.csv");
  CHECK(t.header == std::vector<std::string>{"id", "dx"});
  CHECK(t.rows == Rows{{"a", "x, \"y\""}, {"two\nlines", ""}, {"last", "z"}});
  CHECK(t.where(0) == "t.csv:2");
  CHECK(t.where(1) == "t.csv:4");
  CHECK(t.where(2) == "t.csv:6");
  CHECK(t.column("dx") == 1);
  CHECK(parse_csv("a,b\n,\n", "t.csv").rows == Rows{{"", ""}});
  CHECK(parse_csv("a\r", "t.csv").header == std::vector<std::string>{"a"});
}

TEST_CASE("csv: errors name file and line") {
  CHECK(input_error([] { parse_csv("a,b\n1,2\n3\n", "t.csv"); }) == "t.csv:3: 1 fields, the header has 2");
  CHECK(input_error([] { parse_csv("a,b\n1,2,3\n", "t.csv"); }) == "t.csv:2: 3 fields, the header has 2");
  CHECK(input_error([] { parse_csv("a\n\"1\n2", "t.csv"); }) == "t.csv:2: a quote is not closed");
  CHECK(input_error([] { parse_csv("a\n\"1\"2\n", "t.csv"); }) == "t.csv:2: text after a closing quote");
  CHECK(input_error([] { parse_csv("", "t.csv"); }) == "t.csv: is empty, expected a header line");
  CHECK(input_error([] { parse_csv("\n\r\n", "t.csv"); }) == "t.csv: is empty, expected a header line");
  CHECK(input_error([] { parse_csv(std::string_view("a\0b", 3), "t.csv"); }) == "t.csv: is not a text file");
  CHECK(input_error([] { parse_csv("a,b\n", "t.csv").column("dx"); }) == "t.csv: has no column dx; it has: a, b");
  CHECK(input_error([] { parse_csv("case;split;ct\n", "t.csv").column("case"); }) ==
        "t.csv: has no column case; it has: case;split;ct; its fields seem to be separated by semicolons, expected "
        "commas");
  CHECK(input_error([] { parse_csv("case;dose\np1;1,5\n", "t.csv"); }) ==
        "t.csv:2: 2 fields, the header has 1; its fields seem to be separated by semicolons, expected commas");
  CHECK(contains(input_error([] { parse_csv("case\tct\n", "t.csv").column("ct"); }), "by tabs, expected commas"));
  CHECK(parse_csv("a;b\n1;2\n", "t.csv").rows == Rows{{"1;2"}});  // one column may have such a name
  CHECK(contains(input_error([] { read_csv("/no/such/table.csv"); }), "/no/such/table.csv"));
}

}  // namespace
}  // namespace medusa::datasets
