// Elementwise kernels: each output element depends on one element of each input.
#include "tensor/cpu/strided_loop.h"
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

// 1 / (1 + e^-x) a vector at a time; `std::exp` takes ten times as long per element.  With n = round(z log2 e) and
// r = z - n ln 2 (in two parts, so that it is exact), e^z = 2^n e^r, and e^r is its Taylor sum to r^7 where
// |r| <= ln 2 / 2: less than 2 units in the last place.  z = -|x| as in Sigmoid::f; below -87, where floats are no
// longer normal, e^z is 0.
inline Vec sigmoid_of(Vec x) {
  typedef std::uint32_t Bits __attribute__((vector_size(kVectorBytes)));  // wraps for a z that is out of range anyway
  const Vec magic = broadcast(12582912);  // 1.5 * 2^23: adding it rounds to a whole number, which its bits then hold
  const Vec least = broadcast(-87), z = x < Vec{} ? x : -x;
  const Vec shifted = z * real(1.44269504) + magic, n = shifted - magic;
  const Vec r = (z - n * real(0.693359375)) + n * real(2.12194440e-4);
  Vec e = r * real(1.0 / 5040) + real(1.0 / 720);
  e = e * r + real(1.0 / 120);
  e = e * r + real(1.0 / 24);
  e = e * r + real(1.0 / 6);
  e = e * r + real(0.5);
  e = e * r * r + r + real(1);
  e = reinterpret_cast<Vec>(reinterpret_cast<Bits>(e) +
                            ((reinterpret_cast<Bits>(shifted) - reinterpret_cast<Bits>(magic)) << 23));
  e = z < least ? Vec{} : e;
  const Vec one = broadcast(1);
  const Vec y = (x < Vec{} ? e : one) / (one + e);
  return x == x ? y : x;  // NaN stays NaN
}

// In a build with double nobody calls it.
[[maybe_unused]] void map_sigmoid(const real* x, real* y, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) store(y + i, sigmoid_of(load(x + i)));
    if (i == end) return;
    real rest[kLanes] = {};  // by the same arithmetic
    for (std::int64_t j = i; j < end; ++j) rest[j - i] = x[j];
    store(rest, sigmoid_of(load(rest)));
    for (std::int64_t j = i; j < end; ++j) y[j] = rest[j - i];
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
  if constexpr (sizeof(real) == sizeof(float))
    if (op == UnaryOp::Sigmoid) return map_sigmoid(x, y, n);
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
