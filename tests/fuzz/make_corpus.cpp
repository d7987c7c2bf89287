// Writes the seed corpora of the image, table, volume and DICOM fuzzers, small files of every kind:
// `make_corpus tests/fuzz/corpus`.
#include "datasets/images/image.h"
#include "datasets/phantoms/phantom.h"
#include "tensor/file.h"
#include "tests/fuzz/dicom_seeds.h"
#include "tests/special_jpeg.h"
#include "tests/volume_files.h"

namespace medusa::datasets {
namespace {

using test::special_jpeg;

void write_png_seeds(const std::string& folder, const Picture& p) {
  write_file(folder + "/rgb", encode_png(p.image));
  write_file(folder + "/grey", encode_png(p.mask));
  Image deep(3, 2, 1), alpha(3, 2, 4), grey_alpha(3, 2, 2);
  deep.pixels16 = {0, 1, 255, 256, 32768, 65535};
  write_file(folder + "/grey16", encode_png(deep));
  write_file(folder + "/rgba", encode_png(alpha));
  write_file(folder + "/grey_alpha", encode_png(grey_alpha));
  const std::vector<std::uint8_t> two = {255, 255, 255, 0, 0, 0};
  Image indices = p.mask;
  for (std::uint8_t& v : indices.pixels) v = v ? 0 : 1;
  write_file(folder + "/palette", encode_palette_png(indices, two));
  const std::string whole = encode_png(p.image);
  write_file(folder + "/cut", whole.substr(0, whole.size() / 2));
}

void write_jpeg_seeds(const std::string& folder, const Picture& p) {
  Image ink(9, 9, 4);
  write_file(folder + "/rgb", encode_jpeg(p.image, 60));
  write_file(folder + "/grey", encode_jpeg(p.mask, 60));
  write_file(folder + "/subsampled_restart", special_jpeg(p.image, {.restart = 1}));
  write_file(folder + "/progressive", special_jpeg(p.image, {.progressive = true}));
  write_file(folder + "/cmyk", special_jpeg(ink, {.space = JCS_CMYK}));
  const std::string whole = encode_jpeg(p.image, 60);
  write_file(folder + "/cut", whole.substr(0, whole.size() * 3 / 4));
}

void write_sparse_csv_seeds(const std::string& folder) {
  write_file(folder + "/values", ",data\n0,1017.0\n17,18.353\n4095,1e-3\n3,-2\n");
  write_file(folder + "/mask", ",data\r\n5,\r\n6,\r\n4095,");
  write_file(folder + "/empty", ",data\n");
  write_file(folder + "/twice", ",data\n5,1\n5,2\n");
  write_file(folder + "/outside", ",data\n4096,1\n");
  write_file(folder + "/mixed", ",data\n1,2\n2,\n");
  write_file(folder + "/long", ",data\n1,123456789012345678901234567890.5\n99999999999999999999,1\n");
}

void write_csv_seeds(const std::string& folder) {
  write_file(folder + "/plain", "lesion_id,image_id,dx\nHAM_1,ISIC_1,nv\nHAM_2,ISIC_2,mel\n");
  write_file(folder + "/quotes", "\xEF\xBB\xBF\"a\",b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n");
  write_file(folder + "/ragged", "a,b\n1\n");
  write_file(folder + "/open_quote", "a\n\"1\n2");
  write_file(folder + "/behind_quote", "a\n\"1\"2\n");
  write_file(folder + "/empty_lines", "\n\r\na,\n\n,b\r");
}

void write_nifti_seeds(const std::string& folder) {
  for (const bool big : {false, true}) {
    const std::string order = big ? "_big" : "_little";
    test::NiftiFile file = test::small_nifti(big);
    write_file(folder + "/sform" + order, file.bytes());
    file.version = 2;
    write_file(folder + "/version2" + order, file.bytes());
    file.sform = 0;
    file.qform = 1;
    file.quaternion = {0, 0, 1};
    write_file(folder + "/qform" + order, file.bytes());
  }
  test::NiftiFile file = test::small_nifti();
  file.slope = 0.5;
  file.extension = std::string("\x20\0\0\0\6\0\0\0", 8) + std::string(24, ' ');
  write_file(folder + "/packed_scaled_extension", test::gzipped(file.bytes()));
  file = test::small_nifti();
  file.dim = {5, 2, 1, 1, 3, 1};
  file.sform = 0;
  write_file(folder + "/five_axes_no_form", file.bytes());
  file.dim = {3, 1, 1, 1};
  file.datatype = 64;
  file.voxels = test::bytes_of(1e-300);
  write_file(folder + "/float64", file.bytes());
  file = test::small_nifti();
  file.rows = {0, -1, -1, 0, -1, 0, -1, 0, -1, -1, -1, 0};
  write_file(folder + "/axes_that_tie", file.bytes());
  file = test::small_nifti();
  file.magic = "ni1";
  file.vox_offset = 0;
  write_file(folder + "/pair", file.header() + std::string(352, '\1'));
  file.dim = {3, 32767, 32767, 32767};
  write_file(folder + "/oversized", file.bytes());
}

void write_metaimage_seeds(const std::string& folder) {
  const std::string voxels = test::small_nifti().voxels;
  write_file(folder + "/local", test::small_metaimage() + voxels);
  write_file(folder + "/zlib", test::small_metaimage("CompressedData = True\n") + test::deflated(voxels, 15));
  write_file(folder + "/big_turned",
             test::small_metaimage("BinaryDataByteOrderMSB = True\nTransformMatrix = 0 1 0 1 0 0 0 0 1\n") + voxels);
  write_file(folder + "/end", test::small_metaimage("HeaderSize = -1\nElementNumberOfChannels = 1\n") + voxels);
  write_file(folder + "/detached", test::small_metaimage("", "x.raw") + std::string(300, '\1'));
  write_file(folder + "/four_axes",
             "NDims = 4\nDimSize = 1 2 1 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\nabcdef");
}

void write_nrrd_seeds(const std::string& folder) {
  const std::string voxels = test::small_nifti().voxels;
  write_file(folder + "/raw", test::small_nrrd() + voxels);
  write_file(folder + "/gzip", test::small_nrrd("encoding: gzip\nendian: big\n") + test::gzipped(voxels));
  write_file(folder + "/text", test::small_nrrd("encoding: text\n") + "1 -2 300 -400 5 6\n");
  write_file(folder + "/skip",
             test::small_nrrd("encoding: raw\nendian: little\nline skip: 1\nbyte skip: -1\n") + "x\n" + voxels);
  write_file(folder + "/vector",
             "NRRD0005\ntype: unsigned char\ndimension: 4\nsizes: 3 2 1 1\nkinds: vector domain domain domain\n"
             "space dimension: 3\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\n\nabcdef");
  write_file(folder + "/spacings",
             "NRRD0001\ntype: float\ndimension: 2\nsizes: 1 1\nspacings: 2 3\nencoding: raw\nendian: little\n\n" +
                 test::bytes_of(1.5f));
}

void write_npy_seeds(const std::string& folder) {
  const std::string six = "'shape': (1, 2, 3), }", numbers = test::small_nifti().voxels;
  const std::string plain = test::npy_file("{'descr': '<i2', 'fortran_order': False, " + six, numbers);
  write_file(folder + "/plain", plain);
  write_file(folder + "/fortran_big", test::npy_file("{'descr': '>i2', 'fortran_order': True, " + six, numbers));
  write_file(folder + "/bool", test::npy_file("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", "ab"));
  std::string affine;
  for (int i = 0; i < 16; ++i) affine += test::bytes_of(i % 5 == 0 ? 1.0 : 0.0);
  const std::string eye = test::npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 4), }", affine);
  const std::string unit = test::npy_file("{'descr': '|S2', 'fortran_order': False, 'shape': (), }", "HU");
  write_file(folder + "/stored", test::zip_file({{"values.npy", plain}, {"affine.npy", eye}, {"unit.npy", unit}}, 0));
  write_file(folder + "/deflated", test::zip_file({{"values.npy", plain}, {"affine.npy", eye}}, 8));
}

}  // namespace
}  // namespace medusa::datasets

int main(int argc, char** argv) {
  using namespace medusa::datasets;
  const std::string root = argc > 1 ? argv[1] : "tests/fuzz/corpus";
  try {
    const Picture p = draw_lesion(4, 1, 2, 24, 32);
    write_png_seeds(root + "/png", p);
    write_jpeg_seeds(root + "/jpeg", p);
    write_csv_seeds(root + "/csv");
    write_sparse_csv_seeds(root + "/sparse_csv");
    write_nifti_seeds(root + "/nifti");
    write_metaimage_seeds(root + "/metaimage");
    write_nrrd_seeds(root + "/nrrd");
    write_npy_seeds(root + "/npy");
    medusa::test::write_dicom_seeds(root + "/dicom");
    medusa::test::write_rtstruct_seeds(root + "/rtstruct");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return 1;
  }
  return 0;
}
