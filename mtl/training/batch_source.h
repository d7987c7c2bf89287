// BatchSource: where the trainer's batches come from.  The tools put a datasets::Loader behind it, tests a few tensors.
#pragma once

#include <optional>

#include "datasets/dataset.h"

namespace medusa::mtl {

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // From here on next() hands out epoch `epoch` from batch number `first_batch` on; what it hands out depends on these
  // two numbers alone.
  virtual void start_epoch(std::int64_t epoch, std::int64_t first_batch) = 0;
  // The next batch, or nothing at the end of the epoch.  Its targets are in the order of the model's tasks.
  virtual std::optional<datasets::Batch> next() = 0;
  // May be called while a GPU is at work on the last batch: uses the time to make the next one ready.
  virtual void prefetch() {}
  // Batches in an epoch.
  virtual std::int64_t batches() const = 0;
};

}  // namespace medusa::mtl
