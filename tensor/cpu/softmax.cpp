// Softmax along the middle axis of [outer, length, inner].
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 12;  // elements per piece: an exponential costs some nanoseconds
constexpr std::int64_t kColumns = 256;    // columns (inner places) worked on at a time

// Calls body(first element, columns) for every stretch of columns of every outer index.
template <class Body>
void for_stretches(const Rows& r, Body body) {
  if (r.length == 0) return;
  const std::int64_t stretches = (r.inner + kColumns - 1) / kColumns;
  const std::int64_t job_size = max64(1, r.length * min64(r.inner, kColumns));
  parallel_for(r.outer * stretches, max64(1, kGrain / job_size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t column = job % stretches * kColumns;
      body(job / stretches * r.length * r.inner + column, min64(kColumns, r.inner - column));
    }
  });
}

// One dense row.
void softmax_row(const real* x, real* y, std::int64_t n) {
  real largest = x[0];
  for (std::int64_t k = 1; k < n; ++k) largest = x[k] > largest ? x[k] : largest;
  double total = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    y[k] = std::exp(x[k] - largest);
    total += static_cast<double>(y[k]);
  }
  const real scale = static_cast<real>(1 / total);
  for (std::int64_t k = 0; k < n; ++k) y[k] *= scale;
}

void softmax_columns(const real* x, real* y, std::int64_t length, std::int64_t stride, std::int64_t width) {
  real largest[kColumns];
  double total[kColumns];
  for (std::int64_t i = 0; i < width; ++i) {
    largest[i] = x[i];
    total[i] = 0;
  }
  for (std::int64_t k = 1; k < length; ++k)
    for (std::int64_t i = 0; i < width; ++i) {
      const real value = x[k * stride + i];
      largest[i] = value > largest[i] ? value : largest[i];
    }
  for (std::int64_t k = 0; k < length; ++k)
    for (std::int64_t i = 0; i < width; ++i) {
      const real e = std::exp(x[k * stride + i] - largest[i]);
      y[k * stride + i] = e;
      total[i] += static_cast<double>(e);
    }
  for (std::int64_t i = 0; i < width; ++i) largest[i] = static_cast<real>(1 / total[i]);
  for (std::int64_t k = 0; k < length; ++k)
    for (std::int64_t i = 0; i < width; ++i) y[k * stride + i] *= largest[i];
}

}  // namespace

// The largest value is subtracted first: e^x would overflow from x = 89 on in float.
void softmax(const real* x, real* y, Rows r) {
  for_stretches(r, [=](std::int64_t first, std::int64_t width) {
    if (r.inner == 1) return softmax_row(x + first, y + first, r.length);
    softmax_columns(x + first, y + first, r.length, r.inner, width);
  });
}

// dx_k = y_k (dy_k - sum_j dy_j y_j)
void softmax_backward(const real* y, const real* dy, real* dx, Rows r) {
  for_stretches(r, [=](std::int64_t first, std::int64_t width) {
    double dot[kColumns];
    for (std::int64_t i = 0; i < width; ++i) dot[i] = 0;
    for (std::int64_t k = 0; k < r.length; ++k)
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t at = first + k * r.inner + i;
        dot[i] += static_cast<double>(dy[at]) * static_cast<double>(y[at]);
      }
    for (std::int64_t k = 0; k < r.length; ++k)
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t at = first + k * r.inner + i;
        dx[at] = y[at] * (dy[at] - static_cast<real>(dot[i]));
      }
  });
}

}  // namespace medusa::MEDUSA_CPU
