// NRRD, the files of Slicer and teem: .nrrd, or .nhdr with the voxels in another file.  Read only.
#pragma once

#include <span>
#include <string>

#include "datasets/formats/data_folder.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// Reads encodings raw, gzip and text, both byte orders, up to three spatial axes and any others as channels, before or
// after those.  `affine` is RAS+ mm, from the file's space (LPS+ as in ITK if it names none), space directions and
// origin, or spacings.  `unit` is the file's "sample units".  Throws InputError naming the file: damaged, or
// with voxels in a list of files or outside of `folder`.
Volume read_nrrd(const std::string& path, const DataFolder& folder = {});
// The same from memory; `data` holds the voxels where the header says that they are in another file.
Volume decode_nrrd(std::span<const unsigned char> bytes, std::span<const unsigned char> data, const std::string& name);
// The file that its header names for the voxels; "" where they are in the file itself, or the header is damaged.
// Throws InputError where it lies outside of `folder`.
std::string nrrd_data(const std::string& path, const DataFolder& folder = {});

}  // namespace medusa::datasets
