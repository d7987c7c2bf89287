#include "datasets/dicom/case.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "datasets/dicom/folder.h"
#include "datasets/dicom/series.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// ---- The scan's values

struct Pending {  // frames at the position of another one
  DicomSlice slice;
  std::size_t doubles;
  std::vector<real> values;
};

void fill_missing(const DicomStack& stack, std::int64_t size, real* values) {
  const std::size_t n = stack.slices.size();
  for (std::size_t s = 0; s < n; ++s) {
    if (!stack.slices[s].missing) continue;
    std::size_t below = s, above = s;  // the first and last slices are never missing
    while (stack.slices[below].missing) --below;
    while (stack.slices[above].missing) ++above;
    const double w = static_cast<double>(s - below) / static_cast<double>(above - below);
    for (std::int64_t p = 0; p < size; ++p) {
      const double a = values[static_cast<std::int64_t>(below) * size + p],
                   b = values[static_cast<std::int64_t>(above) * size + p];
      const bool whole = a == std::floor(a) && b == std::floor(b);  // HU stay whole numbers
      values[static_cast<std::int64_t>(s) * size + p] =
          static_cast<real>(whole ? std::round((1 - w) * a + w * b) : (1 - w) * a + w * b);
    }
  }
}

ScalarType type_for(const Tensor& values) {
  const real* v = values.data();
  const bool whole =
      std::all_of(v, v + values.numel(), [](real x) { return x >= -32768 && x <= 32767 && x == std::floor(x); });
  return whole ? ScalarType::Int16 : ScalarType::Float32;
}

// Reads every file's frames into their slices, and keeps those that double one.
std::vector<Pending> read_slices(const std::vector<DicomHeader>& headers, const DicomStack& stack, real* values,
                                 std::int64_t& padded) {
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> slice_of;
  for (std::size_t s = 0; s < stack.slices.size(); ++s)
    if (!stack.slices[s].missing) slice_of[{stack.slices[s].file, stack.slices[s].frame}] = s;
  std::vector<Pending> pending(stack.doubles.size());
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> double_of;
  for (std::size_t d = 0; d < pending.size(); ++d) double_of[{stack.doubles[d].file, stack.doubles[d].frame}] = d;
  const auto size = static_cast<std::size_t>(headers[0].rows * headers[0].columns);
  std::vector<std::int64_t> padded_of(headers.size());
  for_each_dicom_file(headers.size(), [&](std::size_t h) {
    DicomFile file = parse_dicom_file(headers[h].path);
    const DicomValues decoded = read_dicom_values(file, headers[h]);
    padded_of[h] = decoded.padded;
    for (std::size_t f = 0; f < headers[h].frames.size(); ++f) {
      const auto first = decoded.values.begin() + static_cast<std::ptrdiff_t>(f * size);
      const auto last = first + static_cast<std::ptrdiff_t>(size);
      if (const auto s = slice_of.find({h, f}); s != slice_of.end()) {
        std::copy(first, last, values + s->second * size);
      } else if (const auto d = double_of.find({h, f}); d != double_of.end()) {
        pending[d->second] = {stack.doubles[d->second], stack.of[d->second], {first, last}};
      }
    }
  });
  for (std::int64_t p : padded_of) padded += p;
  return pending;
}

void check_doubles(const std::vector<DicomHeader>& headers, const DicomStack& stack,
                   const std::vector<Pending>& doubles, const real* values, std::vector<std::string>& notes) {
  for (const Pending& p : doubles) {
    const DicomHeader &a = headers[stack.slices[p.doubles].file], &b = headers[p.slice.file];
    const std::string both = a.path == b.path ? fmt::format("{}: frames {} and {}", a.path,
                                                            stack.slices[p.doubles].frame + 1, p.slice.frame + 1)
                                              : fmt::format("{} and {}", a.path, b.path);
    MEDUSA_CHECK_INPUT(std::equal(p.values.begin(), p.values.end(), values + p.doubles * p.values.size()),
                       "{} lie at the same position and differ", both);
    notes.push_back(both + " are the same slice: one is used");
  }
}

// Calls work(), and names the acquisitions of the series if its slices do not form one volume and there are several.
template <class Work>
auto as_one_volume(const std::vector<DicomHeader>& headers, Work work) {
  try {
    return work();
  } catch (const InputError& error) {
    const std::string acquisitions = dicom_acquisitions(headers);
    if (acquisitions.empty()) throw;
    fail_input("{}; --acquisition chooses by {}", error.what(), acquisitions);
  }
}

Volume read_scan(const std::vector<DicomHeader>& headers, bool fill_gaps, std::vector<std::string>& notes) {
  const DicomStack stack = as_one_volume(headers, [&] { return stack_dicom(headers, fill_gaps); });
  notes.insert(notes.end(), stack.notes.begin(), stack.notes.end());
  const auto depth = static_cast<std::int64_t>(stack.slices.size());
  Tensor values = Tensor::empty({depth, headers[0].rows, headers[0].columns});
  real* out = values.mutable_data();
  std::int64_t padded = 0;
  const std::vector<Pending> doubles = read_slices(headers, stack, out, padded);
  as_one_volume(headers, [&] { check_doubles(headers, stack, doubles, out, notes); });
  fill_missing(stack, headers[0].rows * headers[0].columns, out);
  if (padded)
    notes.push_back(fmt::format("{} pixels outside of the scanner's view are set to {} HU", padded, kPaddingHu));
  return make_volume(values, stack.affine, type_for(values), headers[0].modality == "CT" ? "HU" : "");
}

// ---- Structures and dose

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

// The object of a kind that is asked for, or else the only one.
std::optional<DicomHeader> chosen(const std::vector<DicomHeader>& all, const std::string& wanted,
                                  const std::string& option, const std::string& what) {
  std::vector<std::string> paths;
  for (const DicomHeader& h : all) {
    paths.push_back(h.path);
    if (!wanted.empty() && same_file(h.path, wanted)) return h;
  }
  MEDUSA_CHECK_INPUT(wanted.empty(), "{} {}: no such {} below the input folder{}{}", option, wanted, what,
                     all.empty() ? "" : "; there are: ", fmt::join(paths, ", "));
  if (all.empty()) return std::nullopt;
  MEDUSA_CHECK_INPUT(all.size() == 1, "there are {} {}s, choose one with {}: {}", all.size(), what, option,
                     fmt::join(paths, ", "));
  return all[0];
}

bool listed(const std::vector<std::string>& list, const std::string& text) {
  return !text.empty() && std::find(list.begin(), list.end(), text) != list.end();
}

// Whether the set was drawn on this scan: if both name a frame of reference, it must be the same.
bool drawn_on(const DicomStructures& set, const DicomHeader& scan) {
  if (listed(set.series, scan.series) || listed(set.frames_of_reference, scan.frame_of_reference)) return true;
  std::vector<std::string> said = set.frames_of_reference;
  for (const DicomRoi& roi : set.rois) said.push_back(roi.frame_of_reference);
  std::erase(said, "");
  return said.empty() || scan.frame_of_reference.empty() || listed(said, scan.frame_of_reference);
}

// Whether a structure of such a set lies in another of the frames of reference that the set names.
bool drawn_elsewhere(const DicomRoi& roi, const DicomStructures& set, const DicomHeader& scan) {
  return listed(set.frames_of_reference, scan.frame_of_reference) &&
         roi.frame_of_reference != scan.frame_of_reference && listed(set.frames_of_reference, roi.frame_of_reference);
}

bool same_name(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Whether to rasterise each; throws if a wanted name is unknown.
std::vector<bool> wanted_rois(const DicomStructures& set, const std::vector<std::string>& names) {
  std::vector<bool> wanted(set.rois.size(), names.empty());
  for (const std::string& name : names) {
    bool found = false;
    std::vector<std::string> there;
    for (std::size_t r = 0; r < set.rois.size(); ++r) {
      there.push_back(set.rois[r].name);
      if (!same_name(set.rois[r].name, name)) continue;
      wanted[r] = found = true;
    }
    MEDUSA_CHECK_INPUT(found, "--structures {}: {} has no such structure; there are: {}", name, set.path,
                       fmt::join(there, ", "));
  }
  return wanted;
}

void add_structures(const DicomHeader& header, const DicomHeader& scan, const DicomOptions& options,
                    const VoxelGrid& grid, DicomCase& result) {
  const DicomFile file = parse_dicom_file(header.path);
  const DicomStructures set = read_dicom_structures(file.root());
  MEDUSA_CHECK_INPUT(drawn_on(set, scan), "{}: was drawn in a different frame of reference from {}", set.path,
                     scan.path);
  result.notes.insert(result.notes.end(), set.notes.begin(), set.notes.end());
  const std::vector<bool> wanted = wanted_rois(set, options.structures);
  std::vector<std::string> taken{"ct", "dose", "spacing", "affine"};
  for (std::size_t r = 0; r < set.rois.size(); ++r) {
    if (!wanted[r]) continue;
    if (drawn_elsewhere(set.rois[r], set, scan)) {
      result.notes.push_back(
          fmt::format("structure {}: was drawn in another frame of reference: left out", set.rois[r].name));
      continue;
    }
    DicomMask mask = rasterise(set.rois[r], grid);
    for (std::string& note : mask_notes(set.rois[r], mask, grid)) result.notes.push_back(std::move(note));
    if (mask.voxels == 0) continue;
    taken.push_back(structure_key(set.rois[r].name, taken));
    result.structures.push_back({set.rois[r].name, taken.back(), std::move(mask.values), mask.voxels});
  }
}

void add_dose(const DicomHeader& header, const DicomHeader& scan, const VoxelGrid& grid, DicomCase& result) {
  DicomFile file = parse_dicom_file(header.path);
  const DicomDose dose = read_dicom_dose(file);
  MEDUSA_CHECK_INPUT(dose.frame_of_reference == scan.frame_of_reference || dose.frame_of_reference.empty() ||
                         scan.frame_of_reference.empty(),
                     "{}: lies in a different frame of reference from {}", dose.path, scan.path);
  if (dose.summation != "PLAN")
    result.notes.push_back(fmt::format("{}: its dose is of a {}, not of the whole plan", dose.path,
                                       dose.summation.empty() ? "part that it does not name" : dose.summation));
  result.dose = make_volume(resample_dose(dose, grid), grid.affine, ScalarType::Float32, "Gy");
}

}  // namespace

std::string structure_key(const std::string& name, const std::vector<std::string>& taken) {
  std::string plain;
  for (char c : name) {
    const bool keep =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // a letter's second or later byte
    plain += keep ? c : '_';
  }
  if (plain.empty()) plain = "structure";
  std::string key = plain;
  // File systems may take "PTV" and "ptv" for the same.
  const auto used = [&] {
    return std::any_of(taken.begin(), taken.end(), [&](const auto& t) { return same_name(t, key); });
  };
  for (int n = 2; used(); ++n) key = fmt::format("{}_{}", plain, n);
  return key;
}

DicomCase read_dicom_case(const std::string& path, const DicomOptions& options) {
  MEDUSA_CHECK_INPUT(have_dicom(), "{}", dicom_absent());
  DicomCase result;
  const DicomFolder scan = scan_dicom_folder(path, options.series, result.notes);
  const std::vector<DicomHeader> series =
      chosen_dicom_acquisition(chosen_dicom_series(scan, options.series, path), options.acquisition, path);
  result.series = series[0].series;
  result.modality = series[0].modality;
  result.files = static_cast<std::int64_t>(series.size());
  const auto structures = chosen(scan.structures, options.rtstruct, "--rtstruct", "structure set");
  const auto dose = chosen(scan.doses, options.rtdose, "--rtdose", "dose");
  MEDUSA_CHECK_INPUT(structures || options.structures.empty(), "--structures: there is no structure set in {}", path);
  result.ct = read_scan(series, options.fill_gaps, result.notes);
  const VoxelGrid grid{result.ct.depth(), result.ct.height(), result.ct.width(), result.ct.affine};
  if (structures) add_structures(*structures, series[0], options, grid, result);
  if (dose) add_dose(*dose, series[0], grid, result);
  return result;
}

Volume structure_volume(const DicomCase& study, const DicomStructure& structure) {
  Tensor mask = Tensor::empty({study.ct.depth(), study.ct.height(), study.ct.width()});
  std::copy(structure.values.begin(), structure.values.end(), mask.mutable_data());
  return make_volume(mask, study.ct.affine, ScalarType::UInt8);
}

}  // namespace medusa::datasets
