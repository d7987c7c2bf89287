// LoaderSource: a datasets::Loader as a BatchSource.
#pragma once

#include <optional>
#include <vector>

#include "datasets/loader.h"
#include "mtl/training/batch_source.h"
#include "mtl/training/batch_upload.h"

namespace medusa::mtl {

// A loader's batches with the targets in the order of the model's tasks.
class LoaderSource : public BatchSource {
 public:
  LoaderSource(const datasets::Dataset& dataset, std::vector<std::int64_t> indices,
               const datasets::LoaderOptions& options, std::vector<std::size_t> target_of_task,
               Device device = Device::CPU)
      : loader_(dataset, std::move(indices), options), target_of_task_(std::move(target_of_task)), upload_(device) {}
  void start_epoch(std::int64_t epoch, std::int64_t first_batch) override;
  std::optional<datasets::Batch> next() override;
  void prefetch() override;
  std::int64_t batches() const override { return loader_.batches(); }

 private:
  bool start();  // starts to copy the loader's next batch to the device; false at the end of the epoch

  datasets::Loader loader_;
  std::vector<std::size_t> target_of_task_;
  BatchUpload upload_;
};

}  // namespace medusa::mtl
