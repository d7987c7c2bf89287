// Which side of a picture is up: the orientation that cameras write into EXIF data instead of turning the pixels.
#pragma once

#include <span>

#include "datasets/images/image.h"

namespace medusa::datasets {

// The EXIF orientation of a JPEG (segment APP1) or PNG (chunk eXIf) file in memory, 1 to 8 as in TIFF 6.0, tag 274.
// 1, which is upright, where the file has none or an invalid one.
int exif_orientation(std::span<const unsigned char> bytes);
// The picture as viewers show it: turned and mirrored as `orientation` says.
Image upright(const Image& stored, int orientation);

}  // namespace medusa::datasets
