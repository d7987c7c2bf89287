// NIfTI files: versions, byte orders, number types, geometry, and files that are not what they claim.
#include <cmath>
#include <limits>

#include "tests/decoded_volumes.h"

namespace medusa::datasets {
namespace {

using namespace test;
using test::bytes_of;  // of numbers: datasets has one of types

TEST_CASE("nifti: both versions, both byte orders, packed or not") {
  for (const int version : {1, 2})
    for (const bool big : {false, true})
      for (const bool packed : {false, true}) {
        CAPTURE(version);
        CAPTURE(big);
        NiftiFile file = small_nifti(big);
        file.version = version;
        const Volume v = nifti(packed ? gzipped(file.bytes()) : file.bytes());
        CHECK(v.values.shape() == Shape{1, 3, 2, 1});
        CHECK(v.values.to_vector() == kSix);
        CHECK(v.at(1, 2, 0) == 6);
        CHECK(v.affine.m == rows({2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30}));
        CHECK(v.stored == ScalarType::Int16);
        CHECK(v.file_shape == std::vector<std::int64_t>{2, 3, 1});
        CHECK(v.file_orientation == "RAS");
      }
}

template <class T>
void check_type(int code, ScalarType type, const std::vector<T>& numbers, const std::vector<real>& expected) {
  CAPTURE(name(type));
  for (const bool big : {false, true}) {
    NiftiFile file = small_nifti(big);
    file.dim = {1, static_cast<std::int64_t>(numbers.size())};
    file.datatype = static_cast<std::int16_t>(code);
    file.voxels = bytes_of(numbers, big);
    const Volume v = nifti(file);
    CHECK(v.values.to_vector() == expected);
    CHECK(v.stored == type);
    CHECK(v.rounded == 0);
  }
}

TEST_CASE("nifti: every number type in both byte orders") {
  check_type<std::uint8_t>(2, ScalarType::UInt8, {0, 7, 255}, {0, 7, 255});
  check_type<std::int8_t>(256, ScalarType::Int8, {-128, -1, 127}, {-128, -1, 127});
  check_type<std::int16_t>(4, ScalarType::Int16, {-32768, 258, 32767}, {-32768, 258, 32767});
  check_type<std::uint16_t>(512, ScalarType::UInt16, {0, 258, 65535}, {0, 258, 65535});
  check_type<std::int32_t>(8, ScalarType::Int32, {-16777216, 66051, -1}, {-16777216, 66051, -1});
  check_type<std::uint32_t>(768, ScalarType::UInt32, {0x80000000u, 66051, 1}, {2147483648.0f, 66051, 1});
  check_type<std::int64_t>(1024, ScalarType::Int64, {-(std::int64_t{1} << 62), 66051, -3},
                           {-4611686018427387904.0f, 66051, -3});
  check_type<std::uint64_t>(1280, ScalarType::UInt64, {std::uint64_t{1} << 63, 66051, 3},
                            {9223372036854775808.0f, 66051, 3});
  check_type<float>(16, ScalarType::Float32, {1.5f, -0.25f, 1e30f}, {1.5f, -0.25f, 1e30f});
  check_type<double>(64, ScalarType::Float64, {1.5, -0.25, 1024}, {1.5f, -0.25f, 1024});
}

TEST_CASE("nifti: numbers that a float cannot hold are rounded and counted") {
  if (sizeof(real) > 4) return;
  NiftiFile file = small_nifti();
  file.dim = {1, 4};
  file.datatype = 8;
  file.voxels = bytes_of(std::vector<std::int32_t>{16777216, 16777217, 2147483647, -5});
  CHECK(nifti(file).rounded == 2);
  CHECK(nifti(file).values.to_vector() == std::vector<real>{16777216, 16777216, 2147483648.0f, -5});
  file.datatype = 1280;
  file.voxels =
      bytes_of(std::vector<std::uint64_t>{~std::uint64_t{0}, std::uint64_t{1} << 40, 3, (std::uint64_t{1} << 60) + 1});
  CHECK(nifti(file).rounded == 2);
  file.datatype = 64;
  file.voxels = bytes_of(std::vector<double>{0.1, 0.5, std::nan(""), INFINITY});
  const Volume v = nifti(file);
  CHECK(v.rounded == 1);
  CHECK(v.values.at(0) == real(0.1));
  CHECK(std::isnan(v.values.at(2)));
  file.voxels = bytes_of(std::vector<double>{0, 0, 0, -1e300});
  CHECK(contains(input_error([&] { nifti(file); }), "x.nii: value -1e+300 is beyond the largest number of this build"));
}

TEST_CASE("nifti: slope and intercept, and slopes that mean none") {
  NiftiFile file = small_nifti();
  file.slope = 0.5;
  file.intercept = -3;
  Volume v = nifti(file);
  CHECK(v.values.to_vector() == std::vector<real>{-2.5, -4, 147, -203, -0.5, 0});
  CHECK(v.slope == 0.5);
  CHECK(v.intercept == -3);
  for (const double slope : {0.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    file.slope = slope;
    CHECK(nifti(file).values.to_vector() == kSix);
    CHECK(nifti(file).slope == 1);
  }
  file.slope = 1;
  file.intercept = INFINITY;
  CHECK(input_error([&] { nifti(file); }) == "x.nii: scl_inter is inf");
}

TEST_CASE("nifti: sform before qform before voxel sizes") {
  NiftiFile file = small_nifti();
  file.qform = 1;
  file.offset = {7, 8, 9};
  CHECK(nifti(file).affine.m[0][3] == 10);  // sform
  file.sform = 0;
  CHECK(nifti(file).affine.m == rows({2, 0, 0, 7, 0, 3, 0, 8, 0, 0, 4, 9}));
  file.pixdim[0] = -1;  // qfac
  CHECK(nifti(file).affine.m == rows({2, 0, 0, 7, 0, 3, 0, 8, 0, 0, -4, 9}));
  file.pixdim[0] = 0;           // as 1
  file.quaternion = {0, 0, 1};  // half a turn about z
  CHECK(nifti(file).affine.m == rows({-2, 0, 0, 7, 0, -3, 0, 8, 0, 0, 4, 9}));
  const double half = std::sqrt(0.5);
  file.quaternion = {0, 0, half};  // a quarter: i to y, j to -x
  const Affine quarter = nifti(file).affine;
  CHECK(quarter.m[1][0] == doctest::Approx(2));
  CHECK(quarter.m[0][1] == doctest::Approx(-3));
  file.quaternion = {1, 1, 0};
  CHECK(contains(input_error([&] { nifti(file); }), "x.nii: qform's quaternion (1, 1, 0) is longer than 1"));
  file.qform = 0;  // neither: i to the left, the origin in the middle
  CHECK(nifti(file).affine.m == rows({-2, 0, 0, 1, 0, 3, 0, -3, 0, 0, 4, 0}));
  file.qform = 17;  // unknown codes count as none
  file.sform = -3;
  CHECK(nifti(file).affine.m[0][0] == -2);
  file.pixdim = {1, 0, -3, 4};
  CHECK(nifti(file).affine.m == rows({-1, 0, 0, 0.5, 0, 3, 0, -3, 0, 0, 4, 0}));
}

TEST_CASE("nifti: metres and micrometres become millimetres") {
  NiftiFile file = small_nifti();
  file.units = 1 | 8;  // metres, seconds
  CHECK(nifti(file).affine.m == rows({2000, 0, 0, 10000, 0, 3000, 0, 20000, 0, 0, 4000, 30000}));
  file.units = 3;
  CHECK(nifti(file).spacing()[0] == doctest::Approx(0.002));
  file.units = 0;
  CHECK(nifti(file).spacing()[0] == 2);
}

TEST_CASE("nifti: one to five axes; time and the like become channels") {
  NiftiFile file = small_nifti();
  file.dim = {1, 6};
  CHECK(nifti(file).values.shape() == Shape{1, 1, 6, 1});
  file.dim = {2, 2, 3};
  CHECK(nifti(file).values.shape() == Shape{1, 3, 2, 1});
  file.dim = {4, 1, 2, 1, 3};  // three time points of two voxels
  const Volume v = nifti(file);
  CHECK(v.values.shape() == Shape{1, 2, 1, 3});
  CHECK(v.values.to_vector() == std::vector<real>{1, 300, 5, -2, -400, 6});
  file.dim = {5, 1, 2, 1, 1, 3};
  CHECK(nifti(file).values.to_vector() == v.values.to_vector());
  CHECK(nifti(file).file_shape == std::vector<std::int64_t>{1, 2, 1, 1, 3});
}

TEST_CASE("nifti: extensions, filling and several members of gzip are passed over") {
  NiftiFile file = small_nifti();
  file.extension = std::string(64, 'x');
  CHECK(nifti(file).values.to_vector() == kSix);
  CHECK(nifti(file.bytes() + "behind").values.to_vector() == kSix);
  const std::string bytes = file.bytes();
  CHECK(nifti(gzipped(bytes.substr(0, 100)) + gzipped(bytes.substr(100)) + std::string(50, '\0')).values.to_vector() ==
        kSix);
  file.vox_offset = 0;
  file.extension = "";
  CHECK(nifti(file).values.to_vector() == kSix);
}

TEST_CASE("nifti: pairs of files, asked for by either name") {
  const TempFolder folder;
  NiftiFile file = small_nifti();
  file.magic = "ni1";
  file.vox_offset = 4;
  save(folder / "a.hdr", file.header());
  CHECK(contains(input_error([&] { read_volume(folder / "a.hdr"); }),
                 "is one half of a pair; " + (folder / "a.img") + " is missing"));
  save(folder / "a.img", "skip" + file.voxels);
  CHECK(read_volume(folder / "a.hdr").values.to_vector() == kSix);
  CHECK(read_volume(folder / "a.img").values.to_vector() == kSix);
  save(folder / "b.hdr.gz", gzipped(file.header()));
  save(folder / "b.img.gz", gzipped("skip" + file.voxels));
  CHECK(read_volume(folder / "b.img.gz").values.to_vector() == kSix);
  save(folder / "c.hdr", file.header());
  save(folder / "c.img.gz", gzipped("skip" + file.voxels));
  CHECK(read_volume(folder / "c.hdr").values.to_vector() == kSix);
  save(folder / "d.img", file.voxels);
  CHECK(contains(input_error([&] { read_volume(folder / "d.img"); }), "d.hdr is missing"));
  save(folder / "e.nii", file.header());
  CHECK(contains(input_error([&] { read_volume(folder / "e.nii"); }),
                 "is the header of a pair, whose name should end in .hdr"));
}

TEST_CASE("nifti: what is refused, each with its reason") {
  const auto error = [](auto change) {
    NiftiFile file = small_nifti();
    change(file);
    return input_error([&] { nifti(file); });
  };
  const auto type = [&error](int code) {
    return error([code](NiftiFile& f) { f.datatype = static_cast<std::int16_t>(code); });
  };
  CHECK(contains(type(32), "x.nii: holds complex numbers (datatype 32)"));
  CHECK(contains(type(1792), "complex"));
  CHECK(contains(type(128), "x.nii: holds RGB colours (datatype 128)"));
  CHECK(contains(type(2304), "RGB"));
  CHECK(contains(type(1536), "128 bits"));
  CHECK(contains(type(1), "x.nii: datatype 1 is unknown"));
  CHECK(contains(error([](NiftiFile& f) { f.magic = "abc"; }), "x.nii: is Analyze 7.5 (magic \"abc\""));
  CHECK(contains(error([](NiftiFile& f) { f.magic = "n+2"; }), "x.nii: magic \"n+2\", expected \"n+1\" or \"ni1\""));
  CHECK(contains(error([](NiftiFile& f) { f.dim = {0}; }), "x.nii: claims 0 axes, expected 1 to 7"));
  CHECK(contains(error([](NiftiFile& f) { f.dim = {8, 1}; }), "claims 8 axes"));
  CHECK(contains(error([](NiftiFile& f) {
                   f.dim = {3, 2, 0, 1};
                 }),
                 "x.nii: claims sizes 2 x 0 x 1, expected 1 or more each"));
  CHECK(contains(error([](NiftiFile& f) { f.dim = {3, 2, -3, 1}; }), "claims sizes 2 x -3 x 1"));
  CHECK(contains(error([](NiftiFile& f) { f.vox_offset = 100; }),
                 "x.nii: vox_offset 100 lies in the header, expected 352 or more"));
  CHECK(contains(error([](NiftiFile& f) { f.vox_offset = 1e9; }), "x.nii: ends too early"));
  CHECK(contains(error([](NiftiFile& f) { f.rows[0] = NAN; }), "x.nii: its affine has NaN or infinite numbers"));
  CHECK(contains(input_error([] { nifti("ab"); }), "x.nii: is not a NIfTI file: 2 bytes long"));
  CHECK(
      contains(input_error([] { nifti(gzipped("ab")); }), "x.nii: is not a NIfTI file: 2 bytes long, unpacked from "));
  CHECK(contains(input_error([] { nifti(gzipped(small_nifti().bytes()).substr(0, 12)); }),
                 "x.nii: is cut off: its 12 bytes unpack to "));
  CHECK(contains(input_error([] { nifti(std::string(400, 'a')); }),
                 "begins with 61 61 61 61, expected the number 348 or 540"));
}

TEST_CASE("nifti: cut off anywhere, the file says so") {
  const std::string plain = small_nifti().bytes(), packed = gzipped(plain);
  for (std::size_t n = 0; n < plain.size(); ++n) {
    CAPTURE(n);
    const std::string error = input_error([&] { nifti(plain.substr(0, n)); });
    CHECK((contains(error, "x.nii: ends too early") || contains(error, "x.nii: is not a NIfTI file")));
  }
  for (std::size_t n = 3; n < packed.size() - 8; ++n) {  // the last 8 bytes are its checksum and size
    CAPTURE(n);
    CHECK_FALSE(input_error([&] { nifti(packed.substr(0, n)); }).empty());
  }
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  CHECK(contains(input_error([&] { nifti(damaged); }), "x.nii: damaged compressed data"));
}

}  // namespace
}  // namespace medusa::datasets
