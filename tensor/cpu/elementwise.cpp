// Elementwise kernels: each output element depends on one element of each input.
#include "tensor/cpu/walk.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements per piece: 64 KB of each operand

template <class Op>
void map(real a, const real* x, real* y, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    MEDUSA_INDEPENDENT
    for (std::int64_t i = begin; i < end; ++i) y[i] = Op::f(x[i], a);
  });
}

template <class Op>
void map_backward(real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    MEDUSA_INDEPENDENT
    for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * Op::df(x[i], y[i], a);
  });
}

// One run of n outputs; the strides of the operands are 0 (one value for all), 1 or anything.
template <class Op>
void combine(const real* a, std::int64_t sa, const real* b, std::int64_t sb, real* __restrict y, std::int64_t n) {
  if (sa == 1 && sb == 1) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::f(a[i], b[i]);
  } else if (sa == 1 && sb == 0) {
    const real value = b[0];
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::f(a[i], value);
  } else if (sa == 0 && sb == 1) {
    const real value = a[0];
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::f(value, b[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::f(a[i * sa], b[i * sb]);
  }
}

template <class Op>
void map2(const real* a, const real* b, real* y, const BinaryGeometry& g) {
  const Axes<2> axes = merge_axes<2>(g.size, {{g.stride_a, g.stride_b}});
  parallel_for(axes.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (Walk<2> at(axes, begin, end); at.run > 0; at.next())
      combine<Op>(a + at.offset[0], axes.stride[0][0], b + at.offset[1], axes.stride[1][0], y + at.place, at.run);
  });
}

}  // namespace

void fill(real* y, real value, std::int64_t n) {
  parallel_for(n, 1 << 16, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = value;
  });
}

void unary(UnaryOp op, real a, const real* x, real* y, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return map<Name>(a, x, y, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void unary_backward(UnaryOp op, real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return map_backward<Name>(a, x, y, dy, dx, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void binary(BinaryOp op, const real* a, const real* b, real* y, BinaryGeometry g) {
  switch (op) {
#define X(Name) \
  case BinaryOp::Name: return map2<Name>(a, b, y, g);
    MEDUSA_BINARY_OPS(X)
#undef X
  }
}

void add_scaled(real alpha, const real* x, real* y, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    MEDUSA_INDEPENDENT
    for (std::int64_t i = begin; i < end; ++i) y[i] += alpha * x[i];
  });
}

// Element i draws word i % 4 of Philox block i / 4.
void dropout(const real* x, real* y, real p, std::uint64_t seed, std::uint64_t stream, std::int64_t n) {
  const real scale = 1 / (1 - p);
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {  // the grain is a multiple of 4
    for (std::int64_t i = begin; i < end; i += 4) {
      const Philox4 random = philox(seed, stream, static_cast<std::uint64_t>(i / 4));
      for (std::int64_t k = 0; k < 4 && i + k < end; ++k)
        y[i + k] = uniform24(random.v[k]) < p ? real(0) : x[i + k] * scale;
    }
  });
}

}  // namespace medusa::MEDUSA_CPU
