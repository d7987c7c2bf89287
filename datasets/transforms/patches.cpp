#include "datasets/transforms/patches.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

using Sides = std::vector<std::int64_t>;

Sides sides_of(const Tensor& t) {
  Sides sides;
  for (int a = 0; a + 1 < t.rank(); ++a) sides.push_back(t.size(a));
  return sides;
}

// The box of `size` from `first` on, of t [S, C].
Tensor cut(const Tensor& t, const Sides& first, const Sides& size) {
  Shape shape = t.shape();
  for (std::size_t a = 0; a < size.size(); ++a) shape[static_cast<int>(a)] = size[a];
  Tensor out = Tensor::empty(shape);
  const Sides from = sides_of(t);
  const std::size_t last = size.size() - 1;
  const std::int64_t line = size[last] * shape[-1], lines = shape.numel() / line;
  real* to = out.mutable_data();
  for (std::int64_t n = 0; n < lines; ++n, to += line) {
    std::int64_t rest = n, offset = first[last], stride = from[last];
    for (std::size_t a = last; a-- > 0; rest /= size[a]) {
      offset += (first[a] + rest % size[a]) * stride;
      stride *= from[a];
    }
    std::copy_n(t.data() + offset * shape[-1], line, to);
  }
  return out;
}

// Something to look at: the voxels of `values` [S, C] where channel `channel` is `label`.
struct Thing {
  const Tensor* values;
  std::int64_t channel;
  real label;
  std::int64_t voxels;
};

std::vector<Thing> things_in(const Sample& sample, const std::vector<TargetInfo>& targets) {
  std::vector<Thing> things;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor& values = sample.targets[t].value;
    if (!values || !targets[t].traits().pixel_level || targets[t].traits().in_units) continue;
    const bool structures = !targets[t].traits().exclusive;
    const std::int64_t channels = values.size(-1),
                       kinds = structures ? channels : std::max<std::int64_t>(targets[t].channels, 2);
    std::vector<std::int64_t> count(static_cast<std::size_t>(kinds), 0);
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      const real v = values.data()[i];
      if (structures)
        count[static_cast<std::size_t>(i % channels)] += v == 1;
      else if (v >= 1 && v < static_cast<real>(kinds))
        ++count[static_cast<std::size_t>(v)];
    }
    for (std::size_t k = 0; k < count.size(); ++k)
      if (count[k] > 0)
        things.push_back({&values, structures ? static_cast<std::int64_t>(k) : 0,
                          structures ? real(1) : static_cast<real>(k), count[k]});
  }
  return things;
}

// The place, counted along the sample's voxels, of voxel number `n` of a thing.
std::int64_t voxel_of(const Thing& thing, std::int64_t n) {
  const std::int64_t channels = thing.values->size(-1), voxels = thing.values->numel() / channels;
  for (std::int64_t i = 0; i < voxels; ++i)
    if (thing.values->data()[i * channels + thing.channel] == thing.label && n-- == 0) return i;
  fail("patch: a structure has fewer voxels than were counted");
}

Sides draw_place(const Sample& sample, const std::vector<TargetInfo>& targets, const PatchOptions& patch,
                 Random random) {
  const Sides sides = sides_of(sample.input), size = patch.size.sides();
  Sides first;
  for (std::size_t a = 0; a < sides.size(); ++a) first.push_back(random.below(sides[a] - size[a] + 1));
  if (!random.chance(patch.foreground)) return first;
  const std::vector<Thing> things = things_in(sample, targets);
  if (things.empty()) return first;
  const Thing& thing = things[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(things.size())))];
  std::int64_t voxel = voxel_of(thing, random.below(thing.voxels));
  for (std::size_t a = sides.size(); a-- > 0; voxel /= sides[a])
    first[a] = std::clamp<std::int64_t>(voxel % sides[a] - size[a] / 2, 0, sides[a] - size[a]);
  return first;
}

}  // namespace

void check(const PatchOptions& patch, const Shape& input) {
  MEDUSA_CHECK_INPUT(patch.foreground >= 0 && patch.foreground <= 1, "foreground {}: expected 0 to 1",
                     patch.foreground);
  const Sides size = patch.size.sides();
  bool fits = static_cast<int>(size.size()) == input.rank() - 1;
  for (std::size_t a = 0; fits && a < size.size(); ++a) fits = size[a] >= 1 && size[a] <= input[static_cast<int>(a)];
  MEDUSA_CHECK_INPUT(fits, "patch {}: does not fit into inputs of {}", patch.size.text(), input);
}

Sample random_patch(const Sample& sample, const std::vector<TargetInfo>& targets, const PatchOptions& patch,
                    std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
  check(patch, sample.input.shape());
  const Sides size = patch.size.sides();
  const Sides first =
      draw_place(sample, targets, patch, Random(seed, stream_of(fmt::format("patch {} {}", epoch, index))));
  Sample out{sample.id, cut(sample.input, first, size), {}, sample.spacing};
  for (std::size_t t = 0; t < targets.size(); ++t) {
    Target target = sample.targets[t];
    if (targets[t].traits().pixel_level) {
      if (target.value) target.value = cut(target.value, first, size);
      // A mask of one voxel is for all of them.
      if (target.mask && target.mask.numel() > target.mask.size(-1)) target.mask = cut(target.mask, first, size);
    }
    out.targets.push_back(std::move(target));
  }
  return out;
}

}  // namespace medusa::datasets
