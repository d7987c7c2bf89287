// The STOIC layout: labels, the volumes that are there, who has a label of severity, and what the network gets.
#include "datasets/layouts/stoic.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "datasets/formats/volume_file.h"
#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using medusa::test::contains;
using medusa::test::input_error;
using medusa::test::save;
using medusa::test::TempFolder;
namespace fs = std::filesystem;

namespace {

DatasetOptions options_for(const std::string& folder, std::int64_t side = 8) {
  DatasetOptions o;
  o.name = "stoic";
  o.folder = folder;
  o.size = {side, side, side};
  o.augment = AugmentOptions::none();
  return o;
}

// 8 x 8 x 8 voxels of 48 mm, which are 384 mm; `hu` of i, j, k in the patient's own RAS+ axes.
template <class Hu>
void write_scan(const std::string& path, const Hu& hu, bool upside_down = false) {
  Tensor values = Tensor::empty({8, 8, 8, 1});
  for (std::int64_t k = 0; k < 8; ++k)
    for (std::int64_t j = 0; j < 8; ++j)
      for (std::int64_t i = 0; i < 8; ++i)
        values.mutable_data()[(k * 8 + j) * 8 + i] = static_cast<real>(hu(i, j, upside_down ? 7 - k : k));
  const Mat3 direction{{{1, 0, 0}, {0, 1, 0}, {0, 0, upside_down ? -1.0 : 1.0}}};
  write_volume(path, make_volume(values, Affine::from({48, 48, 48}, direction, {0, 0, upside_down ? 7 * 48.0 : 0}),
                                 ScalarType::Int16, "HU"));
}

void write_folder(const TempFolder& folder, const std::string& rows) {
  fs::create_directories(folder / "metadata");
  fs::create_directories(folder / "data/mha");
  save(folder / "metadata/reference.csv", "PatientID,probCOVID,probSevere\n" + rows);
}

}  // namespace

TEST_CASE("stoic: labels, severity among the infected alone, rows without volumes") {
  const TempFolder folder;
  write_folder(folder, "7,1,1\n17,0,0\n8,1,0\n9,1,1\n10,0,0\n");
  for (const char* id : {"7", "17", "8", "99"})
    write_scan(folder / ("data/mha/" + std::string(id) + ".mha"), [](auto i, auto, auto) { return 100 * i; });
  const auto dataset = open_dataset(options_for(folder.path));
  REQUIRE(dataset->size() == 3);
  CHECK(dataset->id(1) == "17");
  CHECK(dataset->class_of(0, 0) == 1);
  CHECK(dataset->class_of(1, 0) == 0);
  CHECK(dataset->class_of(0, 1) == 1);
  CHECK(dataset->class_of(1, 1) == -1);  // not infected: no label, neither yes nor no
  CHECK(dataset->class_of(2, 1) == 0);
  CHECK(dataset->sampling_class(1) == 0);
  const Batch batch = stack({dataset->get(0), dataset->get(1), dataset->get(2)});
  CHECK(batch.labelled[0] == std::vector<bool>{true, true, true});
  CHECK(batch.labelled[1] == std::vector<bool>{true, false, true});
  CHECK(batch.targets[1].value.to_vector() == std::vector<real>{1, 0, 0});
  CHECK(batch.targets[0].value.shape() == Shape{3, 1});
  const std::vector<std::string> notes = dataset->notes();
  REQUIRE(notes.size() == 3);
  CHECK(contains(notes[0], "5 patients: 2 without COVID-19, 3 with it, 2 of these severe"));
  CHECK(contains(notes[1], "2 of 5 patients have no volume in"));
  CHECK(contains(notes[2], "1 volumes belong to no patient in"));
  CHECK(contains(notes[2], "99.mha among them"));
}

TEST_CASE("stoic: what the network gets is the same for every scanner: window, orientation, millimetres") {
  const TempFolder folder;
  write_folder(folder, "1,0,0\n2,0,0\n");
  const auto hu = [](auto i, auto j, auto k) { return -1100 + 175 * i + 10 * j + 3 * k + (i == 7 ? 5000 : 0); };
  write_scan(folder / "data/mha/1.mha", hu);
  write_scan(folder / "data/mha/2.nii.gz", hu, true);
  const auto dataset = open_dataset(options_for(folder.path));
  const Tensor x = dataset->get(0).input;
  CHECK(x.shape() == Shape{8, 8, 8, 1});
  CHECK(dataset->get(1).input.to_vector() == x.to_vector());  // its slices lie the other way round
  CHECK(x.at(0) == 0);
  CHECK(x.at((2 * 8 + 3) * 8 + 4) == doctest::Approx((175 * 4 + 10 * 3 + 3 * 2) / 1400.0));
  CHECK(x.at(7) == 1);  // metal
  // Voxels of 96 mm: half of the cube is air around the patient.
  DatasetOptions o = options_for(folder.path);
  o.spacing = {96};
  const Tensor wide = open_dataset(o)->get(0).input;
  CHECK(wide.at(0) == 0);
  CHECK(wide.at((3 * 8 + 3) * 8 + 1) == 0);
  CHECK(wide.at((3 * 8 + 3) * 8 + 4) > doctest::Approx(0.3));
  // Voxels of 48, 96 and 48 mm, of which four, two and four make the middle.
  o = options_for(folder.path);
  o.size = {4, 2, 4};
  o.spacing = {48, 96, 48};
  const Tensor middle = open_dataset(o)->get(0).input;
  CHECK(middle.shape() == Shape{4, 2, 4, 1});
  CHECK(middle.at(0) == doctest::Approx((175 * 2 + 10 * 2.5 + 3 * 2) / 1400.0).epsilon(0.02));
  const RawSample raw = dataset->raw(1);
  CHECK(raw.shape == std::vector<std::int64_t>{8, 8, 8});
  CHECK(raw.spacing == std::vector<double>{48, 48, 48});
  REQUIRE(raw.ranges.size() == 1);
  CHECK(raw.ranges[0].low == -1100);
  CHECK(raw.ranges[0].unit == "HU");
}

TEST_CASE("stoic: the same look for the same seed, another for another epoch") {
  const TempFolder folder;
  PhantomOptions p;
  p.folder = folder / "chests";
  p.count = 5;
  p.size = {12, 12, 12};
  write_stoic_phantom(p);
  DatasetOptions o = options_for(p.folder, 12);
  o.augment.horizontal_flip = 0.5;
  o.augment.rotation = 10;
  o.augment.noise = 0.05;
  const auto dataset = open_dataset(o);
  CHECK(dataset->size() == 5);
  const auto look = [&](std::uint64_t seed, std::int64_t epoch) {
    return dataset->get_augmented(2, seed, epoch).input.to_vector();
  };
  CHECK(look(1, 1) == look(1, 1));
  CHECK(look(1, 1) != look(1, 2));
  CHECK(look(1, 1) != look(2, 1));
  CHECK(static_cast<const CaseDataset&>(*dataset).cache().count() == 1);
  CHECK(input_error([&] { write_stoic_phantom(p); }) ==
        p.folder + "/metadata/reference.csv: already exists; choose a new folder, or remove the old one");
  const std::string first = test::slurp(p.folder + "/data/mha/5.mha");
  p.folder = folder / "again";
  write_stoic_phantom(p);
  CHECK(first == test::slurp(p.folder + "/data/mha/5.mha"));
}

TEST_CASE("stoic: what is wrong with a folder, at once or all of it") {
  const TempFolder folder;
  const std::string table = folder / "metadata/reference.csv";
  const auto said = [&](const std::string& rows) {
    write_folder(folder, rows);
    return input_error([&] { open_dataset(options_for(folder.path)); });
  };
  CHECK(input_error([&] { open_dataset(options_for(folder / "none")); }) ==
        (folder / "none") + ": there is no such folder");
  CHECK(said("1,2,0\n") == table + ":2: probCOVID is '2', expected 0 or 1");
  CHECK(said("1,1,\n") == table + ":2: probSevere is '', expected 0 or 1");
  CHECK(said("1,0,1\n") == table + ":2: patient 1 is severe but has no COVID-19");
  CHECK(said("1,0,0\n1,1,0\n") == table + ":3: patient 1 is listed twice");
  CHECK(said("") == table + ": has a header but no rows");
  CHECK(said("1,0,0\n2,1,0\n") == (folder / "data/mha") + ": holds no volume of the 2 patients in " + table);
  save(table, "PatientID,probCOVID\n1,0\n");
  CHECK(input_error([&] { open_dataset(options_for(folder.path)); }) ==
        table + ": has no column probSevere; it has: PatientID, probCOVID");
  write_folder(folder, "1,x,0\n2,0,0\n3,0,1\n");
  write_scan(folder / "data/mha/2.mha", [](auto i, auto, auto) { return i; });
  std::vector<std::string> problems;
  DatasetOptions o = options_for(folder.path);
  o.problems = &problems;
  CHECK(open_dataset(o)->size() == 1);
  CHECK(problems == std::vector<std::string>{table + ":2: probCOVID is 'x', expected 0 or 1",
                                             table + ":4: patient 3 is severe but has no COVID-19"});
  o = options_for(folder.path);
  o.size.depth = 0;
  CHECK(contains(input_error([&] { open_dataset(o); }), "stoic: size 8x8 has two sides"));
  o = options_for(folder.path);
  o.augment.hue = 0.1;
  write_folder(folder, "2,0,0\n");
  CHECK(
      contains(input_error([&] { open_dataset(o); }), "stoic: brightness, contrast, saturation and hue do not apply"));
  save(folder / "data/mha/2.mha", "ObjectType = Image\n");
  CHECK(contains(input_error([&] { open_dataset(options_for(folder.path))->get(0); }), "2.mha"));
}

TEST_CASE("stoic: real labels load, all of them") {
  const std::string root = test::real_data("stoic");
  if (root.empty()) return;
  const auto rows = read_stoic_reference(root + "/metadata/reference_stoic2021_official_2000.csv");
  CHECK(rows.size() == 2000);
  CHECK(std::count_if(rows.begin(), rows.end(), [](const StoicRow& r) { return r.covid; }) == 1205);
  CHECK(std::count_if(rows.begin(), rows.end(), [](const StoicRow& r) { return r.severe; }) == 301);
  const auto dataset = open_dataset(options_for(root, 16));
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    const Tensor x = dataset->get(i).input;
    const auto [low, high] = std::minmax_element(x.data(), x.data() + x.numel());
    CHECK(*low == 0);
    CHECK(*high > doctest::Approx(0.7));
  }
}
