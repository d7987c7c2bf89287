// Which acquisitions are in a series: what dicom/folder.h promises of them.
#include <map>

#include "datasets/dicom/folder.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

struct Acquisitions {
  std::string names;                          // of the attributes that differ within the series; else of the first
  std::vector<std::string> labels;            // of each file: their values
  std::map<std::string, std::int64_t> files;  // by label

  explicit Acquisitions(const std::vector<DicomHeader>& series) : labels(series.size()) {
    constexpr std::array kNames{"AcquisitionNumber", "EchoNumbers", "TemporalPositionIdentifier", "ImageType"};
    for (std::size_t a = 0; a < kNames.size(); ++a) {
      bool differs = false;
      for (const DicomHeader& h : series) differs |= h.acquisition[a] != series[0].acquisition[a];
      if (differs) add(kNames[a], a, series);
    }
    if (names.empty()) add(kNames[0], 0, series);
    for (const std::string& label : labels) ++files[label];
  }
  void add(const char* name, std::size_t a, const std::vector<DicomHeader>& series) {
    const char* between = names.empty() ? "" : "/";
    names += between + std::string(name);
    for (std::size_t i = 0; i < series.size(); ++i) {
      const std::string& value = series[i].acquisition[a];
      labels[i] += between + (value.empty() ? "none" : value);
    }
  }
  std::string text() const {
    std::vector<std::string> list;
    for (const auto& [label, count] : files)
      list.push_back(fmt::format("{} ({} file{})", label, count, count == 1 ? "" : "s"));
    return names + ": " + first_names(list, 12);
  }
};

}  // namespace

std::vector<DicomHeader> chosen_dicom_acquisition(const std::vector<DicomHeader>& series, const std::string& wanted,
                                                  const std::string& path) {
  if (wanted.empty()) return series;
  const Acquisitions there(series);
  std::vector<DicomHeader> chosen;
  for (std::size_t i = 0; i < series.size(); ++i)
    if (there.labels[i] == wanted) chosen.push_back(series[i]);
  MEDUSA_CHECK_INPUT(!chosen.empty(), "{}: --acquisition {}: there is no such one in series {}; there are: {}", path,
                     wanted, series[0].series, there.text());
  return chosen;
}

std::string dicom_acquisitions(const std::vector<DicomHeader>& series) {
  const Acquisitions there(series);
  return there.files.size() > 1 ? there.text() : "";
}

}  // namespace medusa::datasets
