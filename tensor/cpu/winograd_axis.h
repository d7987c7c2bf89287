// Winograd's transforms along one axis: a row of kSide outputs y of a kernel g of three from kSide + 2 inputs d,
//
//   y = A^T [ (G g) . (B^T d) ]          the dot multiplies place by place: kSide + 2 multiplications, not 3 kSide
//
// It is a product of polynomials read backwards (Toom, Cook).  Those of degree 2 and kSide - 1 have a product of degree
// kSide + 1, which its values at kSide + 1 points and "at infinity" (the leading coefficient) determine: evaluate (G,
// A), multiply, interpolate (B).  Filtering is the transpose of that, so A and B change places.
//
//   kSide  points                 multiplications for kSide x kSide outputs   error in float, 32 channels
//   (direct: 1.4e-7)
//     2    0, 1, -1, inf          16 instead of 36                            2e-7 of the largest value
//     4    0, +-5/8, +-3/2, inf   36 instead of 144                           9e-7
//
// The points are a choice.  The usual 0, +-1, +-2 (Lavin and Gray) have an error of 4e-6: high powers of 2 are added to
// low ones, and cancel.  Points near 1, apart from one another but not too far, lose less (Barabasz et al., "Error
// analysis and improving the accuracy of Winograd convolution", ACM TOMS 46(4), 2020).  These are the best of 49 pairs
// that were tried; the numbers of B and A are exact in float.
#pragma once

#include "tensor/cpu/simd.h"

namespace medusa::MEDUSA_CPU {

template <int kSide>
struct WinogradAxis;

//         | 1  0 -1  0 |        | 1    0    0  |         | 1  1  1  0 |
//   B^T = | 0  1  1  0 |    G = | 1/2  1/2  1/2|   A^T = | 0  1 -1 -1 |
//         | 0 -1  1  0 |        | 1/2 -1/2  1/2|
//         | 0  1  0 -1 |        | 0    0    1  |
template <>
struct WinogradAxis<2> {
  static void input(const Vec* d, Vec* to) {  // B^T d
    to[0] = d[0] - d[2], to[1] = d[1] + d[2], to[2] = d[2] - d[1], to[3] = d[1] - d[3];
  }
  static void kernel(const Vec* g, Vec* to) {  // G g
    to[0] = g[0], to[3] = g[2];
    to[1] = (g[0] + g[1] + g[2]) * real(0.5), to[2] = (g[0] - g[1] + g[2]) * real(0.5);
  }
  static void output(const Vec* m, Vec* to) {  // A^T m
    to[0] = m[0] + m[1] + m[2], to[1] = m[1] - m[2] - m[3];
  }
  static void gradient(const Vec* y, Vec* to) {  // A y
    to[0] = y[0], to[1] = y[0] + y[1], to[2] = y[0] - y[1], to[3] = -y[1];
  }
  static void weights(const Vec* e, Vec* to) {  // G^T e
    to[0] = e[0] + (e[1] + e[2]) * real(0.5), to[1] = (e[1] - e[2]) * real(0.5);
    to[2] = (e[1] + e[2]) * real(0.5) + e[3];
  }
};

// With the points 0, +-a, +-b (what they share is computed once: even powers are the same for a point and its negative,
// odd ones change sign):
//
//         | aabb    0  -aa-bb    0   1  0 |        |  1            |                 | 1   1    1    1    1   0 |
//   B^T = |  0   -abb   -bb      a   1  0 |    G = |  1   a   aa   |  / (column):    | 0   a   -a    b   -b   0 |
//         |  0    abb   -bb     -a   1  0 |        |  1  -a   aa   |           A^T = | 0   aa   aa   bb   bb  0 |
//         |  0   -aab   -aa      b   1  0 |        |  1   b   bb   |                 | 0  aaa -aaa  bbb -bbb  1 |
//         |  0    aab   -aa     -b   1  0 |        |  1  -b   bb   |
//         |  0   aabb    0  -aa-bb   0  1 |        |           1   |   aabb, 2aa(aa-bb) twice, 2bb(bb-aa) twice, 1
template <>
struct WinogradAxis<4> {
  static constexpr real a = real(0.625), b = real(1.5), aa = a * a, bb = b * b;
  static constexpr real of_zero = 1 / (aa * bb), of_a = 1 / (2 * aa * (aa - bb)), of_b = 1 / (2 * bb * (bb - aa));

  static void input(const Vec* d, Vec* to) {  // B^T d
    const Vec even_a = d[4] - bb * d[2], odd_a = a * d[3] - (a * bb) * d[1];
    const Vec even_b = d[4] - aa * d[2], odd_b = b * d[3] - (b * aa) * d[1];
    to[0] = (aa * bb) * d[0] - (aa + bb) * d[2] + d[4];
    to[1] = even_a + odd_a, to[2] = even_a - odd_a, to[3] = even_b + odd_b, to[4] = even_b - odd_b;
    to[5] = (aa * bb) * d[1] - (aa + bb) * d[3] + d[5];
  }
  static void kernel(const Vec* g, Vec* to) {  // G g
    const Vec even_a = (g[0] + aa * g[2]) * of_a, odd_a = g[1] * (a * of_a);
    const Vec even_b = (g[0] + bb * g[2]) * of_b, odd_b = g[1] * (b * of_b);
    to[0] = g[0] * of_zero, to[5] = g[2];
    to[1] = even_a + odd_a, to[2] = even_a - odd_a, to[3] = even_b + odd_b, to[4] = even_b - odd_b;
  }
  static void output(const Vec* m, Vec* to) {  // A^T m
    const Vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    to[0] = m[0] + even_a + even_b, to[1] = a * odd_a + b * odd_b;
    to[2] = aa * even_a + bb * even_b, to[3] = (a * aa) * odd_a + (b * bb) * odd_b + m[5];
  }
  static void gradient(const Vec* y, Vec* to) {  // A y
    const Vec even_a = y[0] + aa * y[2], odd_a = a * y[1] + (a * aa) * y[3];
    const Vec even_b = y[0] + bb * y[2], odd_b = b * y[1] + (b * bb) * y[3];
    to[0] = y[0], to[5] = y[3];
    to[1] = even_a + odd_a, to[2] = even_a - odd_a, to[3] = even_b + odd_b, to[4] = even_b - odd_b;
  }
  static void weights(const Vec* e, Vec* to) {  // G^T e
    const Vec even_a = (e[1] + e[2]) * of_a, odd_a = e[1] - e[2], even_b = (e[3] + e[4]) * of_b, odd_b = e[3] - e[4];
    to[0] = e[0] * of_zero + even_a + even_b, to[1] = odd_a * (a * of_a) + odd_b * (b * of_b);
    to[2] = aa * even_a + bb * even_b + e[5];
  }
};

}  // namespace medusa::MEDUSA_CPU
