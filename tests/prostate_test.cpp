// The layout prostate: structures are columns, sides swap in a mirror, archives are read.
#include <doctest/doctest.h>

#include <algorithm>

#include "datasets/phantoms/phantom.h"
#include "datasets/registry.h"
#include "datasets/split.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

TEST_CASE("prostate: structures are the columns beyond the known, sides swap, archives as convert writes them") {
  const TempFolder folder;
  PhantomOptions p;
  p.folder = folder / "pelves";
  p.count = 8;
  p.depth = 12;
  p.height = p.width = 16;
  write_prostate_phantom(p);
  const auto dataset = open_dataset(options_for(p.folder, 16, 16, 16, "prostate"));
  CHECK(dataset->size() == 8);
  CHECK(dataset->targets()[0].classes ==
        std::vector<std::string>{"Bladder", "Rectum", "Prostate", "FemurLeft", "FemurRight"});
  const Split split = make_split(*dataset, 0, 0.5, 0.5);
  CHECK(split.train.size() == 5);
  CHECK(split.val.size() == 2);
  CHECK(split.test.size() == 1);
  for (std::int64_t i : {0, 2, 3}) {  // files, an archive, without femurs
    const Sample s = dataset->get(i);
    CHECK(s.input.shape() == Shape{16, 16, 16, 1});
    CHECK(s.targets[0].mask.at(2) == 1);
    CHECK(s.targets[0].mask.at(3) == (i == 3 ? 0 : 1));
    const Tensor& dose = s.targets[1].value;
    const auto most = std::max_element(dose.data(), dose.data() + dose.numel());
    CHECK(*most == doctest::Approx(60 / 70.0).epsilon(0.01));
    CHECK(s.targets[1].mask.at(most - dose.data()) == 1);
    CHECK(s.targets[0].value.at((most - dose.data()) * 5 + 2) == 1);
    CHECK(s.targets[1].mask.at(0) == 0);
  }
  DatasetOptions o = options_for(p.folder, 16, 16, 16, "prostate");
  o.augment.horizontal_flip = 1;
  const auto mirrored = open_dataset(o);
  const auto count = [](const Sample& s, std::int64_t structure) {
    double voxels = 0;
    for (std::int64_t i = structure; i < s.targets[0].value.numel(); i += 5)
      voxels += static_cast<double>(s.targets[0].value.at(i)) * (i / 5 % 16 < 8 ? 1 : 0);  // on the left side
    return voxels;
  };
  CHECK(count(dataset->get(0), 3) > 0);  // FemurLeft
  CHECK(count(dataset->get(0), 4) == 0);
  CHECK(count(mirrored->get_augmented(0, 0, 0), 3) > 0);
  CHECK(count(mirrored->get_augmented(0, 0, 0), 4) == 0);
  save(folder / "cases.csv", "case,ct,dose\n");
  CHECK(contains(input_error([&] { open_dataset(options_for(folder.path, 8, 8, 8, "prostate")); }),
                 "cases.csv:1: has no column of a structure"));
}
