// Reductions along the middle axis of [outer, length, inner], for sums, moments and the like.
//
// A block of 256 threads takes a tile of columns (inner places) and a chunk of the length:
//
//            columns ->                    each thread adds up every rows-th element of its column, 32 at most, so that
//        row 0   t0  t1  t2  t3            `real` is accurate enough; then the rows are joined in double, half of them
//        row 1   t4  t5  t6  t7            onto the other half until one is left.  Several chunks leave partial results
//        ...                               in memory, which a second launch joins in the same way.
//
// With few columns a block has many rows, with one column 256.  Cut and order depend on the sizes alone: same bits on
// every GPU and in every run, no atomics.
#pragma once

#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/geometry.h"
#include "tensor/real.h"

namespace medusa::cuda {

// What is added up: N sums.  Other states have the same merge().  A state of zeros stands for "no elements".
template <int N>
struct Sums {
  double v[N];
  __device__ void merge(const Sums& other) {
    for (int k = 0; k < N; ++k) v[k] += other.v[k];
  }
};

struct Split {
  std::int64_t outer, length, inner;
  int columns, rows, shift;  // of a block, which has 2^shift rows
  std::int64_t tiles, parts, chunk;
  // A block, of which there are fewer than 2^31, is [outer, parts, tiles]; a thread [rows, columns].
  Extents<std::int32_t, 2> blocks;
  FastDivmod<std::int32_t> threads;
};

inline Split split(const Rows& r, std::int64_t per_thread) {
  Split s{r.outer, r.length, r.inner, 1, kThreads, kThreadBits, 0, 0, 0, {}, {}};
  while (s.columns < 32 && s.columns < r.inner) s.columns *= 2, s.rows /= 2, --s.shift;
  s.chunk = per_thread > 0 ? s.rows * per_thread : r.length;
  s.tiles = divide_up(r.inner, s.columns);
  s.parts = r.length > s.chunk ? divide_up(r.length, s.chunk) : 1;
  s.blocks = {{FastDivmod<std::int32_t>(s.parts), FastDivmod<std::int32_t>(s.tiles)}};
  s.threads = FastDivmod<std::int32_t>(s.columns);
  return s;
}

// 256 values of up to 24 bytes, shared by the block.  Not a template: g++ 12 would not put the array where the
// simulated device looks for it.
__device__ inline void* block_memory() {
  __shared__ __align__(16) unsigned char bytes[kThreads * 24];
  return bytes;
}
template <class T>
__device__ T* block_array() {
  static_assert(sizeof(T) <= 24);
  return static_cast<T*>(block_memory());
}

// Joins the states of each column; the result is with the threads of row 0.
template <class State>
__device__ State merge_rows(const State& mine, int columns) {
  State* states = block_array<State>();
  const int t = static_cast<int>(threadIdx.x);
  states[t] = mine;
  for (int apart = kThreads / 2; apart >= columns; apart /= 2) {
    __syncthreads();
    if (t < apart) states[t].merge(states[t + apart]);
  }
  return states[t];
}

// read(o, stretch, i) is the state of some elements of column i; finish(o, i, state) takes the result of a column.
template <class State, class Read, class Finish>
__global__ void reduce_kernel(Split s, Read read, Finish finish, State* partial) {
  const auto [row, column] = s.threads(static_cast<int>(threadIdx.x));
  const auto block = s.blocks.coordinates(static_cast<int>(blockIdx.x));
  const std::int64_t o = block[0], part = block[1], i = std::int64_t{block[2]} * s.columns + column;
  const std::int64_t begin = part * s.chunk, end = begin + s.chunk;
  State state{};
  if (i < s.inner) state = read(o, Stretch{begin + row, end < s.length ? end : s.length, s.shift}, i);
  state = merge_rows(state, s.columns);
  if (row != 0 || i >= s.inner) return;
  if (s.parts == 1)
    finish(o, i, state);
  else
    partial[(o * s.parts + part) * s.inner + i] = state;
}

template <class State>
struct ReadPartial {
  const State* partial;
  std::int64_t parts, inner;
  __device__ State operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    State state{};
    for (std::int64_t k = s.first; k < s.last; k += s.step()) state.merge(partial[(o * parts + k) * inner + i]);
    return state;
  }
};

template <class State, class Read, class Finish>
void reduce(const char* name, const Rows& r, const Read& read, const Finish& finish) {
  const Split s = split(r, 32);
  const std::int64_t blocks = s.outer * s.tiles * s.parts;
  if (s.parts == 1) return launch(name, blocks, reduce_kernel<State, Read, Finish>, s, read, finish, nullptr);
  const Scratch<State> partial(s.outer * s.parts * s.inner);
  launch(name, blocks, reduce_kernel<State, Read, Finish>, s, read, finish, partial.data());
  const ReadPartial<State> again{partial.data(), s.parts, s.inner};
  const Split join = split(Rows{s.outer, s.parts, s.inner}, 0);
  launch(name, join.outer * join.tiles, reduce_kernel<State, ReadPartial<State>, Finish>, join, again, finish, nullptr);
}

// For kernels with a block per row: every thread gets op over the values of all.  May be called again at once.
template <class T, class Op>
__device__ T block_reduce(T mine, Op op) {
  T* values = block_array<T>();
  const int t = static_cast<int>(threadIdx.x);
  values[t] = mine;
  for (int apart = kThreads / 2; apart >= 1; apart /= 2) {
    __syncthreads();
    if (t < apart) values[t] = op(values[t], values[t + apart]);
  }
  __syncthreads();
  const T result = values[0];
  __syncthreads();  // before any thread writes for the next call
  return result;
}

}  // namespace medusa::cuda
