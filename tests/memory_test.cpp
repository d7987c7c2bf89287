// The memory pool: reuse, statistics, refusal of what no machine has.
#include "tensor/memory.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tensor/tensor.h"

using namespace medusa;

TEST_CASE("memory: a block given back is handed out again") {
  { Tensor warm = Tensor::empty({1000}); }
  const MemoryStats before = memory_stats();
  const real* place = nullptr;
  for (int i = 0; i < 10; ++i) {
    Tensor t = Tensor::empty({1000 - i});  // of one size class
    if (i > 0) CHECK(t.data() == place);
    place = t.data();
  }
  CHECK(memory_stats().system_allocations == before.system_allocations);
  CHECK(memory_stats().in_use == before.in_use);
}

TEST_CASE("memory: statistics") {
  reset_peak_memory();
  const MemoryStats before = memory_stats();
  CHECK(before.peak == before.in_use);
  const std::int64_t bytes = 3000 * static_cast<std::int64_t>(sizeof(real));
  {
    const Tensor a = Tensor::empty({3000});
    { const Tensor b = Tensor::empty({3000}); }
    const MemoryStats now = memory_stats();
    CHECK(now.in_use - before.in_use >= bytes);
    CHECK(now.in_use - before.in_use <= bytes + bytes / 8);  // a size class wastes an eighth at most
    CHECK(now.peak - before.in_use >= 2 * bytes);
    CHECK(now.peak - before.in_use <= 2 * (bytes + bytes / 8));
  }
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().peak > before.peak);
  reset_peak_memory();
  CHECK(memory_stats().peak == before.in_use);
  { const Tensor large = Tensor::empty({1 << 20}); }
  const std::int64_t cached = memory_stats().cached;
  CHECK(cached >= std::int64_t{1 << 20} * static_cast<std::int64_t>(sizeof(real)));
  release_cached_memory();
  // Small blocks are kept.
  CHECK(memory_stats().cached <= cached - std::int64_t{1 << 20} * static_cast<std::int64_t>(sizeof(real)));
}

// Which threads hold scratch memory at the same time is chance; it must not decide whether the system is asked.
TEST_CASE("memory: what chance decides comes out of slabs and room that are there already") {
  std::vector<Tensor> held;
  for (int i = 0; i < 64; ++i) held.push_back(Tensor::empty({1 << 18}));  // 64 MiB of floats
  const std::int64_t before = memory_stats().system_allocations;
  for (int i = 0; i < 4; ++i) held.push_back(Tensor::empty({(1 << 18) + 1024 * i}));
  for (int i = 0; i < 16; ++i) held.push_back(Tensor::empty({5000 + 1000 * i}));
  CHECK(memory_stats().system_allocations - before <= 1);
}

TEST_CASE("memory: blocks of all sizes are aligned and wholly usable") {
  for (std::size_t bytes : {0, 1, 63, 64, 65, 127, 128, 129, 575, 1000, 4097, 100000, 2097151, 2097152, 2097153}) {
    void* block = pool_allocate(bytes, Device::CPU);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, 1, bytes);
    pool_free(block, bytes, Device::CPU);
  }
}

TEST_CASE("memory: what no machine has is refused, and the pool works on") {
  for (const Shape& shape : {Shape{1 << 20, 1 << 20}, Shape{std::int64_t{1} << 57}, Shape{1 << 13, 1 << 13, 1 << 13}}) {
    std::string message;
    try {
      (void)Tensor::empty(shape);
    } catch (const Error& error) {
      message = error.what();
    }
    const std::string bytes = std::to_string(shape.numel() * static_cast<std::int64_t>(sizeof(real)));
    CHECK(message.find("out of memory: " + bytes + " bytes asked for") == 0);
  }
  CHECK_THROWS_AS(Tensor::empty({INT64_MAX, INT64_MAX}), Error);
  CHECK_THROWS_AS(Tensor::zeros({INT64_MAX / 4, 4}), Error);
  CHECK_THROWS_AS(pool_allocate(SIZE_MAX, Device::CPU), Error);
  CHECK(Tensor::ones({5}).at(4) == 1);
}

TEST_CASE("memory: several threads share the pool") {
  const std::int64_t before = memory_stats().in_use;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([i] {
      for (int k = 0; k < 300; ++k) {
        Tensor t = Tensor::empty({1 + (k * 37 + i) % 500});
        real* p = t.mutable_data();
        for (std::int64_t j = 0; j < t.numel(); ++j) p[j] = static_cast<real>(i);
        for (std::int64_t j = 0; j < t.numel(); ++j)
          if (p[j] != static_cast<real>(i)) FAIL("another thread wrote here");
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(memory_stats().in_use == before);
}
