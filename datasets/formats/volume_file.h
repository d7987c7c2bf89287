// Volumes of any format: the one place that decides which.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "datasets/formats/data_folder.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// By the first bytes: "NIfTI", "MetaImage", "NRRD", "npy" or "npz"; "" for none.  The name helps only where bytes
// cannot: a MetaImage begins with text of any kind, a NIfTI .img with voxels.
std::string volume_format(std::span<const unsigned char> head, const std::string& path);
// The same for a file; reads only its beginning.
std::string volume_format(const std::string& path);

// Reads a volume with the axes that the file has; see to_ras.  Throws InputError naming the file; also where its voxels
// lie in another file outside of `folder`.
Volume read_volume(const std::string& path, const DataFolder& folder = {});

// The files that read_volume(path) looks at: the file itself and, for a header whose voxels lie in another file, that
// one (for .hdr and .img every name that the other half may have).  For a damaged header the file alone.  Throws
// InputError where that other file lies outside of `folder`.
std::vector<std::string> files_of_volume(const std::string& path, const DataFolder& folder = {});

// Writes .nii, .hdr and .img (these packed too, with .gz), .mha, .mhd, .npy or .npz, by the name's end, in the
// orientation that the volume's file had. Throws InputError for another name, or where a value does not fit into the
// stored type.
void write_volume(const std::string& path, const Volume& volume);
// Throws InputError if write_volume would refuse the name.
void check_volume_name(const std::string& path);

}  // namespace medusa::datasets
