#include "datasets/cases/case_dataset.h"

#include <algorithm>

#include "datasets/cases/file.h"
#include "datasets/cases/picture_notes.h"
#include "datasets/cases/plan_toml.h"
#include "datasets/cases/reader.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

void check_options(const CasePlan& plan, const DatasetOptions& o) {
  MEDUSA_CHECK_INPUT(o.size.height > 0 && o.size.width > 0 && o.size.depth >= 0, "{}: invalid size {}", plan.name,
                     o.size.text());
  MEDUSA_CHECK_INPUT(o.inputs.empty(), "{}: there is no input {} besides its own", plan.name, o.inputs[0]);
  check(o.augment);
  MEDUSA_CHECK_INPUT(
      o.augment.brightness == 0 && o.augment.contrast == 0 && o.augment.saturation == 0 && o.augment.hue == 0,
      "{}: brightness, contrast, saturation and hue do not apply; use noise and gamma-range", plan.name);
  MEDUSA_CHECK_INPUT(o.size.depth > 0 || (o.spacing.empty() && plan.spacing.empty()),
                     "{}: spacing is for volumes; size {} is for pictures", plan.name, o.size.text());
  MEDUSA_CHECK_INPUT(o.spacing.empty() || o.spacing.size() == 1 || o.spacing.size() == 3,
                     "{}: spacing has {} numbers, expected 1 or 3 (mm along depth, height, width)", plan.name,
                     o.spacing.size());
  for (double mm : o.spacing)
    MEDUSA_CHECK_INPUT(mm > 0 && mm <= 1000, "{}: spacing is {} mm, expected more than 0, up to 1000", plan.name, mm);
}

}  // namespace

CaseDataset::CaseDataset(CasePlan plan, const DatasetOptions& options)
    : plan_(std::move(plan)),
      options_(options),
      size_(options.size),
      cache_(options.cache_bytes),
      disk_(options.cache_folder) {
  check_options(plan_, options);
  MEDUSA_CHECK_INPUT(!plan_.rows.empty(), "{}: {}: holds no cases", options.folder, plan_.name);
  if (options.spacing.size() == 3) plan_.spacing = options.spacing;
  if (options.spacing.size() == 1) plan_.spacing.assign(3, options.spacing[0]);
  for (const CaseTarget& target : plan_.targets) targets_.push_back(target.info);
  CasePlan decoding = plan_;
  decoding.rows.clear();
  for (CaseTarget& target : decoding.targets) target.info.loss = "", target.info.loss_weight = 1;  // do not affect it
  recipe_ = "case 3\n" + description_text(decoding, size_);
}

std::string CaseDataset::description() const { return description_text(plan_, size_); }

const CaseRow& CaseDataset::row(std::int64_t index) const {
  MEDUSA_CHECK(index >= 0 && index < size(), "{}: sample {} of {}", plan_.name, index, size());
  return plan_.rows[static_cast<std::size_t>(index)];
}

std::vector<std::string> CaseDataset::notes() const {
  std::vector<std::string> notes = plan_.notes;
  if (size_.depth > 0) return notes;
  const std::vector<std::string> pictures = picture_notes(plan_.inputs, plan_.rows);
  notes.insert(notes.end(), pictures.begin(), pictures.end());
  return notes;
}

std::string CaseDataset::group(std::int64_t index) const {
  return row(index).group.empty() ? row(index).id : row(index).group;
}

Shape CaseDataset::input_shape() const {
  std::int64_t channels = 0;
  for (const CaseInput& input : plan_.inputs) channels += input.channels;
  if (size_.depth == 0) return {size_.height, size_.width, channels};
  return {size_.depth, size_.height, size_.width, channels};
}

std::int64_t CaseDataset::class_of(std::int64_t index, std::size_t target) const {
  const std::vector<real>& numbers = row(index).labels.at(target).numbers;
  return numbers.size() == 1 && !targets_.at(target).traits().in_units ? static_cast<std::int64_t>(numbers[0]) : -1;
}

std::optional<std::vector<real>> CaseDataset::known_label(std::int64_t index, std::size_t target) const {
  const CaseLabel& label = row(index).labels.at(target);
  return label.numbers.empty() && label.present() ? std::vector<real>{1} : label.numbers;
}

std::int64_t CaseDataset::sampling_class(std::int64_t index) const {
  for (std::size_t t = 0; t < targets_.size(); ++t)
    if (!targets_[t].traits().pixel_level && !targets_[t].traits().in_units) return class_of(index, t);
  return 0;
}

std::shared_ptr<const Case> CaseDataset::decoded(std::int64_t index) const {
  const CaseRow& r = row(index);
  const auto read = [&] { return read_case(plan_, r, size_); };
  return cache_.get(index, [&] {
    if (!disk_.on()) return read();
    return unpacked_case(disk_.get(r.id, recipe_, sources_of(plan_, r), [&] { return packed(read()); }));
  });
}

Sample CaseDataset::sample(const CaseRow& row, const Case& c) const {
  const Shape space = input_shape();
  Sample sample{row.id, interleaved(c.inputs, space), {}};
  if (size_.depth > 0) sample.spacing.assign(c.spacing.begin(), c.spacing.end());
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const Case::Label& label = c.labels[t];
    Target target;
    const std::vector<real>& numbers = row.labels[t].numbers;
    if (!numbers.empty()) target.value = Tensor::from(numbers, {static_cast<std::int64_t>(numbers.size())});
    if (label.present && !label.maps.empty()) target.value = interleaved(label.maps, space);
    if (label.present && !label.values.empty()) target.value = interleaved(label.values, space);
    if (label.present && !label.mask.empty())
      target.mask = interleaved(std::vector<std::vector<std::uint16_t>>{label.mask}, space);
    if (label.present && !label.outlined.empty()) {
      Shape shape(std::vector<std::int64_t>(static_cast<std::size_t>(space.rank()), 1));
      shape[-1] = targets_[t].channels;
      target.mask = Tensor::from(std::vector<real>(label.outlined.begin(), label.outlined.end()), shape);
    }
    sample.targets.push_back(std::move(target));
  }
  return sample;
}

Sample CaseDataset::get(std::int64_t index) const { return sample(row(index), *decoded(index)); }

Sample CaseDataset::get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const {
  const std::shared_ptr<const Case> c = decoded(index);
  const VolumeChange change = draw_case_change(options_.augment, *c, size_.depth == 0, seed, epoch, index);
  return sample(row(index), augment(plan_, *c, change));
}

RawSample CaseDataset::raw(std::int64_t index) const {
  const CaseRow& r = row(index);
  RawSample raw;
  if (const std::optional<Case> c = inspect_case(plan_, r, size_, &raw)) raw.sample = sample(r, *c);
  return raw;
}

}  // namespace medusa::datasets
