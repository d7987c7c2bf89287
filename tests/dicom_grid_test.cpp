// Contours to masks, doses to the scan's grid.
#include <algorithm>
#include <cmath>

#include "datasets/dicom/grid.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

constexpr double kPi = 3.14159265358979323846;

// Voxels of 1 mm, indices equal to LPS+ mm.
VoxelGrid unit_grid(std::int64_t depth, std::int64_t height, std::int64_t width) {
  return {depth, height, width, flip_xy(Affine{})};
}

DicomContour polygon(const std::vector<std::array<double, 2>>& corners, double z) {
  DicomContour contour;
  for (const auto& c : corners) contour.push_back({c[0], c[1], z});
  return contour;
}
DicomContour box(double x0, double y0, double x1, double y1, double z) {
  return polygon({{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}, z);
}
DicomContour circle(double x, double y, double r, double z, int corners = 90) {
  std::vector<std::array<double, 2>> points;
  for (int i = 0; i < corners; ++i)
    points.push_back({x + r * std::cos(2 * kPi * i / corners), y + r * std::sin(2 * kPi * i / corners)});
  return polygon(points, z);
}
DicomRoi roi(const std::vector<DicomContour>& contours) {
  DicomRoi r;
  r.name = "roi";
  r.contours = contours;
  return r;
}
bool inside(const DicomMask& m, const VoxelGrid& g, std::int64_t i, std::int64_t j, std::int64_t k = 0) {
  return m.values[static_cast<std::size_t>((k * g.height + j) * g.width + i)] == 1;
}

TEST_CASE("rasterise: a voxel belongs where its centre lies, once even on a shared edge") {
  const VoxelGrid g = unit_grid(1, 8, 8);
  CHECK(rasterise(roi({box(1.5, 2.5, 4.5, 5.5, 0)}), g).voxels == 9);
  CHECK(rasterise(roi({box(1.6, 2.6, 4.4, 5.4, 0)}), g).voxels == 9);
  // Edges through centres: two neighbours share them out.
  const DicomMask left = rasterise(roi({box(1, 1, 4, 6, 0)}), g), right = rasterise(roi({box(4, 1, 7, 6, 0)}), g);
  CHECK(left.voxels == 15);
  CHECK(right.voxels == 15);
  for (std::size_t v = 0; v < left.values.size(); ++v) CHECK(left.values[v] + right.values[v] <= 1);
  CHECK(inside(left, g, 1, 1));
  CHECK(!inside(left, g, 4, 1));
  // Beyond the picture's edges a contour is cut off.
  CHECK(rasterise(roi({box(-5, -5, 20, 20, 0)}), g).voxels == 64);
  CHECK(rasterise(roi({box(-5, -5, -1, 20, 0)}), g).voxels == 0);
  CHECK(rasterise(roi({box(9, -5, 12, 20, 0)}), g).voxels == 0);
}

TEST_CASE("rasterise: holes as inner contours and as keyholes") {
  const VoxelGrid g = unit_grid(1, 20, 20);
  const DicomMask inner = rasterise(roi({box(1.5, 1.5, 15.5, 15.5, 0), box(5.5, 5.5, 9.5, 9.5, 0)}), g);
  CHECK(inner.voxels == 14 * 14 - 4 * 4);
  // An island in the hole is inside again.
  CHECK(rasterise(roi({box(1.5, 1.5, 15.5, 15.5, 0), box(5.5, 5.5, 9.5, 9.5, 0), box(6.5, 6.5, 8.5, 8.5, 0)}), g)
            .voxels == 14 * 14 - 4 * 4 + 2 * 2);
  // One outline that goes in along a channel, around the hole, and out along the same channel, at odd angles.
  const DicomMask keyhole = rasterise(roi({polygon({{1.5, 1.5},
                                                    {15.5, 1.5},
                                                    {15.5, 15.5},
                                                    {1.5, 15.5},
                                                    {1.5, 1.5},
                                                    {5.5, 5.5},
                                                    {5.5, 9.5},
                                                    {9.5, 9.5},
                                                    {9.5, 5.5},
                                                    {5.5, 5.5}},
                                                   0)}),
                                      g);
  CHECK(keyhole.values == inner.values);
}

// The definition, in the plainest way: the number of edges to the left of the centre, over all contours.
bool left_crossings_odd(const std::vector<DicomContour>& contours, double x, double y) {
  int crossings = 0;
  for (const DicomContour& c : contours)
    for (std::size_t p = 0; p < c.size(); ++p) {
      const Vec3 &a = c[p], &b = c[(p + 1) % c.size()];
      if ((a[1] <= y) == (b[1] <= y)) continue;
      crossings += a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) <= x;
    }
  return crossings % 2 == 1;
}

TEST_CASE("rasterise: random stars, against the definition voxel by voxel") {
  const VoxelGrid g = unit_grid(1, 40, 50);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    std::vector<DicomContour> contours;
    for (int c = 0; c < 3; ++c) {
      DicomContour contour;
      for (int p = 0; p < 9; ++p) contour.push_back({60 * random.uniform() - 5, 50 * random.uniform() - 5, 0});
      contours.push_back(contour);
    }
    const DicomMask mask = rasterise(roi(contours), g);
    std::int64_t wrong = 0;
    for (std::int64_t j = 0; j < 40; ++j)
      for (std::int64_t i = 0; i < 50; ++i)
        wrong += inside(mask, g, i, j) != left_crossings_odd(contours, static_cast<double>(i), static_cast<double>(j));
    CHECK(wrong == 0);
    CHECK(mask.voxels > 0);
  }
}

TEST_CASE("rasterise: a circle has the area of a circle, on an oblique and a sheared grid too") {
  const double expected = kPi * 12 * 12 / (1.5 * 2);
  VoxelGrid g{3, 40, 50, flip_xy(Affine::from({1.5, 2, 3}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {-30, -35, 90}))};
  CHECK(std::abs(static_cast<double>(rasterise(roi({circle(3, 4, 12, 93)}), g).voxels) - expected) < 0.02 * expected);
  // The same circle and grid, both turned about x: lengths and angles stay.
  const double c = std::cos(0.3), s = std::sin(0.3);
  DicomContour turned = circle(3, 4, 12, 93);
  for (Vec3& p : turned) p = {p[0], c * p[1] - s * p[2], s * p[1] + c * p[2]};
  Affine turn;
  turn.m = {{{1, 0, 0, 0}, {0, c, -s, 0}, {0, s, c, 0}}};
  const VoxelGrid oblique{3, 40, 50, flip_xy(turn * flip_xy(g.affine))};
  CHECK(rasterise(roi({turned}), oblique).values == rasterise(roi({circle(3, 4, 12, 93)}), g).values);
  // Slices that lie shifted, as after a gantry tilt: the circle is elsewhere in each, as large.
  g.affine.m[1][2] = -4;  // 4 mm to posterior for each slice: two rows
  const DicomMask first = rasterise(roi({circle(3, 4, 12, 90)}), g), second = rasterise(roi({circle(3, 8, 12, 93)}), g);
  CHECK(first.voxels == second.voxels);
  CHECK(inside(second, g, 22, 20, 1) == inside(first, g, 22, 20, 0));
}

DicomContour rotated(DicomContour c, std::ptrdiff_t by) {
  std::rotate(c.begin(), c.begin() + by, c.end());
  return c;
}
DicomContour reversed(DicomContour c) {
  std::reverse(c.begin(), c.end());
  return c;
}

TEST_CASE("rasterise: a contour that is there twice counts once, wherever it begins and whichever way it runs") {
  const VoxelGrid g = unit_grid(3, 30, 30);
  const DicomContour one = circle(14, 15, 9, 1), hole = circle(14, 15, 4, 1);
  const DicomMask plain = rasterise(roi({one}), g);
  REQUIRE(plain.voxels > 200);
  DicomContour closed = one, stutter = one;
  closed.push_back(one.front());
  stutter.insert(stutter.begin() + 5, stutter[5]);
  for (const DicomContour& same : {one, rotated(one, 1), rotated(one, 44), reversed(one), reversed(rotated(one, 7)),
                                   closed, rotated(stutter, 3)}) {
    DicomMask mask = rasterise(roi({one, same}), g);
    CHECK(mask.values == plain.values);
    CHECK(mask.duplicates == 1);
    CHECK(mask.cancelled.empty());
    mask = rasterise(roi({one, same, rotated(same, 2), same}), g);  // an even number of them
    CHECK(mask.values == plain.values);
    CHECK(mask.duplicates == 3);
  }
  // Duplicates first, then XOR: a hole that is there twice is a hole.
  const DicomMask ring = rasterise(roi({one, hole}), g);
  CHECK(rasterise(roi({one, hole, reversed(hole)}), g).values == ring.values);
  CHECK(ring.voxels < plain.voxels);
  CHECK(ring.duplicates == 0);
  // Random polygons, which may cross themselves.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    DicomContour star;
    for (int p = 0; p < 7; ++p) star.push_back({std::floor(4 * random.uniform()) * 7, 28 * random.uniform(), 1});
    const DicomMask once = rasterise(roi({star}), g), twice = rasterise(roi({star, reversed(rotated(star, 3))}), g);
    CHECK(once.values == twice.values);
    CHECK(twice.duplicates == 1);
  }
  // Not the same: moved a little, or of another slice.
  DicomContour moved = one;
  for (Vec3& p : moved) p[0] += 1e-9;
  CHECK(rasterise(roi({one, moved}), g).duplicates == 0);
  CHECK(rasterise(roi({one, circle(14, 15, 9, 2)}), g).voxels == 2 * plain.voxels);
}

TEST_CASE("rasterise: slices whose contours cancel each other are named; what never had a voxel is not") {
  const VoxelGrid g = unit_grid(4, 30, 30);
  using Slices = std::vector<std::int64_t>;
  DicomContour moved = box(2.5, 2.5, 9.5, 9.5, 1);
  for (Vec3& p : moved) p[0] += 1e-6;
  DicomMask mask = rasterise(roi({box(2.5, 2.5, 9.5, 9.5, 1), moved, box(2.5, 2.5, 9.5, 9.5, 2)}), g);
  CHECK(mask.cancelled == Slices{1});
  CHECK(mask.voxels == 49);
  // Two halves over the whole, and one outline that goes round twice.
  mask = rasterise(roi({box(2.5, 2.5, 9.5, 9.5, 0), box(2.5, 2.5, 5.5, 9.5, 0), box(5.5, 2.5, 9.5, 9.5, 0)}), g);
  CHECK(mask.cancelled == Slices{0});
  DicomContour twice = circle(14, 15, 9, 3);
  twice.insert(twice.end(), twice.begin(), twice.begin() + 90);
  mask = rasterise(roi({twice}), g);
  CHECK(mask.voxels == 0);
  CHECK(mask.cancelled == Slices{3});
  // Overlapping contours: XOR leaves what one of them alone covers.
  mask = rasterise(roi({box(2.5, 2.5, 9.5, 9.5, 1), box(5.5, 2.5, 12.5, 9.5, 1)}), g);
  CHECK(mask.voxels == 7 * 3 + 7 * 3);
  CHECK(mask.cancelled.empty());
  CHECK(mask.overlapping == Slices{1});
  // A hole, an island in it, and neighbours that share an edge do not overlap.
  mask = rasterise(roi({box(2.5, 2.5, 15.5, 15.5, 0), box(4.5, 4.5, 12.5, 12.5, 0), box(6.5, 6.5, 9.5, 9.5, 0),
                        box(2.5, 2.5, 9.5, 9.5, 2), box(9.5, 2.5, 15.5, 9.5, 2)}),
                   g);
  CHECK(mask.overlapping.empty());
  // Between the voxels' centres, off the grid, or a line there and back: nothing cancels.
  mask = rasterise(roi({box(2.1, 2.1, 2.9, 2.9, 1), box(40, 2, 50, 9, 2), polygon({{1, 1}, {20, 20}, {1, 1}}, 3)}), g);
  CHECK(mask.voxels == 0);
  CHECK(mask.cancelled.empty());
}

TEST_CASE("rasterise: contours find their slices by position, and what finds none is counted") {
  const VoxelGrid g = unit_grid(5, 8, 8);
  DicomMask m = rasterise(roi({box(1.5, 1.5, 4.5, 4.5, 1.2), box(1.5, 1.5, 4.5, 4.5, 3.6),
                               box(1.5, 1.5, 4.5, 4.5, -0.7), box(1.5, 1.5, 4.5, 4.5, 4.51)}),
                          g);
  CHECK(m.outside == 2);
  CHECK(m.voxels == 18);
  CHECK(inside(m, g, 2, 2, 1));
  CHECK(inside(m, g, 2, 2, 4));
  CHECK(m.empty_slices == 2);
  // Planes finer than the slices: the nearest to the slice is taken, and they do not cancel each other.
  m = rasterise(roi({box(1.5, 1.5, 4.5, 4.5, 2.3), box(1.5, 1.5, 5.5, 5.5, 2.1), box(1.5, 1.5, 4.5, 4.5, 1.8)}), g);
  CHECK(m.crowded == 2);
  CHECK(m.voxels == 16);
  // Not parallel to the slices.
  DicomContour leaning = box(1.5, 1.5, 4.5, 4.5, 2);
  leaning[0][2] = 3;
  m = rasterise(roi({leaning}), g);
  CHECK(m.oblique == 1);
  CHECK(m.voxels == 0);
}

TEST_CASE("dose offsets: from the first plane, or places on the patient's axis") {
  DicomPlane plane;
  plane.position = {0, 0, -50};
  using Offsets = std::vector<double>;
  CHECK(dose_offsets({0, 2, 5}, plane, "f") == Offsets{0, 2, 5});
  CHECK(dose_offsets({0, -2, -5}, plane, "f") == Offsets{0, -2, -5});
  CHECK(dose_offsets({-50, -48, -45}, plane, "f") == Offsets{0, 2, 5});
  DicomPlane feet_first = plane;
  feet_first.row = {-1, 0, 0};  // the normal goes to inferior
  CHECK(dose_offsets({-50, -48, -45}, feet_first, "f") == Offsets{0, -2, -5});
  CHECK(contains(input_error([&] {
                   dose_offsets({7, 9}, plane, "f");
                 }),
                 "f: GridFrameOffsetVector begins with 7: expected 0, or the z of the first plane, -50"));
  CHECK(contains(input_error([&] {
                   dose_offsets({0, 2, 1}, plane, "f");
                 }),
                 "expected planes in order, found 1 after 2"));
  CHECK(contains(input_error([&] { dose_offsets({0, 2, 2}, plane, "f"); }), "expected planes in order"));
  CHECK(contains(input_error([&] { dose_offsets({}, plane, "f"); }), "is missing"));
}

// A dose that grows linearly in space is met exactly by trilinear interpolation.
double linear_dose(const Vec3& lps) { return 100 + 0.5 * lps[0] - 0.25 * lps[1] + 2 * lps[2]; }

DicomDose linear(std::vector<double> offsets, const Vec3& row = {1, 0, 0}, const Vec3& column = {0, 1, 0}) {
  DicomDose dose;
  dose.plane = {{-7, 3, 20}, row, column, 4, 3};
  dose.offsets = std::move(offsets);
  dose.rows = 5;
  dose.columns = 6;
  const Vec3 n = dose.plane.normal();
  for (double offset : dose.offsets)
    for (int j = 0; j < 5; ++j)
      for (int i = 0; i < 6; ++i) {
        Vec3 p;
        for (std::size_t c = 0; c < 3; ++c)
          p[c] = dose.plane.position[c] + 3 * i * row[c] + 4 * j * column[c] + offset * n[c];
        dose.values.push_back(static_cast<real>(linear_dose(p)));
      }
  return dose;
}

void check_linear(const DicomDose& dose, const VoxelGrid& grid, std::int64_t at_least) {
  const Tensor gy = resample_dose(dose, grid);
  std::int64_t inside = 0;
  for (std::int64_t v = 0; v < grid.voxels(); ++v) {
    const Vec3 ras =
        grid.affine.apply({static_cast<double>(v % grid.width), static_cast<double>(v / grid.width % grid.height),
                           static_cast<double>(v / (grid.width * grid.height))});
    if (gy.at(v) == 0) continue;
    ++inside;
    CHECK(gy.at(v) == doctest::Approx(linear_dose({-ras[0], -ras[1], ras[2]})).epsilon(1e-5));
  }
  CHECK(inside >= at_least);
  CHECK(inside < grid.voxels());  // and 0 elsewhere
}

TEST_CASE("resample_dose: exact for a linear dose, with its grid in any orientation, uneven or downwards") {
  const VoxelGrid grid{8, 16, 20,
                       flip_xy(Affine::from({1.5, 2, 2.5}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {-12, 0, 16}))};
  check_linear(linear({0, 3, 6, 9}), grid, 200);
  check_linear(linear({0, 1, 4, 9}), grid, 200);
  check_linear(linear({0, -3, -4}), grid, 50);
  check_linear(linear({0, 3, 6}, {0, 1, 0}, {1, 0, 0}), grid, 50);
  check_linear(linear({0, 3, 6}, {0.8, 0.6, 0}, {-0.6, 0.8, 0}), grid, 50);
  // At its own voxels, borders and all, a dose is what it is.
  const DicomDose dose = linear({0, 2.5, 5});
  const VoxelGrid own{3, 5, 6, flip_xy(Affine::from({3, 4, 2.5}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {-7, 3, 20}))};
  const Tensor same = resample_dose(dose, own);
  for (std::int64_t v = 0; v < own.voxels(); ++v)
    CHECK(same.at(v) == doctest::Approx(dose.values[static_cast<std::size_t>(v)]));
  DicomDose flat = linear({0});
  CHECK(contains(input_error([&] { resample_dose(flat, own); }), "a dose of 1 planes of 5 x 6 cannot be interpolated"));
}

}  // namespace
}  // namespace medusa::datasets
