// Writes the seed corpora of the image and table fuzzers: `make_corpus tests/fuzz/corpus`.  Small files of every kind.
#include "datasets/image.h"
#include "datasets/phantom.h"
#include "tensor/file.h"
#include "tests/special_jpeg.h"

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

void write_csv_seeds(const std::string& folder) {
  write_file(folder + "/plain", "lesion_id,image_id,dx\nHAM_1,ISIC_1,nv\nHAM_2,ISIC_2,mel\n");
  write_file(folder + "/quotes", "\xEF\xBB\xBF\"a\",b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n");
  write_file(folder + "/ragged", "a,b\n1\n");
  write_file(folder + "/open_quote", "a\n\"1\n2");
  write_file(folder + "/behind_quote", "a\n\"1\"2\n");
  write_file(folder + "/empty_lines", "\n\r\na,\n\n,b\r");
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
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return 1;
  }
  return 0;
}
