// NRRD files: encodings, spaces, channels, and files that are not what they claim.
#include "tests/decoded_volumes.h"

namespace medusa::datasets {
namespace {

using namespace test;

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
                 "x.nrrd: its channels lie between the spatial axes"));
}

TEST_CASE("nrrd: what is refused, each with its reason") {
  const auto error = [](const std::string& more) { return input_error([&] { nrrd(small_nrrd(more) + kSixBytes); }); };
  const std::string raw = "encoding: raw\nendian: little\n";
  CHECK(contains(error("encoding: bzip2\n"), "x.nrrd: encoding bzip2 is not supported; expected raw, gzip or text"));
  CHECK(contains(error("encoding: raw\n"), "x.nrrd: its header has no field \"endian\""));
  CHECK(contains(error("endian: little\n"), "no field \"encoding\""));
  CHECK(contains(error("encoding: raw\nendian: middle\n"), "endian middle, expected little or big"));
  CHECK(contains(error(raw + "type: block\n"), "x.nrrd: type block is not supported"));
  CHECK(contains(error(raw + "sizes: 2 3\n"), "x.nrrd: sizes has 2 numbers, expected 3"));
  CHECK(contains(error(raw + "sizes: 2 3 0\n"), "claims sizes 2 x 3 x 0"));
  CHECK(contains(error(raw + "sizes: 2 3 2\n"), "x.nrrd: ends too early"));
  CHECK(contains(error(raw + "dimension: 17\n"), "dimension 17, expected 1 to 16"));
  CHECK(contains(error(raw + "space directions: (1,0,0) (0,1,0)\n"), "space directions has 2 vectors, expected 3"));
  CHECK(contains(error(raw + "space directions: (1,0,0) [0,1,0] (0,0,1)\n"), "expected (x,y,z) or none"));
  CHECK(contains(error(raw + "space units: \"um\" \"um\" \"um\"\n"), "expected \"mm\""));
  CHECK(contains(error(raw + "nonsense\n"), "expected \"field: value\", found \"nonsense\""));
  CHECK(contains(error(raw + "data file: LIST\n"), "voxels in a list of files are not supported"));
  CHECK(
      contains(error("encoding: text\nsizes: 2 3 3\n"), "x.nrrd: ends too early: 18 numbers do not fit into 12 bytes"));
  CHECK(contains(input_error([] { nrrd("NRRX0004\n\n"); }), "x.nrrd: is not an NRRD file: begins with \"NRRX0004\""));
  CHECK(contains(input_error([] { nrrd(small_nrrd("encoding: text\n") + "1 2 3 4 5 x"); }),
                 "expected a number, found \"x\""));
  CHECK(contains(input_error([] { nrrd(small_nrrd("encoding: text\n") + "1 2 3 4 5 6 7"); }),
                 "has 7 numbers, expected 6"));
}

}  // namespace
}  // namespace medusa::datasets
