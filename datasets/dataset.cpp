#include "datasets/dataset.h"

#include <algorithm>

#include "datasets/options.h"

namespace medusa::datasets {
namespace {

Shape with_batch(std::int64_t n, const Shape& shape) {
  Shape out{n};
  for (std::int64_t dim : shape) out.push_back(dim);
  return out;
}

// [N, ...] from one tensor per sample; an empty one leaves `missing` in its place.
Tensor join(const std::vector<Sample>& samples, const std::vector<const Tensor*>& parts, real missing) {
  std::size_t model = 0;
  while (!*parts[model]) ++model;
  const Shape& shape = parts[model]->shape();
  Tensor out = Tensor::empty(with_batch(static_cast<std::int64_t>(parts.size()), shape));
  real* to = out.mutable_data();
  for (std::size_t i = 0; i < parts.size(); ++i, to += shape.numel()) {
    if (!*parts[i]) {
      std::fill_n(to, shape.numel(), missing);
      continue;
    }
    MEDUSA_CHECK(parts[i]->shape() == shape, "batch: {} has shape {}, {} has {}", samples[model].id, shape,
                 samples[i].id, parts[i]->shape());
    std::copy_n(parts[i]->data(), shape.numel(), to);
  }
  return out;
}

// Where a pixel-level target counts; an empty tensor where it counts everywhere.
Tensor join_masks(const std::vector<Sample>& samples, std::size_t target, const std::vector<bool>& labelled) {
  const bool all = std::find(labelled.begin(), labelled.end(), false) == labelled.end();
  std::vector<Tensor> masks;
  bool any = false;
  Shape shape{0};
  for (const Sample& s : samples) {
    masks.push_back(s.targets[target].mask);
    any = any || masks.back();
    if (s.targets[target].value) shape = s.targets[target].value.shape();
  }
  if (shape.rank() < 3 || (all && !any)) return {};
  shape[-1] = 1;
  for (const Tensor& m : masks)
    if (m) shape = m.shape();
  std::vector<const Tensor*> parts;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (!labelled[i])
      masks[i] = Tensor::zeros(shape);
    else if (!masks[i])
      masks[i] = Tensor::ones(shape);
  }
  for (const Tensor& m : masks) parts.push_back(&m);
  return join(samples, parts, 0);
}

}  // namespace

Batch stack(const std::vector<Sample>& samples) {
  MEDUSA_CHECK(!samples.empty(), "batch: no samples");
  Batch batch;
  std::vector<const Tensor*> inputs;
  for (const Sample& s : samples) {
    MEDUSA_CHECK(s.input, "batch: {} has no input", s.id);
    MEDUSA_CHECK(s.targets.size() == samples[0].targets.size(), "batch: {} has {} targets, {} has {}", samples[0].id,
                 samples[0].targets.size(), s.id, s.targets.size());
    batch.ids.push_back(s.id);
    batch.spacing.push_back(s.spacing);
    inputs.push_back(&s.input);
  }
  batch.input = join(samples, inputs, 0);
  for (std::size_t t = 0; t < samples[0].targets.size(); ++t) {
    std::vector<const Tensor*> values;
    std::vector<bool> labelled;
    for (const Sample& s : samples) {
      values.push_back(&s.targets[t].value);
      labelled.push_back(static_cast<bool>(s.targets[t].value));
    }
    Target target;
    if (std::find(labelled.begin(), labelled.end(), true) != labelled.end()) {
      target.value = join(samples, values, 0);
      target.mask = join_masks(samples, t, labelled);
    }
    batch.targets.push_back(std::move(target));
    batch.labelled.push_back(std::move(labelled));
  }
  return batch;
}

RawSample Dataset::raw(std::int64_t index) const {
  RawSample raw;
  attempt(&raw.problems, [&] { raw.sample = get(index); });
  return raw;
}

}  // namespace medusa::datasets
