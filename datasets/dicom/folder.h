// What a folder holds: DICOM files of any depth and order, sorted by what they are.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "datasets/dicom/image.h"

namespace medusa::datasets {

struct DicomFolder {
  std::map<std::string, std::vector<DicomHeader>> series;  // images, by SeriesInstanceUID
  std::vector<DicomHeader> structures, doses;
};

// Reads the headers of all files below `path`, or of one file; folders that are links, too.  What is skipped is counted
// in `notes`, and named there if it is damaged and of a series other than `wanted` ("": the only one there is).  Throws
// InputError: no image among them; a damaged file of that series, or without `wanted` of an unknown one.
DicomFolder scan_dicom_folder(const std::string& path, const std::string& wanted, std::vector<std::string>& notes);
// The series with this SeriesInstanceUID; "": the only one there is.  Throws InputError that lists what there is.
const std::vector<DicomHeader>& chosen_dicom_series(const DicomFolder& scan, const std::string& wanted,
                                                    const std::string& path);
// The files of a series that are of one acquisition; "": all.  Throws InputError that lists what there is.
std::vector<DicomHeader> chosen_dicom_acquisition(const std::vector<DicomHeader>& series, const std::string& wanted,
                                                  const std::string& path);
// "AcquisitionNumber: 1 (6 files), 2 (6 files)": what tells the files of a series apart; "" if nothing does.
std::string dicom_acquisitions(const std::vector<DicomHeader>& series);
DicomFile parse_dicom_file(const std::string& path);
// Calls work(i) for all i < n on all threads; of several errors the first in order is thrown.
void for_each_dicom_file(std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace medusa::datasets
