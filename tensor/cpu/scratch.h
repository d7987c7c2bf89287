// Scratch memory of a kernel, from the pool (kernel files avoid std::vector: see simd.h).
#pragma once

#include "tensor/memory.h"

namespace medusa::MEDUSA_CPU {

template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t n)
      : bytes_(static_cast<std::size_t>(n > 0 ? n : 1) * sizeof(T)),
        data_(static_cast<T*>(pool_allocate(bytes_, Device::CPU))) {}
  ~Scratch() { pool_free(data_, bytes_, Device::CPU); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace medusa::MEDUSA_CPU
