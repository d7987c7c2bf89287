#include "datasets/dicom/grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "tensor/check.h"
#include "tensor/parallel.h"

namespace medusa::datasets {
namespace {

constexpr double kOblique = 0.25;            // of a step between slices: a contour that leaves its plane by more
constexpr double kSamePlane = 0.01;          // of a step
constexpr std::int64_t kMostWork = 1 << 28;  // rows that all edges of a structure cross, together

struct FlatContour {
  std::vector<Vec3> points;  // in voxel indices
  double k = 0;              // mean
};

// The contours in voxel indices, except those that are not parallel to the slices.
std::vector<FlatContour> flatten(const DicomRoi& roi, const VoxelGrid& grid, DicomMask& mask) {
  const Affine to_voxels = inverse(flip_xy(grid.affine));
  std::vector<FlatContour> flat;
  for (const DicomContour& contour : roi.contours) {
    FlatContour f;
    double lowest = 0, highest = 0, sum = 0;
    for (const Vec3& p : contour) {
      f.points.push_back(to_voxels.apply(p));
      const double k = f.points.back()[2];
      lowest = f.points.size() == 1 ? k : std::min(lowest, k);
      highest = f.points.size() == 1 ? k : std::max(highest, k);
      sum += k;
    }
    f.k = sum / static_cast<double>(contour.size());
    if (highest - lowest > 2 * kOblique)
      ++mask.oblique;
    else
      flat.push_back(std::move(f));
  }
  return flat;
}

// For each slice, the contours of the plane nearest to it.
std::map<std::int64_t, std::vector<const FlatContour*>> by_slice(const std::vector<FlatContour>& flat,
                                                                 std::int64_t depth, DicomMask& mask) {
  std::map<std::int64_t, std::vector<const FlatContour*>> slices;
  for (const FlatContour& f : flat) {
    const double nearest = std::floor(f.k + 0.5 + 1e-6);  // halfway: the next one, in spite of rounding
    if (nearest < 0 || nearest >= static_cast<double>(depth))
      ++mask.outside;
    else
      slices[static_cast<std::int64_t>(nearest)].push_back(&f);
  }
  for (auto& [slice, contours] : slices) {
    const auto centre = static_cast<double>(slice);
    const double best = (*std::min_element(contours.begin(), contours.end(), [centre](const auto* a, const auto* b) {
                          return std::abs(a->k - centre) < std::abs(b->k - centre);
                        }))->k;
    mask.crowded += static_cast<std::int64_t>(
        std::erase_if(contours, [best](const auto* c) { return std::abs(c->k - best) > kSamePlane; }));
  }
  return slices;
}

using Corners = std::vector<std::array<double, 2>>;  // (i, j)

// The place from which a closed sequence reads as the smallest one.
std::size_t smallest_rotation(const Corners& c) {
  std::size_t a = 0, b = 1, same = 0;
  while (a < c.size() && b < c.size() && same < c.size()) {
    const auto &x = c[(a + same) % c.size()], &y = c[(b + same) % c.size()];
    if (x == y) {
      ++same;
      continue;
    }
    (x > y ? a : b) += same + 1;
    b += a == b;
    same = 0;
  }
  return std::min(a, b);
}

// The corners of a contour in one order, wherever it begins and whichever way it runs; a corner that repeats the one
// before is none.
Corners in_one_order(const FlatContour& contour) {
  Corners corners;
  for (const Vec3& p : contour.points)
    if (corners.empty() || corners.back() != std::array{p[0], p[1]}) corners.push_back({p[0], p[1]});
  while (corners.size() > 1 && corners.back() == corners.front()) corners.pop_back();
  Corners back(corners.rbegin(), corners.rend());
  for (Corners* c : {&corners, &back})
    std::rotate(c->begin(), c->begin() + static_cast<std::ptrdiff_t>(smallest_rotation(*c)), c->end());
  return std::min(corners, back);
}

std::int64_t drop_duplicates(std::vector<const FlatContour*>& contours) {
  if (contours.size() < 2) return 0;
  std::set<Corners> known;
  return static_cast<std::int64_t>(
      std::erase_if(contours, [&known](const FlatContour* c) { return !known.insert(in_one_order(*c)).second; }));
}

// Calls mark(voxel, direction) for each row that the edge crosses: from there to the end of the row its other side
// begins.  The lower end counts, the upper one does not, so that a corner is crossed once.
template <class Mark>
void cross_rows(Vec3 a, Vec3 b, const VoxelGrid& grid, std::int64_t& work, Mark mark) {
  const int direction = a[1] > b[1] ? -1 : 1;
  if (a[1] > b[1]) std::swap(a, b);  // in one direction, so that a keyhole's two sides cancel exactly
  if (a[1] == b[1]) return;
  const double first = std::max(0.0, std::ceil(a[1]));
  const double end = std::min(static_cast<double>(grid.height), std::ceil(b[1]));
  for (auto j = static_cast<std::int64_t>(first); static_cast<double>(j) < end; ++j, ++work) {
    const double x = a[0] + (static_cast<double>(j) - a[1]) * (b[0] - a[0]) / (b[1] - a[1]);
    const double i = std::max(0.0, std::ceil(x));
    if (i < static_cast<double>(grid.width)) mark(j * grid.width + static_cast<std::int64_t>(i), direction);
  }
}

template <class Mark>
void cross_rows(const FlatContour& contour, const VoxelGrid& grid, std::int64_t& work, Mark mark) {
  for (std::size_t p = 0; p < contour.points.size() && work <= kMostWork; ++p)
    cross_rows(contour.points[p], contour.points[(p + 1) % contour.points.size()], grid, work, mark);
}

// Returns whether a voxel is inside.
bool fill_slice(const std::vector<const FlatContour*>& contours, const VoxelGrid& grid, std::uint8_t* slice,
                std::int64_t& work) {
  for (const FlatContour* c : contours)
    cross_rows(*c, grid, work, [slice](std::int64_t voxel, int) { slice[voxel] ^= 1; });
  std::uint8_t any = 0;
  for (std::int64_t j = 0; j < grid.height; ++j)
    for (std::int64_t i = 0; i < grid.width; ++i) {
      if (i) slice[j * grid.width + i] ^= slice[j * grid.width + i - 1];
      any |= slice[j * grid.width + i];
    }
  return any;
}

struct Box {
  std::array<double, 2> low{}, high{};  // i, j
  explicit Box(const FlatContour& contour) {
    for (std::size_t c = 0; c < 2; ++c) {
      const auto [least, most] = std::ranges::minmax(contour.points, {}, [c](const Vec3& p) { return p[c]; });
      low[c] = least[c];
      high[c] = most[c];
    }
  }
  bool meets(const Box& other) const {
    return low[0] < other.high[0] && other.low[0] < high[0] && low[1] < other.high[1] && other.low[1] < high[1];
  }
};

// Whether they share voxels and neither lies within the other.
bool overlap(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  std::uint8_t both = 0, only_a = 0, only_b = 0;
  for (std::size_t v = 0; v < a.size(); ++v) {
    both |= a[v] & b[v];
    only_a |= a[v] & ~b[v];
    only_b |= b[v] & ~a[v];
  }
  return both && only_a && only_b;
}

// Whether two contours of a slice overlap.  Very many in one slice are not compared.
bool any_overlap(const std::vector<const FlatContour*>& contours, const VoxelGrid& grid, std::int64_t& work) {
  constexpr std::size_t kMostCompared = 64;
  if (contours.size() > kMostCompared) return false;
  std::vector<Box> boxes;
  for (const FlatContour* c : contours) boxes.emplace_back(*c);
  std::vector<std::vector<std::uint8_t>> masks(contours.size());  // of those that may
  const auto mask = [&](std::size_t c) -> const std::vector<std::uint8_t>& {
    if (masks[c].empty()) {
      masks[c].resize(static_cast<std::size_t>(grid.height * grid.width));
      fill_slice({contours[c]}, grid, masks[c].data(), work);
    }
    return masks[c];
  };
  for (std::size_t a = 0; a < contours.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (boxes[a].meets(boxes[b]) && overlap(mask(a), mask(b))) return true;
  return false;
}

// Whether one of the contours goes around a voxel's centre, even if an even number of times.
bool any_around(const std::vector<const FlatContour*>& contours, const VoxelGrid& grid, std::int64_t& work) {
  std::map<std::int64_t, std::int64_t> turns;  // by voxel: how often what begins there is gone around, more than before
  for (const FlatContour* c : contours) {
    turns.clear();
    cross_rows(*c, grid, work, [&turns](std::int64_t voxel, int direction) { turns[voxel] += direction; });
    std::int64_t row = -1, around = 0;
    for (const auto& [voxel, change] : turns) {
      if (voxel / grid.width != row) around = 0;
      row = voxel / grid.width;
      around += change;
      if (around != 0) return true;
    }
  }
  return false;
}

// The dose's grid, its frames in the order in which offsets grow.
struct DoseGrid {
  Affine to_voxels;  // from RAS+ mm to column, row, and mm along the normal
  std::vector<double> offsets;
  std::vector<const real*> frames;
  std::int64_t rows, columns;

  explicit DoseGrid(const DicomDose& dose) : offsets(dose.offsets), rows(dose.rows), columns(dose.columns) {
    Affine lps;
    const Vec3 normal = dose.plane.normal();
    for (std::size_t c = 0; c < 3; ++c)
      lps.m[c] = {dose.plane.row[c] * dose.plane.column_spacing, dose.plane.column[c] * dose.plane.row_spacing,
                  normal[c], dose.plane.position[c]};
    to_voxels = inverse(flip_xy(lps));
    for (std::size_t f = 0; f < offsets.size(); ++f)
      frames.push_back(dose.values.data() + static_cast<std::int64_t>(f) * rows * columns);
    if (offsets[0] < offsets.back()) return;
    std::reverse(offsets.begin(), offsets.end());
    std::reverse(frames.begin(), frames.end());
  }

  double plane(const real* frame, double x, double y) const {
    const std::int64_t i = std::min(static_cast<std::int64_t>(x), columns - 2);
    const std::int64_t j = std::min(static_cast<std::int64_t>(y), rows - 2);
    const double u = x - static_cast<double>(i), v = y - static_cast<double>(j);
    const real* p = frame + j * columns + i;
    return (1 - v) * ((1 - u) * p[0] + u * p[1]) + v * ((1 - u) * p[columns] + u * p[columns + 1]);
  }

  double at(const Vec3& place) const {
    // What is outside only by rounding counts as inside.
    constexpr double kSlack = 1e-6;
    const auto inside = [](double& x, double least, double most) {
      if (!(x >= least - kSlack && x <= most + kSlack)) return false;
      x = std::clamp(x, least, most);
      return true;
    };
    double x = place[0], y = place[1], z = place[2];
    if (!inside(x, 0, static_cast<double>(columns - 1)) || !inside(y, 0, static_cast<double>(rows - 1)) ||
        !inside(z, offsets[0], offsets.back()))
      return 0;
    const auto above = std::clamp<std::ptrdiff_t>(std::upper_bound(offsets.begin(), offsets.end(), z) - offsets.begin(),
                                                  1, static_cast<std::ptrdiff_t>(offsets.size()) - 1);
    const auto f = static_cast<std::size_t>(above);
    const double w = (z - offsets[f - 1]) / (offsets[f] - offsets[f - 1]);
    return (1 - w) * plane(frames[f - 1], x, y) + w * plane(frames[f], x, y);
  }
};

}  // namespace

DicomMask rasterise(const DicomRoi& roi, const VoxelGrid& grid) {
  DicomMask mask;
  mask.values.assign(static_cast<std::size_t>(grid.voxels()), 0);
  const std::vector<FlatContour> flat = flatten(roi, grid, mask);
  auto slices = by_slice(flat, grid.depth, mask);
  std::int64_t work = 0;
  for (auto& [slice, contours] : slices) {
    mask.duplicates += drop_duplicates(contours);
    const bool any = fill_slice(contours, grid, mask.values.data() + slice * grid.height * grid.width, work);
    if (!any && any_around(contours, grid, work))
      mask.cancelled.push_back(slice);
    else if (any && any_overlap(contours, grid, work))
      mask.overlapping.push_back(slice);
    MEDUSA_CHECK_INPUT(work <= kMostWork, "structure {}: its contours cross more rows of voxels than any outline does",
                       roi.name);
  }
  mask.voxels = std::count(mask.values.begin(), mask.values.end(), 1);
  if (!slices.empty())
    mask.empty_slices = slices.rbegin()->first - slices.begin()->first + 1 - static_cast<std::int64_t>(slices.size());
  return mask;
}

Tensor resample_dose(const DicomDose& dose, const VoxelGrid& grid) {
  MEDUSA_CHECK_INPUT(dose.rows > 1 && dose.columns > 1 && dose.offsets.size() > 1,
                     "{}: a dose of {} planes of {} x {} cannot be interpolated", dose.path, dose.offsets.size(),
                     dose.rows, dose.columns);
  const DoseGrid from(dose);
  const Affine map = from.to_voxels * grid.affine;
  Tensor result = Tensor::empty({grid.depth, grid.height, grid.width});
  real* out = result.mutable_data();
  parallel_for(grid.depth * grid.height, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t i = 0; i < grid.width; ++i)
        out[row * grid.width + i] = static_cast<real>(from.at(map.apply(
            {static_cast<double>(i), static_cast<double>(row % grid.height), static_cast<double>(row / grid.height)})));
  });
  return result;
}

}  // namespace medusa::datasets
