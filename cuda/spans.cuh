// Kernels over many tensors at once, such as all parameters of a network: a launch takes thousands of cycles, a bias of
// 16 numbers almost none.
//
//   table    span 0: 3 blocks   span 1: 1 block   span 2: 5 blocks ...   64 spans, in the kernel's own arguments
//   blocks   0    1    2        3                 4   5   6   7   8      find their span by its place in the table
//
// So nothing is allocated, nothing copied, and the host goes on at once.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace medusa::cuda {

constexpr int kSpans = 64;                          // what fits into the 4 KiB that a kernel's arguments may have
constexpr std::int64_t kSpanChunk = 16 * kThreads;  // elements per block

template <class Span>
struct SpanTable {
  Span span[kSpans];
  std::int64_t end[kSpans];  // blocks of this span and all before it
  int count = 0;

  bool add(const Span& s) {
    if (count == kSpans) return false;
    span[count] = s;
    end[count] = blocks() + divide_up(s.n, kSpanChunk);
    ++count;
    return true;
  }
  std::int64_t blocks() const { return count > 0 ? end[count - 1] : 0; }
  // The first whose end lies beyond the block: spans without elements have no block.
  __device__ int of_block(std::int64_t block) const {
    int low = 0, high = count - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (end[middle] > block)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }
  // Elements begin, begin + 256, .. below last of the span belong to this thread.
  __device__ Stretch stretch(int k, std::int64_t block) const {
    const std::int64_t first = (block - (k > 0 ? end[k - 1] : 0)) * kSpanChunk, last = first + kSpanChunk;
    return {first + static_cast<std::int64_t>(threadIdx.x), last < span[k].n ? last : span[k].n, kThreadBits};
  }
};

// Calls body(table) for all spans, a table at a time.
template <class Span, class Body>
void for_tables(const Span* spans, std::int64_t count, const Body& body) {
  for (std::int64_t k = 0; k < count;) {
    SpanTable<Span> table{};
    while (k < count && table.add(spans[k])) ++k;
    body(table);
  }
}

}  // namespace medusa::cuda
