// Structures and doses from files, beside a scan; what of a folder is read, skipped and refused.
#include <filesystem>

#include "datasets/dicom/case.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "tensor/file.h"
#include "tests/data_fixture.h"
#include "tests/dicom_writer.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::CtSlice;
using test::DoseFile;
using test::Encoding;
using test::input_error;
using test::save;
using test::TempFolder;

struct Study {
  TempFolder folder;
  std::vector<test::Roi> rois;
  DoseFile dose;

  Study() {
    for (int k = 0; k < 3; ++k) {
      CtSlice slice;
      slice.position[2] = 30 + 3 * k;
      save(folder / fmt::format("ct{}", k), slice.file());
    }
    // Around the centres of columns 1 to 3 and rows 1 and 2 of the middle slice.
    const std::vector<double> outline{-9, -19, 33, -5, -19, 33, -5, -15, 33, -9, -15, 33};
    rois = {{"PTV 70", {{outline}, {{0, 0, 33}, "POINT"}}},
            {"ptv_70", {{outline}}},
            {"Heart, left", {}},
            {"far", {{{-9, -19, 99, -5, -19, 99, -5, -15, 99}}}}};
    for (std::uint32_t i = 0; i < 36; ++i) dose.cells.push_back(1000 + 100 * i);
  }
  DicomCase read(const DicomOptions& options = {}) const {
    save(folder / "rs", test::structure_file(rois));
    save(folder / "rd", dose.file());
    return read_dicom_case(folder.path, options);
  }
  std::string error(const DicomOptions& options = {}) const {
    return input_error([&] { read(options); });
  }
};

bool noted(const DicomCase& study, const std::string& text) {
  for (const std::string& note : study.notes)
    if (contains(note, text)) return true;
  return false;
}

#define NEEDS_DICOM()                     \
  if (!have_dicom()) {                    \
    test::skipped("built without DCMTK"); \
    return;                               \
  }

TEST_CASE("dicom: a case of scan, structures and dose, written as NIfTI files and as an archive") {
  NEEDS_DICOM();
  const Study study;
  const DicomCase read = study.read();
  REQUIRE(read.structures.size() == 2);
  CHECK(read.structures[0].voxels == 6);
  CHECK(read.structures[1].key == "ptv_70_2");  // "PTV_70" would be the same file where case does not count
  CHECK(noted(read, "structure PTV 70: left out: 1 points or open lines"));
  CHECK(noted(read, "structure Heart, left: has no closed contour, so there is no mask of it"));
  CHECK(noted(read, "structure far: left out: 1 contours beyond the first or last slice"));
  REQUIRE(read.dose);
  CHECK(read.dose->unit == "Gy");
  CHECK(read.dose->at(0, 0, 0) == doctest::Approx(1));
  CHECK(read.dose->at(2, 0, 0) == doctest::Approx(1.1));       // 3 mm along x: one of its columns
  CHECK(read.dose->at(0, 2, 0) == doctest::Approx(1.4));       // 4 mm along y: one of its rows
  CHECK(read.dose->at(0, 0, 1) == doctest::Approx(1 + 0.72));  // 3 of 5 mm to the next plane

  std::vector<real> dose = read.dose->values.to_vector();
  for (real& gy : dose) gy = static_cast<float>(gy);  // as which it is written
  const TempFolder out;
  CHECK(write_dicom_case(out / "p.nii.gz", read).size() == 5);
  const Volume mask = read_nifti(out / "p_PTV_70.nii.gz");
  CHECK(mask.stored == ScalarType::UInt8);
  CHECK(mask.affine == read.ct.affine);
  CHECK(mask.at(1, 1, 1) == 1);
  CHECK(mask.at(0, 1, 1) == 0);
  CHECK(read_nifti(out / "p.nii.gz").values.to_vector() == read.ct.values.to_vector());
  CHECK(read_nifti(out / "p_dose.nii.gz").values.to_vector() == dose);
  const Table table = read_csv(out / "p_structures.csv");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"PTV 70", "p_PTV_70.nii.gz", "6", "0.054"});

  CHECK(write_dicom_case(out / "p.npz", read) == std::vector<std::string>{out / "p.npz"});
  const NpzArrays arrays = read_npz(out / "p.npz");
  CHECK(arrays.size() == 6);
  CHECK(arrays.at("ct").values.shape() == Shape{3, 4, 6});
  CHECK(arrays.at("ct").stored == ScalarType::Int16);
  CHECK(arrays.at("dose").values.to_vector() == dose);
  CHECK(arrays.at("PTV_70").values.at((1 * 4 + 1) * 6 + 1) == 1);
  CHECK(arrays.at("spacing").doubles == std::vector<double>{1.5, 2, 3});
  CHECK(arrays.at("affine").doubles == std::vector<double>{-1.5, 0, 0, 10, 0, -2, 0, 20, 0, 0, 3, 30, 0, 0, 0, 1});
}

TEST_CASE("dicom: doses in every encoding and both conventions of offsets") {
  NEEDS_DICOM();
  for (const Encoding encoding :
       {Encoding::Explicit, Encoding::Implicit, Encoding::BigEndian, Encoding::Deflated, Encoding::Rle})
    for (const int allocated : {16, 32}) {
      Study study;
      study.dose.encoding = encoding;
      study.dose.allocated = static_cast<std::uint16_t>(allocated);
      study.dose.offsets = {30, 35, 40};
      CAPTURE(static_cast<int>(encoding));
      CHECK(study.read().dose->at(2, 2, 1) == doctest::Approx(1.1 + 0.4 + 0.72));
    }
}

TEST_CASE("dicom: structures' names are in the file's character set, and become UTF-8") {
  NEEDS_DICOM();
  struct Spelling {
    const char *set, *stored, *name, *key;
  };
  for (const Spelling& s : {Spelling{"ISO_IR 100", "Dr\xFCse links", "Dr\xC3\xBCse links", "Dr_se_links"},
                            {"ISO_IR 192", "Dr\xC3\xBCse", "Dr\xC3\xBCse", "Dr_se"},
                            {"ISO_IR 144", "\xB3\xDB\xD0\xD7", "\xD0\x93\xD0\xBB\xD0\xB0\xD0\xB7", "____"},
                            {"", "Dr\xFCse", "Dr?se", "Dr_se"},
                            {"ISO_IR 192", "Dr\xFCse", "Dr?se", "Dr_se"},
                            {"NO SUCH SET", "Dr\xFCse", "Dr?se", "Dr_se"}})
    for (const Encoding encoding : {Encoding::Implicit, Encoding::Explicit}) {
      CAPTURE(std::string(s.set));
      Study study;
      study.rois[0].name = s.stored;
      study.read();
      save(study.folder / "rs", test::structure_file(study.rois, "1.9", encoding, s.set));
      const DicomCase read = read_dicom_case(study.folder.path, {});
      CHECK(read.structures[0].name == s.name);
      CHECK(read.structures[0].key == s.key);
    }
}

TEST_CASE("dicom: structures are chosen by name") {
  NEEDS_DICOM();
  const Study study;
  DicomOptions options;
  options.structures = {"ptv 70"};
  const DicomCase read = study.read(options);
  REQUIRE(read.structures.size() == 1);
  CHECK(read.structures[0].name == "PTV 70");
  options.structures = {"ptv 71"};
  CHECK(contains(study.error(options), "has no such structure; there are: PTV 70, ptv_70, Heart, left, far"));
}

TEST_CASE("dicom: contours twice, contours that cancel, and contours of no structure cost no other structure") {
  NEEDS_DICOM();
  Study study;
  const std::vector<double> outline = study.rois[0].contours[0].points;
  const std::vector<double> backwards{-5, -15, 33, -5, -19, 33, -9, -19, 33, -9, -15, 33};
  const std::vector<double> nearly{-9, -19, 33, -5, -19, 33, -5, -15, 33, -9, -15.000001, 33};
  study.rois = {{"once", {{outline}}},
                {"twice", {{outline}, {outline}}},
                {"backwards", {{outline}, {backwards}}},
                {"two items", {{outline}}},
                {"second item", {{outline}}, "4"},
                {"redrawn", {{outline}, {nearly}}},
                {"", {{outline}, {outline}}, "99", "", false},
                {"", {}, "98", "", false}};
  const DicomCase read = study.read();
  REQUIRE(read.structures.size() == 4);
  for (const DicomStructure& s : read.structures) CHECK(s.values == read.structures[0].values);
  CHECK(noted(read, "structure twice: 1 contours repeat one of their slice, and count once"));
  CHECK(noted(read, "structure backwards: 1 contours repeat"));
  CHECK(noted(read, "structure two items: 1 contours repeat"));
  CHECK(noted(read, "structure redrawn: the contours cancel each other, nothing is left of 1 slice (z 33 mm)"));
  CHECK(!noted(read, "structure once"));
  CHECK(noted(read, "rs: left out: 2 contours of structure number 99, 98, which it does not name"));
  study.rois[1].owner = "1";
  study.rois[1].named = true;
  study.rois.push_back({"elsewhere", {{outline}}, "", "1.77"});
  const DicomCase other = study.read();
  CHECK(noted(other, "structure elsewhere: was drawn in another frame of reference: left out"));
  CHECK(other.structures.size() == 3);
}

TEST_CASE("dicom: nothing of an earlier conversion remains beside a new one, and no other case's mask is replaced") {
  NEEDS_DICOM();
  Study study;
  const DicomCase all = study.read();
  DicomOptions one;
  one.structures = {"PTV 70"};
  const DicomCase fewer = study.read(one);
  const TempFolder out;
  const auto refused = [&](const char* name, const DicomCase& read) {
    return input_error([&] { write_dicom_case(out / name, read); });
  };
  write_dicom_case(out / "p.nii.gz", all);
  write_dicom_case(out / "p.nii.gz", all);  // the same again replaces it
  const std::string left = refused("p.nii.gz", fewer);
  CHECK(contains(left, "p.nii.gz: an earlier conversion to this name wrote files that the new one does not have; "));
  CHECK(contains(left, out / "p_ptv_70_2.nii.gz"));
  CHECK(!contains(left, out / "p_PTV_70.nii.gz"));
  CHECK(read_csv(out / "p_structures.csv").rows.size() == 2);  // nothing was written
  std::filesystem::remove(out / "p_ptv_70_2.nii.gz");
  write_dicom_case(out / "p.nii.gz", fewer);
  CHECK(read_csv(out / "p_structures.csv").rows.size() == 1);
  // No structure, no dose, another format.
  DicomCase scan = fewer;
  scan.structures.clear();
  scan.dose.reset();
  for (const char* file : {"p_PTV_70.nii.gz", "p_structures.csv", "p_dose.nii.gz"})
    CHECK(contains(refused("p.nii.gz", scan), out / file));
  CHECK(contains(refused("p.nii", fewer), out / "p_PTV_70.nii.gz"));
  CHECK(write_dicom_case(out / "p.npz", fewer).size() == 1);
  // Other cases in the folder: as a mask of its own, as its scan, and without a collision.
  DicomCase part = fewer;
  part.structures[0].key = "70";
  CHECK(contains(refused("p_PTV.nii.gz", part), "p_PTV_70.nii.gz: is a structure of another case, see "));
  CHECK(contains(refused("p_PTV_70.nii.gz", scan), "p_PTV_70.nii.gz: is a structure of another case, see "));
  CHECK(write_dicom_case(out / "q.nii.gz", part).size() == 4);
  write_file(out / "r_structures.csv", "the user's own\n");
  CHECK(contains(refused("r.nii.gz", fewer), "r_structures.csv"));
  CHECK(read_text_file(out / "r_structures.csv") == "the user's own\n");
}

TEST_CASE("dicom: of several acquisitions in a series one is chosen, and the refusal lists them") {
  NEEDS_DICOM();
  const TempFolder folder;
  const auto save_slices = [&](const char* acquisition, const char* echo, double from, std::uint32_t value) {
    for (int k = 0; k < 3; ++k) {
      CtSlice slice;
      slice.position[2] = from + 3 * k;
      slice.acquisition = acquisition;
      slice.echo = echo;
      slice.cells.assign(24, value);
      save(folder / fmt::format("{}_{}_{}_{}", acquisition, echo, from, k), slice.file());
    }
  };
  const auto read = [&](const std::string& acquisition) {
    DicomOptions options;
    options.acquisition = acquisition;
    return read_dicom_case(folder.path, options);
  };
  const auto refusal = [&](const std::string& acquisition) { return input_error([&] { read(acquisition); }); };
  // One after the other: one volume, whatever their numbers.
  save_slices("1", "", 30, 1000);
  save_slices("2", "", 39, 1500);
  CHECK(read("").ct.depth() == 6);
  CHECK(read("2").ct.depth() == 3);
  CHECK(read("2").ct.at(0, 0, 0) == 1500 - 1024);
  // At the same place, or between the others' slices.
  save_slices("3", "", 30, 1700);
  CHECK(contains(refusal(""),
                 "lie at the same position and differ; --acquisition chooses by AcquisitionNumber: "
                 "1 (3 files), 2 (3 files), 3 (3 files)"));
  CHECK(read("3").ct.at(0, 0, 0) == 1700 - 1024);
  CHECK(
      contains(refusal("4"), "--acquisition 4: there is no such one in series 1.2.3; there are: AcquisitionNumber: 1"));
  save_slices("4", "", 31, 1800);
  CHECK(
      contains(refusal(""), "; --acquisition chooses by AcquisitionNumber: 1 (3 files), 2 (3 files), 3 (3 files), 4"));
  // By echo too.
  save_slices("1", "2", 30, 1900);
  CHECK(
      contains(refusal(""), "--acquisition chooses by AcquisitionNumber/EchoNumbers: 1/2 (3 files), 1/none (3 files)"));
  CHECK(read("1/2").ct.at(0, 0, 0) == 1900 - 1024);
}

TEST_CASE("dicom: damaged files of another series are named and skipped, those of the chosen one are errors") {
  NEEDS_DICOM();
  const Study study;
  const auto save_other = [&](void (*change)(CtSlice&), std::size_t bytes = std::string::npos) {
    CtSlice other;
    other.series = "9.8.7";
    change(other);
    save(study.folder / "other", other.file().substr(0, bytes));
  };
  DicomOptions chosen;
  chosen.series = "1.2.3";
  const auto skipped = [&](const DicomOptions& options, const std::string& reason) {
    const DicomCase read = study.read(options);
    CHECK(read.ct.depth() == 3);
    CHECK(noted(read, "skipped: " + (study.folder / "other") + reason));
    CHECK(!noted(read, "of other formats"));
  };
  // Its series is known: no other reason to stop.
  save_other([](CtSlice& s) { s.position = {}; });
  skipped(chosen, ": ImagePositionPatient: expected 3 numbers, found 0");
  skipped({}, ": ImagePositionPatient: expected 3 numbers, found 0");
  // Cut off: nobody knows which series it is of, unless the user chose one.
  save_other([](CtSlice&) {}, 500);
  skipped(chosen, ": ");
  CHECK(contains(study.error(), study.folder / "other"));
  DicomOptions damaged;
  damaged.series = "9.8.7";
  CHECK(contains(study.error(damaged), study.folder / "other"));

  std::filesystem::remove(study.folder / "other");
  CtSlice slice;
  slice.position = {};
  for (const std::string& bytes : {slice.file(), CtSlice().file().substr(0, 500)})
    for (const char* name : {"ct0", "ct9"}) {  // also one that nobody would miss
      save(study.folder / name, bytes);
      CHECK(contains(study.error(chosen), study.folder / name));
      CHECK(contains(study.error(), study.folder / name));
      std::filesystem::remove(study.folder / name);
      save(study.folder / "ct0", CtSlice().file());
    }
  const std::string dose = study.dose.file();
  save(study.folder / "rd9", dose.substr(0, dose.size() - 60));
  CHECK(contains(study.error(chosen), "rd9"));
}

TEST_CASE("dicom: folders that are links are followed, and each is entered once") {
  NEEDS_DICOM();
  const Study study;
  study.read();
  const TempFolder links;
  std::filesystem::create_directories(links / "patient");
  std::filesystem::create_directory_symlink(study.folder.path, links / "patient/scan");
  std::filesystem::create_directory_symlink(study.folder.path, links / "patient/again");
  std::filesystem::create_directory_symlink(links.path, links / "patient/back");
  std::filesystem::create_directory_symlink("itself", links / "patient/itself");
  std::filesystem::create_directory_symlink("nowhere", links / "patient/none");
  const DicomCase read = read_dicom_case(links.path, {});
  CHECK(read.files == 3);
  CHECK(read.structures.size() == 2);
  CHECK(!noted(read, "are the same slice"));
}

TEST_CASE("dicom: structures and doses that do not fit are refused, with the reason") {
  NEEDS_DICOM();
  struct Row {
    const char* message;
    void (*change)(Study&);
  };
  const Row rows[] = {
      {"rd: its dose is in units of RELATIVE, expected GY", [](Study& s) { s.dose.units = "RELATIVE"; }},
      {"rd: holds differences of doses", [](Study& s) { s.dose.type = "ERROR"; }},
      {"rd: DoseGridScaling: expected a positive number, found 0", [](Study& s) { s.dose.scaling = 0; }},
      {"rd: lies in a different frame of reference from ", [](Study& s) { s.dose.frame_of_reference = "1.8"; }},
      {"rd: GridFrameOffsetVector begins with 3",
       [](Study& s) {
         s.dose.offsets = {3, 6, 9};
       }},
      {"rd: expected 144 bytes of pixels, found 140", [](Study& s) { s.dose.cells.pop_back(); }},
      {"rs: structure PTV 70: a contour has 10 coordinates", [](Study& s) { s.rois[0].contours[0].points.resize(10); }},
      {"is implausibly large", [](Study& s) { s.rois[0].contours[0].points[0] = 1e7; }},
      {"there are 2 doses, choose one with --rtdose: ", [](Study& s) { save(s.folder / "rd2", s.dose.file()); }},
      {"there are 2 structure sets, choose one with --rtstruct: ",
       [](Study& s) { save(s.folder / "rs2", test::structure_file(s.rois)); }},
      {"rs: was drawn in a different frame of reference",
       [](Study& s) {
         CtSlice slice;
         slice.frame_of_reference = "1.7";
         s.dose.frame_of_reference = "1.7";
         for (int k = 0; k < 3; ++k) {
           slice.position[2] = 30 + 3 * k;
           save(s.folder / fmt::format("ct{}", k), slice.file());
         }
       }},
  };
  for (const Row& row : rows) {
    Study study;
    row.change(study);
    const std::string message = study.error();
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(!contains(message, "\n"));
  }
  Study beam;
  beam.dose.summation = "BEAM";
  CHECK(noted(beam.read(), "its dose is of a BEAM, not of the whole plan"));
  save(beam.folder / "rd2", beam.dose.file());
  DicomOptions one;
  one.rtdose = beam.folder / "rd2";
  CHECK(beam.read(one).dose);
  one.rtdose = beam.folder / "none";
  CHECK(contains(beam.error(one), "no such dose below the input folder; there are: "));
}

}  // namespace
}  // namespace medusa::datasets
