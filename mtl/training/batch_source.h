// BatchSource: where the trainer's batches come from.  Programs put a datasets::Loader behind it, tests a few tensors.
#pragma once

#include <optional>

#include "datasets/dataset.h"

namespace medusa::mtl {

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // From here on next() returns the batches of epoch `epoch`, starting at number `first_batch`.  They depend on these
  // two numbers alone.
  virtual void start_epoch(std::int64_t epoch, std::int64_t first_batch) = 0;
  // The next batch, its targets in the order of the model's tasks; nothing at the end of the epoch.
  virtual std::optional<datasets::Batch> next() = 0;
  // May be called while a GPU works on the last batch: uses the time to prepare the next one.
  virtual void prefetch() {}
  // Batches in an epoch.
  virtual std::int64_t batches() const = 0;
};

}  // namespace medusa::mtl
