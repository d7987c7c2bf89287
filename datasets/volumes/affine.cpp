#include "datasets/volumes/affine.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

double det(const Mat3& a) {
  return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
         a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

Mat3 linear(const Affine& affine) {
  Mat3 a;
  for (std::size_t r = 0; r < 3; ++r) std::copy_n(affine.m[r].begin(), 3, a[r].begin());
  return a;
}

// Cofactors divided by the determinant, which is not 0.
Mat3 inverse(const Mat3& a) {
  Mat3 b;
  const double d = det(a);
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t r1 = (c + 1) % 3, r2 = (c + 2) % 3, c1 = (r + 1) % 3, c2 = (r + 2) % 3;
      b[r][c] = (a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1]) / d;
    }
  return b;
}

// The rotation (perhaps with a mirror) nearest to `a`: Newton's iteration of the polar decomposition, which averages
// with the inverse transpose until both agree (Higham, SIAM J. Sci. Stat. Comput. 7:1160, 1986).
Mat3 nearest_rotation(Mat3 a) {
  for (int step = 0; step < 100; ++step) {
    if (!(std::abs(det(a)) > 1e-12)) return a;  // flat: as good as it gets
    const Mat3 b = inverse(a);
    double change = 0;
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 3; ++c) {
        const double mean = 0.5 * (a[r][c] + b[c][r]);
        change = std::max(change, std::abs(mean - a[r][c]));
        a[r][c] = mean;
      }
    if (change < 1e-14) break;
  }
  return a;
}

}  // namespace

Affine Affine::from(const Vec3& spacing, const Mat3& direction, const Vec3& origin) {
  Affine a;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) a.m[r][c] = direction[r][c] * spacing[c];
    a.m[r][3] = origin[r];
  }
  return a;
}

Vec3 Affine::apply(const Vec3& ijk) const {
  Vec3 mm;
  for (std::size_t r = 0; r < 3; ++r) mm[r] = m[r][0] * ijk[0] + m[r][1] * ijk[1] + m[r][2] * ijk[2] + m[r][3];
  return mm;
}

Vec3 Affine::spacing() const {
  Vec3 s;
  for (std::size_t c = 0; c < 3; ++c) s[c] = std::sqrt(m[0][c] * m[0][c] + m[1][c] * m[1][c] + m[2][c] * m[2][c]);
  return s;
}

Mat3 Affine::direction() const {
  Mat3 d = linear(*this);
  const Vec3 s = spacing();
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) d[r][c] /= s[c] > 0 ? s[c] : 1;
  return d;
}

double Affine::determinant() const { return det(linear(*this)); }

bool Affine::finite() const {
  return std::all_of(m.begin(), m.end(), [](const auto& row) {
    return std::all_of(row.begin(), row.end(), [](double v) { return std::isfinite(v); });
  });
}

Affine operator*(const Affine& a, const Affine& b) {
  Affine c;
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t k = 0; k < 4; ++k)
      c.m[r][k] = a.m[r][0] * b.m[0][k] + a.m[r][1] * b.m[1][k] + a.m[r][2] * b.m[2][k] + (k == 3 ? a.m[r][3] : 0);
  return c;
}

Affine inverse(const Affine& affine) {
  const double d = affine.determinant();
  MEDUSA_CHECK(std::isfinite(d) && d != 0, "affine: has no inverse, its determinant is {}", d);
  const Affine turn = Affine::from({1, 1, 1}, inverse(linear(affine)), {0, 0, 0});
  Affine result = turn;
  const Vec3 shift = turn.apply(affine.origin());
  for (std::size_t r = 0; r < 3; ++r) result.m[r][3] = -shift[r];
  return result;
}

Affine flip_xy(const Affine& affine) {
  Affine flipped = affine;
  for (std::size_t r = 0; r < 2; ++r)
    for (double& v : flipped.m[r]) v = v == 0 ? 0 : -v;  // no -0: it would be printed
  return flipped;
}

std::string orientation(const Affine& affine) {
  const Mat3 direction = affine.direction();
  const Vec3 steps = affine.spacing();
  std::string code = "???";
  // Three axes in one plane: two that nearly agree cannot be told apart.
  constexpr double kFlat = 1e-6;
  if (steps[0] > 0 && steps[1] > 0 && steps[2] > 0 && !(std::abs(det(direction)) > kFlat)) return code;
  const Mat3 a = nearest_rotation(direction);
  // The axis that fits a side best chooses first.  Between fits that rounding alone tells apart (axes at 45 degrees) an
  // axis stays at its own place: else a volume that was just turned to RAS could ask to be turned again.
  constexpr double kTie = 1e-6, kNowhere = 1e-8;
  std::array<bool, 3> axis_taken{}, side_taken{};
  for (int pair = 0; pair < 3; ++pair) {
    std::size_t axis = 3, side = 3;
    double best = 0;
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t r = 0; r < 3; ++r) {
        if (axis_taken[c] || side_taken[r] || !(std::abs(a[r][c]) > kNowhere)) continue;
        const double fit = std::abs(a[r][c]) + (r == c ? kTie : 0);
        if (fit > best) axis = c, side = r, best = fit;
      }
    if (axis == 3) break;
    code[axis] = "LPIRAS"[side + (a[side][axis] > 0 ? 3 : 0)];
    axis_taken[axis] = side_taken[side] = true;
  }
  return code;
}

}  // namespace medusa::datasets
