// The TOML of dataset descriptions: what is read, and what every kind of mistake is answered.
#include "datasets/formats/toml.h"

#include <doctest/doctest.h>

#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using medusa::test::input_error;

namespace {
std::string refused(const std::string& text) {
  return input_error([&] { parse_toml(text, "d.toml"); });
}
}  // namespace

TEST_CASE("toml: tables, keys, comments and every kind of value") {
  const auto tables = parse_toml(
      "\xEF\xBB\xBF# first\r\nsize = \"a\\\"b\\\\\\n\\t\" # behind\nliteral = 'C:\\x'\n\n[input.ct]  # here\n"
      "number = -1_000.5e0\nplus=+3\nlist = [ 1, 2.5,\n  3, ] # three\nyes = true\nnames = [\"x\", 'y']\n"
      "pairs = [[\"L\", \"R\"], []]\nempty = []\n[target-2.a_b]",
      "d.toml");
  REQUIRE(tables.size() == 3);
  CHECK(tables[0].name.empty());
  CHECK(tables[0].text("size", "") == "a\"b\\\n\t");
  CHECK(tables[0].text("literal", "") == "C:\\x");
  CHECK(tables[0].text("other", "none") == "none");
  CHECK(tables[1].name == "input.ct");
  CHECK(tables[1].line == 5);
  CHECK(tables[1].number("number", 0) == -1000.5);
  CHECK(tables[1].number("plus", 0) == 3);
  CHECK(tables[1].number("absent", 7) == 7);
  CHECK(parse_toml("a = 9223372036854775807", "d.toml")[0].number("a", 0) == 9223372036854775808.0);
  CHECK(tables[1].numbers("list") == std::vector<double>{1, 2.5, 3});
  CHECK(tables[1].numbers("plus") == std::vector<double>{3});
  CHECK(tables[1].numbers("empty").empty());
  CHECK(tables[1].texts("names") == std::vector<std::string>{"x", "y"});
  CHECK(tables[1].lists("pairs") == std::vector<std::vector<std::string>>{{"L", "R"}, {}});
  CHECK(tables[1].has("yes"));
  CHECK_FALSE(tables[1].has("no"));
  CHECK(tables[1].where("list") == "d.toml:8");
  CHECK(tables[1].where("no") == "d.toml:5");
  CHECK(tables[2].name == "target-2.a_b");
  tables[1].check_all_known();
  CHECK(input_error([&] { tables[0].numbers("size"); }) ==
        "d.toml:2: size: expected a list in [ ], found a text in quotes");
  CHECK(input_error([&] { tables[1].texts("list"); }) ==
        "d.toml:8: list: expected a list of texts in quotes, found a number in it");
  CHECK(input_error([&] { tables[1].text("plus", ""); }) ==
        "d.toml:7: plus: expected a text in quotes, found a number");
}

TEST_CASE("toml: dotted, inline and quoted names make the same tables") {
  const auto tables = parse_toml(
      "[target.b]\nkind = 'x'\n[input]\nct.channels = 2\n[target.a]\nday = 2026-01-01\ntext = \"\"\"\nlong\"\"\"\n"
      "list = [[[[[1]]]]]\n[\"of one's own\"]\nin = {k = 1}\n[[many]]\n",
      "d.toml");
  std::vector<std::string> names;
  for (const auto& table : tables) names.push_back(table.name);
  CHECK(names == std::vector<std::string>{"", "target.b", "input.ct", "target.a", "of one's own.in"});
  CHECK(tables[2].number("channels", 0) == 2);
  CHECK(tables[3].text("text", "") == "long");
  CHECK(tables[4].number("k", 0) == 1);
  CHECK(input_error([&] { tables[3].text("day", ""); }) == "d.toml:6: day: expected a text in quotes, found a date");
  CHECK(input_error([&] { tables[3].texts("list"); }) ==
        "d.toml:9: list: expected a list of texts in quotes, found a list in [ ] in it");
  CHECK(input_error([&] { tables[0].text("many", ""); }) ==
        "d.toml:12: many: expected a text in quotes, found a list in [ ]");
}

TEST_CASE("toml: what is wrong is said with its line") {
  // What follows the line's number is toml++'s.
  CHECK(refused("a = 1\n\nb 2").starts_with("d.toml:3: Error while parsing key-value pair: expected '='"));
  for (const char* text : {"a = ", "a = 1 2", "a = \"x\ny\"", "a = \"x", "a = \"\\q\"", "[a"})
    CHECK(refused(text).starts_with("d.toml:1: Error while parsing"));
  for (const char* text : {"a = [1, 2\nb = 3", "[a]\n[a]", "a = 1\na = 2", "a.b = 1\na = 2"})
    CHECK(refused(text).starts_with("d.toml:2: Error while parsing"));
  CHECK(refused("a = \xFF").starts_with("d.toml:1: "));
  CHECK(refused(std::string(1000, '[')).starts_with("d.toml:1: "));
  CHECK(refused("a = " + std::string(1000, '[')).starts_with("d.toml:1: "));
  CHECK(refused("a = nan") == "d.toml:1: expected a number, found nan");
  CHECK(refused("\na = [1, -inf]") == "d.toml:2: expected a number, found -inf");
  CHECK(refused("\n[\"a.b\"]") == "d.toml:2: \"a.b\": expected a name without a dot");
  CHECK(refused("\n[\"\"]\na = 1") == "d.toml:2: \"\": expected a name that is not empty");
  CHECK(refused("''.a = 1") == "d.toml:1: \"\": expected a name that is not empty");
  CHECK(refused(std::string("a\0b", 3)) == "d.toml: is not a text file");
  const auto tables = parse_toml("[input.x]\nchanels = 3", "d.toml");
  tables[0].check_all_known();
  tables[1].number("channels", 1);
  CHECK(input_error([&] { tables[1].check_all_known(); }) ==
        "d.toml:2: chanels is not a key of [input.x]; there are: channels");
}
