#include "datasets/dicom/folder.h"

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t{1} << 32;          // of one file
constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";  // an encoding that hides all other UIDs

std::vector<std::string> files_below(const std::string& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {path};
  MEDUSA_CHECK_INPUT(fs::is_directory(path, error), "{}: there is no such file or folder", path);
  std::vector<std::string> files;
  std::set<fs::path> entered{fs::canonical(path, error)};
  constexpr auto kLinks = fs::directory_options::follow_directory_symlink;
  for (fs::recursive_directory_iterator it(path, kLinks, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) files.push_back(it->path().string());
    // Each folder is entered once: a link may lead back.
    if (!it->is_directory(ignored) || !entered.insert(fs::canonical(it->path(), ignored)).second)
      it.disable_recursion_pending();
  }
  MEDUSA_CHECK_INPUT(!error, "{}: cannot be listed: {}", path, error.message());
  std::sort(files.begin(), files.end());
  return files;
}

bool begins_as_dicom(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<unsigned char, 132> head{};
  file.read(reinterpret_cast<char*>(head.data()), head.size());
  return looks_like_dicom({head.data(), static_cast<std::size_t>(file.gcount())});
}

std::string count_of(std::size_t n, const std::string& what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string series_text(const std::vector<DicomHeader>& series) {
  const DicomHeader& h = series[0];
  return fmt::format("{} ({}{}{}, {})", h.series.empty() ? "(no UID)" : h.series, h.modality,
                     h.series_description.empty() ? "" : " ", h.series_description, count_of(series.size(), "file"));
}

// The header of a DICOM file; or what is wrong with it, if that does not affect the series wanted.
struct Scanned {
  std::optional<DicomHeader> header;
  std::string error, series;
};

Scanned scan_file(const std::string& path, const std::string& wanted) {
  const std::vector<unsigned char> bytes = read_file(path, kMostBytes);
  std::string series;
  try {
    const DicomFile file = DicomFile::parse(bytes, path);
    series = read_dicom_series(file.root());
    return {read_dicom_header(file.root()), "", series};
  } catch (const InputError& error) {
    if (series.empty()) {  // it may be a slice cut off after its UIDs, or a structure set or dose
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      for (const std::string_view uid : {std::string_view(wanted), kDicomStructures, kDicomDose, kDeflated})
        if (text.find(uid) != std::string_view::npos) throw;  // an empty `wanted` is always found
    } else if (series == wanted) {
      throw;
    }
    return {{}, error.what(), series};
  }
}

}  // namespace

DicomFile parse_dicom_file(const std::string& path) { return DicomFile::parse(read_file(path, kMostBytes), path); }

void for_each_dicom_file(std::size_t n, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> errors(n);
  parallel_for(static_cast<std::int64_t>(n), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
        work(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
  });
  for (const std::exception_ptr& e : errors)
    if (e) std::rethrow_exception(e);
}

DicomFolder scan_dicom_folder(const std::string& path, const std::string& wanted, std::vector<std::string>& notes) {
  const std::vector<std::string> files = files_below(path);
  std::vector<Scanned> found(files.size());
  for_each_dicom_file(files.size(), [&](std::size_t i) {
    if (begins_as_dicom(files[i])) found[i] = scan_file(files[i], wanted);
  });
  DicomFolder scan;
  std::size_t foreign = 0, others = 0, scouts = 0;
  for (Scanned& f : found) {
    std::optional<DicomHeader>& h = f.header;
    if (!h) {
      foreign += f.error.empty();
    } else if (h->kind == DicomKind::Structures) {
      scan.structures.push_back(std::move(*h));
    } else if (h->kind == DicomKind::Dose) {
      scan.doses.push_back(std::move(*h));
    } else if (h->kind == DicomKind::Other) {
      ++others;
    } else if (h->localizer) {
      ++scouts;
    } else {
      scan.series[h->series].push_back(std::move(*h));
    }
  }
  for (const Scanned& f : found) {
    if (f.error.empty()) continue;
    const bool only = wanted.empty() && scan.series.size() == 1 && scan.series.contains(f.series);
    MEDUSA_CHECK_INPUT(!only && !scan.series.empty(), "{}", f.error);
    notes.push_back("skipped: " + f.error);
  }
  if (foreign) notes.push_back("skipped: " + count_of(foreign, "file") + " of other formats");
  if (others)
    notes.push_back("skipped: " + count_of(others, "DICOM object") + " of other kinds, such as plans and reports");
  if (scouts) notes.push_back("skipped: " + count_of(scouts, "localizer image"));
  MEDUSA_CHECK_INPUT(!scan.series.empty(), "{}: has no CT or MR image among {}", path, count_of(files.size(), "file"));
  return scan;
}

const std::vector<DicomHeader>& chosen_dicom_series(const DicomFolder& scan, const std::string& wanted,
                                                    const std::string& path) {
  if (const auto found = scan.series.find(wanted); !wanted.empty() && found != scan.series.end()) return found->second;
  if (wanted.empty() && scan.series.size() == 1) return scan.series.begin()->second;
  std::vector<std::string> list;
  for (const auto& [uid, series] : scan.series) list.push_back(series_text(series));
  MEDUSA_CHECK_INPUT(wanted.empty(), "{}: has no series {}; there are: {}", path, wanted, fmt::join(list, "; "));
  fail_input("{}: holds {} series, choose one with --series: {}", path, list.size(), fmt::join(list, "; "));
}

}  // namespace medusa::datasets
