// What the files of this folder share: the stream, the checked call.
#pragma once

#include <cuda_runtime.h>

#include "cuda/runtime.h"
#include "tensor/memory.h"

namespace medusa::cuda {

// Throws Error "cuda: WHAT: ..." unless the call succeeded; every call of the runtime goes through this.
void check(cudaError_t error, const char* what);

// Throws if a GPU cannot run that many blocks.
void check_blocks(const char* kernel, std::int64_t blocks);

// The largest number of blocks of a launch that has a thread per element; see limit_blocks().
std::int64_t most_blocks();

// What force_variants() has set.
Variants variants();

// The stream of all kernels.  The first call chooses device 0 where use_device() did not choose.
cudaStream_t stream();
// To be counted: see Counters.
Counters& count();
// Called at the end of the program, last registered first, while the device is still there.
void at_exit(void (*clean_up)());

// A kernel's own memory, from the pool.  It may be given back before the kernel has run (see runtime.h).
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t n)
      : bytes_(static_cast<std::size_t>(n > 0 ? n : 1) * sizeof(T)),
        data_(static_cast<T*>(pool_allocate(bytes_, Device::CUDA))) {}
  ~Scratch() { pool_free(data_, bytes_, Device::CUDA); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace medusa::cuda
