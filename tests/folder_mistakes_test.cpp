// Anybody's own data: every kind of mistake in dataset.toml, the table and the files.
#include <doctest/doctest.h>

#include "datasets/layouts/folder.h"
#include "datasets/layouts/registry.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

TEST_CASE("folder: what is wrong with dataset.toml is said with its line") {
  const TempFolder folder;
  save(folder / "cases.csv", "case,x\n");
  const auto said = [&](const std::string& text) {
    save(folder / "dataset.toml", text);
    const std::string error = input_error([&] { open_dataset(options_for(folder.path, 0, 2, 4)); });
    const std::string file = folder / "dataset.toml";
    return error.starts_with(file) ? error.substr(file.size()) : error;
  };
  const std::string x = "[input.x]\n", t = "[target.t]\nkind = \"classification\"\nclasses = [\"a\", \"b\"]\n";
  CHECK(said("") == ": has no [input.NAME]");
  CHECK(said(x) == ": has no [target.NAME]");
  CHECK(said("[inputs.x]\n") == ":1: [inputs.x]: expected [input.NAME] or [target.NAME]");
  CHECK(said(x + "[target.t]\n") ==
        ":2: [target.t] has no kind, expected segmentation, structures, regression, classification, binary or scalar");
  CHECK(said(x + "[target.t]\nkind = \"classify\"\n") ==
        ":3: task kind classify is unknown; there are: segmentation, structures, regression, classification, binary, "
        "scalar");
  CHECK(said(x + t + "mask = \"m\"\n") == ":5: mask does not apply to targets of kind classification");
  CHECK(contains(said(x + "chanels = 3\n" + t), ":2: chanels is not a key of [input.x]; there are: "));
  CHECK(said(x + "channels = 1.5\n" + t) == ":2: channels is 1.5, expected a whole number from 1 to 64");
  CHECK(contains(said(x + "window = [3, 1]\n" + t), ":2: window: expected two numbers, the lower end first"));
  CHECK(said(x + "mean = [1, 2]\ndeviation = [1, 2]\n" + t) ==
        ":2: mean has 2 numbers and deviation 2, expected both with 1 or 1");
  CHECK(contains(said(x + "normalise = \"all\"\n" + t), ":2: normalise is \"all\", expected \"case\""));
  CHECK(said(x + "[target.t]\nkind = \"classification\"\nclasses = [\"a\"]\n") ==
        ":4: [target.t] has 1 classes, expected 2 to 1024");
  CHECK(said(x + "[target.t]\nkind = \"structures\"\nclasses = [\"a\"]\nmirrored = [[\"a\", \"b\"]]\n") ==
        ":5: mirrored: class b is unknown; there are: a");
  CHECK(said("spacing = [1, 2]\n" + x + t) ==
        ":1: spacing has 2 numbers, expected 1 or 3 (mm along depth, height, width)");
  CHECK(contains(said(x + t), ":3 of [target.t]: " + (folder / "cases.csv") + ": has no column t; it has: case, x"));
  CHECK(contains(input_error([&] { folder_size(folder.path); }), "has no size, expected a line such as size"));
}

TEST_CASE("folder: what is wrong with the table is said with its line, all of it where asked") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  const std::string head = "case,split,ct,left,right,dose,body,grade,ill\n",
                    good = "a,train,a/ct.nii.gz,a/left.mha,a/right.nii,a/dose.npy,a/body.npz,high,1\n";
  const std::string table = folder / "cases.csv";
  const auto said = [&](const std::string& rows) {
    save(table, head + rows);
    const std::string error = input_error([&] { open_dataset(options_for(folder.path, 4, 4, 4)); });
    return error.starts_with(table) ? error.substr(table.size()) : error;
  };
  CHECK(said(good) == "");
  CHECK(said(good + good) == ":3: case a is listed twice");
  CHECK(said("a,,b.nii,,,,,,0\n") == ":2: ct: " + (folder / "b.nii") + ": there is no such file");
  CHECK(said("a,,,,,,,,0\n") == ":2: ct is empty, expected a file");
  CHECK(said("a,dev,a/ct.nii.gz,,,,,,0\n") == ":2: split is 'dev', expected train, validation or test");
  CHECK(said("a,,a/ct.nii.gz,,,,,middle,1\n") == ":2: grade is 'middle', expected one of low, high");
  CHECK(said("a,,a/ct.nii.gz,,,,,,maybe\n") == ":2: ill is 'maybe', expected 0 or 1");
  CHECK(said("a,,a/ct.nii.gz,,,,,,2\n") == ":2: ill is '2', expected 0 or 1");
  CHECK(said("a,,a/ct.nii.gz,,,a/dose.npy,,,0\n") == ":2: body is empty, expected the mask of dose");
  CHECK(contains(said(good + "c,,a/ct.nii.gz,,,,,,0\n"), ":3: split is empty, as in 1 of 2 rows of"));
  CHECK(contains(said(""), "folder: holds no cases"));
  save(table, head + ",,x,,,,,,\n" + good + "c,,x,,,,,,0\n");
  std::vector<std::string> problems;
  DatasetOptions o = options_for(folder.path, 4, 4, 4);
  o.problems = &problems;
  CHECK(open_dataset(o)->size() == 1);
  CHECK(problems.size() == 2);

  const auto broken = [&](const std::string& row) {
    save(table, head + row);
    return input_error([&] { open_dataset(options_for(folder.path, 4, 4, 4))->get(0); });
  };
  CHECK(contains(broken("a,,b.npz#mr,,,,,,0\n"), "b.npz: has no array mr; it has: body, ct, dose, right"));
  write_volume(folder / "small.nii", volume(4, 4, 3, [](auto, auto, auto) { return 1; }));
  CHECK(broken("a,,a/ct.nii.gz,small.nii,,,,,0\n") ==
        (folder / "small.nii") + ": has 4 x 4 x 3 voxels, " + (folder / "a/ct.nii.gz") + " has 4 x 4 x 4");
  Volume moved = volume(4, 4, 4, [](auto, auto, auto) { return 1; });
  moved.affine.m[0][3] = 0.5;
  write_volume(folder / "moved.nii", moved);
  CHECK(contains(
      broken("a,,a/ct.nii.gz,moved.nii,,,,,0\n"),
      "moved.nii: lies on a different grid from " + (folder / "a/ct.nii.gz") + ": their corners are up to 0.5"));
  write_volume(folder / "nan.nii", volume(4, 4, 4, [](auto i, auto, auto) { return i == 0 ? 0.0 / 0.0 * -1 : 1; }));
  CHECK(broken("a,,nan.nii,,,,,,0\n") == (folder / "nan.nii") + ": 16 of 64 values are NaN or infinite");
}
