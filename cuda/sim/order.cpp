#include <cstdlib>
#include <cstring>

#include "cuda/sim/internal.h"

namespace sim {

namespace {

struct Order {
  std::uint64_t state = 0;  // 0: not random
  Streams streams = Streams::Lazy;
};

std::uint64_t spread(std::uint64_t seed) { return seed == 0 ? 0 : seed * 0x9E3779B97F4A7C15ull | 1; }

Order& order() {
  static Order order = [] {
    const char* seed = std::getenv("MEDUSA_SIM_SEED");
    const char* streams = std::getenv("MEDUSA_SIM_STREAMS");
    Order o;
    if (seed != nullptr) o.state = spread(std::strtoull(seed, nullptr, 10));
    if (streams != nullptr && std::strcmp(streams, "eager") == 0) o.streams = Streams::Eager;
    if (streams != nullptr && std::strcmp(streams, "random") == 0) o.streams = Streams::Random;
    return o;
  }();
  return order;
}

}  // namespace

void set_order(std::uint64_t seed, Streams streams) { order() = {spread(seed), streams}; }

bool random_order() { return order().state != 0; }
Streams stream_mode() { return order().streams; }

// Xorshift (Marsaglia 2003).
std::uint64_t random_below(std::uint64_t n) {
  std::uint64_t& s = order().state;
  if (s == 0) s = spread(1);  // random streams with seed 0
  s ^= s << 13;
  s ^= s >> 7;
  s ^= s << 17;
  return s % n;
}

}  // namespace sim
