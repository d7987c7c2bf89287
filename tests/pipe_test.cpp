// A pipe or a device where a file is expected is refused by every reader, at once: a pipe without a writer blocks for
// ever, and /dev/zero has no end.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "datasets/cases/file.h"
#include "datasets/dicom/case.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/header_text.h"
#include "datasets/formats/metaimage.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "datasets/formats/nrrd.h"
#include "datasets/formats/sparse_csv.h"
#include "datasets/formats/toml.h"
#include "datasets/formats/volume_file.h"
#include "datasets/images/image.h"
#include "datasets/layouts/registry.h"
#include "nn/safetensors.h"
#include "tensor/file.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

namespace {

// Ends the tests if a reader waits for a pipe.
struct Alarm {
  Alarm() { ::alarm(60); }
  ~Alarm() { ::alarm(0); }
};

}  // namespace

TEST_CASE("pipe: every reader refuses it, and a device") {
  const Alarm alarm;
  const TempFolder folder;
  using Read = std::function<void(const std::string&)>;
  const std::pair<const char*, Read> readers[] = {
      {"x", [](const std::string& f) { read_file(f); }},
      {"x", [](const std::string& f) { read_text_file(f); }},
      {"x", [](const std::string& f) { read_beginning(f, 4); }},
      {"x", [](const std::string& f) { first_bytes(f); }},
      {"x.png", [](const std::string& f) { read_image(f); }},
      {"x.csv", [](const std::string& f) { read_csv(f); }},
      {"x.csv", [](const std::string& f) { read_sparse_csv(f, 100); }},
      {"x.toml", [](const std::string& f) { read_toml(f); }},
      {"x.nii.gz", [](const std::string& f) { read_nifti(f); }},
      {"x.mhd", [](const std::string& f) { read_metaimage(f); }},
      {"x.nhdr", [](const std::string& f) { read_nrrd(f); }},
      {"x.npy", [](const std::string& f) { read_npy(f); }},
      {"x.npz", [](const std::string& f) { read_npz(f); }},
      {"x.safetensors", [](const std::string& f) { nn::SafetensorsReader reader(f); }},
      {"x.mha", [](const std::string& f) { read_volume(f); }},
      {"x.img", [](const std::string& f) { volume_format(f); }},
      {"x.jpg", [](const std::string& f) { CaseFiles().read(f, true); }},
      {"x.nii", [](const std::string& f) { CaseFiles().read(f, false); }},
  };
  int n = 0;
  for (const auto& reader : readers) {
    const auto& read = reader.second;
    const std::string pipe = folder / (std::to_string(n++) + reader.first);
    CAPTURE(pipe);
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(contains(input_error([&] { read(pipe); }), pipe + ": is "));
    CHECK(contains(input_error([&] { read(pipe); }), "not a regular file"));
    CHECK(contains(input_error([&] { read("/dev/zero"); }), "/dev/zero: is not a regular file"));
  }
}

TEST_CASE("pipe: nor is one read that a header or a table names, or that is half of a pair") {
  const Alarm alarm;
  const TempFolder folder;
  const auto pipe = [&](const std::string& name) {
    REQUIRE(::mkfifo((folder / name).c_str(), 0600) == 0);
    return folder / name;
  };
  const std::string end = ": is not a regular file";
  const std::string voxels = pipe("x.raw");
  save(folder / "x.mhd",
       "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = x.raw\n");
  CHECK(input_error([&] { read_volume(folder / "x.mhd"); }) == voxels + end);
  save(folder / "x.nhdr", "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: x.raw\n\n");
  CHECK(input_error([&] { read_volume(folder / "x.nhdr"); }) == voxels + end);
  write_volume(folder / "y.hdr", volume(2, 2, 2, [](auto i, auto, auto) { return i; }));
  std::filesystem::remove(folder / "y.img");
  CHECK(input_error([&, half = pipe("y.img")] { read_volume(folder / "y.hdr"); }) == (folder / "y.img") + end);
  CHECK(contains(input_error([&] { read_dicom_case(folder / "x.raw", {}); }), "x.raw"));
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  std::string table = kTable;
  save(folder / "cases.csv", table.replace(table.find("a/ct.nii.gz"), 11, "x.raw"));
  CHECK(contains(input_error([&] { open_dataset(options_for(folder.path, 4, 4, 4)); }), "cases.csv:2: ct: "));
  std::filesystem::remove(folder / "cases.csv");
  CHECK(input_error([&, t = pipe("cases.csv")] { open_dataset(options_for(folder.path, 4, 4, 4)); }) ==
        (folder / "cases.csv") + end);
}
