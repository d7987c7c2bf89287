// Anybody's own data: what dataset.toml and the table may say, what comes out, and every kind of mistake.
#include "datasets/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "datasets/image.h"
#include "datasets/npy.h"
#include "datasets/phantom.h"
#include "datasets/registry.h"
#include "datasets/split.h"
#include "datasets/volume_file.h"
#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using medusa::test::contains;
using medusa::test::input_error;
using medusa::test::save;
using medusa::test::TempFolder;
namespace fs = std::filesystem;

namespace {

DatasetOptions options_for(const std::string& folder, std::int64_t depth, std::int64_t height, std::int64_t width,
                           const char* name = "folder") {
  DatasetOptions o;
  o.name = name;
  o.folder = folder;
  o.depth = depth;
  o.height = height;
  o.width = width;
  o.augment = AugmentOptions::none();
  return o;
}

// [D, H, W] voxels of 1 mm, from f(i, j, k).
template <class F>
Volume volume(std::int64_t depth, std::int64_t height, std::int64_t width, const F& f,
              ScalarType type = ScalarType::Float32) {
  Tensor values = Tensor::empty({depth, height, width, 1});
  real* to = values.mutable_data();
  for (std::int64_t k = 0; k < depth; ++k)
    for (std::int64_t j = 0; j < height; ++j)
      for (std::int64_t i = 0; i < width; ++i) *to++ = static_cast<real>(f(i, j, k));
  return make_volume(values, Affine{}, type);
}

// Two cases of 4 x 4 x 4: one of NIfTI and MetaImage files, one archive.  The left organ is where i = 0, the right
// where i = 3; the dose is 7 i, and counts where j < 2.
void write_volumes(const TempFolder& folder) {
  fs::create_directories(folder / "a");
  const auto ct = [](auto i, auto j, auto k) { return 10 * i + j - k; };
  const auto left = [](auto i, auto, auto) { return i == 0; };
  const auto right = [](auto i, auto, auto) { return i == 3 ? 255 : 0; };
  const auto dose = [](auto i, auto, auto) { return 7 * i; };
  const auto body = [](auto, auto j, auto) { return j < 2; };
  write_volume(folder / "a/ct.nii.gz", volume(4, 4, 4, ct, ScalarType::Int16));
  write_volume(folder / "a/left.mha", volume(4, 4, 4, left, ScalarType::UInt8));
  write_volume(folder / "a/right.nii", volume(4, 4, 4, right, ScalarType::UInt8));
  write_volume(folder / "a/dose.npy", volume(4, 4, 4, dose));
  write_volume(folder / "a/body.npz", volume(4, 4, 4, body, ScalarType::UInt8));
  NpzArrays b;
  for (const auto& [name, v] : {std::pair<std::string, Volume>{"ct", volume(4, 4, 4, ct)},
                                {"dose", volume(4, 4, 4, dose)},
                                {"right", volume(4, 4, 4, right)},
                                {"body", volume(4, 4, 4, body)}}) {
    b[name].values = v.values.reshape({4, 4, 4});
    b[name].stored = v.stored;
  }
  write_npz(folder / "b.npz", b);
}

constexpr const char* kToml = R"(size = "4x4x4"
spacing = 1
[input.ct]
window = [0, 30]
[target.organs]
kind = "structures"
classes = ["LeftEye", "RightEye"]
columns = ["left", "right"]
mirrored = [["LeftEye", "RightEye"]]
[target.dose]
kind = "regression"
unit = "Gy"
scale = 70
mask = "body"
[target.grade]
kind = "classification"
classes = ["low", "high"]
only_if = "ill"
)";
constexpr const char* kTable =
    "case,split,ct,left,right,dose,body,grade,ill\n"
    "a,train,a/ct.nii.gz,a/left.mha,a/right.nii,a/dose.npy,a/body.npz,high,1\n"
    "b,val,b.npz#ct,,b.npz#right,b.npz#dose,b.npz#body,low,0\n";

}  // namespace

TEST_CASE("folder: volumes of every format, what counts and what is absent") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  save(folder / "cases.csv", kTable);
  CHECK(default_size("folder", folder.path) == "4x4x4");
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
  describe("channels = 3\nmean = 10\ndeviation = [2, 2, 2]\n", "");
  const auto dataset = open_dataset(options_for(folder.path, 0, 2, 4));
  const Sample p = dataset->get(0), q = dataset->get(1);
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
        (folder / "c.png") + ": has colours, expected the numbers of classes");
  describe("normalise = \"case\"\n", "");
  save(folder / "t.csv", "case,photo,t\np,g.png,\n");
  const std::vector<real> scored = open_dataset(options_for(folder.path, 0, 2, 4))->get(0).input.to_vector();
  double sum = 0, squares = 0;
  for (real v : scored) sum += static_cast<double>(v), squares += static_cast<double>(v * v);
  CHECK(sum == doctest::Approx(0).epsilon(1e-4));
  CHECK(squares / 8 == doctest::Approx(1));
  CHECK(input_error([&] { open_dataset(options_for(folder.path, 4, 4, 4))->get(0); }) ==
        (folder / "g.png") + ": is a picture, expected a volume, for the size has three sides");
  o = options_for(folder.path, 0, 2, 4);
  o.spacing = {1};
  CHECK(contains(input_error([&] { open_dataset(o); }), "folder: spacing is for volumes"));
}

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
        ":2: [target.t] has no kind, expected segmentation, structures, regression, classification or binary");
  CHECK(said(x + "[target.t]\nkind = \"classify\"\n") ==
        ":3: task kind classify is unknown; there are: segmentation, structures, regression, classification, binary");
  CHECK(said(x + t + "mask = \"m\"\n") == ":5: mask: a target of kind classification has none");
  CHECK(contains(said(x + "chanels = 3\n" + t), ":2: chanels is no key of [input.x]; there are: "));
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
  CHECK(said("a,,a/ct.nii.gz,,,,,,yes\n") == ":2: ill is 'yes', expected 0 or 1");
  CHECK(said("a,,a/ct.nii.gz,,,a/dose.npy,,,0\n") == ":2: body is empty, expected the mask of dose");
  CHECK(contains(said(good + "c,,a/ct.nii.gz,,,,,,0\n"), ":3: split is empty, as in 1 of 2 rows of"));
  CHECK(contains(said(""), "folder: there is no case in it"));
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
  CHECK(contains(broken("a,,a/ct.nii.gz,moved.nii,,,,,0\n"),
                 "moved.nii: lies on another grid than " + (folder / "a/ct.nii.gz") + ": their corners are up to 0.5"));
  write_volume(folder / "nan.nii", volume(4, 4, 4, [](auto i, auto, auto) { return i == 0 ? 0.0 / 0.0 * -1 : 1; }));
  CHECK(broken("a,,nan.nii,,,,,,0\n") == (folder / "nan.nii") + ": 16 of 64 values are no numbers");
}

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
