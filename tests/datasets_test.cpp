// HAM10000 folders: opening, samples, splits, every kind of damage, and real data where it is at hand.
#include <algorithm>
#include <set>

#include "datasets/dataset.h"
#include "datasets/formats/csv.h"
#include "datasets/layouts/ham10000.h"
#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
#include "datasets/split.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::input_error;
using test::runtime_error;

DatasetOptions options_for(const std::string& folder, std::int64_t height = 24, std::int64_t width = 32) {
  DatasetOptions o;
  o.folder = folder;
  o.size = {height, width};
  return o;
}

// A phantom folder of its own, to be damaged.
struct Phantom : test::TempFolder {
  explicit Phantom(std::int64_t count = 12, std::uint64_t seed = 4) {
    write_ham10000_phantom({path, count, seed, {48, 64}});
  }
  std::string table() const { return path + "/HAM10000_metadata.csv"; }
  std::string image(int i) const {
    const std::string name = fmt::format("/ISIC_{:07}.jpg", 9000000 + i);
    const std::string first = path + "/HAM10000_images_part_1" + name;
    return fs::exists(first) ? first : path + "/HAM10000_images_part_2" + name;
  }
  std::string mask(int i) const {
    return fmt::format("{}/HAM10000_segmentations_lesion_tschandl/ISIC_{:07}_segmentation.png", path, 9000000 + i);
  }
  void edit_table(const std::string& from, const std::string& to) const {
    std::string text = test::slurp(table());
    REQUIRE(contains(text, from));
    test::save(table(), text.replace(text.find(from), from.size(), to));
  }
  std::string open_error() const {
    return input_error([&] { Ham10000 dataset(options_for(path)); });
  }
  std::string get_error(std::int64_t i) const {
    const Ham10000 dataset(options_for(path));
    return input_error([&] { dataset.get(i); });
  }
};

TEST_CASE("task kinds have names") {
  for (TaskKind kind : {TaskKind::Segmentation, TaskKind::Structures, TaskKind::Regression, TaskKind::Classification,
                        TaskKind::Binary, TaskKind::Scalar})
    CHECK(task_kind(name(kind)) == kind);
  CHECK(input_error([] { task_kind("dance"); }) ==
        "task kind dance is unknown; there are: segmentation, structures, regression, classification, "
        "binary, scalar");
}

TEST_CASE("stack: joins samples, fills what is missing, says who has a label") {
  const Tensor in = Tensor::ones({2, 2, 1}), mask = Tensor::ones({2, 2, 1});
  const Sample full{"a", in, {{mask, {}}, {Tensor::scalar(3), {}}}};
  const Sample bare{"b", in, {{{}, {}}, {{}, {}}}};
  const Batch two = stack({full, bare});
  CHECK(two.size() == 2);
  CHECK(two.input.shape() == Shape{2, 2, 2, 1});
  CHECK(two.targets[0].value.to_vector() == std::vector<real>{1, 1, 1, 1, 0, 0, 0, 0});
  CHECK(two.targets[0].mask.to_vector() == std::vector<real>{1, 1, 1, 1, 0, 0, 0, 0});
  CHECK(two.targets[1].value.shape() == Shape{2, 1});
  CHECK(two.targets[1].value.to_vector() == std::vector<real>{3, 0});
  CHECK(!two.targets[1].mask);
  CHECK(two.labelled == std::vector<std::vector<bool>>{{true, false}, {true, false}});
  CHECK(!stack({full, full}).targets[0].mask);
  CHECK(!stack({bare}).targets[0].value);

  const Sample masked{"c", in, {{mask, Tensor::zeros({2, 2, 1})}, {Tensor::scalar(1), {}}}};
  CHECK(stack({full, masked}).targets[0].mask.to_vector() == std::vector<real>{1, 1, 1, 1, 0, 0, 0, 0});
  const Sample wide{"d", Tensor::ones({2, 3, 1}), full.targets};
  CHECK(runtime_error([&] { stack({full, wide}); }) == "batch: a has shape [2, 2, 1], d has [2, 3, 1]");
  CHECK(runtime_error([] { stack({}); }) == "batch: no samples");
  CHECK(contains(runtime_error([&] { stack({full, {"e", in, {}}}); }), "batch: a has 2 targets, e has 0"));
}

TEST_CASE("ham10000: masks that were saved anew with 0 and 1 are those of 0 and 255; in between is refused") {
  const Phantom a(6, 1), b(6, 1);
  const auto scale = [&](int i, int inside) {
    Image mask = to_grey(read_image(b.mask(i)));
    for (std::uint8_t& v : mask.pixels) v = v > 0 ? static_cast<std::uint8_t>(inside) : 0;
    write_png(b.mask(i), mask);
  };
  for (int i = 0; i < 6; ++i) scale(i, 1);
  const auto wide = open_dataset(options_for(a.path)), narrow = open_dataset(options_for(b.path));
  for (std::int64_t i = 0; i < 6; ++i) {
    CHECK(wide->get(i).targets[0].value.to_vector() == narrow->get(i).targets[0].value.to_vector());
    CHECK(narrow->raw(i).problems.empty());
  }
  scale(2, 9);
  CHECK(test::input_error([&] { open_dataset(options_for(b.path))->get(2); }) ==
        b.mask(2) + ": holds values up to 9, expected 0 and 255, or 0 and 1");
}

TEST_CASE("ham10000: noise and gamma change pictures by the seed, between black and white, and no mask") {
  const Phantom folder(2);
  DatasetOptions o = options_for(folder.path);
  o.normalisation = {{0, 0, 0}, {1, 1, 1}};
  const auto drawn = [&](const AugmentOptions& augment, std::uint64_t seed) {
    o.augment = augment;
    return open_dataset(o)->get_augmented(0, seed, 2);
  };
  const auto pixels = [](const Sample& s) { return s.input.to_vector(); };
  CHECK(pixels(drawn(AugmentOptions::none(), 1)) == pixels(open_dataset(o)->get(0)));  // 0 of both: as it is
  for (double AugmentOptions::*change : {&AugmentOptions::noise, &AugmentOptions::gamma}) {
    AugmentOptions changed = AugmentOptions::none(), mirrored;
    changed.*change = 0.5;
    const std::vector<real> once = pixels(drawn(changed, 1));
    CHECK(once != pixels(drawn(AugmentOptions::none(), 1)));
    CHECK(once == pixels(drawn(changed, 1)));
    CHECK(once != pixels(drawn(changed, 2)));
    const auto [low, high] = std::minmax_element(once.begin(), once.end());
    CHECK(*low >= 0);
    CHECK(*high <= 1);
    for (std::uint64_t seed = 0; seed < 8; ++seed) {  // what is drawn beside them stays
      const Tensor before = drawn(AugmentOptions(), seed).targets[0].value;
      mirrored.*change = 0.5;
      CHECK(drawn(mirrored, seed).targets[0].value.to_vector() == before.to_vector());
    }
  }
}

TEST_CASE("ham10000: a folder opens, its samples are what the files hold") {
  const Phantom folder(40);
  const auto dataset = open_dataset(options_for(folder.path, 48, 64));
  REQUIRE(dataset->size() == 40);
  REQUIRE(dataset->targets().size() == 2);
  CHECK(dataset->targets()[0].name == "lesion");
  CHECK(dataset->targets()[1].name == "diagnosis");
  CHECK(dataset->targets()[1].channels == 7);
  CHECK(dataset->targets()[1].classes == Ham10000::classes());
  CHECK(dataset->input_shape() == Shape{48, 64, 3});
  const Table table = read_csv(folder.table());
  std::set<std::string> groups;
  for (std::int64_t i = 0; i < 40; ++i) {
    const Sample s = dataset->get(i);
    const auto& row = table.rows[static_cast<std::size_t>(i)];
    CHECK(s.id == row[1]);
    CHECK(dataset->group(i) == row[0]);
    groups.insert(row[0]);
    CHECK(s.input.shape() == Shape{48, 64, 3});
    CHECK(s.targets[0].value.shape() == Shape{48, 64, 1});
    const std::int64_t label = dataset->class_of(i, 1);
    CHECK(s.targets[1].value.item() == static_cast<real>(label));
    CHECK(Ham10000::classes()[static_cast<std::size_t>(label)] == row[2]);
    // At the files' own size the mask is the file's, palette or not: white where the lesion is.
    const Image mask = to_grey(read_image(folder.mask(static_cast<int>(i))));
    CHECK(s.targets[0].value.to_vector() == to_mask(mask).to_vector());
    CHECK(*mask.at(0, 0) == 0);
  }
  CHECK(read_image(folder.mask(3)).channels == 3);  // a palette image
  CHECK(read_image(folder.mask(4)).channels == 1);
  CHECK(groups.size() < 38);  // lesions share pictures
  CHECK(groups.size() > 25);
}

TEST_CASE("ham10000: augmentation, cache and classes to sample by") {
  const Phantom folder;
  const Ham10000 cached(options_for(folder.path));
  DatasetOptions none = options_for(folder.path), one = none;
  none.cache_bytes = 0;
  one.cache_bytes = 24 * 32 * 4;
  const Ham10000 plain(none), small(one);
  for (int round = 0; round < 2; ++round)
    for (std::int64_t i = 0; i < 12; ++i) {
      const auto input = plain.get(i).input.to_vector();
      CHECK(cached.get(i).input.to_vector() == input);
      CHECK(small.get(i).input.to_vector() == input);
      CHECK(cached.get_augmented(i, 7, round).input.to_vector() == plain.get_augmented(i, 7, round).input.to_vector());
    }
  CHECK(cached.cache().count() == 12);
  CHECK(cached.cache().bytes() == 12 * 24 * 32 * 4);
  CHECK(small.cache().count() == 1);
  CHECK(plain.cache().count() == 0);
  for (std::int64_t i = 0; i < 12; ++i) CHECK(cached.sampling_class(i) == cached.class_of(i, 1));
  CHECK(contains(runtime_error([&] { cached.get(12); }), "ham10000: sample 12 of 12"));
}

TEST_CASE("ham10000: what is wrong with a folder is said when it is opened") {
  CHECK(Phantom().open_error() == "");
  CHECK(input_error([] { Ham10000 d(options_for("/no/such/folder")); }) == "/no/such/folder: there is no such folder");
  {
    Phantom f;
    fs::remove(f.table());
    CHECK(contains(f.open_error(), f.table()));
    test::save(f.table(), "");
    CHECK(f.open_error() == f.table() + ": is empty, expected a header line");
    test::save(f.table(), "lesion_id,image_id,dx\n");
    CHECK(f.open_error() == f.table() + ": has a header but no rows");
    test::save(f.table(), "lesion_id,image_id,class\na,b,nv\n");
    CHECK(f.open_error() == f.table() + ": has no column dx; it has: lesion_id, image_id, class");
  }
  {
    Phantom f;
    f.edit_table(",bkl,", ",wart,");
    CHECK(contains(f.open_error(), ": class wart is unknown; there are: akiec, bcc, bkl, df, mel, nv, vasc"));
    CHECK(contains(f.open_error(), "HAM10000_metadata.csv:"));
  }
  {
    Phantom f;
    f.edit_table("ISIC_9000001", "ISIC_9000000");
    CHECK(f.open_error() == f.table() + ":3: image ISIC_9000000 is listed twice");
  }
  {
    Phantom f;
    fs::remove(f.mask(2));
    CHECK(f.open_error() == f.mask(2) + ": missing: the mask of " + f.image(2));
    fs::remove(f.image(1));
    CHECK(contains(f.open_error(), ":3: image ISIC_9000001.jpg is in neither HAM10000_images_part_1 nor"));
  }
  {
    Phantom f;
    fs::remove_all(f / "HAM10000_segmentations_lesion_tschandl");
    CHECK(contains(f.open_error(), "HAM10000_segmentations_lesion_tschandl: there is no such folder"));
    fs::remove_all(f / "HAM10000_images_part_1");
    fs::remove_all(f / "HAM10000_images_part_2");
    CHECK(contains(f.open_error(), ": holds neither HAM10000_images_part_1 nor HAM10000_images_part_2"));
  }
}

TEST_CASE("ham10000: what is wrong with a file is said when it is read, with its name") {
  Phantom f;
  fs::resize_file(f.image(0), fs::file_size(f.image(0)) / 2);
  fs::resize_file(f.mask(1), fs::file_size(f.mask(1)) / 2);
  test::save(f.mask(2), "no picture at all");
  test::save(f.image(3), "");
  write_png(f.mask(4), Image(10, 20, 1));
  CHECK(contains(f.get_error(0), f.image(0) + ": is not a valid JPEG: "));
  CHECK(contains(f.get_error(1), f.mask(1) + ": is not a valid PNG: "));
  CHECK(contains(f.get_error(2), f.mask(2) + ": is neither PNG nor JPEG: starts with \"no pictu\""));
  CHECK(f.get_error(3) == f.image(3) + ": is empty (0 bytes)");
  CHECK(f.get_error(4) == f.mask(4) + ": is 10x20, its image " + f.image(4) + " is 64x48");
  CHECK(f.get_error(5) == "");
}

TEST_CASE("open_dataset: names and options") {
  DatasetOptions o = options_for("x");
  o.name = "cats";
  CHECK(input_error([&] { open_dataset(o); }) ==
        "dataset cats is unknown; there are: ham10000, openkbp, stoic, prostate, folder");
  CHECK(contains(input_error([] { open_dataset(options_for("x", 0, 5)); }), "size 0x5"));
  o = options_for("x");
  o.augment.rotation = 500;
  CHECK(contains(input_error([&] { open_dataset(o); }), "augment: rotation 500: expected 0 to 180"));
}

// Numbered samples in groups of three.
struct Groups : Dataset {
  std::int64_t n;
  std::vector<TargetInfo> infos{{"kind", TaskKind::Classification, 3, {}}, {"map", TaskKind::Segmentation, 1, {}}};
  explicit Groups(std::int64_t size) : n(size) {}
  std::int64_t size() const override { return n; }
  const std::vector<TargetInfo>& targets() const override { return infos; }
  std::string id(std::int64_t i) const override { return std::to_string(i); }
  std::string group(std::int64_t i) const override { return "g" + std::to_string(i / 3); }
  std::int64_t class_of(std::int64_t i, std::size_t) const override { return i % 4 - 1; }
  Sample get(std::int64_t) const override { return {}; }
  Sample get_augmented(std::int64_t, std::uint64_t, std::int64_t) const override { return {}; }
};

TEST_CASE("split: whole groups, all samples, by the seed") {
  const Groups dataset(300);
  const Split s = make_split(dataset, 1, 0.2, 0.1);
  CHECK(s.val.size() == 60);
  CHECK(s.test.size() == 30);
  CHECK(s.train.size() == 210);
  std::set<std::int64_t> all;
  std::map<std::string, int> side;
  int number = 0;
  for (const auto* part : {&s.train, &s.val, &s.test}) {
    ++number;
    CHECK(std::is_sorted(part->begin(), part->end()));
    for (std::int64_t i : *part) {
      all.insert(i);
      CHECK(side.emplace(dataset.group(i), number).first->second == number);
    }
  }
  CHECK(all.size() == 300);
  CHECK(make_split(dataset, 1, 0.2, 0.1).val == s.val);
  CHECK(make_split(dataset, 2, 0.2, 0.1).val != s.val);
  CHECK(make_split(dataset, 1, 0.2, 0).test.empty());
  CHECK(make_split(Groups(6), 1, 0.01, 0).val.size() == 3);  // at least one group
}

// Numbered samples of a dataset that comes in parts.
struct Parts : Groups {
  std::vector<std::string> parts;
  explicit Parts(std::vector<std::string> p) : Groups(static_cast<std::int64_t>(p.size())), parts(std::move(p)) {}
  std::string part(std::int64_t i) const override { return parts[static_cast<std::size_t>(i)]; }
};

TEST_CASE("split: parts as distributed stay as they are") {
  const Split s = make_split(Parts({"train", "test", "validation", "train"}), 7, 0.9, 0.05);
  CHECK(s.train == std::vector<std::int64_t>{0, 3});
  CHECK(s.val == std::vector<std::int64_t>{2});
  CHECK(s.test == std::vector<std::int64_t>{1});
  CHECK(input_error([] {
          make_split(Parts({"test", "validation"}), 1, 0.2, 0);
        }) == "split: the dataset has no training part");
  const Split judged = make_split(Parts({"test", "validation"}), 1, 0.2, 0, false);  // nothing is trained
  CHECK(judged.train.empty());
  CHECK(judged.val == std::vector<std::int64_t>{1});
  CHECK(judged.test == std::vector<std::int64_t>{0});
  CHECK(test::runtime_error([] {
          make_split(Parts({"train", ""}), 1, 0.2, 0);
        }) == "split: 1 of 2 samples belong to no part");
  CHECK(contains(test::runtime_error([] { make_split(Parts({"valid"}), 1, 0.2, 0); }), "unknown part valid"));
}

TEST_CASE("stack: masks of structures, also where a sample has no label") {
  const auto sample = [](const std::string& id, Target target) {
    return Sample{id, Tensor::zeros({2, 2, 1}), {target}};
  };
  const Target labelled{Tensor::ones({2, 2, 3}), Tensor::from({1, 0, 1}, {1, 1, 3})};
  const Batch batch = stack({sample("a", {}), sample("b", labelled)});
  CHECK(batch.targets[0].value.shape() == Shape{2, 2, 2, 3});
  CHECK(batch.targets[0].mask.shape() == Shape{2, 1, 1, 3});
  CHECK(batch.targets[0].mask.to_vector() == std::vector<real>{0, 0, 0, 1, 0, 1});
  CHECK(batch.labelled[0] == std::vector<bool>{false, true});
}

TEST_CASE("split: fractions that leave nothing") {
  CHECK(contains(input_error([] { make_split(Groups(9), 1, 1.0, 0); }), "validation fraction is 1"));
  CHECK(contains(input_error([] { make_split(Groups(9), 1, 0.2, -1); }), "test fraction is -1"));
  CHECK(contains(input_error([] { make_split(Groups(3), 1, 0.2, 0); }),
                 "1 groups, 1 to validate and 0 to test leave none"));
  const Split judged = make_split(Groups(3), 1, 0.2, 0.2, false);
  CHECK(judged.val == std::vector<std::int64_t>{0, 1, 2});
  CHECK((judged.train.empty() && judged.test.empty()));
}

TEST_CASE("class_counts: labels among the chosen samples") {
  const Groups dataset(8);  // classes -1 0 1 2 -1 0 1 2
  CHECK(class_counts(dataset, {0, 1, 2, 3, 5}, 0) == std::vector<std::int64_t>{2, 1, 1});
  CHECK(contains(runtime_error([&] { class_counts(dataset, {0}, 1); }), "target 1 is not a classification"));
}

TEST_CASE("real data: HAM10000 at its own size, most masks with the palette upside down") {
  const std::string root = test::real_data("ham10000/native600x450");
  if (root.empty()) return;
  const Ham10000 dataset(options_for(root, 75, 100));
  int centre_in_lesion = 0, corner_in_lesion = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const Tensor mask = dataset.get(i).targets[0].value;
    double area = 0;
    for (real v : mask.to_vector()) area += v;
    area /= static_cast<double>(mask.numel());
    CAPTURE(dataset.id(i));
    CHECK(area > 0.005);
    CHECK(area < 0.98);
    centre_in_lesion += mask.at(37 * 100 + 50) == 1;
    corner_in_lesion += mask.at(0) == 1;
  }
  CHECK(dataset.size() == 35);
  CHECK(centre_in_lesion >= 30);  // photographers aim at the lesion
  CHECK(corner_in_lesion <= 6);
}

TEST_CASE("real data: HAM10000 at 200x150: all rows open, groups are lesions") {
  const std::string root = test::real_data("ham10000/resized200x150");
  if (root.empty()) return;
  const Ham10000 dataset(options_for(root));
  CHECK(dataset.size() == 1580);
  std::vector<std::int64_t> all(1580);
  for (std::int64_t i = 0; i < 1580; ++i) all[static_cast<std::size_t>(i)] = i;
  CHECK(class_counts(dataset, all, 1) == std::vector<std::int64_t>{130, 180, 260, 60, 260, 620, 70});
  const Split s = make_split(dataset, 0, 0.2, 0);
  std::set<std::string> held;
  for (std::int64_t i : s.val) held.insert(dataset.group(i));
  for (std::int64_t i : s.train) CHECK(!held.contains(dataset.group(i)));
  CHECK(std::abs(static_cast<double>(s.val.size()) - 316) < 50);
  for (std::int64_t i = 0; i < 1580; i += 97) CHECK(dataset.get(i).input.shape() == Shape{24, 32, 3});
}

}  // namespace
}  // namespace medusa::datasets
