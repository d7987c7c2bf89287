// CSV tables: what is accepted, and what each kind of damage is called.
#include "datasets/formats/csv.h"

#include "datasets/formats/cell.h"
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
  CHECK(parse_csv("a,b\n,\n1,\n", "t.csv").rows == Rows{{"1", ""}});
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
  CHECK(contains(input_error([] { parse_csv("a,Split\n", "t.csv").column("split"); }), "; did you mean Split?"));
  CHECK(contains(input_error([] { read_csv("/no/such/table.csv"); }), "/no/such/table.csv"));
}

TEST_CASE("csv: as spreadsheets and pandas write it") {
  const Table semicolons = parse_csv("\r\n\"case, all\";dose\r\np1;1,5\r\n;\r\n", "t.csv");
  CHECK(semicolons.header == std::vector<std::string>{"case, all", "dose"});
  CHECK(semicolons.rows == Rows{{"p1", "1,5"}});
  CHECK(parse_csv("case\tct\np1\t a b \n", "t.csv").rows == Rows{{"p1", "a b"}});
  CHECK(parse_csv("case,a;b\np1,2\n", "t.csv").header == std::vector<std::string>{"case", "a;b"});

  const Table blanks = parse_csv("case, split ,\tct\np1, train , \" x\" \n", "t.csv");
  CHECK(blanks.header == std::vector<std::string>{"case", "split", "ct"});
  CHECK(blanks.rows == Rows{{"p1", "train", " x"}});

  const Table tail = parse_csv("case,ct,,\np1,x,,\np2,y,,,,\n,,,\n,,\n", "t.csv");
  CHECK(tail.header == std::vector<std::string>{"case", "ct"});
  CHECK(tail.rows == Rows{{"p1", "x"}, {"p2", "y"}});

  const Table index = parse_csv(",case,,ct\n0,p1,,x\n7,p2,,y\n", "t.csv");
  CHECK(index.header == std::vector<std::string>{"case", "ct"});
  CHECK(index.rows == Rows{{"p1", "x"}, {"p2", "y"}});
  CHECK(index.where(1) == "t.csv:3");
  const Table numbered = parse_csv(",a\n1,\n2,x\n3,\n4,y\n", "t.csv");  // rows of a number alone
  CHECK(numbered.rows == Rows{{"x"}, {"y"}});
  CHECK(numbered.where(0) == "t.csv:3");
  CHECK(numbered.where(1) == "t.csv:5");
}

TEST_CASE("csv: a header that leaves open which column is meant is refused") {
  CHECK(input_error([] { parse_csv("\ncase,ct,case\n", "t.csv"); }) ==
        "t.csv:2: column case is there twice, in places 1 and 3");
  CHECK(input_error([] { parse_csv("case, ct,ct \n", "t.csv"); }) ==
        "t.csv:1: column ct is there twice, in places 2 and 3");
  CHECK(input_error([] { parse_csv("case,,ct\np1,5,x\n", "t.csv"); }) == "t.csv:1: column 2 has no name");
  CHECK(input_error([] { parse_csv(",case\n0,p1\nb,p2\n", "t.csv"); }) == "t.csv:1: column 1 has no name");
}

TEST_CASE("csv: a field comes back as it was written") {
  for (const std::string text : {"", "a", " a", "a\t", "a,b", "a;b", "\"a\"", "a\nb", "x\ty", " "}) {
    INFO(text);
    CHECK(parse_csv("name,other\n" + csv_field(text) + ",x\n", "t.csv").rows == Rows{{text, "x"}});
  }
}

TEST_CASE("cells: as people, pandas, R and spreadsheets write them") {
  for (const char* text : {"1", "1.0", "1.00", "1e0", "TRUE", "True", "true", "yes", " 1 ", "+1"}) {
    INFO(text);
    CHECK(yes_or_no(text) == true);
  }
  for (const char* text : {"0", "0.0", "-0", "FALSE", "no", "No"}) {
    INFO(text);
    CHECK(yes_or_no(text) == false);
  }
  for (const char* text : {"", "2", "0.5", "NA", "maybe", "1,0", "10", "t"}) {
    INFO(text);
    CHECK_FALSE(yes_or_no(text).has_value());
  }
  for (const char* text : {"", " ", "NA", "na", "N/A", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None"}) {
    INFO(text);
    CHECK(is_missing(text));
  }
  for (const char* text : {"0", "n", "nothing", "-", "?"}) CHECK_FALSE(is_missing(text));
  CHECK(number_in("1.50") == 1.5);
  CHECK(number_in("+2e3") == 2000.0);
  for (const char* text : {"", "1,5", "inf", "nan", "1 2", "0x10", "+-1", "1e999"}) {
    INFO(text);
    CHECK_FALSE(number_in(text).has_value());
  }
}

TEST_CASE("csv: a table of 40,000 columns, a column that is not there among them") {
  std::string header = "case", row = "p1";
  for (int c = 0; c < 40000; ++c) header += ",c" + std::to_string(c), row += "," + std::to_string(c);
  const Table table = parse_csv(header + "\n" + row + "\n", "t.csv");
  REQUIRE(table.header.size() == 40001);
  CHECK(table.rows[0][table.column("c39999")] == "39999");
  CHECK(input_error([&] { table.column("dx"); }) ==
        "t.csv: has no column dx; it has: case, c0, c1, c2, c3, c4, c5, c6 and 39993 more");
}

TEST_CASE("csv: a name that is not UTF-8 is refused") {
  CHECK(input_error([] { parse_csv("a,gr\xf6\xdf\n1,2\n", "t.csv"); }) ==
        "t.csv:1: the name of column 2 is not UTF-8 text: gr\xf6\xdf");
  CHECK(parse_csv("a,gr\xc3\xb6\xc3\x9f\n1,2\n", "t.csv").header[1] == "gr\xc3\xb6\xc3\x9f");
}

}  // namespace
}  // namespace medusa::datasets
