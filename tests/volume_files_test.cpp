// Readers and writers of volumes: byte orders, number types, geometry, and files that are not what they claim.
#include "tests/volume_files.h"

#include <cmath>
#include <limits>

#include "datasets/metaimage.h"
#include "datasets/nifti.h"
#include "datasets/npy.h"
#include "datasets/nrrd.h"
#include "datasets/volume_file.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::bytes_of;
using test::contains;
using test::gzipped;
using test::input_error;
using test::NiftiFile;
using test::npy_file;
using test::runtime_error;
using test::save;
using test::slurp;
using test::small_metaimage;
using test::small_nifti;
using test::small_nrrd;
using test::TempFolder;

std::span<const unsigned char> span_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}
Volume nifti(const std::string& bytes, const std::string& image = "") {
  return decode_nifti(span_of(bytes), span_of(image), "x.nii");
}
Volume nifti(const NiftiFile& file) { return nifti(file.bytes()); }
Volume metaimage(const std::string& bytes, const std::string& data = "") {
  return decode_metaimage(span_of(bytes), span_of(data), "x.mha");
}
Volume nrrd(const std::string& bytes, const std::string& data = "") {
  return decode_nrrd(span_of(bytes), span_of(data), "x.nrrd");
}
NpyArray npy(const std::string& bytes) { return decode_npy(span_of(bytes), "x.npy"); }
NpzArrays npz(const std::string& bytes) { return decode_npz(span_of(bytes), "x.npz"); }

const std::vector<real> kSix{1, -2, 300, -400, 5, 6};  // the voxels of the small files
const std::string kSixBytes = small_nifti().voxels;

std::array<std::array<double, 4>, 3> rows(std::initializer_list<double> v) {
  std::array<std::array<double, 4>, 3> m;
  std::size_t i = 0;
  for (double x : v) m[i / 4][i % 4] = x, ++i;
  return m;
}

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
  CHECK(contains(input_error([&] { nifti(file); }), "x.nii: value -1e+300 is beyond what this program's numbers hold"));
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
                 "is one half of a pair; " + (folder / "a.img") + " is not there"));
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
  CHECK(contains(input_error([&] { read_volume(folder / "d.img"); }), "d.hdr is not there"));
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
  CHECK(contains(error([](NiftiFile& f) { f.rows[0] = NAN; }),
                 "x.nii: its affine has numbers that are infinite or none"));
  CHECK(contains(input_error([] { nifti("ab"); }), "x.nii: is no NIfTI: 2 bytes long"));
  CHECK(contains(input_error([] { nifti(std::string(400, 'a')); }),
                 "begins with 61 61 61 61, expected the number 348 or 540"));
}

TEST_CASE("nifti: cut off anywhere, the file says so") {
  const std::string plain = small_nifti().bytes(), packed = gzipped(plain);
  for (std::size_t n = 0; n < plain.size(); ++n) {
    CAPTURE(n);
    const std::string error = input_error([&] { nifti(plain.substr(0, n)); });
    CHECK((contains(error, "x.nii: ends too early") || contains(error, "x.nii: is no NIfTI")));
  }
  for (std::size_t n = 3; n < packed.size() - 8; ++n) {  // the last 8 bytes are its checksum and size
    CAPTURE(n);
    CHECK_FALSE(input_error([&] { nifti(packed.substr(0, n)); }).empty());
  }
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  CHECK(contains(input_error([&] { nifti(damaged); }), "x.nii: damaged compressed data"));
}

TEST_CASE("volumes: headers that claim more than the file can hold are refused before memory is asked for") {
  NiftiFile file = small_nifti();
  file.version = 2;
  file.dim = {3, 1 << 20, 1 << 20, 1};  // 2^40 voxels
  CHECK(input_error([&] { nifti(file); }) ==
        "x.nii: ends too early: claims 1048576 x 1048576 x 1 x 1 voxels of int16, 2199023255552 bytes, where at most "
        "12 can be");
  CHECK(contains(input_error([&] { nifti(gzipped(file.bytes())); }), "2199023255552 bytes, where at most"));
  file.dim = {3, std::int64_t{1} << 40, std::int64_t{1} << 40, 1};  // the product overflows
  CHECK(contains(input_error([&] { nifti(file); }), "more than any memory holds"));
  const std::string sizes = "NDims = 3\nDimSize = 1048576 1048576 1\nElementType = MET_SHORT\n";
  CHECK(contains(input_error([&] { metaimage(sizes + "ElementDataFile = LOCAL\nab"); }), "where at most 2 can be"));
  CHECK(contains(input_error([&] { metaimage(sizes + "CompressedData = True\nElementDataFile = LOCAL\nab"); }),
                 "where at most"));
  CHECK(contains(input_error([&] {
                   npy(npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (1048576, 1048576)}", "ab"));
                 }),
                 "where at most 2 can be"));
  const std::string head = "NRRD0004\ntype: short\ndimension: 2\nsizes: 1048576 1048576\nendian: little\n";
  for (const char* encoding : {"raw", "gzip", "text"})
    CHECK(contains(input_error([&] { nrrd(head + "encoding: " + encoding + "\n\n1 2"); }), "x.nrrd: ends too early"));
}

TEST_CASE("metaimage: voxels local and detached, packed or not, both byte orders") {
  const Volume v = metaimage(small_metaimage() + kSixBytes);
  CHECK(v.values.shape() == Shape{1, 3, 2, 1});
  CHECK(v.values.to_vector() == kSix);
  CHECK(v.stored == ScalarType::Int16);
  CHECK(v.affine.m == rows({-2, 0, 0, -10, 0, -3, 0, -20, 0, 0, 4, 30}));  // LPS to RAS
  CHECK(v.file_orientation == "LPS");
  const std::string packed = "CompressedData = True\n", big = "BinaryDataByteOrderMSB = True\n";
  CHECK(metaimage(small_metaimage(packed) + test::deflated(kSixBytes, 15)).values.to_vector() == kSix);
  CHECK(metaimage(small_metaimage(packed) + gzipped(kSixBytes)).values.to_vector() == kSix);
  CHECK(metaimage(small_metaimage(big) + small_nifti(true).voxels).values.to_vector() == kSix);
  CHECK(metaimage(small_metaimage("ElementByteOrderMSB = True\n") + small_nifti(true).voxels).values.to_vector() ==
        kSix);
  CHECK(metaimage(small_metaimage("HeaderSize = 4\n") + "skip" + kSixBytes).values.to_vector() == kSix);
  CHECK(metaimage(small_metaimage("HeaderSize = -1\n") + "skipped" + kSixBytes).values.to_vector() == kSix);
  CHECK(metaimage(small_metaimage("", "x.raw"), kSixBytes).values.to_vector() == kSix);
  const TempFolder folder;
  save(folder / "a.mhd", small_metaimage("", "a.raw"));
  CHECK(contains(input_error([&] { read_volume(folder / "a.mhd"); }), "a.raw: cannot be read"));
  save(folder / "a.raw", kSixBytes);
  CHECK(read_volume(folder / "a.mhd").values.to_vector() == kSix);
}

TEST_CASE("metaimage: directions, old headers, channels, two and four axes") {
  // The first three numbers are where axis i leads: to +y (posterior) here.
  const Volume turned = metaimage(small_metaimage("TransformMatrix = 0 1 0 -1 0 0 0 0 1\n") + kSixBytes);
  CHECK(turned.affine.m == rows({0, 3, 0, -10, -2, 0, 0, -20, 0, 0, 4, 30}));
  CHECK(turned.file_orientation == "PRS");
  const std::string tail = "ElementType = MET_UCHAR\nElementDataFile = LOCAL\nabcdef";
  CHECK(metaimage("NDims = 2\nDimSize = 3 2\n" + tail).values.shape() == Shape{1, 2, 3, 1});
  CHECK(metaimage("NDims = 2\r\nDimSize = 3 2\r\n" + tail).values.at(5) == 'f');
  const Volume colours = metaimage("NDims = 2\nDimSize = 1 2\nElementNumberOfChannels = 3\n" + tail);
  CHECK(colours.values.shape() == Shape{1, 2, 1, 3});
  CHECK(colours.at(0, 0, 0, 1) == 'b');
  CHECK(colours.file_shape == std::vector<std::int64_t>{1, 2, 3});
  const Volume time = metaimage("NDims = 4\nDimSize = 1 2 1 3\n" + tail);
  CHECK(time.values.shape() == Shape{1, 2, 1, 3});
  CHECK(time.at(0, 0, 0, 1) == 'c');
}

TEST_CASE("metaimage: what is refused, each with its reason") {
  const auto error = [](const std::string& more) {
    return input_error([&] { metaimage(small_metaimage(more) + kSixBytes); });
  };
  CHECK(contains(error("NDims = 9\n"), "x.mha: NDims = 9, expected 1 to 4"));
  CHECK(contains(error("ObjectType = Tube\n"), "x.mha: ObjectType = Tube, expected Image"));
  CHECK(contains(error("ElementType = MET_STRING\n"), "x.mha: ElementType MET_STRING, expected one of MET_CHAR"));
  CHECK(contains(error("BinaryData = False\n"), "voxels as text are not read"));
  CHECK(contains(error("CompressedData = Perhaps\n"), "x.mha: CompressedData = perhaps, expected True or False"));
  CHECK(contains(error("DimSize = 2 3\n"), "x.mha: DimSize has 2 numbers, expected 3"));
  CHECK(contains(error("DimSize = 2 3 x\n"), "x.mha: DimSize: expected a whole number, found \"x\""));
  CHECK(contains(error("DimSize = 2 3 -1\n"), "claims sizes 2 x 3 x -1"));
  CHECK(contains(error("DimSize = 2 3 7\n"), "x.mha: ends too early"));
  CHECK(contains(error("TransformMatrix = 1 0 0 1\n"), "TransformMatrix has 4 numbers, expected 9"));
  CHECK(contains(error("Offset = nan 0 0\n"), "infinite or none"));
  CHECK(contains(error("HeaderSize = 100\n"), "x.mha: HeaderSize = 100, but the file of the voxels has 12 bytes"));
  CHECK(contains(error("CompressedData = True\n"), "x.mha: damaged compressed data"));
  CHECK(contains(error("no equals sign\n"), "expected Key = Value, found \"no equals sign\""));
  CHECK(contains(input_error([] { metaimage("NDims = 3\n"); }), "x.mha: is no MetaImage: has no line ElementDataFile"));
  CHECK(contains(input_error([] { metaimage(""); }), "x.mha: is no MetaImage"));
  CHECK(contains(input_error([] { metaimage(std::string(100000, 'x')); }), "a line of more than 65536 bytes"));
  CHECK(contains(input_error([] { metaimage(std::string("ab\0cd\n", 6)); }), "x.mha: its header is no text"));
  CHECK(
      contains(input_error([] { metaimage(small_metaimage("", "LIST")); }), "voxels in a list of files are not read"));
}

TEST_CASE("nrrd: encodings, byte orders, spaces") {
  const Volume v = nrrd(small_nrrd() + kSixBytes);
  CHECK(v.values.shape() == Shape{1, 3, 2, 1});
  CHECK(v.values.to_vector() == kSix);
  CHECK(v.affine.m == rows({-2, 0, 0, -10, 0, -3, 0, -20, 0, 0, 4, 30}));
  CHECK(nrrd(small_nrrd("encoding: gzip\nendian: big\n") + gzipped(small_nifti(true).voxels)).values.to_vector() ==
        kSix);
  const Volume text = nrrd(small_nrrd("encoding: text\n") + "1 -2\n300 -400 5 6\n");
  CHECK(text.values.to_vector() == kSix);
  CHECK(text.stored == ScalarType::Int16);
  CHECK(nrrd(small_nrrd("encoding: raw\nendian: little\nline skip: 1\nbyte skip: 2\n") + "a line\nxx" + kSixBytes)
            .values.to_vector() == kSix);
  CHECK(
      nrrd(small_nrrd("encoding: raw\nendian: little\nbyte skip: -1\n") + "anything" + kSixBytes).values.to_vector() ==
      kSix);
  CHECK(nrrd(small_nrrd("encoding: raw\nendian: little\ndata file: x.raw\n"), kSixBytes).values.to_vector() == kSix);
  CHECK(nrrd(small_nrrd("encoding: raw\nendian: little\nsample units: \"Gy\"\n") + kSixBytes).unit == "Gy");
  const std::string ras = small_nrrd("space: right-anterior-superior\nencoding: raw\nendian: little\n") + kSixBytes;
  CHECK(nrrd(ras).affine.m == rows({2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30}));
  CHECK(nrrd(small_nrrd("space: LAS\nencoding: raw\nendian: little\n") + kSixBytes).file_orientation == "LAS");
}

TEST_CASE("nrrd: channels before and behind the axes in space") {
  const std::string head = "NRRD0005\ntype: unsigned char\ndimension: 4\nencoding: raw\n";
  const Volume before =
      nrrd(head + "sizes: 3 2 1 1\nspace dimension: 3\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\n\nabcdef");
  CHECK(before.values.shape() == Shape{1, 1, 2, 3});
  CHECK(before.at(1, 0, 0, 1) == 'e');
  const Volume behind = nrrd(head + "sizes: 2 1 1 3\nkinds: domain domain domain list\nspacings: 2 3 4 nan\n\nabcdef");
  CHECK(behind.values.shape() == Shape{1, 1, 2, 3});
  CHECK(behind.at(1, 0, 0, 1) == 'd');
  CHECK(behind.spacing() == Vec3{2, 3, 4});
  CHECK(contains(input_error([&] { nrrd(head + "sizes: 2 3 1 1\nkinds: domain list domain domain\n\nabcdef"); }),
                 "x.nrrd: its channels lie between the axes in space"));
}

TEST_CASE("nrrd: what is refused, each with its reason") {
  const auto error = [](const std::string& more) { return input_error([&] { nrrd(small_nrrd(more) + kSixBytes); }); };
  const std::string raw = "encoding: raw\nendian: little\n";
  CHECK(contains(error("encoding: bzip2\n"), "x.nrrd: encoding bzip2 is not read; expected raw, gzip or text"));
  CHECK(contains(error("encoding: raw\n"), "x.nrrd: its header has no field \"endian\""));
  CHECK(contains(error("endian: little\n"), "no field \"encoding\""));
  CHECK(contains(error("encoding: raw\nendian: middle\n"), "endian middle, expected little or big"));
  CHECK(contains(error(raw + "type: block\n"), "x.nrrd: type block is not read"));
  CHECK(contains(error(raw + "sizes: 2 3\n"), "x.nrrd: sizes has 2 numbers, expected 3"));
  CHECK(contains(error(raw + "sizes: 2 3 0\n"), "claims sizes 2 x 3 x 0"));
  CHECK(contains(error(raw + "sizes: 2 3 2\n"), "x.nrrd: ends too early"));
  CHECK(contains(error(raw + "dimension: 17\n"), "dimension 17, expected 1 to 16"));
  CHECK(contains(error(raw + "space directions: (1,0,0) (0,1,0)\n"), "space directions has 2 vectors, expected 3"));
  CHECK(contains(error(raw + "space directions: (1,0,0) [0,1,0] (0,0,1)\n"), "expected (x,y,z) or none"));
  CHECK(contains(error(raw + "space units: \"um\" \"um\" \"um\"\n"), "expected \"mm\""));
  CHECK(contains(error(raw + "nonsense\n"), "expected \"field: value\", found \"nonsense\""));
  CHECK(contains(error(raw + "data file: LIST\n"), "voxels in a list of files are not read"));
  CHECK(contains(error("encoding: text\nsizes: 2 3 3\n"), "x.nrrd: ends too early: 18 numbers cannot be in 12 bytes"));
  CHECK(contains(input_error([] { nrrd("NRRX0004\n\n"); }), "x.nrrd: is no NRRD: begins with \"NRRX0004\""));
  CHECK(contains(input_error([] { nrrd(small_nrrd("encoding: text\n") + "1 2 3 4 5 x"); }),
                 "expected a number, found \"x\""));
  CHECK(contains(input_error([] { nrrd(small_nrrd("encoding: text\n") + "1 2 3 4 5 6 7"); }),
                 "has 7 numbers, expected 6"));
}

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
  CHECK(contains(error("{'descr': '|O', " + tail), "x.npy: type '|O' is not read"));
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
  CHECK(contains(input_error([] { npy("\x93NUMPX\x01"); }), "x.npy: is no .npy"));
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
  CHECK(contains(input_error([] { npz(std::string(300, 'x')); }), "a zip archive's last record is not there"));
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
                 "affine has another shape than 4 x 4"));
}

// A volume that no format changes: whole numbers, an oblique affine that float holds nearly.
Volume oblique_volume(std::int64_t channels, ScalarType type) {
  Tensor values = Tensor::empty({2, 3, 4, channels});
  for (std::int64_t i = 0; i < values.numel(); ++i) values.mutable_data()[i] = static_cast<real>((37 * i) % 101);
  const double c = std::cos(0.3), s = std::sin(0.3);
  Volume v =
      make_volume(values, Affine::from({0.5, 1.25, 3}, {{{c, -s, 0}, {s, c, 0}, {0, 0, -1}}}, {-7, 8, 9}), type, "HU");
  return v;
}

TEST_CASE("volumes: written and read again in every format and type") {
  const TempFolder folder;
  for (const char* end : {".nii", ".nii.gz", ".mha", ".mhd", ".npz", ".npy"})
    for (const std::int64_t channels : {1, 3})
      for (int t = 0; t < 10; ++t) {
        const ScalarType type = static_cast<ScalarType>(t);
        CAPTURE(end);
        CAPTURE(name(type));
        const Volume v = oblique_volume(channels, type);
        const std::string path = folder / (std::string("a") + end);
        write_volume(path, v);
        const Volume back = read_volume(path);
        CHECK(back.values.shape() == v.values.shape());
        CHECK(back.values.to_vector() == v.values.to_vector());
        CHECK(back.stored == type);
        if (std::string(end) == ".npy") continue;  // knows nothing of space
        CHECK(back.unit == "HU");
        for (std::size_t r = 0; r < 3; ++r)
          for (std::size_t c = 0; c < 4; ++c) CHECK(std::abs(back.affine.m[r][c] - v.affine.m[r][c]) < 1e-6);
        // What was turned for work is written as it was.
        write_volume(path, to_ras(back));
        CHECK(read_volume(path).values.to_vector() == v.values.to_vector());
        CHECK(read_volume(path).file_orientation == v.file_orientation);
      }
}

TEST_CASE("volumes: qform and sform that are written agree") {
  const TempFolder folder;
  for (const char* code : {"RAS", "LPS", "PIR", "ASL", "LSA", "SRP", "IPL"}) {
    CAPTURE(code);
    Volume v = to_orientation(oblique_volume(1, ScalarType::Int16), code);
    v.file_orientation = code;
    write_volume(folder / "a.nii", v);
    const Affine by_sform = read_volume(folder / "a.nii").affine;
    std::string bytes = slurp(folder / "a.nii");
    bytes[254] = 0;  // no sform
    const Affine by_qform = nifti(bytes).affine;
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c) CHECK(std::abs(by_qform.m[r][c] - by_sform.m[r][c]) < 1e-5);
  }
  Volume sheared = oblique_volume(1, ScalarType::Int16);
  sheared.affine.m[0][1] += 1;
  write_volume(folder / "a.nii", sheared);
  CHECK(slurp(folder / "a.nii")[252] == 0);  // qform cannot hold it
}

TEST_CASE("volumes: scaled numbers go back as they were, or as float32 where the format has no scale") {
  const TempFolder folder;
  NiftiFile file = small_nifti();
  file.slope = 0.0754069686;
  file.intercept = 3100.76171875;
  const Volume v = nifti(file);
  write_volume(folder / "a.nii", v);
  CHECK(slurp(folder / "a.nii").substr(352) == file.voxels);
  CHECK(read_volume(folder / "a.nii").values.to_vector() == v.values.to_vector());
  write_volume(folder / "a.mha", v);
  CHECK(read_volume(folder / "a.mha").stored == (sizeof(real) == 8 ? ScalarType::Float64 : ScalarType::Float32));
  CHECK(read_volume(folder / "a.mha").values.to_vector() == v.values.to_vector());
}

TEST_CASE("volumes: values that do not fit, names that say nothing, folders that are not there") {
  const TempFolder folder;
  Volume v = oblique_volume(1, ScalarType::Int16);
  v.values.mutable_data()[5] = 40000;
  for (const char* end : {".nii", ".nii.gz", ".mha", ".mhd", ".npy", ".npz"}) {
    CAPTURE(end);
    const std::string path = folder / (std::string("a") + end);
    CHECK(contains(input_error([&] { write_volume(path, v); }), path + ": value 40000 does not fit into int16"));
    CHECK_FALSE(std::filesystem::exists(path));
  }
  v.values.mutable_data()[5] = std::numeric_limits<real>::quiet_NaN();
  CHECK(contains(input_error([&] { write_volume(folder / "a.nii", v); }), "value nan does not fit into int16"));
  CHECK(contains(input_error([&] { write_volume(folder / "a.tif", v); }),
                 "a.tif: expected a name that ends in one of .nii, .nii.gz"));
  v.stored = ScalarType::Float32;
  CHECK(contains(runtime_error([&] { write_volume(folder / "none/a.nii", v); }), "none/a.nii: cannot be written"));
}

TEST_CASE("volumes: formats are told by content, then by name") {
  const auto format = [](const std::string& bytes, const std::string& path) {
    return volume_format(span_of(bytes), path);
  };
  CHECK(format(small_nifti().bytes(), "x") == "NIfTI");
  CHECK(format(gzipped(small_nifti().bytes()), "x.dat") == "NIfTI");
  CHECK(format(gzipped("something else"), "x.dat") == "");
  CHECK(format(small_metaimage(), "x") == "MetaImage");
  CHECK(format("NDims = 3\n", "x.mha") == "MetaImage");
  CHECK(format(small_nrrd(), "x.mha") == "NRRD");
  CHECK(format("\x93NUMPY", "x.nii") == "npy");
  CHECK(format("garbage", "x.NII.GZ") == "NIfTI");
  CHECK(format("garbage", "x.txt") == "");
  const TempFolder folder;
  save(folder / "x.txt", "garbage");
  CHECK(input_error([&] { read_volume(folder / "x.txt"); }) ==
        (folder / "x.txt") + ": is none of NIfTI, MetaImage, NRRD, npy, npz");
  CHECK(contains(input_error([&] { read_volume(folder.path); }), "is a folder, expected a file"));
}

}  // namespace
}  // namespace medusa::datasets
