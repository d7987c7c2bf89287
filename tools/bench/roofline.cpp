// Peaks are measured, not looked up: clocks, virtual machines and busy neighbours change them from minute to minute.
#include "tools/bench/roofline.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "tensor/isa.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"
#include "tools/cli/device.h"

namespace medusa::tools {

namespace {

constexpr int kChains = 12;  // independent sums: a multiply-add takes 4 or 5 cycles, and two start per cycle
constexpr std::int64_t kRounds = 20000;

// kRounds * kChains multiply-adds of vectors of `bytes` bytes.  Twelve names, not an array: they must stay in
// registers.
// clang-format off
#define MEDUSA_TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define MEDUSA_DECLARE(i) V s##i = addend * real(i);
#define MEDUSA_STEP(i) s##i = s##i * factor + addend;
#define MEDUSA_SUM(i) total += s##i[0];
#define MEDUSA_FMA_LOOP(name, bytes, attributes)                   \
  attributes real name() {                                         \
    typedef real V __attribute__((vector_size(bytes)));            \
    const V factor = V{} + real(0.999), addend = V{} + real(0.001); \
    MEDUSA_TWELVE(MEDUSA_DECLARE)                                  \
    for (std::int64_t round = 0; round < kRounds; ++round) {       \
      MEDUSA_TWELVE(MEDUSA_STEP)                                   \
    }                                                              \
    real total = 0;                                                \
    MEDUSA_TWELVE(MEDUSA_SUM)                                      \
    return total;                                                  \
  }
// clang-format on

MEDUSA_FMA_LOOP(fma_base, 16, )
#if defined(__x86_64__)
MEDUSA_FMA_LOOP(fma_avx2, 32, __attribute__((target("avx2,fma"))))
MEDUSA_FMA_LOOP(fma_avx512, 64, __attribute__((target("avx512f,avx2,fma"))))
#endif

struct Peak {
  real (*loop)();
  std::int64_t bytes;
};

Peak peak_loop() {
#if defined(__x86_64__)
  if (isa() == Isa::Avx512) return {fma_avx512, 64};
  if (isa() == Isa::Avx2) return {fma_avx2, 32};
#endif
  return {fma_base, 16};
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n == 0 ? 0 : (values[(n - 1) / 2] + values[n / 2]) / 2;
}

Timing measure(double seconds, const std::function<void()>& body) {
  using Clock = std::chrono::steady_clock;
  const auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  body();
  body();
  std::vector<double> times;
  for (const Clock::time_point begin = Clock::now(); times.size() < 5 || elapsed(begin) < seconds;) {
    const Clock::time_point start = Clock::now();
    body();
    times.push_back(elapsed(start));
  }
  return {median(times), *std::min_element(times.begin(), times.end()), *std::max_element(times.begin(), times.end()),
          static_cast<std::int64_t>(times.size())};
}

double fma_peak(double seconds) {
  const Peak peak = peak_loop();
  std::vector<real> sums(static_cast<std::size_t>(threads()));
  const Timing time = measure(seconds, [&] {
    parallel_for(threads(), 1,
                 [&](std::int64_t begin, std::int64_t) { sums[static_cast<std::size_t>(begin)] = peak.loop(); });
  });
  const double elements = static_cast<double>(peak.bytes) / sizeof(real);
  return 2.0 * elements * kChains * kRounds * threads() / time.least;
}

double copy_bandwidth(std::int64_t bytes, double seconds) {
  const std::int64_t n = bytes / static_cast<std::int64_t>(sizeof(real));
  const Tensor from = Tensor::ones(Shape{n});
  Tensor to = Tensor::zeros(Shape{n});
  real* target = to.mutable_data();
  const Timing time = measure(seconds, [&] {
    parallel_for(n, grain_for(n, threads()), [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(target + begin, from.data() + begin, static_cast<std::size_t>(end - begin) * sizeof(real));
    });
  });
  return 2.0 * static_cast<double>(n * static_cast<std::int64_t>(sizeof(real))) / time.median;
}

Roofline roofline(Device device, std::int64_t bytes, std::int64_t side, double seconds) {
  const std::int64_t n = bytes / static_cast<std::int64_t>(sizeof(real));
  const Tensor here = Tensor::ones(Shape{n}), from = here.to(device);
  Tensor to = Tensor::zeros(Shape{n}, device);
  const auto rate = [&](double work, const std::function<void()>& body) {
    return work / measure(seconds, [&] {
                    body();
                    wait_for(device);
                  }).median;
  };
  Roofline r;
  r.copy = rate(2.0 * static_cast<double>(to.bytes()), [&] { to.copy_from(from); });
  r.upload = rate(static_cast<double>(to.bytes()), [&] { to.copy_from(here); });
  const Tensor a = Tensor::ones(Shape{side, side}, device);
  Tensor c = Tensor::zeros(a.shape(), device);
  MatmulGeometry g;
  g.m = g.n = g.k = side;
  const double s = static_cast<double>(side);
  r.product = rate(2 * s * s * s, [&] { kernels::matmul(device, 1, a.data(), a.data(), 0, c.mutable_data(), g); });
  return r;
}

}  // namespace medusa::tools
