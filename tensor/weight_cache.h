// Weights in the form in which a kernel reads them, kept by a layer from one prediction to the next.
//
// Winograd's convolution transforms its kernel first: 16 or 36 numbers for every 9.  In a training step that is little
// beside the batch; in the prediction of one image by deep layers, 512 to 512 channels at 8 x 8 pixels, it costs more
// than the convolution.
#pragma once

#include <memory>
#include <mutex>

#include "tensor/packed_weights.h"
#include "tensor/tensor.h"

namespace medusa {

// Belongs to one layer, and to its weight.
class WeightCache {
 public:
  WeightCache() = default;
  ~WeightCache() { release(); }
  WeightCache(const WeightCache&) = delete;
  WeightCache& operator=(const WeightCache&) = delete;

  // Gives the memory back, unless a call on another thread is using it.
  void clear();
  // Numbers held; 0: none.
  std::int64_t numel() const { return packed_.numel; }

  // For one call of a kernel: the packed form of `weight` as it is now.  Empty where the weight was written to since it
  // was packed, or is another one.
  class Loan {
   public:
    Loan(WeightCache& cache, const Tensor& weight);
    // Null where a call on another thread has it: this one does without.
    PackedWeights* get() const { return packed_; }

   private:
    std::unique_lock<std::mutex> lock_;
    PackedWeights* packed_ = nullptr;
  };

 private:
  void release();

  std::mutex mutex_;
  PackedWeights packed_;
  std::weak_ptr<Storage> weight_;  // what was packed, and its version then
  std::uint64_t version_ = 0;
};

}  // namespace medusa
