// cuda/upload.h by itself: what is copied when, what is counted, and who waits for whom.  tests/cuda_step_test.cpp has
// the batches that the tools send with it.  Without a device nothing runs here.
#include <cstring>

#include "autograd/ops.h"
#include "cuda/upload.h"
#include "tests/device_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {
namespace {

constexpr std::int64_t kCount = 1000;
constexpr std::size_t kBytes = kCount * sizeof(real);

// Sends one tensor.
void send(cuda::Upload& upload, const Tensor& from, Tensor& to) {
  upload.begin(from.bytes());
  upload.add(to.mutable_data(), from.data(), from.bytes());
  upload.end();
}

// The text of the error that f ends with.
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("cuda: uploads wait where they must, whatever the order of streams") {
  if (no_device()) return;
  const Tensor a = values({kCount}, 1), b = values({kCount}, 2), c = values({kCount}, 3);
  for (int order = 0; order < 3 * kOrders; ++order) {
    set_order(order);
    cuda::Upload upload;
    Tensor first = Tensor::zeros({kCount}, Device::CUDA), second = Tensor::zeros({kCount}, Device::CUDA);
    upload.free_places();  // the zeros are written
    send(upload, a, first);
    send(upload, b, second);  // while the first set may still lie in the pinned memory
    upload.use();
    CHECK_MESSAGE(first.to_vector() == a.to_vector(), "order " << order);
    CHECK_MESSAGE(second.to_vector() == b.to_vector(), "order " << order);
    const Var twice = Var(first) * real(2);  // a kernel that reads what is overwritten next
    upload.free_places();
    send(upload, c, first);
    upload.use();
    const Var thrice = Var(first) * real(3);
    CHECK_MESSAGE(difference(twice.value(), (Var(a) * real(2)).value()) == 0, "order " << order);
    CHECK_MESSAGE(difference(thrice.value(), (Var(c) * real(3)).value()) == 0, "order " << order);
  }
  set_order(0);
}

TEST_CASE("cuda: what an upload allocates and counts") {
  if (no_device()) return;
  Tensor place = Tensor::empty({2 * kCount}, Device::CUDA);
  const Tensor small = values({kCount}), large = values({2 * kCount});
  const auto counted = [](const auto& work) {  // allocations, bytes, copies, synchronisations
    const cuda::Counters before = cuda::counters();
    work();
    const cuda::Counters after = cuda::counters();
    return std::vector<std::int64_t>{after.allocations - before.allocations,
                                     after.allocated_bytes - before.allocated_bytes, after.copies - before.copies,
                                     after.synchronisations - before.synchronisations};
  };
  using Counts = std::vector<std::int64_t>;
  const auto bytes = static_cast<std::int64_t>(kBytes);
  cuda::Upload upload;
  CHECK(counted([&] { send(upload, small, place); }) == Counts{1, bytes, 1, 0});
  cuda::synchronize();
#if defined(MEDUSA_SIM)  // a GPU may have copied it by then: the simulated one, in order 0, has not
  CHECK(counted([&] { send(upload, small, place); }) == Counts{0, 0, 1, 1});
#endif
  upload.use();
  cuda::synchronize();  // and so the copy is done
  CHECK(counted([&] { send(upload, small, place); }) == Counts{0, 0, 1, 0});
  upload.use();
  cuda::synchronize();
  CHECK(counted([&] { send(upload, large, place); }) == Counts{1, 2 * bytes, 1, 0});
  upload.use();
  cuda::synchronize();
  CHECK(counted([&] { send(upload, large, place); }) == Counts{0, 0, 1, 0});
  upload.use();
  CHECK(place.to_vector() == large.to_vector());
  CHECK(counted([&] {
          upload.begin(kBytes);
          upload.add(place.mutable_data(), small.data(), 0);
          upload.end();
        }) == Counts{0, 0, 0, 0});
}

TEST_CASE("cuda: an upload of one byte, of more than was announced, and of more than there is memory for") {
  if (no_device()) return;
  Tensor place = Tensor::zeros({kCount}, Device::CUDA);
  const Tensor from = values({kCount});
  cuda::Upload one;
  one.free_places();
  one.begin(1);
  one.add(place.mutable_data(), from.data(), 1);
  one.end();
  one.use();
  const std::vector<real> got = place.to_vector(), want = from.to_vector();
  CHECK(std::memcmp(got.data(), want.data(), 1) == 0);

  cuda::Upload upload;
  upload.begin(kBytes);
  upload.add(place.mutable_data(), from.data(), kBytes - 8);
  CHECK(error_of([&] { upload.add(place.mutable_data(), from.data(), 20); }) == "upload: 12 bytes more than announced");
  upload.add(place.mutable_data() + kCount - 8 / sizeof(real), from.data() + kCount - 8 / sizeof(real), 8);
  upload.end();
  upload.use();
  CHECK(place.to_vector() == from.to_vector());

#if defined(MEDUSA_SIM)  // as much as the simulated device has; a machine with a GPU may have more
  CHECK(error_of([&] { upload.begin(std::size_t{1} << 40); }).find("cuda: allocating pinned memory: ") == 0);
  const Tensor other = values({kCount}, 2);
  send(upload, other, place);  // smaller ones go on
  upload.use();
  CHECK(place.to_vector() == other.to_vector());
#endif
}

}  // namespace medusa::test

#endif
