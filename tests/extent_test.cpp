// Sizes of pictures and volumes: what they parse, refuse and print.
#include "datasets/extent.h"

#include <doctest/doctest.h>

#include "tensor/check.h"

using namespace medusa;
using datasets::Extent;

TEST_CASE("extent: text is [depth x] height x width, both ways") {
  const Extent picture = Extent::parse("96x128", "--size"), volume = Extent::parse("4x5x6", "--size");
  CHECK(picture == Extent{96, 128});
  CHECK(picture.depth == 0);
  CHECK(picture.height == 96);
  CHECK(picture.width == 128);
  CHECK(volume == Extent{4, 5, 6});
  CHECK(volume.depth == 4);
  CHECK(volume.width == 6);
  CHECK(picture.text() == "96x128");
  CHECK(volume.text() == "4x5x6");
  CHECK(picture.spatial_dims() == 2);
  CHECK(volume.spatial_dims() == 3);
  CHECK(picture.sides() == std::vector<std::int64_t>{96, 128});
  CHECK(volume.sides() == std::vector<std::int64_t>{4, 5, 6});
  CHECK(picture.voxels() == 96 * 128);
  CHECK(volume.voxels() == 120);
  CHECK(picture.multiple_of(32));
  CHECK_FALSE(volume.multiple_of(2));
}

TEST_CASE("extent: none given") {
  CHECK(Extent().empty());
  CHECK(Extent().sides().empty());
  CHECK(Extent().text().empty());
  CHECK_FALSE(Extent(1, 1).empty());
}

TEST_CASE("extent: what is no size is refused, with the name of the option") {
  for (const char* text : {"", "96", "96x", "x96", "96x128x", "96X128", "96 x128", "+96x128", "-1x4", "0x4", "4x0x4",
                           "1.5x4", "1x2x3x4", "16385x4", "99999999999999999999x4", "4x4,"}) {
    INFO(text);
    CHECK_THROWS_WITH_AS(Extent::parse(text, "--patch"),
                         doctest::Contains((std::string("--patch ") + text + ": expected HEIGHTxWIDTH").c_str()),
                         InputError);
  }
  CHECK(Extent::parse("16384x1", "--size").height == Extent::kMostSide);
}
