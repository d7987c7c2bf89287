// The matrix product behind kernels::matmul, 1x1 convolutions and the like; see matmul.cpp.
#pragma once

#include "tensor/cpu/simd.h"

namespace medusa::MEDUSA_CPU {

// c[i][j] = beta c[i][j] + bias[j] + alpha sum_k a[i][k] b[k][j] for each matrix of the batch; elements at
// a[i a_row + k a_col], b[k b_row + j b_col], c[i c_row + j].  One of a's two strides is 1.
struct Gemm {
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
  const real* a = nullptr;
  std::int64_t a_row = 0, a_col = 1, a_batch = 0;
  const real* b = nullptr;
  std::int64_t b_row = 0, b_col = 1, b_batch = 0;  // b_batch = 0: the same b for all
  real* c = nullptr;
  std::int64_t c_row = 0, c_batch = 0;
  real alpha = 1, beta = 0;
  const real* bias = nullptr;  // [n] or null; only with beta = 0
};
void gemm(const Gemm& g);

}  // namespace medusa::MEDUSA_CPU
