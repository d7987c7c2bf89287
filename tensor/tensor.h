// Tensor: a shared handle to one contiguous, row-major block of `real` in the memory pool.
// Images are channels last: [N, H, W, C], volumes [N, D, H, W, C].  There are no gradients here: see autograd/var.h.
#pragma once

#include <memory>
#include <vector>

#include "tensor/device.h"
#include "tensor/real.h"
#include "tensor/shape.h"

namespace medusa {

// The memory of one or several tensors.  `version` counts writes, so that autograd notices when a
// tensor that a backward pass still needs was overwritten.
struct Storage {
  Storage(std::int64_t numel, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  real* data = nullptr;
  std::int64_t numel = 0;
  Device device = Device::CPU;
  std::uint64_t version = 0;
};

class Tensor {
 public:
  Tensor() = default;  // no tensor: false in a condition

  // New tensors.  `empty` is not initialised.
  static Tensor empty(const Shape& shape, Device device = Device::CPU);
  static Tensor empty_like(const Tensor& other) { return empty(other.shape(), other.device()); }
  static Tensor full(const Shape& shape, real value, Device device = Device::CPU);
  static Tensor zeros(const Shape& shape, Device device = Device::CPU) { return full(shape, 0, device); }
  static Tensor ones(const Shape& shape, Device device = Device::CPU) { return full(shape, 1, device); }
  // From host values in row-major order; as many as the shape has elements.
  static Tensor from(const std::vector<real>& values, const Shape& shape, Device device = Device::CPU);
  static Tensor scalar(real value, Device device = Device::CPU) { return full(Shape{1}, value, device); }

  explicit operator bool() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t size(int axis) const { return shape_[axis]; }
  int rank() const { return shape_.rank(); }
  std::int64_t numel() const { return shape_.numel(); }
  Device device() const { return storage_ ? storage_->device : Device::CPU; }
  std::int64_t bytes() const { return numel() * static_cast<std::int64_t>(sizeof(real)); }

  const real* data() const { return storage_ ? storage_->data : nullptr; }
  // For writing; counts as a change of the tensor (see Storage::version).
  real* mutable_data();

  // The same memory under another shape with as many elements.
  Tensor reshape(const Shape& shape) const;
  // A copy with memory of its own.
  Tensor clone() const;
  // A copy on another device; the tensor itself if it is there already.
  Tensor to(Device device) const;
  // Moves the memory itself, so that every handle to it is there afterwards.
  void move_to(Device device);
  // Overwrites this tensor's values; shapes must be equal, devices may differ.
  void copy_from(const Tensor& source);
  void fill(real value);

  // Reading on the host: copies from a GPU where needed.
  std::vector<real> to_vector() const;
  real item() const;                  // of a tensor with one element
  real at(std::int64_t index) const;  // of one element, by row-major index

  // True if both handles share one block of memory.
  bool shares_memory_with(const Tensor& other) const { return storage_ && storage_ == other.storage_; }
  const std::shared_ptr<Storage>& storage() const { return storage_; }

 private:
  Shape shape_{0};
  std::shared_ptr<Storage> storage_;
};

}  // namespace medusa
