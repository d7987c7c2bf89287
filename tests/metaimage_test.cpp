// MetaImage files: local and detached voxels, old headers, and files that are not what they claim.
#include "tests/decoded_volumes.h"

namespace medusa::datasets {
namespace {

using namespace test;

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
  CHECK(contains(error("BinaryData = False\n"), "text voxels are not supported"));
  CHECK(contains(error("CompressedData = Perhaps\n"), "x.mha: CompressedData = perhaps, expected True or False"));
  CHECK(contains(error("DimSize = 2 3\n"), "x.mha: DimSize has 2 numbers, expected 3"));
  CHECK(contains(error("DimSize = 2 3 x\n"), "x.mha: DimSize: expected a whole number, found \"x\""));
  CHECK(contains(error("DimSize = 2 3 -1\n"), "claims sizes 2 x 3 x -1"));
  CHECK(contains(error("DimSize = 2 3 7\n"), "x.mha: ends too early"));
  CHECK(contains(error("TransformMatrix = 1 0 0 1\n"), "TransformMatrix has 4 numbers, expected 9"));
  CHECK(contains(error("Offset = nan 0 0\n"), "has NaN or infinite numbers"));
  CHECK(contains(error("HeaderSize = 100\n"), "x.mha: HeaderSize = 100, but the voxel file has 12 bytes"));
  CHECK(contains(error("CompressedData = True\n"), "x.mha: damaged compressed data"));
  CHECK(contains(error("no equals sign\n"), "expected Key = Value, found \"no equals sign\""));
  CHECK(contains(input_error([] { metaimage("NDims = 3\n"); }),
                 "x.mha: is not a MetaImage: has no line ElementDataFile"));
  CHECK(contains(input_error([] { metaimage(""); }), "x.mha: is not a MetaImage"));
  CHECK(contains(input_error([] { metaimage(std::string(100000, 'x')); }), "a line of more than 65536 bytes"));
  CHECK(contains(input_error([] { metaimage(std::string("ab\0cd\n", 6)); }), "x.mha: its header is not text"));
  CHECK(contains(input_error([] { metaimage(small_metaimage("", "LIST")); }),
                 "voxels in a list of files are not supported"));
}

}  // namespace
}  // namespace medusa::datasets
