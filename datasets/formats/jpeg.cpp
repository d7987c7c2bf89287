// JPEG through libjpeg(-turbo).  Errors come by longjmp, as in formats/png.cpp.  What the library only warns about,
// such as a file that ends early, is an error here: a half-grey picture must not be trained on.
#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two above
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstdlib>

#include "datasets/images/image.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr int kMaxScans = 100;  // progressive files have about ten; each costs a pass over the picture

struct Errors {
  jpeg_error_mgr manager;  // first: libjpeg knows this part
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX] = "";
};

[[noreturn]] void on_error(j_common_ptr info) {
  Errors& e = *reinterpret_cast<Errors*>(info->err);
  info->err->format_message(info, e.text);
  std::longjmp(e.jump, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace, not a warning
  const int code = info->err->msg_code;
  const bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
  if (!harmless) on_error(info);
}

void on_progress(j_common_ptr info) {
  if (info->is_decompressor && reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
    Errors& e = *reinterpret_cast<Errors*>(info->err);
    std::snprintf(e.text, sizeof e.text, "more than %d scans", kMaxScans);
    std::longjmp(e.jump, 1);
  }
}

jpeg_error_mgr* set_up(Errors& e) {
  jpeg_std_error(&e.manager);
  e.manager.error_exit = on_error;
  e.manager.emit_message = on_message;
  return &e.manager;
}

// Every 8 x 8 block of the largest component takes at least one bit.
bool justified(const jpeg_decompress_struct& info, std::size_t bytes) {
  return static_cast<std::uint64_t>(info.image_width) * info.image_height <= 2048 * static_cast<std::uint64_t>(bytes);
}

[[gnu::noinline]] bool read_all(jpeg_decompress_struct& info, Errors& e, std::span<const unsigned char> bytes,
                                Image& image) {
  jpeg_progress_mgr progress{};
  progress.progress_monitor = on_progress;
  jpeg_create_decompress(&info);
  info.progress = &progress;
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  const std::uint64_t pixels = static_cast<std::uint64_t>(info.image_width) * info.image_height;
  if (pixels > static_cast<std::uint64_t>(kMaxPixels) || !justified(info, bytes.size())) {
    std::snprintf(e.text, sizeof e.text, "claims %ux%u pixels, more than its %zu bytes can hold", info.image_width,
                  info.image_height, bytes.size());
    return false;
  }
  const bool ink = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  if (ink)
    info.out_color_space = JCS_CMYK;
  else if (info.jpeg_color_space != JCS_GRAYSCALE)
    info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  image.width = info.output_width;
  image.height = info.output_height;
  image.channels = info.output_components;
  image.pixels.resize(static_cast<std::size_t>(image.width * image.height * image.channels));
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.at(0, info.output_scanline);
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

// False: e.text says why.
bool read(jpeg_decompress_struct& info, Errors& e, std::span<const unsigned char> bytes, Image& image) {
  return setjmp(e.jump) == 0 && read_all(info, e, bytes, image);
}

// Adobe's files hold 255 - ink.
Image from_cmyk(const Image& cmyk, bool adobe) {
  Image rgb(cmyk.width, cmyk.height, 3);
  const int flip = adobe ? 0 : 255;
  for (std::size_t i = 0; i < rgb.pixels.size() / 3; ++i) {
    const int light = cmyk.pixels[4 * i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c)
      rgb.pixels[3 * i + c] = static_cast<std::uint8_t>(((cmyk.pixels[4 * i + c] ^ flip) * light + 127) / 255);
  }
  return rgb;
}

struct Encoded {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

[[gnu::noinline]] void write_all(jpeg_compress_struct& info, const Image& image, int quality, Encoded& out) {
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &out.bytes, &out.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = static_cast<int>(image.channels);
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.at(0, info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
}

// False: e.text says why.
bool write(jpeg_compress_struct& info, Errors& e, const Image& image, int quality, Encoded& out) {
  if (setjmp(e.jump)) return false;
  write_all(info, image, quality, out);
  return true;
}

}  // namespace

Image decode_jpeg(std::span<const unsigned char> bytes, const std::string& name) {
  jpeg_decompress_struct info{};
  Errors errors;
  info.err = set_up(errors);
  Image image;
  const bool done = read(info, errors, bytes, image);
  const bool adobe = info.saw_Adobe_marker;
  jpeg_destroy_decompress(&info);
  MEDUSA_CHECK_INPUT(done, "{}: is not a valid JPEG: {}", name, errors.text);
  return image.channels == 4 ? from_cmyk(image, adobe) : image;
}

std::string encode_jpeg(const Image& image, int quality) {
  MEDUSA_CHECK((image.channels == 1 || image.channels == 3) && image.width > 0 && image.height > 0 && quality >= 1 &&
                   quality <= 100 &&
                   image.pixels.size() == static_cast<std::size_t>(image.width * image.height * image.channels),
               "jpeg: cannot encode {}x{}x{} at quality {}", image.width, image.height, image.channels, quality);
  jpeg_compress_struct info{};
  Errors errors;
  info.err = set_up(errors);
  Encoded out;
  const bool done = write(info, errors, image, quality, out);
  jpeg_destroy_compress(&info);
  std::string bytes(reinterpret_cast<const char*>(out.bytes), out.bytes ? out.size : 0);
  std::free(out.bytes);
  MEDUSA_CHECK(done, "jpeg: cannot encode {}x{}: {}", image.width, image.height, errors.text);
  return bytes;
}

}  // namespace medusa::datasets
