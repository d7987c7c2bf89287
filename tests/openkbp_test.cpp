// The OpenKBP layout: what is read, how it is reduced, what a mirrored patient is called, and every kind of damage.
#include "datasets/layouts/openkbp.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
#include "datasets/split.h"
#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using medusa::test::contains;
using medusa::test::input_error;
using medusa::test::save;
using medusa::test::TempFolder;
namespace fs = std::filesystem;

namespace {

std::int64_t voxel(std::int64_t a0, std::int64_t a1, std::int64_t a2) { return (a0 * 128 + a1) * 128 + a2; }
std::size_t at(std::int64_t a0, std::int64_t a1, std::int64_t a2) {
  return static_cast<std::size_t>(voxel(a0, a1, a2));
}

std::string mask_text(const std::vector<std::int64_t>& voxels) {
  std::string text = ",data\n";
  for (std::int64_t v : voxels) text += fmt::format("{},\n", v);
  return text;
}

// A patient of a few voxels: a block of 2 x 2 x 2 at (10, 20, 30) with CT 1124 (100 HU) and 8 Gy in half of it.
void write_block(const std::string& folder) {
  fs::create_directories(folder);
  std::string ct = ",data\n", dose = ",data\n";
  std::vector<std::int64_t> block, half;
  for (std::int64_t a0 : {10, 11})
    for (std::int64_t a1 : {20, 21})
      for (std::int64_t a2 : {30, 31}) {
        block.push_back(voxel(a0, a1, a2));
        ct += fmt::format("{},1124.0\n", block.back());
        if (a0 == 11) continue;
        half.push_back(block.back());
        dose += fmt::format("{},8.0\n", block.back());
      }
  save(folder + "/ct.csv", ct);
  save(folder + "/dose.csv", dose);
  save(folder + "/possible_dose_mask.csv", mask_text(half));
  save(folder + "/voxel_dimensions.csv", "3.9e+00\n3.9e+00\n2.5e+00\n");
  save(folder + "/RightParotid.csv", mask_text(block));
  save(folder + "/PTV70.csv", mask_text({block[0]}));
}

DatasetOptions options_for(const std::string& folder, std::int64_t side = 64) {
  DatasetOptions o;
  o.name = "openkbp";
  o.folder = folder;
  o.size = {side, side, side};
  return o;
}

}  // namespace

TEST_CASE("openkbp: a patient as distributed") {
  const TempFolder folder;
  write_block(folder / "pt_7");
  const openkbp::Patient p = openkbp::read_patient(folder / "pt_7");
  CHECK(p.id == "pt_7");
  CHECK(p.spacing == Vec3{3.9, 3.9, 2.5});
  CHECK(p.hu[at(10, 20, 30)] == 100);
  CHECK(p.hu[at(0, 0, 0)] == -1024);
  CHECK(p.dose[at(10, 21, 31)] == 8);
  CHECK(p.possible[at(10, 21, 31)] == 1);
  CHECK(p.possible[at(11, 21, 31)] == 0);
  CHECK(p.outlined == (1u << 2 | 1u << 9));
  CHECK(p.structures[at(10, 20, 30)] == p.outlined);
  CHECK(p.structures[at(11, 20, 30)] == 1u << 2);
  // Values beyond 12 bits occur: they are cut.
  save(folder / "pt_7/ct.csv", ",data\n5,25074.0\n6,0.0\n");
  CHECK(openkbp::read_patient(folder / "pt_7").hu[5] == 1500);
}

TEST_CASE("openkbp: reduction keeps means, masks and small structures") {
  const TempFolder folder;
  write_block(folder / "pt_7");
  const openkbp::Patient p = openkbp::read_patient(folder / "pt_7");
  const openkbp::Case half = openkbp::reduce(p, 2);
  const auto place = static_cast<std::size_t>((5 * 64 + 10) * 64 + 15);
  CHECK(half.grid == Extent{64, 64, 64});
  CHECK(half.spacing == Vec3{7.8, 7.8, 5});
  CHECK(half.ct[place] == doctest::Approx(0.1));
  CHECK(half.ct[0] == doctest::Approx(-1.024));
  CHECK(half.dose[place] == doctest::Approx(8 / 70.0));  // of those in the mask, not diluted by the rest
  CHECK(half.possible[place] == 1);
  CHECK(half.structures[place] == p.outlined);  // PTV70 fills an eighth: it would be gone by majority
  CHECK(std::accumulate(half.possible.begin(), half.possible.end(), 0) == 1);
  const openkbp::Case same = openkbp::reduce(p, 1);
  CHECK(same.structures == p.structures);
  CHECK(std::equal(same.possible.begin(), same.possible.end(), p.possible.begin()));
}

TEST_CASE("openkbp: a mirrored patient has his parotids on the other side") {
  const TempFolder folder;
  write_block(folder / "pt_7");
  const openkbp::Case c = openkbp::reduce(openkbp::read_patient(folder / "pt_7"), 2);
  AugmentOptions o = AugmentOptions::none();
  o.horizontal_flip = 1;
  const openkbp::Case m = openkbp::augment(c, draw_change(o, c.grid, c.spacing, 1, 1, 1, 1));
  const auto place = static_cast<std::size_t>((5 * 64 + (63 - 10)) * 64 + 15);
  CHECK(c.outlined == (1u << 2 | 1u << 9));
  CHECK(m.outlined == (1u << 3 | 1u << 9));
  CHECK(m.structures[place] == (1u << 3 | 1u << 9));
  CHECK(m.ct[place] == doctest::Approx(0.1));
  CHECK(m.dose[place] == doctest::Approx(8 / 70.0));
  CHECK(m.possible[place] == 1);
}

TEST_CASE("openkbp: parts, samples, absent structures") {
  const TempFolder folder;
  write_block(folder / "provided-data/train-pats/pt_10");
  write_block(folder / "provided-data/train-pats/pt_9");
  write_block(folder / "provided-data/validation-pats/pt_201");
  fs::remove(folder / "provided-data/validation-pats/pt_201/dose.csv");
  const auto dataset = open_dataset(options_for(folder.path, 32));
  CHECK(dataset->size() == 3);
  CHECK(dataset->id(0) == "pt_9");  // by number, not by name
  CHECK(dataset->part(2) == "validation");
  const Split split = make_split(*dataset, 3, 0.5, 0);
  CHECK(split.train == std::vector<std::int64_t>{0, 1});
  CHECK(split.val == std::vector<std::int64_t>{2});
  CHECK(dataset->input_shape() == Shape{32, 32, 32, 1});
  const Sample s = dataset->get(0);
  CHECK(s.input.shape() == Shape{32, 32, 32, 1});
  CHECK(s.spacing == std::vector<double>{15.6, 15.6, 10});
  CHECK(s.targets[0].value.shape() == Shape{32, 32, 32, 10});
  CHECK(s.targets[0].mask.to_vector() == std::vector<real>{0, 0, 1, 0, 0, 0, 0, 0, 0, 1});
  CHECK(s.targets[1].value.shape() == Shape{32, 32, 32, 1});
  CHECK(dataset->targets()[1].scale == 70);
  CHECK_FALSE(dataset->get(2).targets[1].value);  // no dose: no label
  CHECK(dataset->get_augmented(0, 1, 2).input.to_vector() == dataset->get_augmented(0, 1, 2).input.to_vector());
  CHECK(static_cast<const OpenKbp&>(*dataset).cache().count() == 2);

  DatasetOptions with = options_for(folder.path, 32);
  with.inputs = {"structures"};
  const auto dose_alone = open_dataset(with);
  CHECK(dose_alone->targets().size() == 1);
  const Sample d = dose_alone->get(0);
  CHECK(d.input.shape() == Shape{32, 32, 32, 11});
  const std::int64_t place = (2 * 32 + 5) * 32 + 7;
  CHECK(d.input.at(place * 11 + 1 + 2) == 1);  // RightParotid
  CHECK(d.input.at(place * 11 + 1 + 3) == 0);
}

TEST_CASE("openkbp: what is wrong with a folder") {
  const TempFolder folder;
  CHECK(input_error([&] { open_dataset(options_for(folder / "none")); }) ==
        (folder / "none") + ": there is no such folder");
  CHECK(contains(input_error([&] { open_dataset(options_for(folder.path)); }), "holds neither train-pats"));
  write_block(folder / "pt_1");
  CHECK(open_dataset(options_for(folder.path))->part(0).empty());
  CHECK(contains(input_error([&] { open_dataset(options_for(folder.path, 96)); }),
                 "size 96x96x96: expected three equal numbers that divide 128"));
  DatasetOptions o = options_for(folder.path);
  o.size.height = 32;
  CHECK(contains(input_error([&] { open_dataset(o); }), "size 64x32x64"));
  o = options_for(folder.path);
  o.inputs = {"pet"};
  CHECK(input_error([&] { open_dataset(o); }) == "openkbp: input pet is unknown; there are: structures");
  o = options_for(folder.path);
  o.augment.hue = 0.2;
  CHECK(contains(input_error([&] { open_dataset(o); }), "are for pictures"));
  const auto damaged = [&](const std::string& file, const std::string& text) {
    fs::remove_all(folder / "pt_1");
    write_block(folder / "pt_1");
    save(folder / ("pt_1/" + file), text);
    std::string message = input_error([&] { openkbp::read_patient(folder / "pt_1"); });
    REQUIRE(message.rfind(folder / "pt_1/", 0) == 0);
    return message.substr((folder / "pt_1/").size());
  };
  CHECK(damaged("ct.csv", ",data\n1,\n") == "ct.csv: expected values, found the rows of a mask");
  CHECK(damaged("ct.csv", ",data\n") == "ct.csv: expected values, found no rows");
  CHECK(damaged("ct.csv", ",data\n2097152,1\n") == "ct.csv:2: index 2097152 is outside 0..2097151");
  CHECK(damaged("Larynx.csv", ",data\n1,1\n") == "Larynx.csv: expected a mask, rows without values, found values");
  CHECK(damaged("dose.csv", ",data\n1,-3\n") == "dose.csv:2: dose is -3 Gy, expected 0 to 1000");
  for (const char* text : {"3.9\n3.9\n", "3.9\n0\n2.5\n", "a\nb\nc\n", "1\n2\n3\n4\n", "1 2 3\n"})
    CHECK(contains(damaged("voxel_dimensions.csv", text), "voxel_dimensions.csv: expected three lines"));
  fs::remove(folder / "pt_1/ct.csv");
  CHECK(input_error([&] { open_dataset(options_for(folder.path)); }) ==
        (folder / "pt_1") + ": there is no ct.csv in it");
}

TEST_CASE("openkbp: phantoms are patients") {
  const TempFolder folder;
  PhantomOptions o;
  o.folder = folder / "a";
  o.count = 4;
  o.seed = 5;
  write_openkbp_phantom(o);
  CHECK(input_error([&] { write_openkbp_phantom(o); }) ==
        (folder / "a/train-pats") + ": already exists; choose a new folder, or remove the old one");
  const auto dataset = open_dataset(options_for(o.folder, 32));
  CHECK(dataset->size() == 4);
  CHECK(dataset->part(3) == "validation");
  const openkbp::Patient p = openkbp::read_patient(o.folder + "/train-pats/pt_1");
  CHECK((p.outlined >> 9 & 1u) == 1);
  const auto mean_in = [&](unsigned s) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < p.dose.size(); ++i)
      if (p.structures[i] >> s & 1u) sum += static_cast<double>(p.dose[i]), ++count;
    return sum / count;
  };
  CHECK(mean_in(9) == doctest::Approx(70).epsilon(0.02));
  for (std::size_t i = 0; i < p.dose.size(); ++i) REQUIRE((p.possible[i] == 1 || p.dose[i] == 0));
  for (std::size_t i = 0; i < p.dose.size(); ++i)  // PTV70 in PTV56
    REQUIRE(((p.structures[i] >> 9 & 1u) == 0 || (p.outlined >> 7 & 1u) == 0 || (p.structures[i] >> 7 & 1u) == 1));
  o.folder = folder / "b";
  o.count = 1;
  write_openkbp_phantom(o);
  for (const char* file : {"ct.csv", "dose.csv", "PTV70.csv"})
    CHECK(test::slurp(folder / (std::string("a/train-pats/pt_1/") + file)) ==
          test::slurp(folder / (std::string("b/train-pats/pt_1/") + file)));
}
