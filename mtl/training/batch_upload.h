// Copies batches to a device, the next one while the step before it runs.
#pragma once

#include <memory>
#include <optional>

#include "datasets/dataset.h"
#include "tensor/device.h"

namespace medusa::mtl {

// Two sets of tensors on the device take turns: the running step reads one while the other is filled.  A tensor that is
// still referenced elsewhere is replaced instead of overwritten.
class BatchUpload {
 public:
  explicit BatchUpload(Device device);
  ~BatchUpload();
  bool started() const { return started_.has_value(); }
  // Starts to copy a batch; one at a time.
  void start(datasets::Batch batch);
  // The batch that was started, on the device.
  datasets::Batch take();
  // Forgets a batch that was started.
  void drop();

 private:
  struct Lanes;
  std::unique_ptr<Lanes> lanes_;  // null on a CPU, where there is nothing to copy
  std::optional<datasets::Batch> started_;
};

}  // namespace medusa::mtl
