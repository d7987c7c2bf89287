// Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011).  Number i of a stream is a pure function of (seed, stream, i): the same bits on any device
// and for any number of threads, and a generator's whole state is three integers.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "tensor/real.h"

namespace medusa {

struct Philox4 {
  std::uint32_t v[4];
};

// Ten rounds on the counter (stream, i) under the key `seed`.
MEDUSA_HD inline Philox4 philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  std::uint32_t c0 = static_cast<std::uint32_t>(i), c1 = static_cast<std::uint32_t>(i >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
    const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// Uniform in [0, 1) with 24 bits, exact in float.
MEDUSA_HD inline float uniform24(std::uint32_t bits) { return static_cast<float>(bits >> 8) * (1.0f / 16777216.0f); }

// A sequential generator over one stream: for shuffles, augmentation, initial values.  Copying copies the state.
class Random {
 public:
  explicit Random(std::uint64_t seed = 0, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  std::uint32_t next() {
    if (used_ == 4) {
      block_ = philox(seed_, stream_, count_++);
      used_ = 0;
    }
    return block_.v[used_++];
  }
  std::uint64_t next64() {
    const std::uint64_t high = next();
    return high << 32 | next();
  }
  double uniform() { return static_cast<double>(next64() >> 11) * 0x1.0p-53; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();                     // mean 0, variance 1 (Box-Muller)
  std::int64_t below(std::int64_t n);  // uniform in 0..n-1, without bias; n >= 1
  bool chance(double p) { return uniform() < p; }

  template <class Vector>
  void shuffle(Vector& items) {  // Fisher-Yates
    for (std::int64_t i = static_cast<std::int64_t>(items.size()) - 1; i > 0; --i)
      std::swap(items[static_cast<std::size_t>(i)], items[static_cast<std::size_t>(below(i + 1))]);
  }

 private:
  std::uint64_t seed_, stream_, count_ = 0;
  Philox4 block_{};
  int used_ = 4;
};

// FNV-1a: turns a name into a stream number, so that a parameter's initial values depend on its name, not on the order
// of creation.
inline std::uint64_t stream_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return hash;
}

}  // namespace medusa
