// One patient: from the files as distributed to the grid that the network sees.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "datasets/layouts/openkbp.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets::openkbp {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCount = static_cast<std::size_t>(kVoxels);
constexpr real kNotStored = -1024;  // HU: air

SparseVolume values_of(const std::string& path) {
  SparseVolume volume = read_sparse_csv(path, kVoxels);
  MEDUSA_CHECK_INPUT(!volume.is_mask(), "{}: expected values, found {}", path,
                     volume.index.empty() ? "no rows" : "the rows of a mask");
  return volume;
}

SparseVolume mask_of(const std::string& path) {
  SparseVolume volume = read_sparse_csv(path, kVoxels);
  MEDUSA_CHECK_INPUT(volume.is_mask(), "{}: expected a mask, rows without values, found values", path);
  return volume;
}

void read_ct(const std::string& path, Patient* p) {
  const SparseVolume ct = values_of(path);
  const auto [low, high] = std::minmax_element(ct.value.begin(), ct.value.end());
  p->hu_range = {static_cast<real>(*low - 1024), static_cast<real>(*high - 1024)};
  if (ct.value.size() < kCount)
    p->hu_range = {std::min(p->hu_range[0], kNotStored), std::max(p->hu_range[1], kNotStored)};
  for (std::size_t i = 0; i < ct.index.size(); ++i)
    p->hu[static_cast<std::size_t>(ct.index[i])] = static_cast<real>(std::clamp(ct.value[i] - 1024, -1024.0f, 1500.0f));
}

void read_structure(const std::string& path, std::size_t structure, Patient* p) {
  const SparseVolume mask = mask_of(path);
  if (mask.index.empty()) return;  // an empty outline counts as no outline
  const auto bit = static_cast<std::uint16_t>(1u << structure);
  p->outlined = static_cast<std::uint16_t>(p->outlined | bit);
  for (std::int32_t i : mask.index) {
    std::uint16_t& voxel = p->structures[static_cast<std::size_t>(i)];
    voxel = static_cast<std::uint16_t>(voxel | bit);
  }
}

void read_dose(const std::string& path, Patient* p) {
  const SparseVolume dose = values_of(path);
  std::vector<real> values(kCount);
  for (std::size_t i = 0; i < dose.index.size(); ++i) {
    MEDUSA_CHECK_INPUT(dose.value[i] >= 0 && dose.value[i] <= 1000, "{}:{}: dose is {} Gy, expected 0 to 1000", path,
                       i + 2, dose.value[i]);
    values[static_cast<std::size_t>(dose.index[i])] = static_cast<real>(dose.value[i]);
  }
  p->dose = std::move(values);
}

// Three numbers, a line each.
Vec3 three_numbers(const std::string& path) {
  const std::string text = read_text_file(path, 1 << 12);
  const char *at = text.data(), *const end = at + text.size();
  Vec3 spacing{};
  for (double& mm : spacing) {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r')) ++at;
    const auto [stop, error] = std::from_chars(at, end, mm);
    MEDUSA_CHECK_INPUT(error == std::errc{} && mm > 0 && mm <= 1000 && (stop == end || *stop == '\n' || *stop == '\r'),
                       "{}: expected three lines with mm above 0 and up to 1000", path);
    at = stop;
  }
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\r')) ++at;
  MEDUSA_CHECK_INPUT(at == end, "{}: expected three lines, found more", path);
  return spacing;
}

// Calls body(voxel of the reduced grid, number of the patient's voxel) for all voxels of the patient.
template <class Body>
void for_each_block(std::int64_t factor, const Body& body) {
  const std::int64_t side = kSide / factor;
  std::int64_t from = 0;
  for (std::int64_t z = 0; z < kSide; ++z)
    for (std::int64_t y = 0; y < kSide; ++y) {
      const std::int64_t row = (z / factor * side + y / factor) * side;
      for (std::int64_t x = 0; x < kSide; ++x)
        body(static_cast<std::size_t>(row + x / factor), static_cast<std::size_t>(from++));
    }
}

// Bit s if at least half of the block's voxels have it; if that would lose the whole structure, if any has it.
std::vector<std::uint16_t> majority(const Patient& p, std::int64_t factor, std::size_t voxels) {
  std::vector<std::uint16_t> out(voxels);
  std::vector<std::uint16_t> count(voxels);
  const int half = static_cast<int>((factor * factor * factor + 1) / 2);
  for (unsigned s = 0; s < kStructures; ++s) {
    const auto bit = static_cast<std::uint16_t>(1u << s);
    if ((p.outlined & bit) == 0) continue;
    std::fill(count.begin(), count.end(), std::uint16_t{0});
    for_each_block(factor, [&](std::size_t to, std::size_t from) { count[to] += (p.structures[from] & bit) != 0; });
    const int most = *std::max_element(count.begin(), count.end());
    for (std::size_t i = 0; i < voxels; ++i)
      if (count[i] >= (most >= half ? half : 1)) out[i] |= bit;
  }
  return out;
}

}  // namespace

const std::vector<std::string>& structures() {
  static const std::vector<std::string> names = {"Brainstem", "SpinalCord", "RightParotid", "LeftParotid", "Esophagus",
                                                 "Larynx",    "Mandible",   "PTV56",        "PTV63",       "PTV70"};
  return names;
}

Vec3 read_spacing(const std::string& folder) { return three_numbers(folder + "/voxel_dimensions.csv"); }

Patient read_patient(const std::string& folder, std::vector<std::string>* problems) {
  const auto file = [&](const std::string& name) { return folder + "/" + name + ".csv"; };
  Patient p;
  p.id = fs::path(folder).filename().string();
  p.hu.assign(kCount, kNotStored);
  p.possible.assign(kCount, 0);
  p.structures.assign(kCount, 0);
  attempt(problems, [&] { p.spacing = read_spacing(folder); });
  attempt(problems, [&] { read_ct(file("ct"), &p); });
  attempt(problems, [&] {
    for (std::int32_t i : mask_of(file("possible_dose_mask")).index) p.possible[static_cast<std::size_t>(i)] = 1;
  });
  for (std::size_t s = 0; s < kStructures; ++s) {
    const std::string path = file(structures()[s]);
    if (fs::exists(path)) attempt(problems, [&] { read_structure(path, s, &p); });
  }
  if (fs::exists(file("dose"))) attempt(problems, [&] { read_dose(file("dose"), &p); });
  return p;
}

std::int64_t Case::bytes() const {
  return static_cast<std::int64_t>((ct.size() + dose.size()) * sizeof(real) +
                                   (structures.size() + possible.size()) * sizeof(std::uint16_t));
}

Case reduce(const Patient& p, std::int64_t factor) {
  MEDUSA_CHECK(factor > 0 && kSide % factor == 0, "openkbp: factor {} does not divide {}", factor, kSide);
  Case c;
  const std::int64_t side = kSide / factor;
  c.grid = {side, side, side};
  for (std::size_t a = 0; a < 3; ++a) c.spacing[a] = p.spacing[a] * static_cast<double>(factor);
  const auto voxels = static_cast<std::size_t>(c.grid.voxels());
  c.outlined = p.outlined;
  c.structures = majority(p, factor, voxels);
  c.possible.assign(voxels, 0);
  std::vector<double> hu(voxels), dose(voxels);
  std::vector<int> inside(voxels);
  for_each_block(factor, [&](std::size_t to, std::size_t from) {
    hu[to] += static_cast<double>(p.hu[from]);
    if (p.possible[from] == 0) return;
    c.possible[to] = 1;
    ++inside[to];
    if (!p.dose.empty()) dose[to] += static_cast<double>(p.dose[from]);
  });
  const double block = static_cast<double>(factor * factor * factor);
  for (double v : hu) c.ct.push_back(std::clamp(static_cast<real>(v / block / 1000), kAir, kDense));
  if (p.dose.empty()) return c;
  for (std::size_t i = 0; i < voxels; ++i)
    c.dose.push_back(static_cast<real>(dose[i] / std::max(inside[i], 1) / kDoseScale));
  return c;
}

std::string packed(const Case& c) {
  Packer p;
  p.put(c.grid);
  p.put(c.spacing);
  p.put(c.ct);
  p.put(c.dose);
  p.put(c.structures);
  p.put(c.possible);
  p.put(c.outlined);
  return p.bytes();
}

Case unpacked(const std::string& bytes) {
  Case c;
  Unpacker p(bytes);
  p.get(&c.grid);
  p.get(&c.spacing);
  p.get(&c.ct);
  p.get(&c.dose);
  p.get(&c.structures);
  p.get(&c.possible);
  p.get(&c.outlined);
  MEDUSA_CHECK(p.done(), "openkbp: a cached case of {} bytes is longer than its content", bytes.size());
  return c;
}

Case augment(const Case& original, const VolumeChange& change) {
  Case c = original;
  c.ct = warp_linear(original.ct, c.grid, change, kAir);
  if (!original.dose.empty()) c.dose = warp_linear(original.dose, c.grid, change, 0);
  c.structures = warp_nearest(original.structures, c.grid, change);
  c.possible = warp_nearest(original.possible, c.grid, change);
  change_intensities(c.ct, change, kAir, kDense);
  if (!change.mirror) return c;
  const auto swapped = [](std::uint16_t bits) {
    const unsigned differ = (bits >> kRightParotid ^ bits >> kLeftParotid) & 1u;
    return static_cast<std::uint16_t>(bits ^ (differ << kRightParotid | differ << kLeftParotid));
  };
  for (std::uint16_t& bits : c.structures) bits = swapped(bits);
  c.outlined = swapped(c.outlined);
  return c;
}

}  // namespace medusa::datasets::openkbp
