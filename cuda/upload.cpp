#include "cuda/upload.h"

#include <cstring>

#include "cuda/context.h"
#include "tensor/check.h"

namespace medusa::cuda {

namespace {

cudaStream_t& copy_stream_place() {
  static cudaStream_t copies = nullptr;
  return copies;
}
cudaStream_t copy_stream() {
  cudaStream_t& copies = copy_stream_place();
  if (copies == nullptr) {
    (void)stream();  // chooses the device
    check(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), "creating a stream");
    at_exit([] { (void)cudaStreamDestroy(copy_stream_place()); });
  }
  return copies;
}

void make_event(cudaEvent_t* event) {
  check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "creating an event");
}

}  // namespace

struct Upload::State {
  cudaEvent_t freed = nullptr, arrived = nullptr;
  char* staging = nullptr;  // pinned
  std::size_t capacity = 0, used = 0;
  bool on_its_way = false;

  // Until the staging memory has been read.
  void wait() {
    if (!on_its_way) return;
    on_its_way = false;
    const cudaError_t state = cudaEventQuery(arrived);
    if (state == cudaSuccess) return;
    if (state != cudaErrorNotReady) check(state, "copying");
    (void)cudaGetLastError();
    ++count().synchronisations;
    check(cudaEventSynchronize(arrived), "copying");
  }
  void reserve(std::size_t bytes) {
    used = 0;
    if (bytes <= capacity) return;
    if (staging != nullptr) check(cudaFreeHost(staging), "freeing pinned memory");
    staging = nullptr;
    capacity = 0;
    void* block = nullptr;
    check(cudaMallocHost(&block, bytes), "allocating pinned memory");
    ++count().allocations;
    count().allocated_bytes += static_cast<std::int64_t>(bytes);
    staging = static_cast<char*>(block);
    capacity = bytes;
  }
};

Upload::Upload() : state_(std::make_unique<State>()) {
  (void)copy_stream();
  make_event(&state_->freed);
  make_event(&state_->arrived);
  free_places();
}

Upload::~Upload() {  // at the end of a program that failed the device may be broken: nothing to be done
  (void)cudaEventSynchronize(state_->arrived);
  (void)cudaEventDestroy(state_->freed);
  (void)cudaEventDestroy(state_->arrived);
  if (state_->staging != nullptr) (void)cudaFreeHost(state_->staging);
}

void Upload::free_places() { check(cudaEventRecord(state_->freed, stream()), "recording an event"); }

void Upload::begin(std::size_t bytes) {
  state_->wait();
  state_->reserve(bytes);
  check(cudaStreamWaitEvent(copy_stream(), state_->freed, 0), "waiting for an event");
}

void Upload::add(void* to, const void* from, std::size_t bytes) {
  State& s = *state_;
  if (bytes == 0) return;
  MEDUSA_CHECK(bytes <= s.capacity - s.used, "upload: {} bytes more than announced", bytes - (s.capacity - s.used));
  std::memcpy(s.staging + s.used, from, bytes);
  check(cudaMemcpyAsync(to, s.staging + s.used, bytes, cudaMemcpyHostToDevice, copy_stream()), "copying");
  s.used += bytes;
  ++count().copies;
}

void Upload::end() {
  check(cudaEventRecord(state_->arrived, copy_stream()), "recording an event");
  state_->on_its_way = true;
}

void Upload::use() { check(cudaStreamWaitEvent(stream(), state_->arrived, 0), "waiting for an event"); }

}  // namespace medusa::cuda
