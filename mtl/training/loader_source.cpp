#include "mtl/training/loader_source.h"

namespace medusa::mtl {

void LoaderSource::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  upload_.drop();
  loader_.start_epoch(epoch, first_batch);
}

std::optional<datasets::Batch> LoaderSource::next() {
  if (!upload_.started() && !start()) return std::nullopt;
  return upload_.take();
}

void LoaderSource::prefetch() {
  if (!upload_.started() && loader_.ready()) start();
}

bool LoaderSource::start() {
  std::optional<datasets::Batch> batch = loader_.next();
  if (!batch) return false;
  std::vector<datasets::Target> targets;
  std::vector<std::vector<bool>> labelled;
  for (std::size_t target : target_of_task_) {
    targets.push_back(std::move(batch->targets[target]));
    labelled.push_back(std::move(batch->labelled[target]));
  }
  batch->targets = std::move(targets);
  batch->labelled = std::move(labelled);
  upload_.start(std::move(*batch));
  return true;
}

}  // namespace medusa::mtl
