// What the files of the convolution family share: how the CPU runs a pass (tensor/conv_pass.h).
#pragma once

#include "tensor/conv_pass.h"
#include "tensor/cpu/simd.h"

namespace medusa::MEDUSA_CPU {

void run_pass(const ConvPass& pass);
// True if the pass is a plain product of [pixels, cin] with [cin, cout]: kernel 1x1, stride 1.
bool is_pixelwise(const ConvPass& pass);

// How the tiles of a pass find their input: as segments relative to a pixel's place in the image or in a band of it.
struct ConvLayout {
  bool direct = false;     // no padding is needed: tiles read the image itself
  std::int64_t rows = 1;   // output rows per band
  std::int64_t width = 0;  // pixels per row of image or band
  std::int64_t pixel = 0;  // numbers from one pixel to the next
  bool joined = false;     // the kW x cin numbers under one tap row lie side by side
};
ConvLayout make_layout(const ConvPass& pass);

// Copies the input rows first_row .. first_row + rows of the planes that output plane q needs into `band`
// [taps of depth][rows][width][channels], with zeros where they lie outside the input; `width` places from
// axis[2].first().
struct ConvBand {
  const real* x;  // [depth, height, width, stride] of one image, from the first channel on
  std::int64_t channels, channel_stride;
  const ConvAxis* axis;
};
void copy_band(const ConvBand& from, std::int64_t q, std::int64_t first_row, std::int64_t rows, std::int64_t width,
               real* band);

}  // namespace medusa::MEDUSA_CPU
