// The layout prostate: structures are columns, sides swap in a mirror, archives are read.
#include "datasets/layouts/prostate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
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
  p.size = {12, 16, 16};
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
                 "cases.csv:1: has no structure column"));
}

TEST_CASE("prostate: a side is a word anywhere in a structure's name, and what has no partner is said") {
  const TempFolder folder;
  const auto opened = [&](const std::string& structures) {
    save(folder / "cases.csv", "case,ct,dose," + structures + "\n");
    return prostate_plan(options_for(folder.path, 8, 8, 8, "prostate"));
  };
  const std::pair<const char*, const char*> pairs[] = {{"Lt_Lung", "Rt_Lung"},
                                                       {"Lung_Lt", "Lung_Rt"},
                                                       {"L_Parotid", "R_Parotid"},
                                                       {"LUNG_LEFT", "LUNG_RIGHT"},
                                                       {"Femur_Head_L_PRV", "Femur_Head_R_PRV"},
                                                       {"lens-l", "lens-r"},
                                                       {"eye.LT", "eye.RT"},
                                                       {"right kidney", "left kidney"},
                                                       {"LeftFemur", "RightFemur"},
                                                       {"FemurRight", "FemurLeft"},
                                                       {"hip_left", "hip_right"},
                                                       {"Nodes_R_Left", "Nodes_R_Right"},
                                                       {"L", "R"}};
  for (const auto& pair : pairs) {
    const auto& [a, b] = pair;
    CAPTURE(pair.first);
    const CasePlan plan = opened(fmt::format("{},Bladder,{}", a, b));
    CHECK(plan.targets[0].mirrored == std::vector<std::array<std::size_t, 2>>{{0, 2}});
    CHECK(plan.notes == std::vector<std::string>{fmt::format("{}: these swap in a mirrored patient: {} and {}",
                                                             folder / "cases.csv", a, b)});
  }
  // Neither is a side: letters within words, a side that is spelled otherwise, a name that differs in more.
  for (const char* names : {"Lung,Rung", "PTVL,PTVR", "Bladder,Rectum"}) CHECK(opened(names).notes.empty());
  for (const char* names : {"Lung_L,Lung_Rt", "Lung_L,Lung-R", "Lung_L,lung_R", "Lung_L,Lung_R1"})
    CHECK(opened(names).targets[0].mirrored.empty());
  const CasePlan plan = opened("Eye_L,Lens_R,Lens_L,Rt_Lung");
  CHECK(plan.targets[0].mirrored == std::vector<std::array<std::size_t, 2>>{{1, 2}});
  REQUIRE(plan.notes.size() == 3);
  CHECK(contains(plan.notes[0], "mirrored patient: Lens_R and Lens_L"));
  CHECK(contains(plan.notes[1], "cases.csv: Eye_L names a side, but there is no Eye_R: it keeps its name in a"));
  CHECK(contains(plan.notes[2], "Rt_Lung names a side, but there is no Lt_Lung"));
}
