#include "cuda/blas.h"

#include <cublas_v2.h>

#include <limits>

#include "cuda/context.h"
#include "tensor/check.h"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cuda: {}: {}", what, cublasGetStatusString(status));
}

cublasHandle_t& handle_place() {
  static cublasHandle_t handle = nullptr;
  return handle;
}
cublasHandle_t handle() {
  cublasHandle_t& h = handle_place();
  if (h == nullptr) {
    const cudaStream_t s = stream();
    check(cublasCreate(&h), "starting cuBLAS");
    check(cublasSetStream(h, s), "starting cuBLAS");
    at_exit([] { (void)cublasDestroy(handle_place()); });
  }
  return h;
}

int to_int(std::int64_t n) {
  MEDUSA_CHECK(n <= std::numeric_limits<int>::max(), "matmul: a matrix side of {} is more than cuBLAS can take", n);
  return static_cast<int>(n > 0 ? n : 1);  // leading dimensions are at least 1, even for empty matrices
}
int size(std::int64_t n) { return n == 0 ? 0 : to_int(n); }

template <class T>
auto product() {
  if constexpr (sizeof(T) == 8)
    return cublasDgemmStridedBatched;
  else
    return cublasSgemmStridedBatched;
}

}  // namespace

void allow_tf32(bool on) {
  check(cublasSetMathMode(handle(), on ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH), "choosing TF32");
}

// Read as column-major, a row-major matrix is its transpose, and C = A B is C' = B' A': so the factors change places.
void gemm(const Gemm& g) {
  if (g.m == 0 || g.n == 0 || g.batch == 0) return;
  const cublasOperation_t op_a = g.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t op_b = g.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  ++count().products;
  check(
      product<real>()(handle(), op_b, op_a, size(g.n), size(g.m), size(g.k), &g.alpha, g.b, to_int(g.row_b), g.stride_b,
                      g.a, to_int(g.row_a), g.stride_a, &g.beta, g.c, to_int(g.row_c), g.stride_c, size(g.batch)),
      "matrix product");
}

void matmul(real alpha, const real* a, const real* b, real beta, real* c, MatmulGeometry g) {
  gemm({g.transpose_a, g.transpose_b, g.m, g.n, g.k, g.batch, alpha, beta, a, g.transpose_a ? g.m : g.k, g.stride_a, b,
        g.transpose_b ? g.k : g.n, g.stride_b, c, g.n, g.stride_c});
}

}  // namespace medusa::cuda
