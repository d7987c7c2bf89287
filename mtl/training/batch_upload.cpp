#include "mtl/training/batch_upload.h"

#include <vector>

#include "tensor/check.h"
#if defined(MEDUSA_HAVE_CUDA)
#include "cuda/upload.h"
#endif

namespace medusa::mtl {

#if defined(MEDUSA_HAVE_CUDA)

namespace {

std::vector<Tensor*> tensors_of(datasets::Batch& batch) {
  std::vector<Tensor*> tensors{&batch.input};
  for (datasets::Target& target : batch.targets) tensors.insert(tensors.end(), {&target.value, &target.mask});
  return tensors;
}

}  // namespace

struct BatchUpload::Lanes {
  struct Lane {
    std::vector<Tensor> places;  // one per tensor of a batch
    cuda::Upload upload;
  };
  Lane lane[2];
  int filled = 0;  // the lane that was filled last

  // Makes the lane's places fit the tensors; replaces those that are still referenced elsewhere.
  static void prepare(Lane& lane, const std::vector<Tensor*>& tensors) {
    lane.places.resize(tensors.size());
    bool fresh = false;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& from = *tensors[i];
      Tensor& place = lane.places[i];
      if (!from || (place && place.shape() == from.shape() && place.storage().use_count() == 1)) continue;
      if (place) lane.upload.use();  // a dropped copy into it must end before its memory is reused
      place = Tensor::empty(from.shape(), Device::CUDA);
      fresh = true;
    }
    if (fresh) lane.upload.free_places();  // work already started may still read the pool's memory
  }

  void start(datasets::Batch& batch) {
    filled = 1 - filled;
    const std::vector<Tensor*> tensors = tensors_of(batch);
    prepare(lane[filled], tensors);
    std::size_t bytes = 0;
    for (const Tensor* t : tensors) bytes += static_cast<std::size_t>(t->bytes());
    cuda::Upload& upload = lane[filled].upload;
    upload.begin(bytes);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!*tensors[i]) continue;
      Tensor& place = lane[filled].places[i];
      upload.add(place.mutable_data(), tensors[i]->data(), static_cast<std::size_t>(place.bytes()));
      *tensors[i] = place;
    }
    upload.end();
  }

  // The lane that was filled last is the next to be filled: the other is still being read.
  void forget() { filled = 1 - filled; }

  // From now on the work on the device reads the lane that was filled last.
  void hand_over() {
    lane[1 - filled].upload.free_places();  // all work that reads the batch before has been started
    lane[filled].upload.use();
  }
};

#else

struct BatchUpload::Lanes {  // a build without CUDA has no device to copy to
  void start(datasets::Batch&) {}
  void forget() {}
  void hand_over() {}
};

#endif

BatchUpload::BatchUpload(Device device) : lanes_(device == Device::CPU ? nullptr : std::make_unique<Lanes>()) {}
BatchUpload::~BatchUpload() = default;

void BatchUpload::start(datasets::Batch batch) {
  MEDUSA_CHECK(!started_, "upload: start() was called twice without take() or drop()");
  if (lanes_) lanes_->start(batch);
  started_ = std::move(batch);
}

void BatchUpload::drop() {
  if (started_ && lanes_) lanes_->forget();
  started_.reset();
}

datasets::Batch BatchUpload::take() {
  MEDUSA_CHECK(started_.has_value(), "upload: take() was called without start()");
  datasets::Batch batch = std::move(*started_);
  started_.reset();
  if (lanes_) lanes_->hand_over();
  return batch;
}

}  // namespace medusa::mtl
