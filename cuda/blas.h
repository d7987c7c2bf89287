// Matrix products, row-major.  cuBLAS is column-major: blas.cpp hides that difference.
#pragma once

#include <cstdint>

#include "tensor/real.h"

namespace medusa::cuda {

// c[b] = alpha op(a[b]) op(b[b]) + beta c[b] for b < batch.  op(a) is m x k, op(b) is k x n, c is m x n, all row-major;
// `row_x` is the distance from one row, as it lies in memory, to the next; `stride_x` from one matrix to the next.
struct Gemm {
  bool transpose_a = false, transpose_b = false;
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  real alpha = 1, beta = 0;
  const real* a = nullptr;
  std::int64_t row_a = 0, stride_a = 0;
  const real* b = nullptr;
  std::int64_t row_b = 0, stride_b = 0;
  real* c = nullptr;
  std::int64_t row_c = 0, stride_c = 0;
};
void gemm(const Gemm& g);

}  // namespace medusa::cuda
