// .npy and .npz files: orders, types, archives, and files that are not what they claim.
#include "tests/decoded_volumes.h"

namespace medusa::datasets {
namespace {

using namespace test;
using test::bytes_of;  // of numbers: datasets has one of types

TEST_CASE("npy: orders, types, versions") {
  const auto of = [](const std::string& descr, const std::string& order, const std::string& shape,
                     const std::string& numbers) {
    return npy(
        npy_file("{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }", numbers));
  };
  const NpyArray plain = of("<i2", "False", "(1, 3, 2)", kSixBytes);
  CHECK(plain.values.shape() == Shape{1, 3, 2});
  CHECK(plain.values.to_vector() == kSix);
  CHECK(plain.doubles == std::vector<double>(kSix.begin(), kSix.end()));
  CHECK(of(">i2", "False", "(6,)", small_nifti(true).voxels).values.to_vector() == kSix);
  CHECK(of("|b1", "False", "(2,)", std::string("\1\0", 2)).stored == ScalarType::UInt8);
  const NpyArray fortran = of("<i2", "True", "(2, 3)", kSixBytes);
  CHECK(fortran.values.to_vector() == std::vector<real>{1, 300, 5, -2, -400, 6});
  CHECK(fortran.doubles == std::vector<double>{1, 300, 5, -2, -400, 6});
  CHECK(of("<f8", "False", "()", bytes_of(2.5)).values.item() == 2.5);
  CHECK(of("|S3", "False", "()", std::string("HU\0", 3)).text == "HU");
  // 5 x 4 x 7, more than are kept as doubles: a[i][j][k] = 100 i + 10 j + k, first axis fastest in the file
  std::string numbers;
  for (int k = 0; k < 7; ++k)
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < 5; ++i) numbers += bytes_of(static_cast<float>(100 * i + 10 * j + k), true);
  const NpyArray large = of(">f4", "True", "(5, 4, 7)", numbers);
  CHECK(large.doubles.empty());
  CHECK(large.values.at((3 * 4 + 2) * 7 + 6) == 326);
  CHECK(large.values.at(1) == 1);
  std::string two = npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (6,), }", kSixBytes);
  two[6] = 2;  // version 2 has four bytes of length
  two.insert(10, 2, '\0');
  CHECK(npy(two).values.to_vector() == kSix);
}

TEST_CASE("npy: what is refused, each with its reason") {
  const auto error = [](const std::string& literal) { return input_error([&] { npy(npy_file(literal, kSixBytes)); }); };
  const std::string tail = "'fortran_order': False, 'shape': (6,), }";
  CHECK(contains(error("{'descr': '|O', " + tail), "x.npy: type '|O' is not supported"));
  for (const char* length : {"\f", "-1", "4097", "1 2", "x"})
    CHECK(contains(error(std::string("{'descr': '|S") + length + "', 'fortran_order': False, 'shape': (), }"),
                   "x.npy: type"));
  CHECK(contains(error("{'descr': '<c8', " + tail), "type '<c8'"));
  CHECK(contains(error("{'descr': '<f2', " + tail), "type '<f2'"));
  CHECK(contains(error("{'descr': [('a', '<i2')], " + tail), "x.npy: holds records of several fields"));
  CHECK(contains(error("{" + tail), "x.npy: its header has no 'descr'"));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': Maybe, 'shape': (6,)}"), "fortran_order Maybe"));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': False, 'shape': 6}"), "shape 6"));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': False, 'shape': (6L,)}"),
                 "shape: expected a whole number, found \"6L\""));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': False, 'shape': (0,)}"), "claims sizes 0"));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': False, 'shape': (7,)}"), "x.npy: ends too early"));
  CHECK(contains(error("{'descr': '<i2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,6)}"), "has 7 axes, at most 6"));
  CHECK(contains(input_error([] { npy("\x93NUMPX\x01"); }), "x.npy: is not an .npy file"));
  std::string nine = npy_file("{}", "");
  nine[6] = 9;
  CHECK(contains(input_error([&] { npy(nine); }), "is .npy of version 9, expected 1 to 3"));
}

TEST_CASE("npz: stored and deflated, damaged and hostile") {
  const std::string array = npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3, 2), }", kSixBytes);
  for (const int method : {0, 8}) {
    const std::string whole = test::zip_file({{"a.npy", array}, {"readme.txt", "hello"}, {"b/c.npy", array}}, method);
    const NpzArrays arrays = npz(whole);
    CHECK(arrays.size() == 2);
    CHECK(arrays.at("a").values.to_vector() == kSix);
    CHECK(arrays.at("b/c").values.to_vector() == kSix);
    for (std::size_t n = 0; n < whole.size(); n += 7)
      CHECK_FALSE(input_error([&] { npz(whole.substr(0, n)); }).empty());
    std::string damaged = whole;
    damaged[30 + 5 + (method == 8 ? 20 : array.size() - 3)] ^= 4;
    CHECK(contains(input_error([&] { npz(damaged); }), "x.npz: a.npy"));
  }
  const std::string one = test::zip_file({{"a.npy", array}}, 8);
  const std::size_t central = one.find("PK\x01\x02");
  const auto changed = [&](std::size_t at, const std::string& bytes) {
    std::string copy = one;
    copy.replace(at, bytes.size(), bytes);
    return input_error([&] { npz(copy); });
  };
  CHECK(contains(changed(central + 24, std::string(4, '\xff')), "zip64 entry"));
  CHECK(contains(changed(central + 8, "\1"), "a.npy is encrypted"));
  CHECK(contains(changed(central + 10, "\x0c"), "a.npy is packed by method 12, expected 0 (stored) or 8 (deflate)"));
  CHECK(contains(changed(central + 24, bytes_of(std::uint32_t{1u << 30})),
                 "x.npz: a.npy: claims 1073741824 bytes, more than its"));
  CHECK(contains(changed(central + 20, bytes_of(std::uint32_t{1u << 30})), "claim more bytes than it has"));
  CHECK(contains(changed(central + 42, bytes_of(std::uint32_t{99999})), "a.npy is not at byte 99999"));
  CHECK(contains(changed(one.size() - 6, std::string(4, '\xff')), "zip64 archive"));
  CHECK(contains(input_error([] { npz(std::string(300, 'x')); }), "the zip archive's end record is missing"));
}

TEST_CASE("npz: which array is the volume") {
  const std::string array = npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3, 2), }", kSixBytes);
  const auto volume = [](const NpzArrays& arrays) { return volume_of(arrays, "x.npz"); };
  CHECK(volume(npz(test::zip_file({{"ct.npy", array}}, 0))).values.shape() == Shape{1, 3, 2, 1});
  CHECK(input_error([&] {
          volume(npz(test::zip_file({{"ct.npy", array}, {"dose.npy", array}}, 0)));
        }) == "x.npz: expected an array \"values\" or a single one, found ct, dose");
  CHECK(contains(input_error([&] {
                   volume(npz(test::zip_file({{"values.npy", array}, {"affine.npy", array}}, 0)));
                 }),
                 "affine is not 4 x 4"));
}

}  // namespace
}  // namespace medusa::datasets
