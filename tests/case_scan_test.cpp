// Scans that are in no dataset: the network's input is that of training, and outputs come back to the scan's own grid.
#include <doctest/doctest.h>

#include "datasets/cases/plan_toml.h"
#include "datasets/cases/scan.h"
#include "datasets/images/image.h"
#include "datasets/layouts/registry.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

namespace {

CasePlan plan_of(const Dataset& dataset) {
  return read_description(parse_toml(dataset.description(), "description"), "description").plan;
}

// A plan of one input, its own voxels or those of `spacing`.
CasePlan plan_with(const std::vector<double>& spacing) {
  CasePlan plan;
  plan.inputs = {{"ct", "ct", 1, {}, {}, {}, false}};
  plan.spacing = spacing;
  return plan;
}

}  // namespace

TEST_CASE("case scan: from the description alone the very input that training saw") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "cases.csv", kTable);
  const std::string toml = kToml;
  for (const std::string grid : {"spacing = 1\n", "spacing = [0.7, 1.3, 2]\n", "field_of_view = 3\n", "\n"})
    for (const std::string values : {"window = [0, 30]\n", "mean = 3\ndeviation = 7\n", "normalise = \"case\"\n"}) {
      std::string text = toml;
      text.replace(text.find("spacing = 1\n"), 12, grid);
      text.replace(text.find("window = [0, 30]\n"), 17, values);
      save(folder / "dataset.toml", text);
      const auto dataset = open_dataset(options_for(folder.path, 3, 4, 5));
      const CaseScan scan = read_scan(plan_of(*dataset), {folder / "a/ct.nii.gz"}, {3, 4, 5});
      CHECK(scan.input.shape() == Shape{3, 4, 5, 1});
      CHECK(scan.input.to_vector() == dataset->get(0).input.to_vector());
    }
  // --spacing counts, not the dataset's own.
  DatasetOptions o = options_for(folder.path, 3, 4, 5);
  o.spacing = {2, 1, 1};
  const auto dataset = open_dataset(o);
  CHECK(read_scan(plan_of(*dataset), {folder / "b.npz#ct"}, {3, 4, 5}).input.to_vector() ==
        dataset->get(1).input.to_vector());
}

TEST_CASE("case scan: every layout describes itself, and the description is read") {
  const TempFolder folder;
  for (const char* layout : {"stoic", "prostate"}) {
    const std::string text = layout == std::string("stoic") ? "PatientID,probCOVID,probSevere\n1,1,0\n"
                                                            : "case,ct,dose,body,LungLeft,LungRight\n1,1.nii,,,,\n";
    std::filesystem::create_directories(folder / "metadata");
    std::filesystem::create_directories(folder / "data/mha");
    save(folder / "metadata/reference.csv", text);
    save(folder / "cases.csv", text);
    const Volume ct = volume(6, 7, 8, [](auto i, auto j, auto k) { return 100 * i - 70 * j + k; });
    write_volume(folder / "data/mha/1.mha", ct);
    write_volume(folder / "1.nii", ct);
    const auto dataset = open_dataset(options_for(folder.path, 4, 4, 4, layout));
    const CasePlan plan = plan_of(*dataset);
    CHECK(plan.field_of_view == 384);
    REQUIRE(plan.targets.size() == 2);
    for (std::size_t t = 0; t < 2; ++t) {
      CHECK(plan.targets[t].info.name == dataset->targets()[t].name);
      CHECK(plan.targets[t].info.kind == dataset->targets()[t].kind);
      CHECK(plan.targets[t].info.classes == dataset->targets()[t].classes);
      CHECK(plan.targets[t].info.scale == dataset->targets()[t].scale);
      CHECK(plan.targets[t].info.unit == dataset->targets()[t].unit);
    }
    CHECK(read_scan(plan, {folder / "1.nii"}, {4, 4, 4}).input.to_vector() == dataset->get(0).input.to_vector());
  }
}

TEST_CASE("case scan: outputs come back to every voxel, and what was not seen is outside") {
  const TempFolder folder;
  // 2 x 3 x 4 mm, sheared nowhere, with axes LAI, so that bringing it to RAS+ turns two of them.
  Volume scan = volume(6, 5, 8, [](auto i, auto j, auto k) { return i + 10 * j + 100 * k; });
  scan.affine = Affine::from({2, 3, 4}, {{{-1, 0, 0}, {0, 1, 0}, {0, 0, -1}}}, {5, 6, 7});
  scan.file_orientation = orientation(scan.affine);
  write_volume(folder / "s.nii.gz", scan);
  const auto file = [&](const Volume& v) {
    write_volume(folder / "back.nii.gz", v);
    return read_volume(folder / "back.nii.gz");
  };
  // Voxel for voxel: channel 1 of the outputs is the scan.
  const CaseScan same = read_scan(plan_with({}), {folder / "s.nii.gz"}, {6, 5, 8});
  CHECK(same.seen_share == 1);
  Tensor y = Tensor::empty({1, 6, 5, 8, 2});
  for (std::int64_t i = 0; i < same.input.numel(); ++i) {
    y.mutable_data()[2 * i] = -1;
    y.mutable_data()[2 * i + 1] = same.input.at(i);
  }
  const Volume back = file(on_own_grid(same, y, 1, 0));
  CHECK(back.values.to_vector() == scan.values.to_vector());
  CHECK(back.affine.m == scan.affine.m);
  CHECK(back.file_shape == std::vector<std::int64_t>{8, 5, 6});
  CHECK(on_own_grid(same, y, 0, 0).values.to_vector() == std::vector<real>(240, -1));
  CHECK_THROWS_AS(on_own_grid(same, y, 2, 0), Error);
  CHECK_THROWS_AS(on_own_grid(same, Tensor::zeros({1, 6, 5, 7, 2}), 0, 0), Error);

  // Half as fine along i, about the same middle: a ramp stays a ramp but near the ends.
  const CaseScan coarse = read_scan(plan_with({4, 3, 4}), {folder / "s.nii.gz"}, {6, 5, 4});
  CHECK(coarse.seen_share == 1);
  const Volume ramp = on_own_grid(coarse, coarse.input.reshape({1, 6, 5, 4, 1}), 0, 0);
  const Volume own = to_ras(scan);
  for (std::int64_t k = 0; k < 6; ++k)
    for (std::int64_t j = 0; j < 5; ++j)
      for (std::int64_t i = 3; i < 5; ++i) CHECK(ramp.at(i, j, k) == doctest::Approx(own.at(i, j, k)).epsilon(1e-5));

  // The network sees 4 x 3 x 2 of the voxels, about the middle.
  const CaseScan near = read_scan(plan_with({4, 3, 2}), {folder / "s.nii.gz"}, {2, 3, 4});
  CHECK(near.seen_share == doctest::Approx(24.0 / 240));
  const Volume ones = on_own_grid(near, Tensor::full({1, 2, 3, 4, 1}, 1), 0, -7);
  for (std::int64_t k = 0; k < 6; ++k)
    for (std::int64_t j = 0; j < 5; ++j)
      for (std::int64_t i = 0; i < 8; ++i)
        CHECK(ones.at(i, j, k) == (k >= 2 && k < 4 && j >= 1 && j < 4 && i >= 2 && i < 6 ? 1 : -7));
  // More than the scan: nothing is outside.
  const CaseScan wide = read_scan(plan_with({4, 3, 2}), {folder / "s.nii.gz"}, {8, 9, 10});
  CHECK(wide.seen_share == 1);
  CHECK(on_own_grid(wide, Tensor::full({1, 8, 9, 10, 1}, 1), 0, -7).values.to_vector() == std::vector<real>(240, 1));
}

TEST_CASE("case scan: pictures and slices") {
  const TempFolder folder;
  Image colour(6, 4, 3);
  for (std::size_t i = 0; i < colour.pixels.size(); ++i) colour.pixels[i] = static_cast<std::uint8_t>(3 * i);
  write_png(folder / "c.png", colour);
  CasePlan plan = plan_with({});
  plan.inputs[0].channels = 3;
  const CaseScan picture = read_scan(plan, {folder / "c.png"}, {0, 4, 6});
  CHECK(picture.picture);
  CHECK(picture.input.shape() == Shape{4, 6, 3});
  CHECK(picture.input.at(7) == doctest::Approx(21 / 255.0));
  const Volume blue = on_own_grid(picture, picture.input.reshape({1, 4, 6, 3}), 2, 0);
  CHECK(blue.values.shape() == Shape{1, 4, 6, 1});
  CHECK(blue.at(1, 0, 0) == doctest::Approx(15 / 255.0));
  write_volume(folder / "s.nii", volume(1, 4, 6, [](auto i, auto j, auto) { return i + j; }));
  CHECK_FALSE(read_scan(plan_with({}), {folder / "s.nii"}, {0, 4, 6}).picture);
  CHECK(contains(input_error([&] { read_scan(plan, {folder / "s.nii"}, {0, 4, 6}); }), "has 1 channels, expected 3"));
}
