// MetaImage, the files of ITK: .mha with header and voxels in one file, .mhd with the voxels in another (.raw, .zraw).
#pragma once

#include <span>
#include <string>

#include "datasets/formats/data_folder.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// Reads voxels of any number type, LOCAL or in a file of their own, raw or zlib, both byte orders, 1 to 4 axes or
// several channels.  MetaImage counts millimetres in LPS+ and files list an axis's direction as a row; `affine` is
// RAS+.  Throws InputError naming the file: damaged, cut off, text voxels, voxels in a list of files or outside of
// `folder`.
Volume read_metaimage(const std::string& path, const DataFolder& folder = {});
// The same from memory; `data` holds the voxels where the header says that they are in another file.
Volume decode_metaimage(std::span<const unsigned char> bytes, std::span<const unsigned char> data,
                        const std::string& name);
// The file that its header names for the voxels; "" where they are in the file itself, or the header is damaged.
// Throws InputError where it lies outside of `folder`.
std::string metaimage_data(const std::string& path, const DataFolder& folder = {});

// Writes .mha, or for a name in .mhd two files: NAME.raw (NAME.zraw if packed) and the header, in this order.  Voxels
// get the volume's stored type, or float32 if it has slope and intercept, which MetaImage lacks; channels are
// interleaved.  Throws InputError if a value does not fit into the type.
void write_metaimage(const std::string& path, const Volume& volume, bool packed = true);

}  // namespace medusa::datasets
