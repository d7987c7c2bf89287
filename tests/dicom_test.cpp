// DICOM series: sorting, doubles, gaps, tilt, encodings, and bad input of each kind.  Files come from a writer of the
// tests' own.
#include <cmath>
#include <filesystem>

#include "datasets/dicom/case.h"
#include "datasets/dicom/series.h"
#include "tests/data_fixture.h"
#include "tests/dicom_writer.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::CtSlice;
using test::Encoding;
using test::input_error;
using test::save;
using test::TempFolder;

// Where DCMTK is missing, all that can be tested is that this is said.
#define NEEDS_DICOM()                                                                                          \
  if (!have_dicom()) {                                                                                         \
    CHECK(contains(input_error([] { read_dicom_case("nowhere", {}); }), "this build has no DICOM support: ")); \
    test::skipped("built without DCMTK");                                                                      \
    return;                                                                                                    \
  }

CtSlice slice_at(double z, std::uint32_t value = 0) {
  CtSlice slice;
  slice.position[2] = z;
  if (value) slice.cells.assign(24, value);
  return slice;
}

std::string error_of(const TempFolder& folder, const DicomOptions& options = {}) {
  return input_error([&] { read_dicom_case(folder.path, options); });
}

bool noted(const DicomCase& study, const std::string& text) {
  for (const std::string& note : study.notes)
    if (contains(note, text)) return true;
  return false;
}

TEST_CASE("dicom: slices are sorted by position, whatever their names, numbers and UIDs") {
  NEEDS_DICOM();
  const TempFolder folder;
  // All share one SOPInstanceUID, as after a careless anonymisation.
  std::filesystem::create_directories(folder / "deep/er");
  save(folder / "a.dcm", slice_at(36, 1026).file());
  save(folder / "b", slice_at(30, 1024).file());
  save(folder / "deep/er/c.img", slice_at(33, 1025).file());
  save(folder / "notes.txt", "no image");
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(study.ct.values.shape() == Shape{3, 4, 6, 1});
  for (std::int64_t k = 0; k < 3; ++k) CHECK(study.ct.at(2, 1, k) == static_cast<real>(k));
  CHECK(study.ct.unit == "HU");
  CHECK(study.ct.stored == ScalarType::Int16);
  CHECK(study.files == 3);
  // Columns are 1.5 mm apart along x to the left, rows 2 mm to posterior, slices 3 mm; LPS becomes RAS.
  Affine expected;
  expected.m = {{{-1.5, 0, 0, 10}, {0, -2, 0, 20}, {0, 0, 3, 30}}};
  CHECK(study.ct.affine == expected);
  CHECK(noted(study, "skipped: 1 file of other formats"));
}

TEST_CASE("dicom: an oblique series is sorted along its own normal") {
  NEEDS_DICOM();
  const TempFolder folder;
  const double s = std::sqrt(0.5);
  for (int n = 0; n < 3; ++n) {  // coronal planes turned by 45 degrees: the normal is (-s, s, 0) ... and z stays
    CtSlice slice = slice_at(50, 1024u + static_cast<std::uint32_t>(n));
    slice.orientation = {s, s, 0, 0, 0, -1};
    const double along = 2.0 * n;
    slice.position = {-s * along, s * along, 50};
    save(folder / std::to_string(9 - n), slice.file());
  }
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(study.ct.spacing()[2] == doctest::Approx(2));
  for (std::int64_t k = 0; k < 3; ++k) CHECK(study.ct.at(0, 0, k) == static_cast<real>(k));
  const Vec3 last = study.ct.affine.apply({0, 0, 2});
  CHECK(last[0] == doctest::Approx(s * 4));  // RAS: x and y negated
  CHECK(last[1] == doctest::Approx(-s * 4));
}

TEST_CASE("dicom: planes that face the other way are sorted the other way") {
  NEEDS_DICOM();
  const TempFolder folder;
  for (int n = 0; n < 2; ++n) {
    CtSlice slice = slice_at(30 + 3 * n, 1024u + static_cast<std::uint32_t>(n));
    slice.orientation = {1, 0, 0, 0, -1, 0};  // normal to inferior
    save(folder / std::to_string(n), slice.file());
  }
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(study.ct.at(0, 0, 0) == 1);
  CHECK(study.ct.affine.m[2][2] == -3);
  CHECK(study.ct.affine.m[2][3] == 33);
}

TEST_CASE("dicom: every encoding gives the same values") {
  NEEDS_DICOM();
  const Encoding all[] = {Encoding::Explicit, Encoding::Implicit, Encoding::BigEndian, Encoding::Deflated,
                          Encoding::Rle};
  for (const Encoding encoding : all)
    for (const int allocated : {8, 16, 32}) {
      const TempFolder folder;
      CtSlice slice;
      slice.encoding = encoding;
      slice.allocated = slice.stored = static_cast<std::uint16_t>(allocated);
      slice.high = static_cast<std::uint16_t>(allocated - 1);
      slice.slope = 0.5;
      slice.intercept = -3;
      for (std::uint32_t i = 0; i < 24; ++i)
        slice.cells.push_back(allocated == 32 ? 70000 * i : allocated == 16 ? 2500 * i : 10 * i);
      save(folder / "slice", slice.file());
      CAPTURE(static_cast<int>(encoding));
      CAPTURE(allocated);
      const Volume ct = read_dicom_case(folder.path, {}).ct;
      for (std::int64_t i = 0; i < 24; ++i)
        CHECK(ct.values.at(i) == static_cast<real>(0.5 * slice.cells[static_cast<std::size_t>(i)] - 3));
    }
}

TEST_CASE("dicom: elements written as of unknown kind are read by what the dictionary knows") {
  NEEDS_DICOM();
  const TempFolder folder;
  CtSlice slice;
  const std::string plain = slice.file();
  slice.unknown = true;
  CHECK(slice.file() != plain);
  save(folder / "slice", plain);
  const DicomCase expected = read_dicom_case(folder.path, {});
  save(folder / "slice", slice.file());
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(study.ct.affine == expected.ct.affine);
  CHECK(study.ct.values.to_vector() == expected.ct.values.to_vector());
}

TEST_CASE("dicom: only the stored bits count, with their sign") {
  CHECK(stored_number(0xFABC, 12, 11, false) == 0xABC);
  CHECK(stored_number(0xFABC, 12, 11, true) == 0xABC - 0x1000);
  CHECK(stored_number(0xABCF, 12, 15, false) == 0xABC);
  CHECK(stored_number(0x7FFF, 16, 15, true) == 32767);
  CHECK(stored_number(0x8000, 16, 15, true) == -32768);
  CHECK(stored_number(0xFFFFFFFF, 32, 31, true) == -1);
  CHECK(stored_number(0xFFFFFFFF, 32, 31, false) == 4294967295);
  NEEDS_DICOM();
  const TempFolder folder;
  CtSlice slice;
  slice.sign = 1;
  slice.intercept = 0;
  slice.cells.assign(24, 0xF801);  // overlay bits above a 12-bit -2047
  save(folder / "slice", slice.file());
  CHECK(read_dicom_case(folder.path, {}).ct.values.at(5) == -2047);
}

TEST_CASE("dicom: pixels outside of the scanner's view become -1024 HU") {
  NEEDS_DICOM();
  const TempFolder folder;
  CtSlice slice;
  slice.stored = 16;
  slice.high = 15;
  slice.sign = 1;
  slice.padding = "-2000";
  slice.cells.assign(24, 1000);
  slice.cells[3] = 0x10000 - 2000;
  for (const Encoding encoding : {Encoding::Explicit, Encoding::Implicit}) {
    slice.encoding = encoding;
    save(folder / "slice", slice.file());
    const DicomCase study = read_dicom_case(folder.path, {});
    CHECK(study.ct.values.at(3) == -1024);
    CHECK(study.ct.values.at(2) == -24);
    CHECK(noted(study, "1 pixels outside of the scanner's view are set to -1024 HU"));
  }
}

TEST_CASE("dicom: the same slice twice is used once; another one at its place is an error") {
  NEEDS_DICOM();
  const TempFolder folder;
  save(folder / "1", slice_at(30, 1025).file());
  save(folder / "2", slice_at(33, 1026).file());
  save(folder / "again", slice_at(33, 1026).file());
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(study.ct.depth() == 2);
  CHECK(noted(study, "2 and " + (folder / "again") + " are the same slice: one is used"));
  save(folder / "again", slice_at(33, 1027).file());
  CHECK(contains(error_of(folder), "again lie at the same position and differ"));
}

TEST_CASE("dicom: a missing slice is found, and made from its neighbours only when asked") {
  NEEDS_DICOM();
  const TempFolder folder;
  for (const int n : {0, 1, 2, 5, 6})
    save(folder / std::to_string(n), slice_at(30 + 3 * n, 1024u + 3u * static_cast<std::uint32_t>(n)).file());
  CHECK(error_of(folder) == "2 slices are missing between " + (folder / "2") + " and " + (folder / "5") +
                                " (9 mm apart, the others 3); --fill-gaps makes them from their neighbours");
  DicomOptions fill;
  fill.fill_gaps = true;
  const DicomCase study = read_dicom_case(folder.path, fill);
  CHECK(study.ct.depth() == 7);
  for (std::int64_t k = 0; k < 7; ++k) CHECK(study.ct.at(1, 1, k) == static_cast<real>(3 * k));
  CHECK(noted(study, "2 slices are missing between"));
  // A step and a half is no gap of whole slices.
  save(folder / "7", slice_at(30 + 18 + 4.5).file());
  CHECK(contains(error_of(folder, fill), "lie 4.5 mm apart, and most slices 3 mm: the spacing is uneven"));
}

TEST_CASE("dicom: rounded positions are no gaps") {
  NEEDS_DICOM();
  const TempFolder folder;
  for (const double unit : {0.1, 0.01}) {  // steps of 0.6 and 0.7 mm, or of 0.62 and 0.63
    for (int n = 0; n < 9; ++n)
      save(folder / std::to_string(n), slice_at(unit * std::round(0.625 * n / unit), 1024).file());
    CHECK(read_dicom_case(folder.path, {}).ct.spacing()[2] == doctest::Approx(0.625));
  }
}

TEST_CASE("dicom: a tilted gantry gives a sheared affine and a note") {
  NEEDS_DICOM();
  const TempFolder folder;
  const double angle = 10 * std::acos(-1.0) / 180, step = 3;  // the table moves along z, the planes lean
  for (int n = 0; n < 4; ++n) {
    CtSlice slice = slice_at(30 + step * n);
    slice.orientation = {1, 0, 0, 0, std::cos(angle), std::sin(angle)};
    save(folder / std::to_string(n), slice.file());
  }
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(noted(study, "the gantry was tilted by 10.0 degrees"));
  CHECK(study.ct.affine.m[2][2] == doctest::Approx(3));
  CHECK(study.ct.affine.m[1][2] == doctest::Approx(0));
  CHECK(study.ct.affine.m[2][1] == doctest::Approx(2 * std::sin(angle)));
}

TEST_CASE("dicom: several series are listed, and one is chosen") {
  NEEDS_DICOM();
  const TempFolder folder;
  CtSlice other = slice_at(30, 1030);
  other.series = "1.2.4";
  save(folder / "1", slice_at(30, 1025).file());
  save(folder / "2", other.file());
  CHECK(contains(error_of(folder), "holds 2 series, choose one with --series: 1.2.3 (CT, 1 file); 1.2.4 (CT, 1 file)"));
  DicomOptions options;
  options.series = "1.2.4";
  CHECK(read_dicom_case(folder.path, options).ct.values.at(0) == 6);
  options.series = "1.2.5";
  CHECK(contains(error_of(folder, options), "has no series 1.2.5; there are: 1.2.3"));
}

TEST_CASE("dicom: scouts and other objects are skipped and counted") {
  NEEDS_DICOM();
  const TempFolder folder;
  CtSlice scout = slice_at(30), report = slice_at(30);
  scout.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  scout.rows = 3;
  scout.cells.assign(18, 0);
  report.sop_class = "1.2.840.10008.5.1.4.1.1.88.11";
  save(folder / "1", slice_at(30).file());
  save(folder / "2", scout.file());
  save(folder / "3", report.file());
  const DicomCase study = read_dicom_case(folder.path, {});
  CHECK(noted(study, "skipped: 1 localizer image"));
  CHECK(noted(study, "skipped: 1 DICOM object of other kinds"));
  std::filesystem::remove(folder / "1");
  CHECK(contains(error_of(folder), "has no CT or MR image among 2 files"));
}

TEST_CASE("dicom: slices that do not belong together name both files") {
  NEEDS_DICOM();
  struct Row {
    const char* message;
    void (*change)(CtSlice&);
  };
  const Row rows[] = {
      {"has 3 x 8 pixels, and ", [](CtSlice& s) { s.rows = 3, s.columns = 8; }},
      {"has a pixel spacing of 2 x 1.6 mm, and ",
       [](CtSlice& s) {
         s.spacing = {2, 1.6};
       }},
      {"has a different orientation from ", [](CtSlice& s) { s.orientation = {1, 0, 0, 0, 0, 1}; }},
      {"mm off the line of the other slices", [](CtSlice& s) { s.position[0] = 10; }},
  };
  for (const Row& row : rows) {
    const TempFolder folder;
    for (int n = 0; n < 5; ++n) {
      CtSlice slice = slice_at(30 + 3 * n);
      if (n == 2) row.change(slice);
      save(folder / std::to_string(n), slice.file());
    }
    const std::string message = error_of(folder);
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(contains(message, folder / "2"));
  }
}

TEST_CASE("dicom: bad files are named, with the reason") {
  NEEDS_DICOM();
  struct Row {
    const char* message;
    void (*change)(CtSlice&);
  };
  const Row rows[] = {
      {"ImagePositionPatient: expected 3 numbers, found 0", [](CtSlice& s) { s.position = {}; }},
      {"ImagePositionPatient: expected 3 numbers, found 2",
       [](CtSlice& s) {
         s.position = {1, 2};
       }},
      {"is implausibly large",
       [](CtSlice& s) {
         s.position = {1e9, 0, 0};
       }},
      {"ImageOrientationPatient: expected 6 numbers", [](CtSlice& s) { s.orientation = {}; }},
      {"expected two perpendicular unit vectors", [](CtSlice& s) { s.orientation = {1, 0, 0, 1, 0, 0}; }},
      {"PixelSpacing: expected 2 numbers", [](CtSlice& s) { s.spacing = {}; }},
      {"PixelSpacing: expected two positive numbers",
       [](CtSlice& s) {
         s.spacing = {0, 1};
       }},
      {"RescaleSlope is 0", [](CtSlice& s) { s.slope = 0; }},
      {"make no sense", [](CtSlice& s) { s.stored = 17; }},
      {"make no sense", [](CtSlice& s) { s.high = 5; }},
      {"has no pixels", [](CtSlice& s) { s.rows = 0; }},
      {"expected 96 bytes of pixels, found 48", [](CtSlice& s) { s.rows = 8, s.cells.assign(24, 0); }},
      {"expected 8, 16 or 32 bits allocated, found 24", [](CtSlice& s) { s.allocated = 24; }},
      {"cannot hold 1 frames",
       [](CtSlice& s) { s.encoding = Encoding::Rle, s.rows = s.columns = 4000, s.cells.assign(24, 0); }},
  };
  for (const Row& row : rows) {
    const TempFolder folder;
    CtSlice slice;
    row.change(slice);
    save(folder / "slice", slice.file());
    const std::string message = error_of(folder);
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(contains(message, folder / "slice"));
    CHECK(!contains(message, "\n"));
  }
}

TEST_CASE("dicom: files cut off at any byte are refused or read alike, never half read") {
  NEEDS_DICOM();
  const TempFolder folder;
  const std::string whole = CtSlice().file();
  save(folder / "slice", whole);
  const std::vector<real> expected = read_dicom_case(folder.path, {}).ct.values.to_vector();
  for (std::size_t n = 0; n < whole.size(); n += 3) {
    save(folder / "slice", whole.substr(0, n));
    CAPTURE(n);
    CHECK(error_of(folder) != "");
  }
}

TEST_CASE("dicom: what files claim is checked before memory is asked for") {
  NEEDS_DICOM();
  const auto parse = [](const std::string& bytes) {
    return input_error([&] {
      DicomFile::parse({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, "file")
          .root()
          .items(0x00081140);
    });
  };
  test::DicomWriter nested;
  for (int depth = 0; depth < 40; ++depth) {
    test::DicomWriter outer;
    outer.sequence(0x00081140, {nested}, depth % 2 == 0);
    nested = outer;
    CHECK(contains(parse(nested.file()), "nested more than 32 deep") == (depth >= 32));
  }
  std::string bomb = test::DicomWriter(Encoding::Deflated).raw(0x00204000, "UN", std::string(200 << 20, 'x')).file();
  CHECK(contains(parse(bomb), "deflated bytes unpack to more than"));
  std::string claim = test::DicomWriter().raw(0x00204000, "UN", "four").file();
  claim.replace(claim.size() - 8, 4, "\xF0\xFF\xFF\x7F");
  CHECK(contains(parse(claim), "(0020,4000) at byte"));
  CHECK(contains(parse(claim), "claims 2147483632 bytes, there are 4"));
  CHECK(contains(parse(std::string(200, 'x')), "file"));
  std::string small = test::DicomWriter().raw(0x00204000, "UN", "four").file();
  small.replace(small.rfind("UN"), 2, "un");  // is its length in two bytes or in four?
  CHECK(contains(parse(small), "has no value representation"));
  // An item of one element and two bytes of the next: DCMTK, which knows no (E0FE,00DD), would go on behind the item.
  const std::string item("\xFE\xFF\x00\xE0\x0C\0\0\0\x08\0\x60\0\x02\0\0\0CT\x08\0", 20);
  CHECK(contains(
      parse(test::DicomWriter(Encoding::Implicit).raw(0xE0FE00DD, "UN", item).text(0x00200010, "SH", "1").file()),
      "begins in one that ends at byte"));
}

TEST_CASE("dicom: a case is written as NIfTI files and as an archive, with names that cannot collide") {
  std::vector<std::string> taken{"ct", "dose"};
  CHECK(structure_key("PTV 70/a", taken) == "PTV_70_a");
  CHECK(structure_key("Dose", taken) == "Dose_2");
  CHECK(structure_key("", taken) == "structure");
  CHECK(structure_key("../x", taken) == ".._x");
  CHECK(contains(input_error([] { check_dicom_output("out/x.mha"); }),
                 "expected a name that ends in .nii.gz, .nii or .npz"));
  CHECK(contains(input_error([] { check_dicom_output("out/.npz"); }), "expected a name"));
}

}  // namespace
}  // namespace medusa::datasets
