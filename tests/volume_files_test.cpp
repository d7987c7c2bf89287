// Volumes of all formats: hostile headers, writing and reading again, telling formats apart.
#include <cmath>
#include <limits>

#include "tests/decoded_volumes.h"

namespace medusa::datasets {
namespace {

using namespace test;

TEST_CASE("volumes: headers that claim more than the file can hold are refused before memory is asked for") {
  NiftiFile file = small_nifti();
  file.version = 2;
  file.dim = {3, 1 << 20, 1 << 20, 1};  // 2^40 voxels
  CHECK(input_error([&] { nifti(file); }) ==
        "x.nii: ends too early: claims 1048576 x 1048576 x 1 x 1 voxels of int16, 2199023255552 bytes, but at most "
        "12 are left");
  CHECK(contains(input_error([&] { nifti(gzipped(file.bytes())); }), "2199023255552 bytes, but at most"));
  file.dim = {3, std::int64_t{1} << 40, std::int64_t{1} << 40, 1};  // the product overflows
  CHECK(contains(input_error([&] { nifti(file); }), "more than memory could hold"));
  const std::string sizes = "NDims = 3\nDimSize = 1048576 1048576 1\nElementType = MET_SHORT\n";
  CHECK(contains(input_error([&] { metaimage(sizes + "ElementDataFile = LOCAL\nab"); }), "but at most 2 are left"));
  CHECK(contains(input_error([&] { metaimage(sizes + "CompressedData = True\nElementDataFile = LOCAL\nab"); }),
                 "but at most"));
  CHECK(contains(input_error([&] {
                   npy(npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (1048576, 1048576)}", "ab"));
                 }),
                 "but at most 2 are left"));
  const std::string head = "NRRD0004\ntype: short\ndimension: 2\nsizes: 1048576 1048576\nendian: little\n";
  for (const char* encoding : {"raw", "gzip", "text"})
    CHECK(contains(input_error([&] { nrrd(head + "encoding: " + encoding + "\n\n1 2"); }), "x.nrrd: ends too early"));
}

// A volume that no format changes: whole numbers, an oblique affine that float holds nearly.
Volume oblique_volume(std::int64_t channels, ScalarType type) {
  Tensor values = Tensor::empty({2, 3, 4, channels});
  for (std::int64_t i = 0; i < values.numel(); ++i) values.mutable_data()[i] = static_cast<real>((37 * i) % 101);
  const double c = std::cos(0.3), s = std::sin(0.3);
  Volume v =
      make_volume(values, Affine::from({0.5, 1.25, 3}, {{{c, -s, 0}, {s, c, 0}, {0, 0, -1}}}, {-7, 8, 9}), type, "HU");
  return v;
}

TEST_CASE("volumes: written and read again in every format and type") {
  const TempFolder folder;
  for (const char* end : {".nii", ".nii.gz", ".hdr", ".img.gz", ".mha", ".mhd", ".npz", ".npy"})
    for (const std::int64_t channels : {1, 3})
      for (int t = 0; t < 10; ++t) {
        const ScalarType type = static_cast<ScalarType>(t);
        CAPTURE(end);
        CAPTURE(name(type));
        const Volume v = oblique_volume(channels, type);
        const std::string path = folder / (std::string("a") + end);
        write_volume(path, v);
        const Volume back = read_volume(path);
        CHECK(back.values.shape() == v.values.shape());
        CHECK(back.values.to_vector() == v.values.to_vector());
        CHECK(back.stored == type);
        if (std::string(end) == ".npy") continue;  // knows nothing of space
        CHECK(back.unit == "HU");
        for (std::size_t r = 0; r < 3; ++r)
          for (std::size_t c = 0; c < 4; ++c) CHECK(std::abs(back.affine.m[r][c] - v.affine.m[r][c]) < 1e-6);
        // What was turned for work is written as it was.
        write_volume(path, to_ras(back));
        CHECK(read_volume(path).values.to_vector() == v.values.to_vector());
        CHECK(read_volume(path).file_orientation == v.file_orientation);
      }
}

TEST_CASE("volumes: qform and sform that are written agree") {
  const TempFolder folder;
  for (const char* code : {"RAS", "LPS", "PIR", "ASL", "LSA", "SRP", "IPL"}) {
    CAPTURE(code);
    Volume v = to_orientation(oblique_volume(1, ScalarType::Int16), code);
    v.file_orientation = code;
    write_volume(folder / "a.nii", v);
    const Affine by_sform = read_volume(folder / "a.nii").affine;
    std::string bytes = slurp(folder / "a.nii");
    bytes[254] = 0;  // no sform
    const Affine by_qform = nifti(bytes).affine;
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c) CHECK(std::abs(by_qform.m[r][c] - by_sform.m[r][c]) < 1e-5);
  }
  Volume sheared = oblique_volume(1, ScalarType::Int16);
  sheared.affine.m[0][1] += 1;
  write_volume(folder / "a.nii", sheared);
  CHECK(slurp(folder / "a.nii")[252] == 0);  // qform cannot hold it
}

TEST_CASE("volumes: scaled numbers go back as they were, or as float32 where the format has no scale") {
  const TempFolder folder;
  NiftiFile file = small_nifti();
  file.slope = 0.0754069686;
  file.intercept = 3100.76171875;
  const Volume v = nifti(file);
  write_volume(folder / "a.nii", v);
  CHECK(slurp(folder / "a.nii").substr(352) == file.voxels);
  CHECK(read_volume(folder / "a.nii").values.to_vector() == v.values.to_vector());
  write_volume(folder / "a.mha", v);
  CHECK(read_volume(folder / "a.mha").stored == (sizeof(real) == 8 ? ScalarType::Float64 : ScalarType::Float32));
  CHECK(read_volume(folder / "a.mha").values.to_vector() == v.values.to_vector());
}

TEST_CASE("volumes: values that do not fit, names that say nothing, folders that are not there") {
  const TempFolder folder;
  Volume v = oblique_volume(1, ScalarType::Int16);
  v.values.mutable_data()[5] = 40000;
  for (const char* end : {".nii", ".nii.gz", ".mha", ".mhd", ".npy", ".npz"}) {
    CAPTURE(end);
    const std::string path = folder / (std::string("a") + end);
    CHECK(contains(input_error([&] { write_volume(path, v); }), path + ": value 40000 does not fit into int16"));
    CHECK_FALSE(std::filesystem::exists(path));
  }
  v.values.mutable_data()[5] = std::numeric_limits<real>::quiet_NaN();
  CHECK(contains(input_error([&] { write_volume(folder / "a.nii", v); }), "value nan does not fit into int16"));
  CHECK(contains(input_error([&] { write_volume(folder / "a.tif", v); }),
                 "a.tif: expected a name that ends in one of .nii, .nii.gz"));
  v.stored = ScalarType::Float32;
  CHECK(contains(runtime_error([&] { write_volume(folder / "none/a.nii", v); }), "none/a.nii: cannot be written"));
}

TEST_CASE("volumes: formats are told by content, then by name") {
  const auto format = [](const std::string& bytes, const std::string& path) {
    return volume_format(span_of(bytes), path);
  };
  CHECK(format(small_nifti().bytes(), "x") == "NIfTI");
  CHECK(format(gzipped(small_nifti().bytes()), "x.dat") == "NIfTI");
  CHECK(format(gzipped("something else"), "x.dat") == "");
  CHECK(format(small_metaimage(), "x") == "MetaImage");
  CHECK(format("NDims = 3\n", "x.mha") == "MetaImage");
  CHECK(format(small_nrrd(), "x.mha") == "NRRD");
  CHECK(format("\x93NUMPY", "x.nii") == "npy");
  CHECK(format("garbage", "x.NII.GZ") == "NIfTI");
  CHECK(format("garbage", "x.txt") == "");
  const TempFolder folder;
  save(folder / "x.txt", "garbage");
  CHECK(input_error([&] { read_volume(folder / "x.txt"); }) ==
        (folder / "x.txt") + ": unknown format, expected NIfTI, MetaImage, NRRD, npy or npz");
  CHECK(contains(input_error([&] { read_volume(folder.path); }), "is a folder, expected a file"));
}

}  // namespace
}  // namespace medusa::datasets
