// One file of a case, whatever its format: a volume, a picture, an array of an archive.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "datasets/formats/data_folder.h"
#include "datasets/formats/npy.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// Keeps the archives that it has read for its lifetime: the arrays of a case are often in one.
class CaseFiles {
 public:
  // `folder`: where the voxels of headers may lie.
  explicit CaseFiles(DataFolder folder = {}) : folder_(std::move(folder)) {}
  // PNG and JPEG: [1, H, W, C] of 0..255, or of 0..65535 in 16 bits.  Volumes: turned to RAS+ where `pictures` is
  // false.  "archive.npz#array": that array, with the archive's affine.  Throws InputError naming the file.
  Volume read(const std::string& name, bool pictures);

 private:
  DataFolder folder_;
  std::map<std::string, NpzArrays> archives_;
};

// The file in "archive.npz#array", or the name itself.
std::string file_of(const std::string& name);

}  // namespace medusa::datasets
