#include "tensor/weight_cache.h"

#include "tensor/memory.h"

namespace medusa {

namespace {

std::size_t bytes_of(std::int64_t numel) { return static_cast<std::size_t>(numel) * sizeof(real); }

void give_back(PackedWeights* place) {
  if (place->block != nullptr) pool_free(place->block, bytes_of(place->numel), Device::CPU);
  *place = {};
}

}  // namespace

void WeightCache::release() { give_back(&packed_); }

void WeightCache::clear() {
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) release();
}

WeightCache::Loan::Loan(WeightCache& cache, const Tensor& weight) : lock_(cache.mutex_, std::try_to_lock) {
  if (!lock_.owns_lock()) return;
  packed_ = &cache.packed_;
  const std::shared_ptr<Storage>& storage = weight.storage();
  if (cache.weight_.lock() == storage && cache.version_ == storage->version) return;
  packed_->form = 0;
  cache.weight_ = storage;
  cache.version_ = storage->version;
}

real* packed_block(PackedWeights* place, std::int64_t numel) {
  if (place->numel != numel) {
    give_back(place);
    place->block = static_cast<real*>(pool_allocate(bytes_of(numel), Device::CPU));
    place->numel = numel;
  }
  return place->block;
}

}  // namespace medusa
