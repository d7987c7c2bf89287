#include "datasets/formats/sparse_csv.h"

#include <doctest/doctest.h>

#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using medusa::test::input_error;

namespace {

std::string refusal(const std::string& text, std::int64_t voxels = 100) {
  return input_error([&] { parse_sparse_csv(text, "a.csv", voxels); });
}

}  // namespace

TEST_CASE("sparse csv: values, masks, line ends") {
  const SparseVolume values =
      parse_sparse_csv(",data\n3,1017.0\n0,0.125\n99,-2\n7,1e2\n8,12345678901234567890\n", "a", 100);
  CHECK(values.index == std::vector<std::int32_t>{3, 0, 99, 7, 8});
  CHECK(values.value == std::vector<float>{1017, 0.125f, -2, 100, 12345678901234567890.0f});
  CHECK_FALSE(values.is_mask());
  const SparseVolume mask = parse_sparse_csv(",data\r\n1,\r\n2,", "a", 100);
  CHECK(mask.index == std::vector<std::int32_t>{1, 2});
  CHECK(mask.is_mask());
  CHECK(parse_sparse_csv(",data", "a", 100).index.empty());
  // 0.1 + 0.2 and its kin: the nearest float to the text, as strtof has it.
  for (const char* number : {"0.1", "0.3", "18.353", "79.999", "0.000001", "16777217", "123456789.012345"})
    CHECK(parse_sparse_csv(fmt::format(",data\n0,{}\n", number), "a", 1).value[0] ==
          static_cast<float>(std::stod(number)));
}

TEST_CASE("sparse csv: what is wrong, and in which line") {
  CHECK(refusal("") == "a.csv: expected a first line \",data\", found \"\"");
  CHECK(refusal("index,data\n1,2\n") == "a.csv: expected a first line \",data\", found \"index,data\"");
  CHECK(refusal(",data2\n") == "a.csv:1: expected the end of the line, found \"2\"");
  CHECK(refusal(",data\n1,2\n100,3\n") == "a.csv:3: index 100 is outside 0..99");
  CHECK(refusal(",data\n999999999999,3\n") == "a.csv:2: index 999999999999 is outside 0..99");
  CHECK(refusal(",data\n9999999999999999999999,3\n") ==
        "a.csv:2: expected \"index,\" or \"index,value\", found \"9999999999999999999999,3\"");
  CHECK(refusal(",data\n1,2\n1,3\n") == "a.csv:3: index 1 appears twice");
  CHECK(refusal(",data\n-1,2\n") == "a.csv:2: expected \"index,\" or \"index,value\", found \"-1,2\"");
  CHECK(refusal(",data\n1.5,2\n") == "a.csv:2: expected \"index,\" or \"index,value\", found \"1.5,2\"");
  CHECK(refusal(",data\n\n") == "a.csv:2: expected \"index,\" or \"index,value\", found \"\"");
  CHECK(refusal(",data\n1,nan\n") == "a.csv:2: expected a finite number, found \"nan\"");
  CHECK(refusal(",data\n1,1e999\n") == "a.csv:2: expected a finite number, found \"1e999\"");
  CHECK(refusal(",data\n1,1e39\n") == "a.csv:2: expected a finite number, found \"1e39\"");
  CHECK(refusal(",data\n1,2 \n") == "a.csv:2: expected a finite number, found \"2 \"");
  CHECK(refusal(",data\n1,.\n") == "a.csv:2: expected a finite number, found \".\"");
  CHECK(refusal(",data\n1,2,3\n") == "a.csv:2: expected a finite number, found \"2,3\"");
  CHECK(refusal(",data\n1,2\n2,\n") == "a.csv:3: the row has no value, those before have one");
  CHECK(refusal(",data\n1,\n2,5\n") == "a.csv:3: the row has a value, those before have none");
  CHECK(refusal(std::string(",data\n\0\x1b,1\n", 11)).find("found \"??,1\"") != std::string::npos);
}

TEST_CASE("sparse csv: what is written reads back") {
  const std::vector<real> values{real(0.1234), 0, 70, real(1.5)};
  const std::vector<std::uint8_t> where{1, 0, 1, 1};
  const std::string text = sparse_csv(values, where);
  CHECK(text == ",data\n0,0.123\n2,70.0\n3,1.5\n");
  CHECK(parse_sparse_csv(text, "a", 4).index == std::vector<std::int32_t>{0, 2, 3});
  CHECK(sparse_csv_mask(where) == ",data\n0,\n2,\n3,\n");
  CHECK(sparse_csv(values, where, 0) == ",data\n0,0\n2,70\n3,2\n");
}
