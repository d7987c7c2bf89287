// Anybody's own data: what dataset.toml and the table may say, and what comes out.
#include "datasets/layouts/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/images/image.h"
#include "datasets/layouts/registry.h"
#include "datasets/split.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

TEST_CASE("folder: volumes of every format, what counts and what is absent") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  save(folder / "cases.csv", kTable);
  CHECK(default_size("folder", folder.path) == Extent{4, 4, 4});
  const auto dataset = open_dataset(options_for(folder.path, 4, 4, 4));
  REQUIRE(dataset->size() == 2);
  CHECK(make_split(*dataset, 0, 0, 0).val == std::vector<std::int64_t>{1});
  const Sample a = dataset->get(0), b = dataset->get(1);
  CHECK(a.input.to_vector() == b.input.to_vector());
  const std::int64_t place = (1 * 4 + 2) * 4 + 3;  // i = 3, j = 2, k = 1
  CHECK(a.input.at(3) == 1);
  CHECK(a.input.at((2 * 4 + 1) * 4) == 0);
  CHECK(a.input.at(1) == doctest::Approx(1 / 3.0));
  CHECK(a.targets[0].value.shape() == Shape{4, 4, 4, 2});
  CHECK(a.targets[0].value.at(2 * place) == 0);
  CHECK(a.targets[0].value.at(2 * place + 1) == 1);
  CHECK(a.targets[0].mask.to_vector() == std::vector<real>{1, 1});
  CHECK(b.targets[0].mask.to_vector() == std::vector<real>{0, 1});
  CHECK(a.targets[1].value.at(3) == doctest::Approx(21 / 70.0));
  CHECK(a.targets[1].mask.at(3) == 1);
  CHECK(a.targets[1].mask.at(place) == 0);
  CHECK(a.targets[2].value.to_vector() == std::vector<real>{1});
  CHECK_FALSE(b.targets[2].value);  // only_if
  CHECK(dataset->class_of(0, 2) == 1);
  CHECK(dataset->class_of(1, 2) == -1);
  CHECK(dataset->targets()[1].scale == 70);
  // Mirrored, left is right.
  DatasetOptions o = options_for(folder.path, 4, 4, 4);
  o.augment.horizontal_flip = 1;
  const Sample m = open_dataset(o)->get_augmented(1, 0, 0);
  CHECK(m.targets[0].mask.to_vector() == std::vector<real>{1, 0});
  CHECK(m.targets[0].value.at(0) == 1);
  CHECK(m.targets[1].value.at(0) == doctest::Approx(21 / 70.0));
  CHECK(m.input.at(0) == 1);
  const RawSample raw = dataset->raw(1);
  REQUIRE(raw.ranges.size() == 2);
  CHECK(raw.ranges[1].high == 21);
  CHECK(raw.ranges[1].unit == "Gy");
}

TEST_CASE("folder: other grids keep small structures, and doses are not diluted at a mask's edge") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  save(folder / "cases.csv", kTable);
  DatasetOptions o = options_for(folder.path, 2, 2, 2);
  o.spacing = {2};
  const Sample half = open_dataset(o)->get(0);
  CHECK(half.spacing == std::vector<double>{2, 2, 2});
  CHECK(half.targets[0].mask.to_vector() == std::vector<real>{1, 1});
  CHECK(half.targets[1].mask.at(0) == 1);
  CHECK(half.targets[1].value.at(0) > doctest::Approx(0.02));
  // With padding: there the dose does not count.
  o = options_for(folder.path, 8, 8, 8);
  const Sample wide = open_dataset(o)->get(0);
  CHECK(wide.targets[1].mask.at(0) == 0);
  CHECK(wide.input.at(0) == 0);
  CHECK(wide.targets[1].mask.at((3 * 8 + 2) * 8 + 4) == 1);
  CHECK(wide.targets[1].value.at((3 * 8 + 2) * 8 + 4) == doctest::Approx(14 / 70.0));
}

TEST_CASE("folder: pictures, grey and colour, masks and class maps") {
  const TempFolder folder;
  Image colour(4, 2, 3), grey(4, 2, 1), mask(4, 2, 1), map(4, 2, 1);
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t c = 0; c < 3; ++c) colour.pixels[3 * i + c] = static_cast<std::uint8_t>(10 * i + c);
    grey.pixels[i] = static_cast<std::uint8_t>(51 * (i % 6));
    mask.pixels[i] = i % 4 < 2 ? 255 : 0;
    map.pixels[i] = static_cast<std::uint8_t>(i % 4 == 3 ? 9 : i % 4 == 2 ? 5 : 0);
  }
  write_png(folder / "c.png", colour);
  write_png(folder / "g.png", grey);
  write_png(folder / "m.png", mask);
  write_png(folder / "k.png", map);
  const auto describe = [&](const std::string& input, const std::string& target) {
    save(folder / "dataset.toml", "size = \"2x4\"\nmanifest = \"t.csv\"\n[input.x]\ncolumn = \"photo\"\n" + input +
                                      "[target.t]\nkind = \"segmentation\"\n" + target);
  };
  save(folder / "t.csv", "case,photo,t\np,c.png,m.png\nq,g.png,\n");
  describe("channels = 3\nmean = 10\nstd = [2, 2, 2]\n", "");
  const auto dataset = open_dataset(options_for(folder.path, 0, 2, 4));
  const Sample p = dataset->get(0), q = dataset->get(1);
  CHECK(p.spacing.empty());
  CHECK(p.input.shape() == Shape{2, 4, 3});
  CHECK(p.input.at(3 * 5 + 1) == doctest::Approx((51 - 10) / 2.0));
  CHECK(q.input.at(3 * 2 + 2) == doctest::Approx((102 - 10) / 2.0));  // grey became colour
  CHECK(p.targets[0].value.to_vector() == std::vector<real>{1, 1, 0, 0, 1, 1, 0, 0});
  CHECK_FALSE(q.targets[0].value);
  CHECK(dataset->part(0).empty());
  DatasetOptions o = options_for(folder.path, 0, 2, 4);
  o.augment.vertical_flip = o.augment.horizontal_flip = 1;
  const Sample turned = open_dataset(o)->get_augmented(0, 0, 0);
  CHECK(turned.targets[0].value.to_vector() == std::vector<real>{0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(turned.input.at(0) == doctest::Approx(p.input.at(3 * 7)));

  save(folder / "t.csv", "case,photo,t\np,c.png,k.png\n");
  describe("", "classes = [\"a\", \"b\", \"c\"]\nvalues = [0, 9, 5]\n");
  const Sample classes = open_dataset(options_for(folder.path, 0, 2, 4))->get(0);
  CHECK(classes.targets[0].value.to_vector() == std::vector<real>{0, 0, 2, 1, 0, 0, 2, 1});
  CHECK(classes.input.shape() == Shape{2, 4, 1});
  CHECK(classes.input.at(7) == doctest::Approx(71 / 255.0));  // luma of 70, 71, 72
  describe("", "classes = [\"a\", \"b\", \"c\"]\n");
  CHECK(input_error([&] { open_dataset(options_for(folder.path, 0, 2, 4))->get(0); }) ==
        (folder / "k.png") + ": holds 5, expected the numbers of 3 classes: 0, 1, 2");
  describe("", "");
  CHECK(input_error([&] { open_dataset(options_for(folder.path, 0, 2, 4))->get(0); }) ==
        (folder / "k.png") + ": holds 5, expected 0 and 1 or 0 and 255");
  save(folder / "t.csv", "case,photo,t\np,g.png,c.png\n");
  CHECK(input_error([&] { open_dataset(options_for(folder.path, 0, 2, 4))->get(0); }) ==
        (folder / "c.png") + ": is in colour, expected class numbers");
  describe("normalise = \"case\"\n", "");
  save(folder / "t.csv", "case,photo,t\np,g.png,\n");
  const std::vector<real> scored = open_dataset(options_for(folder.path, 0, 2, 4))->get(0).input.to_vector();
  double sum = 0, squares = 0;
  for (real v : scored) sum += static_cast<double>(v), squares += static_cast<double>(v * v);
  CHECK(sum == doctest::Approx(0).epsilon(1e-4));
  CHECK(squares / 8 == doctest::Approx(1));
  CHECK(input_error([&] { open_dataset(options_for(folder.path, 4, 4, 4))->get(0); }) ==
        (folder / "g.png") + ": is a picture, expected a volume, since the size has three sides");
  o = options_for(folder.path, 0, 2, 4);
  o.spacing = {1};
  CHECK(contains(input_error([&] { open_dataset(o); }), "folder: spacing is for volumes"));
}

TEST_CASE("folder: pictures are deformed, and their masks with them") {
  const TempFolder folder;
  Image photo(64, 48, 1), mask(64, 48, 1);
  for (std::int64_t y = 0; y < 48; ++y)
    for (std::int64_t x = 0; x < 64; ++x) {
      const bool in = (x - 30) * (x - 30) + (y - 22) * (y - 22) < 150;
      *photo.at(x, y) = in ? 200 : 50;
      *mask.at(x, y) = in ? 255 : 0;
    }
  write_png(folder / "p.png", photo);
  write_png(folder / "m.png", mask);
  save(folder / "dataset.toml",
       "size = \"48x64\"\nmanifest = \"t.csv\"\n[input.x]\ncolumn = \"photo\"\n[target.t]\nkind = \"segmentation\"\n");
  save(folder / "t.csv", "case,photo,t\np,p.png,m.png\n");
  DatasetOptions o = options_for(folder.path, 0, 48, 64);
  const auto pixels = [](const Sample& s) { return s.input.to_vector(); };
  const std::vector<real> plain = pixels(open_dataset(o)->get(0));
  CHECK(pixels(open_dataset(o)->get_augmented(0, 1, 2)) == plain);
  o.augment.elastic = 0.1;
  const auto dataset = open_dataset(o);
  const Sample bent = dataset->get_augmented(0, 1, 2);
  CHECK(pixels(bent) != plain);
  CHECK(pixels(bent) == pixels(dataset->get_augmented(0, 1, 2)));
  CHECK(pixels(bent) != pixels(dataset->get_augmented(0, 2, 2)));
  CHECK(pixels(bent) != pixels(dataset->get_augmented(0, 1, 3)));
  int apart = 0;
  for (std::int64_t i = 0; i < bent.input.numel(); ++i)
    apart += (bent.input.at(i) > real(125.0 / 255)) != (bent.targets[0].value.at(i) > 0);
  CHECK(apart < 10);
}

TEST_CASE("folder: what a target's mask leaves out may be NaN; what it counts may not") {
  const TempFolder folder;
  write_volumes(folder);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto dose = [&](bool inside) {
    return volume(4, 4, 4, [&](auto i, auto j, auto) { return (inside ? j == 0 : j >= 2) && i == 1 ? nan : 7.0 * i; });
  };
  datasets::write_volume(folder / "outside.npy", dose(false));
  datasets::write_volume(folder / "inside.npy", dose(true));
  save(folder / "dataset.toml",
       "[input.ct]\n[target.dose]\nkind = \"regression\"\nmask = \"body\"\n[target.all]\nkind = \"regression\"\n");
  const auto sample = [&](const std::string& columns) {
    save(folder / "cases.csv", "case,ct,dose,body,all\na,a/ct.nii.gz," + columns + "\n");
    return open_dataset(options_for(folder.path, 4, 4, 4))->get(0);
  };
  const Sample good = sample("outside.npy,a/body.npz,");
  for (real v : good.targets[0].value.to_vector()) CHECK(std::isfinite(v));
  CHECK(good.targets[0].value.at(1) == 7);
  CHECK(good.targets[0].mask.at(2 * 4 + 1) == 0);
  CHECK(contains(input_error([&] { sample("inside.npy,a/body.npz,"); }), "inside.npy: 4 of 64 values"));
  CHECK(contains(input_error([&] { sample(",,outside.npy"); }), "outside.npy: 8 of 64 values"));
}
