#include "datasets/layouts/openkbp.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "datasets/cases/plan_toml.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNeeded[] = {"ct.csv", "possible_dose_mask.csv", "voxel_dimensions.csv"};
// The distribution's README says valid-pats, its folder is called validation-pats.
constexpr std::pair<const char*, const char*> kParts[] = {
    {"train-pats", "train"}, {"validation-pats", "validation"}, {"valid-pats", "validation"}, {"test-pats", "test"}};

// N of "pt_N"; -1 for another name.
std::int64_t patient_number(const std::string& name) {
  std::int64_t number = -1;
  if (name.rfind("pt_", 0) != 0) return -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 3, end, number);
  return error == std::errc{} && stop == end ? number : -1;
}

}  // namespace

OpenKbp::OpenKbp(const DatasetOptions& options)
    : options_(options), cache_(options.cache_bytes), disk_(options.cache_folder) {
  const std::int64_t side = options.size.depth;
  MEDUSA_CHECK_INPUT(
      side > 0 && side == options.size.height && side == options.size.width && openkbp::kSide % side == 0,
      "openkbp: size {}: expected three equal numbers that divide 128, such as 64x64x64", options.size.text());
  check_volume_augment(options.augment);
  for (const std::string& input : options.inputs) {
    MEDUSA_CHECK_INPUT(input == "structures", "openkbp: input {} is unknown; there are: structures", input);
    structures_in_ = true;
  }
  if (!structures_in_) targets_.push_back(structures("structures", openkbp::structures()));
  targets_.push_back(regression("dose", openkbp::kDoseScale, "Gy"));

  std::string root = options.folder;
  MEDUSA_CHECK_INPUT(fs::is_directory(root), "{}: there is no such folder", root);
  if (fs::is_directory(root + "/provided-data")) root += "/provided-data";
  for (const auto& [folder, part] : kParts)
    if (fs::is_directory(root + "/" + folder)) list(root + "/" + folder, part);
  if (rows_.empty()) list(root, "");
  MEDUSA_CHECK_INPUT(!rows_.empty(), "{}: holds neither train-pats, validation-pats or test-pats nor pt_N folders",
                     options.folder);
}

void OpenKbp::list(const std::string& folder, const std::string& part) {
  std::vector<Row> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::int64_t number = patient_number(name);
    if (number < 0 || !it->is_directory()) continue;
    found.push_back({name, it->path().string(), part, number});
  }
  MEDUSA_CHECK_INPUT(!error, "{}: cannot be listed: {}", folder, error.message());
  std::sort(found.begin(), found.end(), [](const Row& a, const Row& b) { return a.number < b.number; });
  for (const Row& r : found)
    attempt(options_.problems, [&] {
      for (const char* file : kNeeded)
        MEDUSA_CHECK_INPUT(fs::exists(r.folder + "/" + file), "{}: there is no {} in it", r.folder, file);
      const auto [other, fresh] = places_.emplace(r.id, rows_.size());
      MEDUSA_CHECK_INPUT(fresh, "{} and {}: the same patient twice", rows_[other->second].folder, r.folder);
      rows_.push_back(r);
    });
}

const OpenKbp::Row& OpenKbp::row(std::int64_t index) const {
  MEDUSA_CHECK(index >= 0 && index < size(), "openkbp: sample {} of {}", index, size());
  return rows_[static_cast<std::size_t>(index)];
}

Shape OpenKbp::input_shape() const {
  return {options_.size.depth, options_.size.height, options_.size.width,
          1 + (structures_in_ ? static_cast<std::int64_t>(openkbp::kStructures) : 0)};
}

std::string OpenKbp::description() const {
  const bool parts = std::any_of(rows_.begin(), rows_.end(), [](const Row& r) { return r.part == "train"; });
  std::array<std::vector<double>, 3> mm;
  for (const Row& r : rows_) {
    if (parts && r.part != "train") continue;
    const Vec3 own = openkbp::read_spacing(r.folder);
    for (std::size_t a = 0; a < 3; ++a) mm[a].push_back(own[a] * static_cast<double>(factor()));
  }
  CasePlan plan;
  for (std::vector<double>& along : mm) {
    const auto middle = along.begin() + static_cast<std::ptrdiff_t>((along.size() - 1) / 2);
    std::nth_element(along.begin(), middle, along.end());
    plan.spacing.push_back(*middle);
  }
  plan.inputs = {{"ct", "ct", 1, {{-1024, 1500}}, {0}, {1000}, false}};
  if (structures_in_)
    plan.inputs.push_back(
        {"structures", "structures", static_cast<std::int64_t>(openkbp::kStructures), {}, {}, {}, false});
  for (const TargetInfo& target : targets_) plan.targets.push_back({target, {}, {}});
  return "# depth, height, width: to posterior, across, to inferior\n" + description_text(plan, options_.size);
}

std::shared_ptr<const openkbp::Case> OpenKbp::reduced(std::int64_t index) const {
  const auto read = [&] { return openkbp::reduce(patient(index), factor()); };
  return cache_.get(index, [&] {
    if (!disk_.on()) return read();
    std::vector<std::string> sources;
    for (const char* file : kNeeded) sources.push_back(folder(index) + "/" + file);
    for (const std::string& s : openkbp::structures()) sources.push_back(folder(index) + "/" + s + ".csv");
    sources.push_back(folder(index) + "/dose.csv");
    const std::string recipe = fmt::format("openkbp 1, a {}th of each side", factor());
    return openkbp::unpacked(disk_.get(row(index).id, recipe, sources, [&] { return openkbp::packed(read()); }));
  });
}

Tensor OpenKbp::input(const openkbp::Case& c) const {
  Tensor input = Tensor::empty(input_shape());
  real* to = input.mutable_data();
  for (std::size_t i = 0; i < c.ct.size(); ++i) {
    *to++ = c.ct[i];
    for (unsigned s = 0; structures_in_ && s < openkbp::kStructures; ++s)
      *to++ = static_cast<real>(c.structures[i] >> s & 1u);
  }
  return input;
}

Tensor OpenKbp::input_of(const openkbp::Patient& patient) const { return input(openkbp::reduce(patient, factor())); }

Sample OpenKbp::sample(const Row& row, const openkbp::Case& c) const {
  Sample sample{row.id, input(c), {}, {c.spacing.begin(), c.spacing.end()}};
  Shape shape = input_shape();
  constexpr auto kChannels = static_cast<std::int64_t>(openkbp::kStructures);
  if (!structures_in_) {
    Target target;
    if (c.outlined != 0) {
      shape[-1] = kChannels;
      target.value = Tensor::empty(shape);
      real* to = target.value.mutable_data();
      for (std::uint16_t bits : c.structures)
        for (unsigned s = 0; s < openkbp::kStructures; ++s) *to++ = static_cast<real>(bits >> s & 1u);
      std::vector<real> outlined;
      for (unsigned s = 0; s < openkbp::kStructures; ++s) outlined.push_back(static_cast<real>(c.outlined >> s & 1u));
      target.mask = Tensor::from(outlined, {1, 1, 1, kChannels});
    }
    sample.targets.push_back(std::move(target));
  }
  Target dose;
  if (!c.dose.empty()) {
    shape[-1] = 1;
    dose.value = Tensor::from(c.dose, shape);
    dose.mask = Tensor::from(std::vector<real>(c.possible.begin(), c.possible.end()), shape);
  }
  sample.targets.push_back(std::move(dose));
  return sample;
}

RawSample OpenKbp::raw(std::int64_t index) const {
  const std::string& folder = row(index).folder;
  RawSample out;
  const openkbp::Patient p = openkbp::read_patient(folder, &out.problems);
  if (out.problems.empty()) out.sample = sample(row(index), openkbp::reduce(p, factor()));
  out.shape.assign(3, openkbp::kSide);
  if (p.spacing != Vec3{}) out.spacing.assign(p.spacing.begin(), p.spacing.end());
  if (p.hu_range != std::array<real, 2>{}) {
    out.ranges.push_back(range_of("ct", "HU", p.hu.data(), p.hu.size()));
    out.ranges.back().low = static_cast<double>(p.hu_range[0]);
    out.ranges.back().high = static_cast<double>(p.hu_range[1]);
  }
  if (!fs::exists(folder + "/dose.csv")) out.problems.push_back(fmt::format("{}: there is no dose.csv in it", folder));
  if (p.dose.empty()) return out;
  out.ranges.push_back(range_of("dose", "Gy", p.dose.data(), p.dose.size()));
  std::int64_t outside = 0;
  for (std::size_t i = 0; i < p.dose.size(); ++i) outside += p.dose[i] > 0 && p.possible[i] == 0;
  if (outside > 0 && out.sample)
    out.problems.push_back(
        fmt::format("{}/dose.csv: {} voxels have a dose outside of possible_dose_mask.csv", folder, outside));
  return out;
}

Sample OpenKbp::get(std::int64_t index) const { return sample(row(index), *reduced(index)); }

Sample OpenKbp::get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const {
  const std::shared_ptr<const openkbp::Case> c = reduced(index);
  return sample(row(index), augment(*c, draw_change(options_.augment, c->grid, c->spacing, openkbp::kLeftRight, seed,
                                                    epoch, index)));
}

}  // namespace medusa::datasets
