#include "tools/common_upload.h"

#include <vector>

#include "tensor/check.h"
#if defined(MEDUSA_HAVE_CUDA)
#include "cuda/upload.h"
#endif

namespace medusa::tools {

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
  int filled = 0;  // the lane of the batch that was started last

  // Makes the lane's places fit; those that are somebody else's too are replaced.
  static void prepare(Lane& lane, const std::vector<Tensor*>& tensors) {
    lane.places.resize(tensors.size());
    bool fresh = false;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& from = *tensors[i];
      Tensor& place = lane.places[i];
      if (!from || (place && place.shape() == from.shape() && place.storage().use_count() == 1)) continue;
      if (place) lane.upload.use();  // nobody may get its memory before a copy that was forgotten has arrived
      place = Tensor::empty(from.shape(), Device::CUDA);
      fresh = true;
    }
    if (fresh) lane.upload.free_places();  // the pool's memory may still be read by work that was started
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
};

BatchUpload::BatchUpload(Device device) : lanes_(device == Device::CPU ? nullptr : std::make_unique<Lanes>()) {}

void BatchUpload::start(datasets::Batch batch) {
  MEDUSA_CHECK(!started_, "upload: a batch is on its way already");
  if (lanes_) lanes_->start(batch);
  started_ = std::move(batch);
}

void BatchUpload::drop() {
  if (started_ && lanes_) lanes_->filled = 1 - lanes_->filled;  // the other is still being read: this one is next again
  started_.reset();
}

datasets::Batch BatchUpload::take() {
  MEDUSA_CHECK(started_.has_value(), "upload: no batch is on its way");
  datasets::Batch batch = std::move(*started_);
  started_.reset();
  if (lanes_) {
    lanes_->lane[1 - lanes_->filled].upload.free_places();  // all that reads the batch before has been started
    lanes_->lane[lanes_->filled].upload.use();
  }
  return batch;
}

#else

struct BatchUpload::Lanes {};
BatchUpload::BatchUpload(Device) {}
void BatchUpload::start(datasets::Batch batch) { started_ = std::move(batch); }
void BatchUpload::drop() { started_.reset(); }
datasets::Batch BatchUpload::take() {
  datasets::Batch batch = std::move(*started_);
  started_.reset();
  return batch;
}

#endif

BatchUpload::~BatchUpload() = default;

}  // namespace medusa::tools
