// PNG through libpng.  libpng reports errors by longjmp: a function that calls setjmp has no variables, since a jump
// back may find them changed, and leaves its work to another that the compiler must not inline.  Functions that are
// jumped over hold nothing that needs a destructor; what does lives in a struct of their caller.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "datasets/images/image.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

struct Reader {
  std::span<const unsigned char> bytes;
  std::size_t used = 0;
  std::string error;
  std::vector<std::uint8_t> pixels;  // 16-bit values lie here as two bytes
  std::vector<png_bytep> rows;
  png_uint_32 width = 0, height = 0;
  int channels = 0, depth = 0;
};

struct Writer {
  std::string bytes, error;
  std::vector<png_color> palette;
};

template <class Owner>
[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  static_cast<Owner*>(png_get_error_ptr(png))->error = text;
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, std::size_t n) {
  Reader& r = *static_cast<Reader*>(png_get_io_ptr(png));
  if (n > r.bytes.size() - r.used) png_error(png, "the file is truncated");
  std::memcpy(to, r.bytes.data() + r.used, n);
  r.used += n;
}

// Deflate cannot shrink by more than 1032 : 1, so a file of n bytes holds at most that many bytes of pixels.
bool justified(const Reader& r, std::size_t row_bytes) {
  return row_bytes * static_cast<std::size_t>(r.height) <= 1032 * r.bytes.size() + 65536;
}

void set_up_rows(Reader& r, std::size_t row_bytes) {
  r.pixels.resize(row_bytes * r.height);
  r.rows.resize(r.height);
  for (std::size_t y = 0; y < r.height; ++y) r.rows[y] = r.pixels.data() + y * row_bytes;
}

[[gnu::noinline]] bool read_all(png_structp png, png_infop info, Reader& r) {
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);  // checked by the caller
  png_set_chunk_malloc_max(png, 1 << 24);
  png_set_read_fn(png, &r, read_bytes);
  png_read_info(png, info);
  r.width = png_get_image_width(png, info);
  r.height = png_get_image_height(png, info);
  if (!justified(r, png_get_rowbytes(png, info))) {
    r.error = fmt::format("claims {}x{} pixels, more than its {} bytes can hold", r.width, r.height, r.bytes.size());
    return false;
  }
  const int color = png_get_color_type(png, info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  r.channels = png_get_channels(png, info);
  r.depth = png_get_bit_depth(png, info);
  set_up_rows(r, png_get_rowbytes(png, info));
  png_read_image(png, r.rows.data());
  png_read_end(png, nullptr);
  return true;
}

// False: r.error says why.
bool read(png_structp png, png_infop info, Reader& r) { return setjmp(png_jmpbuf(png)) == 0 && read_all(png, info, r); }

std::uint32_t big_endian(const unsigned char* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}

void write_bytes(png_structp png, png_bytep from, std::size_t n) {
  static_cast<Writer*>(png_get_io_ptr(png))->bytes.append(reinterpret_cast<const char*>(from), n);
}
void flush(png_structp) {}

[[gnu::noinline]] void write_all(png_structp png, png_infop info, Writer& w, const Image& image, int color,
                                 png_bytepp rows, int depth) {
  png_set_write_fn(png, &w, write_bytes, flush);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), depth, color,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!w.palette.empty()) png_set_PLTE(png, info, w.palette.data(), static_cast<int>(w.palette.size()));
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, info);
}

// False: w.error says why.
bool write(png_structp png, png_infop info, Writer& w, const Image& image, int color, png_bytepp rows, int depth) {
  if (setjmp(png_jmpbuf(png))) return false;
  write_all(png, info, w, image, color, rows, depth);
  return true;
}

std::string encode(const Image& image, int color, Writer& w) {
  const bool deep = !image.pixels16.empty();
  const std::size_t row = static_cast<std::size_t>(image.width * image.channels) * (deep ? 2 : 1);
  std::vector<std::uint8_t> bytes;  // 16-bit values, most significant byte first
  for (std::uint16_t v : image.pixels16) {
    bytes.push_back(static_cast<std::uint8_t>(v >> 8));
    bytes.push_back(static_cast<std::uint8_t>(v & 255));
  }
  const std::uint8_t* data = deep ? bytes.data() : image.pixels.data();
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
    rows.push_back(const_cast<png_bytep>(data + y * row));
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error<Writer>, on_warning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  const bool done = info && write(png, info, w, image, color, rows.data(), deep ? 16 : 8);
  png_destroy_write_struct(&png, &info);
  MEDUSA_CHECK(done, "png: cannot encode {}x{}x{}: {}", image.width, image.height, image.channels, w.error);
  return std::move(w.bytes);
}

void check_writable(const Image& image) {
  const std::size_t n = static_cast<std::size_t>(image.width * image.height * image.channels);
  MEDUSA_CHECK(image.width > 0 && image.height > 0 && image.channels >= 1 && image.channels <= 4 &&
                   (image.pixels16.empty() ? image.pixels.size() == n : image.pixels16.size() == n),
               "png: cannot encode {}x{}x{} from {} values", image.width, image.height, image.channels,
               image.pixels16.empty() ? image.pixels.size() : image.pixels16.size());
}

}  // namespace

Image decode_png(std::span<const unsigned char> bytes, const std::string& name) {
  static constexpr unsigned char kHead[16] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
  MEDUSA_CHECK_INPUT(bytes.size() >= 33, "{}: is not a complete PNG: {} bytes", name, bytes.size());
  MEDUSA_CHECK_INPUT(std::memcmp(bytes.data(), kHead, 16) == 0, "{}: is not a PNG: its header is damaged", name);
  const std::uint64_t width = big_endian(&bytes[16]), height = big_endian(&bytes[20]);
  MEDUSA_CHECK_INPUT(
      width <= 0x7fffffff && height <= 0x7fffffff && width * height <= static_cast<std::uint64_t>(kMaxPixels),
      "{}: claims {}x{} pixels, at most {} are supported", name, width, height, kMaxPixels);
  Reader r;
  r.bytes = bytes;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error<Reader>, on_warning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  const bool done = info && read(png, info, r);
  png_destroy_read_struct(&png, &info, nullptr);
  MEDUSA_CHECK_INPUT(done, "{}: is not a valid PNG: {}", name, r.error);

  Image image;
  image.width = r.width;
  image.height = r.height;
  image.channels = r.channels;
  if (r.depth == 8) {
    image.pixels = std::move(r.pixels);
    return image;
  }
  image.pixels.resize(r.pixels.size() / 2);
  image.pixels16.resize(r.pixels.size() / 2);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const unsigned v = r.pixels[2 * i] * 256u + r.pixels[2 * i + 1];
    image.pixels16[i] = static_cast<std::uint16_t>(v);
    image.pixels[i] = static_cast<std::uint8_t>((v + 128) / 257);
  }
  return image;
}

std::string encode_png(const Image& image) {
  check_writable(image);
  static constexpr int kColor[5] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                    PNG_COLOR_TYPE_RGB_ALPHA};
  Writer w;
  return encode(image, kColor[image.channels], w);
}

std::string encode_palette_png(const Image& image, std::span<const std::uint8_t> palette) {
  check_writable(image);
  MEDUSA_CHECK(image.channels == 1 && palette.size() % 3 == 0 && !palette.empty() && palette.size() <= 768,
               "png: a palette image has 1 channel and 1 to 256 colours, got {} channels, {} values", image.channels,
               palette.size());
  Writer w;
  for (std::size_t i = 0; i < palette.size(); i += 3) w.palette.push_back({palette[i], palette[i + 1], palette[i + 2]});
  return encode(image, PNG_COLOR_TYPE_PALETTE, w);
}

}  // namespace medusa::datasets
