// Padding and cropping around a network.
#include "mtl/inference/padding.h"

#include "autograd/ops.h"

namespace medusa::mtl {

namespace {

// x with `before` and `after` zeros along an axis.
Var pad(const Var& x, int axis, std::int64_t before, std::int64_t after) {
  std::vector<Var> parts;
  const auto zeros = [&](std::int64_t length) {
    Shape shape = x.shape();
    shape[axis] = length;
    return Var(Tensor::zeros(shape, x.device()));
  };
  if (before > 0) parts.push_back(zeros(before));
  parts.push_back(x);
  if (after > 0) parts.push_back(zeros(after));
  return parts.size() > 1 ? concat(parts, axis) : x;
}

}  // namespace

Frame frame_of(std::int64_t side, std::int64_t multiple) {
  const std::int64_t missing = (multiple - side % multiple) % multiple;
  return {missing / 2, side + missing};
}

std::vector<Var> outputs_any_size(Model& model, const Var& x) {
  const int spatial_dims = model.config().spatial_dims;
  const std::int64_t multiple = model.size_multiple();
  MEDUSA_CHECK(x.rank() == spatial_dims + 2, "model: expects input with {} axes, input is {}", spatial_dims + 2,
               x.shape());
  Var padded = x;
  for (int axis = 1; axis <= spatial_dims; ++axis) {
    const Frame frame = frame_of(x.size(axis), multiple);
    padded = pad(padded, axis, frame.before, frame.side - frame.before - x.size(axis));
  }
  std::vector<Var> outputs = model.outputs(padded);
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    if (!model.tasks()[t].traits().pixel_level) continue;
    for (int axis = 1; axis <= spatial_dims; ++axis)
      if (outputs[t].size(axis) != x.size(axis))
        outputs[t] = slice(outputs[t], axis, frame_of(x.size(axis), multiple).before, x.size(axis));
  }
  return outputs;
}

}  // namespace medusa::mtl
