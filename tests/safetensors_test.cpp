// The safetensors reader: right on what is right, and a reason for everything that is wrong.
#include "nn/safetensors.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sstream>

#include "tensor/file.h"

namespace medusa::nn {

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

SafetensorsReader open(const std::string& bytes) {
  return SafetensorsReader(std::make_unique<std::istringstream>(bytes), "case");
}

std::string error_of(const std::string& bytes) {
  try {
    open(bytes);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

std::vector<real> one(const std::string& dtype, std::size_t count, const std::string& data) {
  const std::string header = R"({"t":{"dtype":")" + dtype + R"(","shape":[)" + std::to_string(count) +
                             R"(],"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
  return open(file_of(header, data)).values("t");
}

// An entry "name" of 2 F32 values at the given offsets.
std::string pair_at(const std::string& name, const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":)" + offsets + "}";
}

}  // namespace

TEST_CASE("safetensors: every type is read") {
  using V = std::vector<real>;
  CHECK(one("F64", 3, raw<double>({1.5, -2, 1e-3})) == V{1.5, -2, real(1e-3)});
  CHECK(one("F32", 2, raw<float>({0.25f, -7})) == V{0.25, -7});
  CHECK(one("I64", 2, raw<std::int64_t>({-3, 1 << 20})) == V{-3, 1 << 20});
  CHECK(one("I32", 2, raw<std::int32_t>({-3, 77})) == V{-3, 77});
  CHECK(one("I16", 2, raw<std::int16_t>({-300, 77})) == V{-300, 77});
  CHECK(one("I8", 2, raw<std::int8_t>({-100, 77})) == V{-100, 77});
  CHECK(one("U8", 2, raw<std::uint8_t>({0, 255})) == V{0, 255});
  CHECK(one("BOOL", 2, raw<std::uint8_t>({0, 1})) == V{0, 1});
  CHECK(one("BF16", 3, raw<std::uint16_t>({0x3F80, 0xC020, 0x0000})) == V{1, -2.5, 0});
  // binary16: 1, -2, largest, smallest normal, smallest subnormal, 1/3
  CHECK(one("F16", 6, raw<std::uint16_t>({0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x3555})) ==
        V{1, -2, 65504, real(std::ldexp(1.0, -14)), real(std::ldexp(1.0, -24)), real(1365.0 / 4096)});
  const V special = one("F16", 3, raw<std::uint16_t>({0x7C00, 0xFC00, 0x7E00}));
  CHECK(special[0] == std::numeric_limits<real>::infinity());
  CHECK(special[1] == -std::numeric_limits<real>::infinity());
  CHECK(std::isnan(special[2]));
}

TEST_CASE("safetensors: shapes, metadata, order of entries") {
  const SafetensorsReader file =
      open(file_of(R"({"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
                   R"("__metadata__":{"epoch":"3","note":"\u00e4"},)"
                   R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                   R"("none":{"dtype":"I64","shape":[0,5],"data_offsets":[8,8]},)"
                   R"("deep":{"dtype":"U8","shape":[1,1,1,1,1,1,2],"data_offsets":[12,14]}} )",
                   raw<float>({1, 2, 3}) + "ab"));
  CHECK(file.metadata() == Metadata{{"epoch", "3"}, {"note", "ä"}});
  CHECK(file.entries().size() == 4);
  CHECK(file.tensor("a").shape() == Shape{1, 2});
  CHECK(file.tensor("a").to_vector() == std::vector<real>{1, 2});
  CHECK(file.tensor("b").shape().rank() == 0);
  CHECK(file.tensor("b").item() == 3);
  CHECK(file.values("none").empty());
  CHECK(file.entry("deep").shape.size() == 7);
  CHECK(file.values("deep") == std::vector<real>{'a', 'b'});
  CHECK_THROWS_WITH_AS(file.tensor("deep"), "case: tensor \"deep\" has 7 axes, at most 6 are supported", InputError);
  CHECK_THROWS_WITH_AS(file.values("c"), "case: has no tensor \"c\"", InputError);
}

TEST_CASE("safetensors: what does not add up is refused with the reason") {
  const auto refused = [](const std::string& bytes, const std::string& reason) {
    CAPTURE(reason);
    const std::string message = error_of(bytes);
    CHECK(message.rfind("case: ", 0) == 0);
    CHECK_MESSAGE(message.find(reason) != std::string::npos, message);
    CHECK(message.find('\n') == std::string::npos);
  };
  const std::string two = raw<float>({1, 2}), four = raw<float>({1, 2, 3, 4});
  refused("", "0 bytes long, too short");
  refused("1234567", "too short");
  refused(file_of("{}", "").substr(0, 9), "claims 2 bytes, the file has 9");
  refused(std::string(8, '\xff') + "{}", "claims 18446744073709551615 bytes");
  refused("a text file that is no such thing", "not a safetensors file");
  refused(file_of("", ""), "does not start with '{'");
  refused(file_of("[]", ""), "does not start with '{'");
  refused(file_of("{", ""), "not valid JSON");
  refused(file_of("{\"a\":\n\x01}", ""), "not valid JSON");
  refused(file_of("{\"\xff\":1}", ""), "not valid JSON");
  refused(file_of("{}", "x"), "1 bytes after the last tensor");
  refused(file_of("{" + pair_at("a", "[0,8]") + "}", two.substr(1)),
          "ends at byte 8 of the data, which has 7: cut off?");
  refused(file_of("{" + pair_at("a", "[0,8]") + "," + pair_at("a", "[8,16]") + "}", four), "\"a\" twice");
  refused(file_of("{" + pair_at("a", "[0,8]") + "," + pair_at("b", "[4,12]") + "}", four), "\"b\" overlaps");
  refused(file_of("{" + pair_at("a", "[0,8]") + "," + pair_at("b", "[0,8]") + "}", two), "overlaps");
  refused(file_of("{" + pair_at("a", "[8,16]") + "}", four), "8 unused bytes before tensor \"a\"");
  refused(file_of("{" + pair_at("a", "[8,0]") + "}", two), "[8, 0] are misordered");
  refused(file_of("{" + pair_at("a", "[0,4]") + "}", two), "take 8 bytes, its data_offsets span 4");
  refused(file_of("{" + pair_at("a", "[0]") + "}", two), "not two whole numbers");
  refused(file_of("{" + pair_at("a", "[0,8.0]") + "}", two), "not two whole numbers");
  refused(file_of("{" + pair_at("a", "[-8,0]") + "}", two), "not two whole numbers");
  refused(file_of("{" + pair_at("a", "{}") + "}", two), "data_offsets has the wrong type");
  refused(file_of(R"({"a":1})", ""), "not an object");
  refused(file_of(R"({"a":{}})", ""), "has no dtype");
  refused(file_of(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "1234"), "has no shape");
  refused(file_of(R"({"a":{"dtype":"F32","shape":[1]}})", "1234"), "has no data_offsets");
  refused(file_of(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", "1234"), "dtype has the wrong type");
  refused(file_of(R"({"a":{"dtype":"F8\n","shape":[4],"data_offsets":[0,4]}})", "1234"), R"(dtype "F8\n" is not supp)");
  refused(file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0}})", "1234"), "unexpected field \"x\"");
  refused(file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"),
          "\"dtype\" twice");
  for (const char* shape : {"[-1]", "[1.5]", "[\"1\"]", "[null]"})
    refused(file_of(R"({"a":{"dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":[0,4]}})", "1234"),
            "not a whole number of at least 0");
  for (const char* shape : {"[9223372036854775807]", "[4294967296,4294967296]", "[0,4294967296,4294967296]",
                            "[18446744073709551615]", "[2305843009213693952]"})
    refused(file_of(R"({"a":{"dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":[0,0]}})", ""),
            "its shape overflows");
  refused(file_of(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "1234"), "nested too deeply");
  refused(file_of("{\"a\":" + std::string(100000, '['), ""), "nested too deeply");
  refused(file_of(R"({"__metadata__":1})", ""), "__metadata__ is not an object");
  refused(file_of(R"({"__metadata__":{"a":1}})", ""), "__metadata__: \"a\" is not a string");
}

TEST_CASE("safetensors: round trip through a file") {
  const std::string folder = (std::filesystem::temp_directory_path() / "medusa_safetensors_XXXXXX").string();
  std::string name = folder;
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const std::string path = name + "/a.safetensors";
  const Tensor a = Tensor::from({1, real(-2.5), real(1e-30), 4, 5, 6}, Shape{2, 3}), b = Tensor::full(Shape{}, 7);
  write_safetensors(path, {{"x.a", a}, {"b", b}, {"empty", Tensor::empty(Shape{0, 4})}}, {{"k", "v \"quoted\"\n"}});
  const SafetensorsReader file(path);
  CHECK(file.metadata() == Metadata{{"k", "v \"quoted\"\n"}});
  CHECK(file.tensor("x.a").to_vector() == a.to_vector());
  CHECK(file.tensor("x.a").shape() == a.shape());
  CHECK(file.entry("b").dtype == (sizeof(real) == 4 ? "F32" : "F64"));
  CHECK(file.tensor("b").item() == 7);
  CHECK(file.tensor("empty").shape() == Shape{0, 4});

  // A large tensor crosses the reader's pieces; data begins at a multiple of 8.
  Tensor large = Tensor::empty(Shape{200001});
  for (std::int64_t i = 0; i < large.numel(); ++i) large.mutable_data()[i] = static_cast<real>(i % 1000);
  write_safetensors(path, {{"large", large}});
  CHECK(SafetensorsReader(path).values("large") == large.to_vector());
  const auto bytes = read_file(path);
  CHECK((bytes.size() - 200001 * sizeof(real)) % 8 == 0);

  const auto twice = [&] { write_safetensors(path, {{"a", {1}, [&] { return b; }}, {"a", {1}, [&] { return b; }}}); };
  CHECK_THROWS_AS(twice(), Error);
  const auto wrong = [&] { write_safetensors(path, std::vector<SafetensorsItem>{{"a", {2}, [&] { return b; }}}); };
  CHECK_THROWS_AS(wrong(), Error);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", b}}), Error);
  CHECK(read_file(path) == bytes);  // the failed writes left the older file

  CHECK_THROWS_AS(SafetensorsReader(name + "/none"), InputError);
  CHECK_THROWS_AS(SafetensorsReader{name}, InputError);
  std::filesystem::remove_all(name);
}

namespace {

// A small file as it is written here, with metadata.
std::string written() {
  std::string folder = (std::filesystem::temp_directory_path() / "medusa_safetensors_XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/a.safetensors";
  write_safetensors(path, {{"x.a", Tensor::from({1, real(-2.5), 3, 4, 5, 6}, Shape{2, 3})}, {"b", Tensor::full({}, 7)}},
                    {{"state", "{\"epoch\": 3}"}});
  const std::string bytes = read_text_file(path);
  std::filesystem::remove_all(folder);
  return bytes;
}

struct Content {
  Metadata metadata;
  std::map<std::string, std::vector<real>> values;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  bool operator==(const Content&) const = default;
};
Content content_of(const std::string& bytes) {
  const SafetensorsReader file = open(bytes);
  Content content{file.metadata(), {}, {}};
  for (const auto& [name, entry] : file.entries()) {
    content.values[name] = file.values(name);
    content.shapes[name] = entry.shape;
  }
  return content;
}

// Whether a damaged file is refused or, where the damage is in the blanks of its JSON, means the same.
bool told(const std::string& bytes, const Content& right) {
  try {
    return content_of(bytes) == right;
  } catch (const InputError& error) {
    return std::string(error.what()).starts_with("case: ");
  }
}

}  // namespace

TEST_CASE("safetensors: a file with any one bit changed, or bytes zeroed or cut, is refused") {
  const std::string good = written();
  const Content right = content_of(good);
  CHECK(open(good).has_checksums());
  CHECK(right.metadata == Metadata{{"state", "{\"epoch\": 3}"}});
  CHECK_NOTHROW(open(good).verify());
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      INFO(at, " ", bit);
      REQUIRE(told(bad, right));
    }
  for (std::size_t at = 0; at < good.size(); at += 4) {
    std::string bad = good;
    for (std::size_t i = at; i < std::min(at + 16, good.size()); ++i) bad[i] = '\0';
    INFO(at);
    REQUIRE(told(bad, right));
    REQUIRE(told(good.substr(0, at), right));
  }
  std::string digit = good;
  digit[digit.find("epoch\\\": 3") + 10] = '4';
  CHECK(error_of(digit) == "case: is damaged: its header does not have its checksum");
  std::string value = good;
  value[good.size() - 6] = static_cast<char>(value[good.size() - 6] ^ 4);
  CHECK_NOTHROW(open(value));
  CHECK_THROWS_WITH_AS(open(value).verify(), doctest::Contains("case: is damaged: tensor \""), InputError);
}

TEST_CASE("safetensors: a file of another program has no checksums, and is read") {
  const std::string foreign = file_of("{" + pair_at("t", "[0,8]") + "}", raw<float>({1, 2}));
  CHECK_FALSE(open(foreign).has_checksums());
  CHECK_NOTHROW(open(foreign).verify());
  CHECK(open(foreign).values("t") == std::vector<real>{1, 2});
  for (const char* key : {"checksum", "checksums"})
    CHECK(error_of(file_of(std::string("{\"__metadata__\":{\"") + key + "\":\"{}\"}}", "")) ==
          "case: is damaged: its header does not have its checksum");
}

}  // namespace medusa::nn
