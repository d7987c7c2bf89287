#include "tensor/tensor.h"

#include <cstring>
#include <utility>

#include "tensor/kernels.h"
#include "tensor/memory.h"

namespace medusa {

namespace {

std::size_t byte_count(std::int64_t numel) { return static_cast<std::size_t>(numel) * sizeof(real); }

void copy_bytes(const Tensor& from, real* to, Device to_device) {
  if (from.numel() == 0) return;
#if defined(MEDUSA_HAVE_CUDA)
  if (from.device() != Device::CPU || to_device != Device::CPU)
    return cuda::copy(to, to_device, from.data(), from.device(), byte_count(from.numel()));
#endif
  MEDUSA_CHECK(from.device() == Device::CPU && to_device == Device::CPU, "copy: this build has no CUDA backend");
  std::memcpy(to, from.data(), byte_count(from.numel()));
}

}  // namespace

Storage::Storage(std::int64_t count, Device where)
    : data(static_cast<real*>(pool_allocate(byte_count(count), where))), numel(count), device(where) {}

Storage::~Storage() { pool_free(data, byte_count(numel), device); }

Tensor Tensor::empty(const Shape& shape, Device device) {
  Tensor t;
  t.shape_ = shape;
  t.storage_ = std::make_shared<Storage>(shape.numel(), device);
  return t;
}

Tensor Tensor::full(const Shape& shape, real value, Device device) {
  Tensor t = empty(shape, device);
  t.fill(value);
  return t;
}

Tensor Tensor::from(const std::vector<real>& values, const Shape& shape, Device device) {
  MEDUSA_CHECK(static_cast<std::int64_t>(values.size()) == shape.numel(), "tensor: {} values for shape {}",
               values.size(), shape);
  Tensor t = empty(shape);
  if (!values.empty()) std::memcpy(t.mutable_data(), values.data(), byte_count(t.numel()));
  return t.to(device);
}

real* Tensor::mutable_data() {
  if (!storage_) return nullptr;
  ++storage_->version;
  return storage_->data;
}

Tensor Tensor::reshape(const Shape& shape) const {
  MEDUSA_CHECK(shape.numel() == numel(), "reshape: {} has {} elements, {} has {}", shape_, numel(), shape,
               shape.numel());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::clone() const {
  if (!storage_) return {};
  Tensor t = empty_like(*this);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(Device target) const {
  if (!storage_ || device() == target) return *this;
  Tensor t = empty(shape_, target);
  t.copy_from(*this);
  return t;
}

void Tensor::move_to(Device target) {
  if (!storage_ || device() == target) return;
  Storage moved(storage_->numel, target);
  Tensor whole = *this;
  whole.shape_ = Shape{storage_->numel};
  copy_bytes(whole, moved.data, target);
  std::swap(storage_->data, moved.data);
  std::swap(storage_->device, moved.device);
  ++storage_->version;
}

void Tensor::copy_from(const Tensor& source) {
  MEDUSA_CHECK(source.shape() == shape_, "copy: from {} to {}", source.shape(), shape_);
  if (source.data() == data()) return;
  copy_bytes(source, mutable_data(), device());
}

void Tensor::fill(real value) { kernels::fill(device(), mutable_data(), value, numel()); }

std::vector<real> Tensor::to_vector() const {
  std::vector<real> values(static_cast<std::size_t>(numel()));
  copy_bytes(*this, values.data(), Device::CPU);
  return values;
}

real Tensor::item() const {
  MEDUSA_CHECK(storage_ && numel() == 1, "item: needs one element, shape is {}", shape_);
  return at(0);
}

real Tensor::at(std::int64_t index) const {
  MEDUSA_CHECK(index >= 0 && index < numel(), "at: index {} of {} elements", index, numel());
  if (device() == Device::CPU) return data()[index];
  Tensor one = Tensor::empty({1});  // this element alone
  SliceGeometry g;
  g.from_length = numel();
  g.from_start = index;
  Tensor there = Tensor::empty({1}, device());
  kernels::slice_copy(device(), data(), there.mutable_data(), g);
  one.copy_from(there);
  return one.data()[0];
}

}  // namespace medusa
