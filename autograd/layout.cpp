// Moving values about: reshape, permute, flip, concat, slice.
#include "autograd/axis.h"
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

// y's axis i is x's axis axes[i], walked backwards where it is `flipped`.
Tensor rearrange(const Tensor& x, const std::vector<int>& axes, int flipped = -1) {
  std::int64_t step[6], n = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    step[i] = n;
    n *= x.size(i);
  }
  Shape shape;
  StridedGeometry g;
  const int shift = 6 - x.rank();
  for (int i = 0; i < x.rank(); ++i) {
    const int from = axes[static_cast<std::size_t>(i)];
    shape.push_back(x.size(from));
    g.size[shift + i] = x.size(from);
    g.stride[shift + i] = from == flipped ? -step[from] : step[from];
    if (from == flipped) g.offset = (x.size(from) - 1) * step[from];
  }
  Tensor y = Tensor::empty(shape, x.device());
  if (y.numel() > 0) kernels::strided_copy(x.device(), x.data(), y.mutable_data(), g);
  return y;
}

Tensor flipped(const Tensor& x, int axis) {
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  return rearrange(x, axes, axis);
}

// x's places start .. start + length - 1 along the axis.
Tensor cut(const Tensor& x, int axis, std::int64_t start, std::int64_t length) {
  const Rows r = rows_along(x.shape(), axis);
  Shape shape = x.shape();
  shape[axis] = length;
  Tensor y = Tensor::empty(shape, x.device());
  kernels::slice_copy(x.device(), x.data(), y.mutable_data(), {r.outer, r.inner, length, r.length, start, length, 0});
  return y;
}

// Writes x to y's places from `start` on along the axis.
void paste(const Tensor& x, Tensor& y, int axis, std::int64_t start) {
  const Rows from = rows_along(x.shape(), axis), to = rows_along(y.shape(), axis);
  kernels::slice_copy(x.device(), x.data(), y.mutable_data(),
                      {from.outer, from.inner, from.length, from.length, 0, to.length, start});
}

}  // namespace

// dx = dy under x's shape
Var reshape(const Var& x, const Shape& shape) {
  const Shape from = x.shape();
  return Var::result("reshape", x.value().reshape(shape), {x},
                     [from](const Tensor& dy) -> Grads { return {dy.reshape(from)}; });
}

// dx = dy under the inverse permutation
Var permute(const Var& x, const std::vector<int>& axes) {
  MEDUSA_CHECK(static_cast<int>(axes.size()) == x.rank(), "permute: {} axes given for shape {}", axes.size(),
               x.shape());
  std::vector<int> forward(axes.size()), inverse(axes.size(), -1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    forward[i] = checked_axis("permute", x.shape(), axes[i]);
    int& back = inverse[static_cast<std::size_t>(forward[i])];
    MEDUSA_CHECK(back < 0, "permute: axis {} of {} is given twice", forward[i], x.shape());
    back = static_cast<int>(i);
  }
  return Var::result("permute", rearrange(x.value(), forward), {x},
                     [inverse](const Tensor& dy) -> Grads { return {rearrange(dy, inverse)}; });
}

// dx = dy flipped
Var flip(const Var& x, int axis) {
  const int at = checked_axis("flip", x.shape(), axis);
  return Var::result("flip", flipped(x.value(), at), {x},
                     [at](const Tensor& dy) -> Grads { return {flipped(dy, at)}; });
}

// Each part's gradient is its slice of dy.
Var concat(const std::vector<Var>& parts, int axis) {
  MEDUSA_CHECK(!parts.empty(), "concat: nothing to concatenate");
  const int at = checked_axis("concat", parts[0].shape(), axis);
  const Device device = parts[0].device();
  Shape shape = parts[0].shape();
  shape[at] = 0;
  std::vector<std::int64_t> starts, lengths;
  std::vector<bool> wanted;
  std::vector<Tensor> values;
  for (const Var& part : parts) values.push_back(part.value());
  check_one_device("concat", values);
  for (const Var& part : parts) {
    bool fits = part.rank() == shape.rank();
    for (int i = 0; fits && i < shape.rank(); ++i) fits = i == at || part.size(i) == shape[i];
    MEDUSA_CHECK(fits, "concat: parts may differ on axis {} only, shapes are {} and {}", at, parts[0].shape(),
                 part.shape());
    starts.push_back(shape[at]);
    lengths.push_back(part.size(at));
    wanted.push_back(part.requires_grad());
    shape[at] += part.size(at);
  }
  Tensor y = Tensor::empty(shape, device);
  std::vector<SavedTensor> kept;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    paste(parts[i].value(), y, at, starts[i]);
    kept.push_back(parts[i].saved());
  }
  const auto join = [=] {
    Tensor joined = Tensor::empty(shape, device);
    for (std::size_t i = 0; i < kept.size(); ++i) paste(kept[i].get(), joined, at, starts[i]);
    return joined;
  };
  // Pays off if a part is a recipe: otherwise the parts would take memory in place of the result.
  bool worth = false;
  for (const SavedTensor& part : kept) worth |= part.ops() > 0;
  const auto backward = [=](const Tensor& dy) -> Grads {
    Grads grads;
    for (std::size_t i = 0; i < starts.size(); ++i)
      grads.push_back(wanted[i] ? cut(dy, at, starts[i], lengths[i]) : Tensor());
    return grads;
  };
  return Var::result("concat", y, parts, backward, worth ? recipe("concat", parts, join) : nullptr);
}

// dx = dy at the slice, 0 elsewhere
Var slice(const Var& x, int axis, std::int64_t start, std::int64_t length) {
  const int at = checked_axis("slice", x.shape(), axis);
  MEDUSA_CHECK(start >= 0 && length >= 0 && start <= x.size(at) - length, "slice: {} places from {} on axis {} of {}",
               length, start, at, x.shape());
  const Shape from = x.shape();
  return Var::result("slice", cut(x.value(), at, start, length), {x}, [=](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::zeros(from, dy.device());
    paste(dy, dx, at, start);
    return {dx};
  });
}

}  // namespace medusa
