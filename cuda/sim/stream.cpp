// Streams, events and copies.  An operation waits in its stream's queue until something asks for its result.
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "cuda/sim/internal.h"

struct CUstream_st {
  std::deque<std::function<void()>> waiting;
  std::uint64_t queued = 0, done = 0;
  bool blocking = true;  // ordered against the default stream
};
struct CUevent_st {
  CUstream_st* stream = nullptr;  // null: never recorded
  std::uint64_t ticket = 0;       // reached when so many operations of the stream are done
};

namespace sim {

namespace {

struct AllStreams {
  CUstream_st default_stream;
  std::vector<CUstream_st*> created;
};
AllStreams& all() {
  static AllStreams& streams = *new AllStreams;
  return streams;
}

CUstream_st& queue_of(cudaStream_t stream) { return stream == nullptr ? all().default_stream : *stream; }

bool is_alive(const CUstream_st* stream) {
  if (stream == &all().default_stream) return true;
  for (const CUstream_st* s : all().created)
    if (s == stream) return true;
  return false;
}

bool step(CUstream_st& s) {
  if (s.waiting.empty()) return false;
  const std::function<void()> operation = std::move(s.waiting.front());
  s.waiting.pop_front();
  const DeviceAccess access;
  if (broken() == cudaSuccess) operation();
  ++s.done;
  return true;
}

void drain(CUstream_st& s) {
  const DeviceAccess access;  // opened once for all
  while (step(s)) {
  }
}

void drain_mixed() {
  for (;;) {
    std::vector<CUstream_st*> busy;
    for (CUstream_st* s : all().created)
      if (!s->waiting.empty()) busy.push_back(s);
    if (busy.empty()) return;
    step(*busy[random_below(busy.size())]);
  }
}

// What a wait for the event must run first.
void reach(const CUevent_st& event) {
  if (event.stream == nullptr || !is_alive(event.stream)) return;
  while (event.stream->done < event.ticket && step(*event.stream)) {
  }
}

bool fits(cudaMemcpyKind kind, const void* to, const void* from, std::size_t bytes) {
  const Place want_to = kind == cudaMemcpyDeviceToHost ? Place::Host : Place::Device;
  const Place want_from = kind == cudaMemcpyHostToDevice ? Place::Host : Place::Device;
  if (place_of(to, bytes) == want_to && place_of(from, bytes) == want_from) return true;
  report("a copy's range or direction is wrong (" + std::to_string(bytes) + " bytes, kind " + std::to_string(kind) +
         ")");
  return false;
}

}  // namespace

void enqueue(cudaStream_t stream, std::function<void()> operation) {
  CUstream_st& s = queue_of(stream);
  if (&s == &all().default_stream) {
    for (CUstream_st* other : all().created)
      if (other->blocking) drain(*other);
  } else if (s.blocking) {
    drain(all().default_stream);
  }
  s.waiting.push_back(std::move(operation));
  ++s.queued;
  if (stream_mode() == Streams::Eager) drain(s);
  if (stream_mode() == Streams::Random)
    for (std::uint64_t k = random_below(3); k > 0; --k) step(s);
}

void finish(cudaStream_t stream) { drain(queue_of(stream)); }

void finish_all() {
  drain(all().default_stream);
  if (stream_mode() == Streams::Random) drain_mixed();
  // The newest first, so that a missing wait for an older stream shows.
  for (auto s = all().created.rbegin(); s != all().created.rend(); ++s) drain(**s);
}

void report_unfinished() {
  std::size_t count = all().default_stream.waiting.size();
  for (const CUstream_st* s : all().created) count += s->waiting.size();
  if (count > 0) report("at exit: " + std::to_string(count) + " operations were never waited for");
}

}  // namespace sim

using namespace sim;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (broken() != cudaSuccess) return broken();
  *stream = new CUstream_st;
  (*stream)->blocking = flags != cudaStreamNonBlocking;
  all().created.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  drain(*stream);
  std::erase(all().created, stream);
  delete stream;
  return broken();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  finish(stream);
  return broken();
}
cudaError_t cudaDeviceSynchronize() {
  finish_all();
  return broken();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return broken();
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return broken();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  enqueue(stream, [] {});
  *event = {&queue_of(stream), queue_of(stream).queued};
  return broken();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (broken() != cudaSuccess) return broken();
  const bool reached = event->stream == nullptr || !is_alive(event->stream) || event->stream->done >= event->ticket;
  return reached ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  reach(*event);
  return broken();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  if (flags != 0) return set_error(cudaErrorInvalidValue);  // others are for captured graphs alone
  enqueue(stream, [as_now = *event] { reach(as_now); });
  return broken();
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (broken() != cudaSuccess) return broken();
  if (bytes == 0) return cudaSuccess;
  if (!fits(kind, to, from, bytes)) return set_error(cudaErrorInvalidValue);
  if (kind == cudaMemcpyHostToDevice && !is_pinned(from, bytes)) {  // ordinary memory is read before the call returns
    auto staged =
        std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    enqueue(stream, [=] { std::memcpy(to, staged->data(), bytes); });
  } else {
    enqueue(stream, [=] { std::memcpy(to, from, bytes); });
  }
  if (kind == cudaMemcpyDeviceToHost && !is_pinned(to, bytes)) finish(stream);  // and written before it returns
  return broken();
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  finish(nullptr);
  return error != cudaSuccess ? error : broken();
}
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t bytes, cudaStream_t stream) {
  if (broken() != cudaSuccess) return broken();
  if (bytes != 0 && place_of(to, bytes) != Place::Device) return set_error(cudaErrorInvalidValue);
  enqueue(stream, [=] { std::memset(to, byte, bytes); });
  return cudaSuccess;
}
