// Matrix products of the simulated device, in double, column by column.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/sim/cublas_v2.h"
#include "cuda/sim/internal.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
};

namespace {

// A batch of matrices as described to cuBLAS.
template <class T>
struct Matrices {
  T* data;
  int rows, columns, leading;
  long long stride;
  bool transposed;  // `rows` x `columns` is what lies in memory

  T& at(int i, int j, int batch) const {
    return transposed ? data[batch * stride + j + static_cast<long long>(i) * leading]
                      : data[batch * stride + i + static_cast<long long>(j) * leading];
  }
  // The bytes from the first element to the last.
  std::size_t extent(int count) const {
    if (rows == 0 || columns == 0) return 0;
    const long long last = (count - 1) * stride + static_cast<long long>(leading) * (columns - 1) + rows;
    return static_cast<std::size_t>(last) * sizeof(T);
  }
};

cublasStatus_t invalid(const std::string& why) {
  sim::report("cublas: " + why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

template <class T>
bool leading_fits(const Matrices<T>& x) {
  return x.leading >= (x.rows > 1 ? x.rows : 1);
}

template <class T>
bool lies_on_device(const Matrices<T>& x, int count) {
  return x.extent(count) == 0 || sim::place_of(x.data, x.extent(count)) == sim::Place::Device;
}

// Where the columns of all matrices begin, in order.
template <class T>
std::vector<const T*> columns_of(const Matrices<T>& x, int count) {
  std::vector<const T*> begins;
  for (int batch = 0; batch < (x.stride == 0 ? 1 : count); ++batch)
    for (int j = 0; j < x.columns; ++j)
      begins.push_back(x.data + batch * x.stride + static_cast<long long>(j) * x.leading);
  std::sort(begins.begin(), begins.end(), std::less<>());
  return begins;
}

// Whether the result shares a number with a factor: cuBLAS may read it after it was written.  They may lie between each
// other's columns, as the channels of two groups do.
template <class T>
bool overlap(const Matrices<T>& result, const Matrices<const T>& factor, int count) {
  const auto address = [](const T* p) { return reinterpret_cast<std::uintptr_t>(p); };
  const std::uintptr_t r = address(result.data), f = address(factor.data);
  if (r + result.extent(count) <= f || f + factor.extent(count) <= r) return false;
  const std::vector<const T*> read = columns_of(factor, count);
  for (const T* column : columns_of(
           Matrices<const T>{result.data, result.rows, result.columns, result.leading, result.stride, false}, count)) {
    // The first column of the factor that ends after the beginning of this one.
    const auto at = std::partition_point(
        read.begin(), read.end(), [&](const T* begin) { return address(begin + factor.rows) <= address(column); });
    if (at != read.end() && address(*at) < address(column + result.rows)) return true;
  }
  return false;
}

std::string sides(int rows, int columns) { return std::to_string(rows) + " x " + std::to_string(columns); }

double factor(double x, bool) { return x; }
// TensorFloat-32: 10 of the 23 bits of a mantissa are kept, rounded.
double factor(float x, bool tf32) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const bool finite = (bits & 0x7f800000) != 0x7f800000;
  if (tf32 && finite) bits = (bits + 0x1000) & ~std::uint32_t{0x1fff};
  std::memcpy(&x, &bits, sizeof bits);
  return static_cast<double>(x);
}

template <class T>
void multiply(bool tf32, int m, int n, int k, T alpha, const Matrices<const T>& a, const Matrices<const T>& b, T beta,
              const Matrices<T>& c, int count) {
  std::vector<double> sum(static_cast<std::size_t>(m));
  for (int batch = 0; batch < count; ++batch)
    for (int j = 0; j < n; ++j) {
      sum.assign(sum.size(), 0.0);
      for (int p = 0; p < k; ++p) {
        const double right = factor(b.at(p, j, batch), tf32);
        for (int i = 0; i < m; ++i) sum[static_cast<std::size_t>(i)] += factor(a.at(i, p, batch), tf32) * right;
      }
      for (int i = 0; i < m; ++i) {
        T& to = c.at(i, j, batch);
        const double before = beta == 0 ? 0.0 : static_cast<double>(beta) * static_cast<double>(to);
        to = static_cast<T>(static_cast<double>(alpha) * sum[static_cast<std::size_t>(i)] + before);
      }
    }
}

template <class T>
cublasStatus_t gemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                    const T* alpha, const T* a, int lda, long long stride_a, const T* b, int ldb, long long stride_b,
                    const T* beta, T* c, int ldc, long long stride_c, int count) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (sim::broken() != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (m < 0 || n < 0 || k < 0 || count < 0) return invalid("a size is negative");
  const bool ta = op_a == CUBLAS_OP_T, tb = op_b == CUBLAS_OP_T;
  const Matrices<const T> left{a, ta ? k : m, ta ? m : k, lda, stride_a, ta};
  const Matrices<const T> right{b, tb ? n : k, tb ? k : n, ldb, stride_b, tb};
  const Matrices<T> to{c, m, n, ldc, stride_c, false};
  if (!leading_fits(left) || !leading_fits(right) || !leading_fits(to))
    return invalid("a leading dimension is smaller than its matrix");
  if (m == 0 || n == 0 || count == 0) return CUBLAS_STATUS_SUCCESS;
  if (count > 1 && static_cast<std::size_t>(stride_c) * sizeof(T) < to.extent(1))
    return invalid("the matrices of the result overlap");
  if (!lies_on_device(left, count) || !lies_on_device(right, count) || !lies_on_device(to, count))
    return invalid("a matrix does not lie in one device allocation");
  for (const auto& [name, x] : {std::pair{"A", left}, {"B", right}})
    if (k > 0 && overlap(to, x, count))
      return invalid("C (" + sides(to.rows, to.columns) + ") overlaps " + name + " (" + sides(x.rows, x.columns) +
                     (count > 1 ? "), in a batch of " + std::to_string(count) : ")"));
  sim::enqueue(handle->stream, [=, alpha = *alpha, beta = *beta, tf32 = handle->math == CUBLAS_TF32_TENSOR_OP_MATH] {
    multiply(tf32, m, n, k, alpha, left, right, beta, to, count);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
  }
  return "unknown status";
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                                         int n, int k, const float* alpha, const float* a, int lda, long long stride_a,
                                         const float* b, int ldb, long long stride_b, const float* beta, float* c,
                                         int ldc, long long stride_c, int count) {
  return gemm(handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, count);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                                         int n, int k, const double* alpha, const double* a, int lda,
                                         long long stride_a, const double* b, int ldb, long long stride_b,
                                         const double* beta, double* c, int ldc, long long stride_c, int count) {
  return gemm(handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, count);
}
