// Volumes on other grids: against loop nests, and that everything stays where it was in the patient.
#include "datasets/volumes/resample.h"

#include <cmath>
#include <limits>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"
#include "tests/reference_resample.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;
using test::runtime_error;

// Turned about z and then x, left-handed if wanted: a scan that lies oblique in the scanner.
Affine oblique(const Vec3& spacing, bool mirrored = false) {
  const double a = 0.4, b = 0.3, sign = mirrored ? -1 : 1;
  const Mat3 direction{{{sign * std::cos(a), -std::sin(a), 0},
                        {sign * std::cos(b) * std::sin(a), std::cos(b) * std::cos(a), -std::sin(b)},
                        {sign * std::sin(b) * std::sin(a), std::sin(b) * std::cos(a), std::cos(b)}}};
  return Affine::from(spacing, direction, {-40, 25.5, 7});
}

Volume noise(const Shape& shape, const Affine& affine, std::uint64_t seed) {
  Tensor t = Tensor::empty(shape);
  Random random(seed, 1);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.mutable_data()[i] = static_cast<real>(random.uniform(-1000, 400));
  return make_volume(t, affine);
}

Volume labels(const Shape& shape, const Affine& affine, std::uint64_t seed) {
  Volume v = noise(shape, affine, seed);
  Random random(seed, 2);
  for (std::int64_t i = 0; i < v.values.numel(); ++i)
    v.values.mutable_data()[i] = static_cast<real>(random.below(4) * 7);
  return v;
}

template <class Body>
void for_each_voxel(const Volume& v, const Body& body) {
  for (std::int64_t k = 0; k < v.depth(); ++k)
    for (std::int64_t j = 0; j < v.height(); ++j)
      for (std::int64_t i = 0; i < v.width(); ++i)
        body(i, j, k, v.affine.apply({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
}

struct Case {
  Shape shape;
  Vec3 old, wanted;
  Size3 size;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {{6, 5, 7, 1}, {1, 2, 3}, {2, 2, 2}, {4, 5, 9}},             // coarser along i (3.5 rounds up), finer along k
      {{3, 9, 8, 2}, {0.7, 1.25, 3}, {1.6, 1.6, 1.6}, {4, 7, 6}},  // no whole factors, two channels
      {{4, 4, 4, 1}, {2, 2, 2}, {0.5, 3, 100}, {16, 3, 1}},        // far finer and far coarser
      {{1, 6, 5, 1}, {1, 1, 5}, {1.5, 0.75, 2.5}, {3, 8, 2}},      // one slice becomes two
      {{5, 6, 7, 1}, {1.5, 1.5, 1.5}, {1.5, 1.5000000001, 1}, {7, 6, 8}}};  // as they are, but for k
  return list;
}

TEST_CASE("resample: amounts equal the loop nest, the middle and the axes stay") {
  for (const Case& c : cases())
    for (bool mirrored : {false, true}) {
      CAPTURE(c.shape);
      const Volume v = noise(c.shape, oblique(c.old, mirrored), 3);
      const Volume r = resample(v, c.wanted, Content::Amounts);
      CHECK(size_of(r) == c.size);
      CHECK(r.channels() == v.channels());
      double worst = 0;
      for_each_voxel(r, [&](auto i, auto j, auto k, const Vec3& mm) {
        for (std::int64_t ch = 0; ch < r.channels(); ++ch)
          worst = std::max(
              worst, std::abs(static_cast<double>(r.at(i, j, k, ch)) - reference::resampled(v, mm, r.spacing(), ch)));
      });
      CHECK(worst < (sizeof(real) == 8 ? 1e-6 : 1e-3));
      for (std::size_t a = 0; a < 3; ++a) {
        CHECK(r.spacing()[a] == doctest::Approx(c.wanted[a]).epsilon(1e-9));
        for (std::size_t b = 0; b < 3; ++b)
          CHECK(r.direction()[a][b] == doctest::Approx(v.direction()[a][b]).epsilon(1e-12));
        const auto middle = [](const Volume& of) {
          const Size3 n = size_of(of);
          return of.affine.apply({static_cast<double>(n[0] - 1) / 2, static_cast<double>(n[1] - 1) / 2,
                                  static_cast<double>(n[2] - 1) / 2});
        };
        CHECK(middle(r)[a] == doctest::Approx(middle(v)[a]).epsilon(1e-9));
      }
    }
}

TEST_CASE("resample: a label is one that the old voxels have, and has the largest share") {
  for (const Case& c : cases()) {
    CAPTURE(c.shape);
    const Volume v = labels(c.shape, oblique(c.old), 5);
    const Volume r = resample(v, c.wanted, Content::Labels);
    REQUIRE(size_of(r) == c.size);
    int wrong = 0, ties = 0;
    for_each_voxel(r, [&](auto i, auto j, auto k, const Vec3& mm) {
      for (std::int64_t ch = 0; ch < r.channels(); ++ch) {
        const std::map<double, double> share = reference::shares(v, mm, r.spacing(), ch);
        double best = 0;
        for (const auto& [label, part] : share) best = std::max(best, part);
        double smallest = std::numeric_limits<double>::infinity();
        int winners = 0;
        for (const auto& [label, part] : share)
          if (part > best - 1e-9) {
            smallest = std::min(smallest, label);
            ++winners;
          }
        ties += winners > 1;
        wrong += static_cast<double>(r.at(i, j, k, ch)) != smallest;
      }
    });
    CHECK(wrong == 0);
    INFO(ties);
  }
}

// Values that are a linear function of the place in mm stay that function: geometry and weights in one.  Where voxels
// get larger by no whole factor the triangle hits more old voxels on one side than on the other, and each value is off
// by a small part of a voxel; these errors have no direction, while a grid in the wrong place has.
TEST_CASE("resample: a ramp in millimetres stays the same ramp") {
  Volume v = noise({20, 24, 28, 1}, oblique({0.8, 1.1, 2.5}), 1);
  const auto ramp = [](const Vec3& mm) { return 3 * mm[0] - 2 * mm[1] + 0.5 * mm[2] + 10; };
  for_each_voxel(v, [&](auto i, auto j, auto k, const Vec3& mm) {
    v.values.mutable_data()[(k * v.height() + j) * v.width() + i] = static_cast<real>(ramp(mm));
  });
  struct Error {
    double worst = 0, mean = 0;
  };
  const auto error = [&](const Volume& of, std::int64_t margin) {
    Error e;
    double count = 0;
    for_each_voxel(of, [&](auto i, auto j, auto k, const Vec3& mm) {
      if (i < margin || j < margin || k < margin || i >= of.width() - margin || j >= of.height() - margin ||
          k >= of.depth() - margin)
        return;
      const double off = static_cast<double>(of.at(i, j, k)) - ramp(mm);
      e.worst = std::max(e.worst, std::abs(off));
      e.mean += off;
      ++count;
    });
    REQUIRE(count > 100);
    e.mean /= count;
    return e;
  };
  CHECK(error(resample(v, {0.7, 0.3, 2.5}, Content::Amounts), 3).worst < 1e-3);  // finer
  CHECK(error(resample(v, {1.6, 1.1, 5}, Content::Amounts), 2).worst < 1e-3);    // coarser by whole factors
  const Volume r = resample(v, {1.9, 0.6, 3.1}, Content::Amounts);
  CHECK(error(r, 2).worst < 0.3);  // 0.1 voxels
  CHECK(std::abs(error(r, 2).mean) < 0.01);
  const Volume back = resample_to(r, grid_of(v), Content::Amounts);
  CHECK(back.affine == v.affine);
  CHECK(size_of(back) == size_of(v));
  CHECK(std::abs(error(back, 6).mean) < 0.01);
}

TEST_CASE("resample: stripes finer than the new voxels become grey, not coarser stripes") {
  Volume v =
      make_volume(Tensor::zeros({8, 8, 120}), Affine::from({1, 1, 1}, Mat3{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {}));
  for (std::int64_t i = 0; i < v.values.numel(); ++i) v.values.mutable_data()[i] = static_cast<real>(i % 2);
  const Volume r = resample(v, {3.1, 1, 1}, Content::Amounts);
  for (std::int64_t i = 2; i < r.width() - 2; ++i)
    CHECK(static_cast<double>(r.at(i, 4, 4)) == doctest::Approx(0.5).epsilon(0.12));
}

TEST_CASE("resample: the same bits for any number of threads; nothing is copied where nothing changes") {
  const Volume v = noise({17, 33, 29, 1}, oblique({1, 1.3, 2}), 8),
               l = labels({17, 33, 29, 1}, oblique({1, 1.3, 2}), 8);
  const int before = threads();
  std::vector<std::vector<real>> bits;
  for (int n : {1, 2, 3}) {
    set_threads(n);
    for (const Volume& r : {resample(v, {2, 0.9, 1.1}, Content::Amounts), resample(l, {2, 0.9, 1.1}, Content::Labels)})
      bits.emplace_back(r.values.data(), r.values.data() + r.values.numel());
  }
  set_threads(before);
  for (std::size_t i = 2; i < bits.size(); ++i) CHECK((bits[i] == bits[i - 2]));
  CHECK(resample(v, v.spacing(), Content::Amounts).values.data() == v.values.data());
}

TEST_CASE("resample: what is not a number stays near its place, and is no neighbour of places that it has no say in") {
  Volume v = noise({1, 1, 9, 1}, Affine::from({1, 1, 1}, Mat3{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {}), 2);
  v.values.mutable_data()[4] = std::numeric_limits<real>::quiet_NaN();
  const Volume r = resample(v, {3, 1, 1}, Content::Amounts);  // at 1, 4 and 7, from 3 on either side
  CHECK_FALSE(std::isnan(r.at(0, 0, 0)));
  CHECK(std::isnan(r.at(1, 0, 0)));
  CHECK_FALSE(std::isnan(r.at(2, 0, 0)));
}

TEST_CASE("resample: what cannot be") {
  const Volume v = noise({4, 4, 4, 1}, oblique({1, 1, 1}), 1);
  CHECK(contains(input_error([&] { resample(v, {1, 0, 1}, Content::Amounts); }), "spacing 0 mm: expected more than 0"));
  CHECK(contains(input_error([&] { resample(v, {1, -2, 1}, Content::Amounts); }), "expected more than 0"));
  CHECK(contains(input_error([&] { resample(v, {1, std::nan(""), 1}, Content::Amounts); }), "expected more than 0"));
  CHECK(contains(input_error([&] {
                   resample(v, {1e-4, 1e-4, 1e-4}, Content::Amounts);
                 }),
                 "makes more than 2^31 voxels"));
  Volume other = noise({4, 4, 4, 1}, Affine{}, 1);
  CHECK(contains(runtime_error([&] { resample_to(v, grid_of(other), Content::Amounts); }), "not parallel"));
  other.affine.m[0][0] = std::nan("");
  CHECK(contains(input_error([&] { resample(other, {1, 1, 1}, Content::Amounts); }), "the volume's own is nan mm"));
}

TEST_CASE("box, crop_or_pad: voxels stay at their places, the rest is padding") {
  const Volume v = noise({4, 5, 6, 2}, oblique({1, 2, 3}), 4);
  const auto check = [&](const Volume& b, const Size3& first, const Size3& size) {
    REQUIRE(size_of(b) == size);
    REQUIRE(b.channels() == 2);
    for_each_voxel(b, [&](auto i, auto j, auto k, const Vec3& mm) {
      const std::int64_t x = i + first[0], y = j + first[1], z = k + first[2];
      const bool inside = x >= 0 && x < 6 && y >= 0 && y < 5 && z >= 0 && z < 4;
      for (std::int64_t c = 0; c < 2; ++c) REQUIRE(b.at(i, j, k, c) == (inside ? v.at(x, y, z, c) : real(-7)));
      const Vec3 place = v.affine.apply({static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
      for (std::size_t a = 0; a < 3; ++a) REQUIRE(mm[a] == doctest::Approx(place[a]));
    });
  };
  const std::vector<std::pair<Size3, Size3>> boxes = {{{1, 2, 0}, {3, 2, 4}},
                                                      {{-2, -1, -3}, {10, 9, 8}},
                                                      {{4, -3, 2}, {5, 5, 5}},
                                                      {{7, 0, 0}, {2, 2, 2}},
                                                      {{-9, 0, 0}, {2, 2, 2}}};
  for (const auto& [first, size] : boxes) check(box(v, first, size, -7), first, size);
  check(crop_or_pad(v, {3, 8, 4}, -7), {1, -1, 0}, {3, 8, 4});
  check(crop_or_pad(v, {9, 4, 1}, -7), {-1, 0, 1}, {9, 4, 1});
  CHECK(contains(input_error([&] { crop_or_pad(v, {0, 1, 1}, 0); }), "expected 1 or more"));
  CHECK(contains(input_error([&] { crop_or_pad(v, {1 << 20, 1 << 20, 1}, 0); }), "more than 2^31 voxels"));
}

TEST_CASE("window: HU to 0..1") {
  Volume v =
      make_volume(Tensor::from({-2000, -1100, -400, 300, 3000, 20}, {1, 2, 3}), Affine{}, ScalarType::Int16, "HU");
  v.slope = 2;
  const Volume w = window(v, -1100, 300);
  const double expected[] = {0, 0, 0.5, 1, 1, 0.8};
  for (std::int64_t i = 0; i < 6; ++i)
    CHECK(static_cast<double>(w.values.at(i)) == doctest::Approx(expected[i]).epsilon(1e-6));
  CHECK(w.stored == (sizeof(real) == 8 ? ScalarType::Float64 : ScalarType::Float32));
  CHECK(w.slope == 1);
  CHECK(w.unit.empty());
  CHECK(contains(input_error([&] { window(v, 300, -1100); }), "window 300 to -1100"));
}

}  // namespace
}  // namespace medusa::datasets
