// Loader: batches of a dataset, made ahead by worker threads; the same batches for any number of workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/transforms/patches.h"

namespace medusa::datasets {

struct LoaderOptions {
  std::int64_t batch = 16;
  int workers = 2;         // 0: the thread that calls next() makes the samples
  std::uint64_t seed = 0;  // for order and augmentation
  bool augment = false;    // Dataset::get_augmented instead of get
  bool shuffle = false;    // a new order in every epoch
  // Draws with replacement, every class (Dataset::sampling_class) among the indices equally often; implies shuffling.
  bool weighted_sampling = false;
  bool drop_last = false;   // leaves out a last batch that is not full
  PatchOptions patch = {};  // of each sample, a new one in every epoch; no size: whole samples
};

class Loader {
 public:
  // `dataset` must outlive the loader.  Throws InputError if batch < 1, there are no indices, or drop_last leaves no
  // batch.
  Loader(const Dataset& dataset, std::vector<std::int64_t> indices, LoaderOptions options);
  ~Loader();  // waits for the batches in progress, drops the rest
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // From here on next() hands out epoch `epoch` from batch number `first_batch` on.  An epoch in progress is dropped.
  // Order and content depend on (options.seed, epoch) alone.
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);
  // The next batch, or nothing at the end of the epoch.  Throws what making the batch threw: InputError with the
  // file's name, or Error.
  std::optional<Batch> next();
  // Whether next() would hand out a batch at once.
  bool ready() const;
  // Batches in an epoch.
  std::int64_t batches() const;
  // The dataset indices of batch number `b` of the current epoch.
  std::vector<std::int64_t> batch_indices(std::int64_t b) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medusa::datasets
