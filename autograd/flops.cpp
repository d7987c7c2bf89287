#include "autograd/flops.h"

#include <atomic>

namespace medusa {

namespace {
std::atomic<std::int64_t> counted{0};
}

std::int64_t flops_counted() { return counted.load(std::memory_order_relaxed); }
void count_flops(std::int64_t flops) { counted.fetch_add(flops, std::memory_order_relaxed); }

}  // namespace medusa
