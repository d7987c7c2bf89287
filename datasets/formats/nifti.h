// NIfTI-1 and NIfTI-2, the files of neuroimaging: .nii, .nii.gz, and pairs of .hdr and .img (or .hdr.gz and .img.gz).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// The parts of the name of one file of a pair: "scan", ".img", ".gz" of scan.img.gz; `half` is .hdr or .img, `packing`
// .gz or nothing.
struct NiftiPairName {
  std::string stem, half, packing;
};
// Empty if the name ends otherwise.
std::optional<NiftiPairName> nifti_pair_name(const std::string& path);

// Reads all number types of up to 64 bits except colours and complex numbers, in both byte orders.  `path` may be
// either file of a pair.  scl_slope and scl_inter are applied (a slope of 0 means none); axes four to seven, such as
// time, become channels.  The affine is chosen as nibabel chooses: sform where its code is set, else qform, else voxel
// sizes alone with the origin in the middle and i to the left.  Metres and micrometres become mm; mm is assumed if no
// unit is given.  Throws InputError naming the file: damaged, cut off, of another format, Analyze 7.5 (which has no
// left and right).
Volume read_nifti(const std::string& path);
// The same from memory: the bytes of a .nii or .hdr file, packed or not, and those of the .img file, empty for .nii.
Volume decode_nifti(std::span<const unsigned char> header, std::span<const unsigned char> image,
                    const std::string& name);
// True if the bytes begin with a NIfTI or Analyze header, possibly gzipped.
bool looks_like_nifti(std::span<const unsigned char> bytes);

// Writes .nii, or both files of a pair where the name ends in .hdr or .img, packed where it ends in .gz: NIfTI-1, or
// NIfTI-2 where an axis is longer than 32767.  Voxels get
// the volume's stored type, slope and intercept; sform holds the affine, and so does qform where it can (no shear).
// Throws InputError if a value does not fit into the type.
void write_nifti(const std::string& path, const Volume& volume);

}  // namespace medusa::datasets
