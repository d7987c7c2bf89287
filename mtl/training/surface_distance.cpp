#include "mtl/training/surface_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/check.h"
#include "tensor/quantile.h"

namespace medusa::mtl {

namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

// d[p] = min over q of (step (p - q))^2 + f[q] on one line.  The parabolas of all q whose f is finite have a lower
// envelope: `roots` are their places, from left to right, and root k is the lowest from begins[k] to begins[k + 1].
class Line {
 public:
  explicit Line(std::size_t length) : f(length), roots_(length), begins_(length + 1) {}

  void transform(double step) {
    const std::size_t n = f.size();
    std::size_t count = 0;
    for (std::size_t q = 0; q < n; ++q) {
      if (f[q] == kFar) continue;
      double begin = -kFar;
      while (count > 0) {
        begin = crossing(roots_[count - 1], q, step);
        if (begin > begins_[count - 1]) break;
        --count;  // the one before is nowhere the lowest
        begin = -kFar;
      }
      roots_[count] = q;
      begins_[count++] = begin;
    }
    if (count == 0) return;
    begins_[count] = kFar;
    source_ = f;
    for (std::size_t p = 0, k = 0; p < n; ++p) {
      while (begins_[k + 1] < static_cast<double>(p)) ++k;
      const double away = step * (static_cast<double>(p) - static_cast<double>(roots_[k]));
      f[p] = away * away + source_[roots_[k]];
    }
  }

  std::vector<double> f;

 private:
  // Where the parabola of q becomes lower than that of r < q, in places.
  double crossing(std::size_t r, std::size_t q, double step) const {
    const double x = static_cast<double>(q), y = static_cast<double>(r);
    return (x + y) / 2 + (f[q] - f[r]) / (2 * step * step * (x - y));
  }

  std::vector<std::size_t> roots_;
  std::vector<double> begins_, source_;
};

// Calls line(first, stride) for every line of the image along an axis.
template <class F>
void for_lines(const std::vector<std::int64_t>& shape, std::size_t axis, const F& line) {
  std::int64_t inner = 1, outer = 1;
  for (std::size_t a = axis + 1; a < shape.size(); ++a) inner *= shape[a];
  for (std::size_t a = 0; a < axis; ++a) outer *= shape[a];
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i)
      line(static_cast<std::size_t>(o * shape[axis] * inner + i), static_cast<std::size_t>(inner));
}

// The part of two images that holds all their ones: nothing else changes their surfaces' distances.
struct Box {
  std::vector<std::int64_t> first, shape;
};
Box box_of(const BinaryImage& a, const BinaryImage& b) {
  const std::size_t axes = a.shape.size();
  std::vector<std::int64_t> first(axes, std::numeric_limits<std::int64_t>::max()), last(axes, -1), at(axes);
  for (std::size_t i = 0; i < a.voxels.size(); ++i) {
    if (!a.voxels[i] && !b.voxels[i]) continue;
    std::int64_t rest = static_cast<std::int64_t>(i);
    for (std::size_t k = axes; k-- > 0; rest /= a.shape[k]) {
      const std::int64_t place = rest % a.shape[k];
      first[k] = std::min(first[k], place);
      last[k] = std::max(last[k], place);
    }
  }
  Box box{first, {}};
  for (std::size_t k = 0; k < axes; ++k) box.shape.push_back(last[k] - first[k] + 1);
  return box;
}

// Outside the box all is 0, as it is outside an image, so the surface stays the same.
BinaryImage cut(const BinaryImage& image, const Box& box) {
  BinaryImage part{{}, box.shape, image.spacing};
  std::int64_t count = 1;
  for (std::int64_t side : box.shape) count *= side;
  part.voxels.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, from = 0, stride = 1;
    for (std::size_t k = box.shape.size(); k-- > 0; rest /= box.shape[k]) {
      from += (box.first[k] + rest % box.shape[k]) * stride;
      stride *= image.shape[k];
    }
    part.voxels.push_back(image.voxels[static_cast<std::size_t>(from)]);
  }
  return part;
}

// The distances of surface `from` to surface `to`, sorted.
std::vector<double> distances(const BinaryImage& from, const BinaryImage& to) {
  const std::vector<double> squares = squared_distances(to);
  std::vector<double> d;
  for (std::size_t i = 0; i < squares.size(); ++i)
    if (from.voxels[i]) d.push_back(std::sqrt(squares[i]));
  std::sort(d.begin(), d.end());
  return d;
}

bool is_empty(const BinaryImage& image) {
  return std::none_of(image.voxels.begin(), image.voxels.end(), [](std::uint8_t v) { return v != 0; });
}

double diagonal(const BinaryImage& image) {
  double sum = 0;
  for (std::size_t k = 0; k < image.shape.size(); ++k)
    sum += std::pow(static_cast<double>(image.shape[k]) * image.spacing[k], 2);
  return std::sqrt(sum);
}

}  // namespace

std::vector<double> squared_distances(const BinaryImage& image) {
  std::vector<double> d(image.voxels.size());
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = image.voxels[i] ? 0 : kFar;
  for (std::size_t axis = image.shape.size(); axis-- > 0;) {
    const auto length = static_cast<std::size_t>(image.shape[axis]);
    Line line(length);
    for_lines(image.shape, axis, [&](std::size_t first, std::size_t stride) {
      for (std::size_t i = 0; i < length; ++i) line.f[i] = d[first + i * stride];
      line.transform(image.spacing[axis]);
      for (std::size_t i = 0; i < length; ++i) d[first + i * stride] = line.f[i];
    });
  }
  return d;
}

std::vector<std::uint8_t> surface_of(const BinaryImage& image) {
  std::vector<std::uint8_t> surface(image.voxels.size(), 0);
  for (std::size_t axis = 0; axis < image.shape.size(); ++axis) {
    const auto length = static_cast<std::size_t>(image.shape[axis]);
    for_lines(image.shape, axis, [&](std::size_t first, std::size_t stride) {
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t at = first + i * stride;
        if (image.voxels[at] && (i == 0 || i + 1 == length || !image.voxels[at - stride] || !image.voxels[at + stride]))
          surface[at] = 1;
      }
    });
  }
  return surface;
}

SurfaceDistances surface_distances(const BinaryImage& a, const BinaryImage& b, double tolerance) {
  MEDUSA_CHECK(a.shape == b.shape && a.voxels.size() == b.voxels.size() && a.spacing.size() == a.shape.size(),
               "surface distances: two images of one shape with a spacing for each axis are needed");
  const bool no_a = is_empty(a), no_b = is_empty(b);
  if (no_a && no_b) return {0, 0, 1};
  if (no_a || no_b) return {diagonal(a), diagonal(a), 0};
  const Box box = box_of(a, b);
  BinaryImage first = cut(a, box), second = cut(b, box);
  first.voxels = surface_of(first);
  second.voxels = surface_of(second);
  const std::vector<double> forth = distances(first, second), back = distances(second, first);
  SurfaceDistances result;
  result.hd95 = std::max(quantile(forth, 0.95), quantile(back, 0.95));
  double sum = 0, near = 0;
  for (const auto* directed : {&forth, &back})
    for (double d : *directed) {
      sum += d;
      near += d <= tolerance;
    }
  const auto count = static_cast<double>(forth.size() + back.size());
  result.assd = sum / count;
  result.nsd = near / count;
  return result;
}

}  // namespace medusa::mtl
