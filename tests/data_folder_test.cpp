// Files that headers and tables name must lie in the data folder, unless they may lie anywhere.
#include "datasets/formats/data_folder.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "datasets/layouts/registry.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;
namespace fs = std::filesystem;

namespace {

// Two folders: `data`, and `else` beside it, which nothing in `data` may name.
struct Places {
  TempFolder root;
  std::string data = root / "data", other = root / "else";
  Places() {
    fs::create_directories(data + "/deep");
    fs::create_directories(other);
    save(other + "/voxels.raw", std::string(8, '\7'));
    save(data + "/voxels.raw", std::string(8, '\5'));
  }
  std::string header(const std::string& name, const std::string& voxels) const {
    const std::string path = data + "/" + name;
    if (name.ends_with(".mhd"))
      save(path, "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = " +
                     voxels + "\n");
    else
      save(path, "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: " + voxels + "\n\n");
    return path;
  }
};

real first(const std::string& path, const DataFolder& folder = {}) {
  return read_volume(path, folder).values.data()[0];
}

}  // namespace

TEST_CASE("data folder: a header's voxels lie in it, whatever leads out of it") {
  const Places p;
  fs::create_symlink(p.other + "/voxels.raw", p.data + "/link.raw");
  fs::create_symlink(p.other, p.data + "/elsewhere");
  for (const std::string name : {"x.mhd", "x.nhdr"}) {
    const std::string field = name == "x.mhd" ? "ElementDataFile" : "data file";
    for (const std::string& out : {std::string("../else/voxels.raw"), p.other + "/voxels.raw", std::string("link.raw"),
                                   std::string("elsewhere/voxels.raw"), std::string("deep/../../else/voxels.raw")}) {
      CAPTURE(out);
      const std::string x = p.header(name, out);
      const std::string message = x + ": " + field + " names " + out + ", which leads outside of " + p.data +
                                  "; --follow-outside reads such files";
      CHECK(input_error([&] { read_volume(x); }) == message);
      CHECK(input_error([&] { read_volume(x, {p.data}); }) == message);
      CHECK(input_error([&] { files_of_volume(x, {p.data}); }) == message);  // a cache would know the voxels
      CHECK(first(x, {p.data, true}) == 7);
      CHECK(first(x, {p.root.path}) == 7);  // a folder that has both
    }
    for (const std::string& in : {std::string("voxels.raw"), std::string("deep/../voxels.raw"), p.data + "/voxels.raw",
                                  std::string("../data/voxels.raw")})
      CHECK(first(p.header(name, in)) == 5);
    CHECK(contains(input_error([&] { read_volume(p.header(name, "../else/none.raw")); }), "cannot be read"));
  }
  // A folder whose name begins alike is another one.
  fs::create_directories(p.data + "-2");
  save(p.data + "-2/voxels.raw", std::string(8, '\7'));
  CHECK(contains(input_error([&] { read_volume(p.header("x.mhd", "../data-2/voxels.raw")); }), "leads outside of"));
}

TEST_CASE("data folder: links to the folder itself, or to a scan of two files, are ways to lay out data") {
  const Places p;
  const std::string x = p.header("deep/x.mhd", "../voxels.raw"), y = p.header("y.mhd", "voxels.raw");
  CHECK(contains(input_error([&] { read_volume(x); }), "leads outside of " + p.data + "/deep"));
  fs::create_directory_symlink(p.data, p.root / "linked");
  CHECK(first(p.root / "linked/deep/x.mhd", {p.root / "linked"}) == 5);
  CHECK(first(x, {p.root / "linked"}) == 5);
  CHECK(first(p.root / "linked/y.mhd") == 5);
  // else/y.mhd and else/voxels.raw are links; the second is in `data`, as y.mhd is.
  fs::remove(p.other + "/voxels.raw");
  fs::create_symlink(y, p.other + "/y.mhd");
  fs::create_symlink(p.data + "/voxels.raw", p.other + "/voxels.raw");
  CHECK(first(p.other + "/y.mhd", {p.other}) == 5);
}

TEST_CASE("data folder: a table's cells and dataset.toml's manifest") {
  const TempFolder root;
  const TempFolder outside;
  write_volumes(root);
  write_volumes(outside);
  save(root / "dataset.toml", kToml);
  save(root / "cases.csv", kTable);
  DatasetOptions o = options_for(root.path, 4, 4, 4);
  CHECK(open_dataset(o)->size() == 2);
  const auto with = [&](const std::string& old, const std::string& fresh) {
    std::string table = kTable;
    save(root / "cases.csv", table.replace(table.find(old), old.size(), fresh));
  };
  const auto refused = [&](const std::string& message) {
    o.follow_outside = false;
    CHECK(input_error([&] { open_dataset(o); }) == message);
    o.follow_outside = true;
    CHECK(open_dataset(o)->get(0).input.numel() == 64);
    o.follow_outside = false;
  };
  const std::string end = ", which leads outside of " + root.path + "; --follow-outside reads such files";
  with("a/ct.nii.gz", outside / "a/ct.nii.gz");
  refused(root / "cases.csv:2: ct names " + (outside / "a/ct.nii.gz") + end);
  const std::string up = "../" + fs::path(outside.path).filename().string();
  with("b.npz#ct", up + "/b.npz#ct");
  refused(root / "cases.csv:3: ct names " + up + "/b.npz#ct" + end);
  with("a/left.mha", up + "/a/left.mha");
  refused(root / "cases.csv:2: left names " + up + "/a/left.mha" + end);
  fs::create_symlink(outside / "a/body.npz", root / "body.npz");
  with("a/body.npz", "body.npz");
  refused(root / "cases.csv:2: body names body.npz" + end);
  // All problems are listed, as of other rows.
  std::vector<std::string> problems;
  o.problems = &problems;
  CHECK(open_dataset(o)->size() == 1);
  CHECK(problems == std::vector<std::string>{root / "cases.csv:2: body names body.npz" + end});
  o.problems = nullptr;
  // A header within the folder: the folder is the dataset's.
  write_volume(root / "left.mhd", read_volume(root / "a/left.mha"));
  fs::rename(root / "left.mhd", root / "a/left.mhd");
  std::string header = slurp(root / "a/left.mhd");
  save(root / "a/left.mhd", header.replace(header.find("left.zraw"), 9, "../left.zraw"));
  with("a/left.mha", "a/left.mhd");
  CHECK(open_dataset(o)->get(0).input.numel() == 64);
  fs::rename(root / "left.zraw", outside / "left.zraw");
  header = slurp(root / "a/left.mhd");
  save(root / "a/left.mhd", header.replace(header.find("../left.zraw"), 12, "../" + up + "/left.zraw"));
  CHECK(input_error([&] { open_dataset(o)->get(0); }) ==
        root / "a/left.mhd: ElementDataFile names ../" + up + "/left.zraw" + end);
  // The same where the sample is kept on disk already.
  o.cache_folder = root / "kept";
  o.follow_outside = true;
  open_dataset(o)->get(0);
  o.follow_outside = false;
  CHECK(contains(input_error([&] { open_dataset(o)->get(0); }), "ElementDataFile names"));
  o.cache_folder.clear();
  // The table itself.
  with("a/left.mha", "");
  std::string toml = "manifest = \"" + up + "/cases.csv\"\n" + kToml;
  save(root / "dataset.toml", toml);
  save(outside / "cases.csv", kTable);
  CHECK(input_error([&] { open_dataset(o); }) == root / "dataset.toml:1: manifest names " + up + "/cases.csv" + end);
  save(root / "tables.csv", kTable);
  save(root / "dataset.toml", std::string("manifest = \"./tables.csv\"\n") + kToml);
  CHECK(open_dataset(o)->size() == 2);
}

TEST_CASE("data folder: links that a listing finds are read") {
  const TempFolder root;
  const TempFolder outside;
  fs::create_directories(root / "metadata");
  fs::create_directories(root / "data/mha");
  save(root / "metadata/reference.csv", "PatientID,probCOVID,probSevere\n7,1,1\n8,0,0\n");
  const auto flat = [](auto i, auto, auto) { return i; };
  write_volume(outside / "7.mha", volume(4, 4, 4, flat));
  write_volume(outside / "8.mhd", volume(4, 4, 4, flat));
  fs::create_symlink(outside / "7.mha", root / "data/mha/7.mha");
  fs::create_symlink(outside / "8.mhd", root / "data/mha/8.mhd");
  fs::create_symlink(outside / "8.zraw", root / "data/mha/8.zraw");
  const auto dataset = open_dataset(options_for(root.path, 4, 4, 4, "stoic"));
  REQUIRE(dataset->size() == 2);
  for (std::int64_t i = 0; i < 2; ++i) CHECK(dataset->get(i).input.numel() == 64);
}
