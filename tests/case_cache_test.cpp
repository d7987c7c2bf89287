// Cases kept on disk: the same samples with and without, and made anew where anything that they depend on is another.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "datasets/cases/case_dataset.h"
#include "datasets/cases/plan_toml.h"
#include "datasets/layouts/folder.h"
#include "datasets/layouts/registry.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;
namespace fs = std::filesystem;

namespace {

// All numbers of a sample, with who has labels and masks.
std::vector<real> numbers(const Sample& s) {
  std::vector<real> all = s.input.to_vector();
  for (const Target& t : s.targets)
    for (const Tensor* tensor : {&t.value, &t.mask}) {
      all.push_back(*tensor ? real(-1) : real(-2));
      if (!*tensor) continue;
      const std::vector<real> values = tensor->to_vector();
      all.insert(all.end(), values.begin(), values.end());
    }
  return all;
}

struct Fixture {
  TempFolder folder;
  DatasetOptions options = options_for(folder.path, 4, 4, 4);
  Fixture() {
    write_volumes(folder);
    save(folder / "dataset.toml", kToml);
    save(folder / "cases.csv", kTable);
    options.cache_folder = folder / "kept";
    options.cache_bytes = 0;  // nothing in memory: every sample comes from disk
    options.augment.rotation = 10;
    options.augment.noise = 0.01;
  }
  std::vector<real> get(std::int64_t index) const { return numbers(open_dataset(options)->get(index)); }
  std::size_t files() const {
    if (!fs::exists(folder / "kept")) return 0;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder / "kept"), fs::directory_iterator{}));
  }
  // A file without a single changed bit is as old as it was: whether get() found it or made it anew.
  bool made_anew(std::int64_t index = 0) const {
    std::set<fs::file_time_type> before, after;
    const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    for (const auto& entry : fs::directory_iterator(folder / "kept")) fs::last_write_time(entry.path(), long_ago);
    get(index);
    bool fresh = false;
    for (const auto& entry : fs::directory_iterator(folder / "kept"))
      fresh = fresh || entry.last_write_time() > long_ago + std::chrono::minutes(1);
    return fresh;
  }
  void touch(const std::string& file) const {
    fs::last_write_time(folder / file, fs::last_write_time(folder / file) + std::chrono::seconds(2));
  }
  void describe(const std::string& from, const std::string& to) const {
    std::string text = kToml;
    REQUIRE(text.find(from) != std::string::npos);
    save(folder / "dataset.toml", text.replace(text.find(from), from.size(), to));
  }
};

}  // namespace

TEST_CASE("case cache: the same bytes with and without, plain and augmented") {
  const Fixture f;
  DatasetOptions without = f.options;
  without.cache_folder.clear();
  for (int pass = 0; pass < 2; ++pass)  // made, then found
    for (std::int64_t i = 0; i < 2; ++i) {
      CHECK(f.get(i) == numbers(open_dataset(without)->get(i)));
      CHECK(numbers(open_dataset(f.options)->get_augmented(i, 3, 5)) ==
            numbers(open_dataset(without)->get_augmented(i, 3, 5)));
    }
  CHECK(f.files() == 2);
  CHECK_FALSE(f.made_anew());
  // Damaged: any byte, any length; of a pack, too.
  for (const auto& entry : fs::directory_iterator(f.folder / "kept")) {
    const std::string good = slurp(entry.path().string());
    for (std::size_t at : {std::size_t{3}, good.size() / 2, good.size() - 1}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      save(entry.path().string(), bad);
      for (std::int64_t i = 0; i < 2; ++i) CHECK(f.get(i) == numbers(open_dataset(without)->get(i)));
      save(entry.path().string(), good.substr(0, at));
      for (std::int64_t i = 0; i < 2; ++i) CHECK(f.get(i) == numbers(open_dataset(without)->get(i)));
    }
  }
}

TEST_CASE("case cache: every source counts, arrays of archives and files beside a header among them") {
  Fixture f;
  f.get(0), f.get(1);
  for (const char* file : {"a/ct.nii.gz", "a/left.mha", "a/right.nii", "a/dose.npy", "a/body.npz"}) {
    f.touch(file);
    CHECK(f.made_anew(0));
    CHECK_FALSE(f.made_anew(0));
    CHECK_FALSE(f.made_anew(1));
  }
  f.touch("b.npz");
  CHECK(f.made_anew(1));
  // Another array of the same archive; one structure's file as another's; an outline that is no longer there.
  const std::vector<real> before = f.get(1), first = f.get(0);
  std::string table = kTable;
  save(f.folder / "cases.csv", std::string(kTable).replace(table.find("b.npz#ct"), 8, "b.npz#dose"));
  CHECK(f.get(1) != before);
  const std::string swapped = "a/right.nii,a/left.mha";
  save(f.folder / "cases.csv", std::string(kTable).replace(table.find("a/left.mha,a/right.nii"), 22, swapped));
  CHECK(f.get(0) != first);
  save(f.folder / "cases.csv", std::string(kTable).replace(table.find("b.npz#right"), 11, ""));
  CHECK(f.get(1) != before);
  save(f.folder / "cases.csv", kTable);
  CHECK(f.get(1) == before);
  // Voxels in a file of their own.
  const Volume left = read_volume(f.folder / "a/left.mha");
  write_volume(f.folder / "a/left.mhd", left);
  CHECK(files_of_volume(f.folder / "a/left.mhd") ==
        std::vector<std::string>{f.folder / "a/left.mhd", f.folder / "a/left.zraw"});
  save(f.folder / "a/ct.nhdr", "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file: ct.raw\n");
  save(f.folder / "a/ct.raw", std::string(64, '\7'));
  CHECK(files_of_volume(f.folder / "a/ct.nhdr") ==
        std::vector<std::string>{f.folder / "a/ct.nhdr", f.folder / "a/ct.raw"});
  save(f.folder / "cases.csv", std::string(kTable).replace(table.find("a/left.mha"), 10, "a/left.mhd"));
  f.get(0);
  CHECK_FALSE(f.made_anew(0));
  f.touch("a/left.zraw");
  CHECK(f.made_anew(0));
}

TEST_CASE("case cache: the recipe is all that decides the numbers") {
  Fixture f;
  f.get(0);
  std::size_t files = f.files();
  const auto another = [&] {
    f.get(0);
    const bool more = f.files() == files + 1;
    files = f.files();
    return more;
  };
  CHECK_FALSE(another());
  f.describe("window = [0, 30]", "window = [0, 31]");
  CHECK(another());
  f.describe("window = [0, 30]", "mean = 1\ndeviation = 2");
  CHECK(another());
  f.describe("window = [0, 30]", "mean = 1\ndeviation = 3");
  CHECK(another());
  f.describe("window = [0, 30]", "normalise = \"case\"");
  CHECK(another());
  f.describe("spacing = 1", "spacing = 2");
  CHECK(another());
  f.describe("spacing = 1", "field_of_view = 5");
  CHECK(another());
  f.describe("scale = 70", "scale = 60");
  CHECK(another());
  save(f.folder / "dataset.toml", kToml);
  CHECK_FALSE(another());
  f.options.size.height = 3;
  CHECK(another());
  f.options.spacing = {1.5};
  CHECK(another());
  f.options.size.height = 4;
  f.options.spacing.clear();
  CHECK_FALSE(another());
  // A mask that no longer counts: the same file of another content.
  const std::vector<real> masked = f.get(0);
  f.describe("mask = \"body\"", "");
  CHECK(f.get(0) != masked);
}

TEST_CASE("case cache: names of cases that are no names of files; ham10000 has none") {
  const TempFolder folder;
  const DiskCache cache(folder / "kept");
  std::set<std::string> names;
  for (const std::string& id :
       std::vector<std::string>{"a/b", "a_b", "a b", "../a", "..", std::string(300, 'x'), "x"}) {
    const std::string file = cache.file(id, "r");
    CHECK(fs::path(file).parent_path() == folder / "kept");
    CHECK(names.insert(file).second);
    CHECK(cache.get(id, "r", {}, [&] { return "content of " + id; }) == "content of " + id);
  }
  DatasetOptions o;
  o.folder = folder.path;
  o.cache_folder = folder / "kept";
  CHECK(input_error([&] { open_dataset(o); }) == "ham10000: caches in memory only, not on disk (cache-disk)");
}

TEST_CASE("description: what is written is read as the same") {
  const std::string text = R"(size = "4x5x6"
spacing = [3, 2.5, 0.1]

[input.ct]
column = "the \"CT\"\t\\"
channels = 2
window = [-160, 240.5]
mean = [1, 1e-07]
deviation = [2, 3]

[input.pet]
normalise = "case"

[target.organs]
kind = "structures"
classes = ["Left A", "Right A"]
mirrored = [["Left A", "Right A"]]

[target.zones]
kind = "segmentation"
classes = ["none", "a", "b"]
values = [0, 64, 128]

[target.dose]
kind = "regression"
classes = ["dose"]
scale = 70
unit = "Gy"

[target.grade]
kind = "classification"
classes = ["low", "high"]
)";
  const Description d = read_description(parse_toml(text, "t"), "t");
  CHECK(d.plan.inputs[0].column == "the \"CT\"\t\\");
  CHECK(description_text(d.plan, {4, 5, 6}) == text);
  CasePlan flat = d.plan;
  flat.spacing.clear();
  CHECK(description_text(flat, {0, 5, 6}).starts_with("size = \"5x6\"\n\n[input.ct]\n"));
}
