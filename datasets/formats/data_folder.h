// The folder that files named inside a header or a table must not lead out of.
#pragma once

#include <string>

namespace medusa::datasets {

// Data from elsewhere may name any file of this machine: /home/me/letter.txt as the voxels of a scan.
struct DataFolder {
  std::string path;             // "": the folder of the file that names another
  bool follow_outside = false;  // read files anywhere

  // Throws InputError "<where> names <named>, which leads outside of <folder> ..." where `file`, with all links
  // followed, lies outside of the folder (which may be a link itself).  `from` is the file that names it.  A file that
  // is not there passes: who reads it says so.
  void check(const std::string& from, const std::string& where, const std::string& named,
             const std::string& file) const;
  // The file that the header `from` names in its field `field`, relative to itself.  Besides the folder it may lie
  // where the header lies if that is a link: a link to a scan of two files.
  std::string beside(const std::string& from, const std::string& field, const std::string& named) const;
};

// Whether `file`, with all links followed, lies in `folder` or is the folder.  False where either is missing.
bool lies_in(const std::string& file, const std::string& folder);

}  // namespace medusa::datasets
