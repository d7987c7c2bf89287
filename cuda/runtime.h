// The GPU as the rest of the program sees it: memory, copies, waiting, and counters that prove what a step costs.
// Including this needs no NVIDIA header.  All work goes to one stream, in order: a block of memory that was given back
// can be handed out again at once, since earlier writes to it come earlier in the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace medusa::cuda {

// Since the start of the program.
struct Counters {
  std::int64_t launches = 0;          // of our kernels
  std::int64_t products = 0;          // calls of cuBLAS
  std::int64_t allocations = 0;       // asked of the driver, which waits for the GPU each time
  std::int64_t allocated_bytes = 0;   // by those
  std::int64_t copies = 0;            // between host and device
  std::int64_t synchronisations = 0;  // how often the host waited for the GPU
};
Counters counters();

// Number of usable devices; 0 where there is no driver or no GPU.
int device_count();
// Chooses the device; before anything else is done with it.  Throws Error with the reason if that is impossible.
void use_device(int index);
// "NVIDIA H100 (9.0, 132 multiprocessors, 79.1 GiB)"
std::string device_text();
// Lets cuBLAS round the factors of products to 10 bits of mantissa (TensorFloat-32): faster, 3 digits.
void allow_tf32(bool on);
// Lets kernels with a thread per element start `most` blocks at most, whose threads take several elements then.  0 is
// the usual number, a million, which takes more than 268 million elements to reach: tests lower it.
void limit_blocks(std::int64_t most);
// Kernels have a variant with 64-bit indices, for tensors of 2^31 numbers and more, and one that reads numbers one by
// one, for tensors that cannot be read in packs of 16 bytes.  The results are the same bits; tests force the variants.
struct Variants {
  bool wide = false;    // 64-bit indices for tensors of any size
  bool single = false;  // no packs
};
void force_variants(Variants which);
// Waits until all work is done; failures of kernels show here.
void synchronize();

}  // namespace medusa::cuda
