// The TOML of dataset descriptions: what is read, and what every kind of mistake is answered.
#include "datasets/toml.h"

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

TEST_CASE("toml: what is wrong is said with its line") {
  CHECK(refused("a = 1\n\nb 2") == "d.toml:3: expected = behind the key, found 2");
  CHECK(refused("a = ") ==
        "d.toml:1: expected a text in quotes, a number, true, false or a list, found the end of the line");
  CHECK(refused("a = 1 2") == "d.toml:1: expected the end of the line, found 2");
  CHECK(refused("a = 2026-01-01").starts_with("d.toml:1: expected a text in quotes, a number"));
  CHECK(refused("a = nan").starts_with("d.toml:1: expected a text in quotes, a number"));
  CHECK(refused("a = {b = 1}").starts_with("d.toml:1: expected a text in quotes, a number"));
  CHECK(refused("a = \"x\ny\"") == "d.toml:1: expected the closing quote on the same line, found the end of the line");
  CHECK(refused("a = \"x").starts_with("d.toml:1: expected the closing quote"));
  CHECK(refused("a = \"\\q\"").starts_with("d.toml:1: expected \\\", \\\\, \\n or \\t"));
  CHECK(refused("a = [1, 2\nb = 3") == "d.toml:2: expected , or ] in the list, found b = 3");
  CHECK(refused("a = [[[[[1]]]]]") == "d.toml:1: more than 4 lists in each other");
  CHECK(refused("a.b = 1") == "d.toml:1: expected = behind the key, found .b = 1");
  CHECK(refused("[[a]]") == "d.toml:1: expected a name of letters, digits, '_' and '-', found [a]]");
  CHECK(refused("[a\n") == "d.toml:1: expected ] behind the table's name, found the end of the line");
  CHECK(refused("[a]\n[a]") == "d.toml:2: [a] is there twice");
  CHECK(refused("a = 1\na = 2") == "d.toml:2: a is there twice");
  CHECK(refused(std::string("a\0b", 3)) == "d.toml: is not a text file");
  const auto tables = parse_toml("[input.x]\nchanels = 3", "d.toml");
  tables[0].check_all_known();
  tables[1].number("channels", 1);
  CHECK(input_error([&] { tables[1].check_all_known(); }) ==
        "d.toml:2: chanels is no key of [input.x]; there are: channels");
}
