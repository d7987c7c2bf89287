// Volumes: affines, orientations, and that no voxel moves in the patient when axes are swapped and mirrored.
#include "datasets/volumes/volume.h"

#include <cmath>

#include "tensor/random.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;
using test::runtime_error;

Tensor ramp(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  real* out = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i) out[i] = static_cast<real>(i);
  return t;
}

// A turn by `angle` (radians) about the axis x, y or z.
Affine turn(int axis, double angle) {
  Affine a;
  const std::size_t p = static_cast<std::size_t>(axis + 1) % 3, q = static_cast<std::size_t>(axis + 2) % 3;
  a.m[p][p] = a.m[q][q] = std::cos(angle);
  a.m[q][p] = std::sin(angle);
  a.m[p][q] = -std::sin(angle);
  return a;
}

const std::vector<std::string>& all_codes() {
  static const std::vector<std::string> codes = [] {
    std::vector<std::string> list;
    const std::string pairs[3] = {"LR", "PA", "IS"};
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b)
        for (std::size_t flips = 0; a != b && flips < 8; ++flips)
          list.push_back({pairs[a][flips & 1], pairs[b][flips >> 1 & 1], pairs[3 - a - b][flips >> 2]});
    return list;
  }();
  return codes;
}

// Where each value lies, in mm; values are unique.
std::vector<Vec3> places(const Volume& v) {
  std::vector<Vec3> list(static_cast<std::size_t>(v.values.numel()));
  for (std::int64_t k = 0; k < v.depth(); ++k)
    for (std::int64_t j = 0; j < v.height(); ++j)
      for (std::int64_t i = 0; i < v.width(); ++i)
        for (std::int64_t c = 0; c < v.channels(); ++c)
          list[static_cast<std::size_t>(v.at(i, j, k, c))] =
              v.affine.apply({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
  return list;
}

double furthest(const std::vector<Vec3>& a, const std::vector<Vec3>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t r = 0; r < 3; ++r) most = std::max(most, std::abs(a[i][r] - b[i][r]));
  return most;
}

double difference(const Affine& a, const Affine& b) {
  double most = 0;
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 4; ++c) most = std::max(most, std::abs(a.m[r][c] - b.m[r][c]));
  return most;
}

TEST_CASE("volume: spacing, direction and origin make an affine and come back") {
  const Affine about = turn(2, 0.3) * turn(0, -1.1);
  const Affine a = Affine::from({0.5, 2, 3}, about.direction(), {-10, 20, 30});
  CHECK(difference(Affine::from(a.spacing(), a.direction(), a.origin()), a) < 1e-12);
  CHECK(a.spacing()[1] == doctest::Approx(2));
  CHECK(a.determinant() == doctest::Approx(3));
  CHECK(a.apply({0, 0, 0}) == Vec3{-10, 20, 30});
  CHECK(difference(inverse(a) * a, Affine{}) < 1e-12);
  CHECK(difference(a * inverse(a), Affine{}) < 1e-12);
  CHECK(flip_xy(flip_xy(a)) == a);
  CHECK(flip_xy(a).m[0][3] == 10);
  CHECK(flip_xy(a).m[2][3] == 30);
  Affine flat;
  flat.m[1] = {0, 0, 0, 5};
  CHECK(runtime_error([&] { inverse(flat); }) == "affine: has no inverse, its determinant is 0");
}

TEST_CASE("volume: axes are named by the side they grow to") {
  CHECK(orientation(Affine{}) == "RAS");
  CHECK(orientation(flip_xy(Affine{})) == "LPS");
  Affine sagittal;  // i to posterior, j to inferior, k to the right
  sagittal.m = {{{0, 0, 2, 0}, {-1, 0, 0, 0}, {0, -1, 0, 0}}};
  CHECK(orientation(sagittal) == "PIR");
  CHECK(orientation(turn(2, 0.7)) == "RAS");  // 40 degrees
  CHECK(orientation(turn(2, 0.9)) == "ALS");  // 52 degrees
  Affine flat;
  flat.m[1] = {0, 0, 0, 5};
  CHECK(orientation(flat) == "R?S");
  // Two axes that lean the same way: the one that fits better takes the side, the other its second best.
  Affine sheared;
  sheared.m = {{{1, 0.9, 0, 0}, {0, 0.5, 0, 0}, {0, 0, 1, 0}}};
  CHECK(orientation(sheared) == "RAS");
}

TEST_CASE("volume: turned to RAS it is RAS, also where axes fit several sides alike") {
  // Every affine of the entries -1, 0 and 1 whose axes do not lie in one plane: most have ties.
  Volume volume = make_volume(ramp({1, 1, 1}), Affine{});
  int tried = 0, wrong = 0;
  for (int number = 0; number < 19683; ++number) {  // 3 to the 9th
    int rest = number;
    for (auto& row : volume.affine.m)
      for (int c = 0; c < 3; ++c, rest /= 3) row[static_cast<std::size_t>(c)] = rest % 3 - 1;
    if (volume.affine.determinant() == 0) continue;
    ++tried;
    wrong += orientation(to_ras(volume).affine) != "RAS";
  }
  CHECK(tried == 11808);
  CHECK(wrong == 0);
}

TEST_CASE("volume: no voxel moves in the patient in any of the 48 orientations") {
  const Affine oblique = Affine::from({0.7, 1.3, 2.5}, (turn(2, 0.2) * turn(1, -0.3)).direction(), {5, -40, 12});
  const Volume volume = make_volume(ramp({4, 3, 5, 2}), oblique, ScalarType::Int16);
  CHECK(volume.file_orientation == "RAS");
  const std::vector<Vec3> expected = places(volume);
  REQUIRE(all_codes().size() == 48);
  for (const std::string& code : all_codes()) {
    CAPTURE(code);
    const Volume turned = to_orientation(volume, code);
    CHECK(orientation(turned.affine) == code);
    CHECK(turned.values.numel() == volume.values.numel());
    CHECK(furthest(places(turned), expected) < 1e-10);
    const Volume back = to_file_orientation(turned);
    CHECK(back.values.shape() == volume.values.shape());
    CHECK(back.values.to_vector() == volume.values.to_vector());
    CHECK(difference(back.affine, volume.affine) < 1e-12);
    CHECK(to_ras(turned).values.to_vector() == volume.values.to_vector());
  }
}

TEST_CASE("volume: which value goes where, by hand") {
  // i to the left: mirrored, the first voxel of RAS is the last of the file, and the origin moves there.
  Volume volume = make_volume(ramp({1, 1, 3}), Affine{});
  volume.affine.m[0] = {-2, 0, 0, 10};
  const Volume ras = to_ras(volume);
  CHECK(ras.values.to_vector() == std::vector<real>{2, 1, 0});
  CHECK(ras.affine.m[0] == std::array<double, 4>{2, 0, 0, 6});
  // PIR [D, H, W] = [1, 2, 3]: i is posterior, j inferior, k right, so RAS has W 1, H 3, D 2.
  Volume sagittal = make_volume(ramp({1, 2, 3}), Affine{});
  sagittal.affine.m = {{{0, 0, 1, 0}, {-1, 0, 0, 0}, {0, -1, 0, 0}}};
  const Volume upright = to_ras(sagittal);
  CHECK(upright.values.shape() == Shape{2, 3, 1, 1});
  CHECK(upright.values.to_vector() == std::vector<real>{5, 4, 3, 2, 1, 0});
}

TEST_CASE("volume: orientations that are none, affines that are flat") {
  const Volume volume = make_volume(ramp({2, 2, 2}), Affine{});
  for (const char* code : {"", "RA", "RASS", "RRS", "RLS", "ras", "XYZ"}) {
    CAPTURE(code);
    CHECK(contains(input_error([&] { to_orientation(volume, code); }), "expected three letters"));
  }
  Volume flat = volume;
  flat.affine.m[1] = {0, 0, 0, 0};
  CHECK(contains(input_error([&] { to_ras(flat, "a.nii"); }), "a.nii: its axes have no orientation (R?S)"));
  flat.affine.m = {{{1, 0, 0, 0}, {0, 1, 1, 0}, {0, 2, 2, 0}}};  // two axes are one
  CHECK(contains(input_error([&] { to_ras(flat); }), "its affine is flat"));
  flat.affine.m[2][2] = 2.0001;
  CHECK(orientation(to_ras(flat).affine) == "RAS");
  CHECK(contains(runtime_error([&] { make_volume(ramp({2, 2}), Affine{}); }), "values are [2, 2]"));
  CHECK(contains(runtime_error([&] { volume.at(2, 0, 0); }), "voxel (2, 0, 0)"));
}

TEST_CASE("volume: names, sizes and limits of the number types") {
  for (const char* text :
       {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"})
    CHECK(name(scalar_type(text)) == text);
  CHECK(contains(input_error([] { scalar_type("int12"); }), "type int12: expected one of int8, uint8"));
  CHECK(bytes_of(ScalarType::UInt16) == 2);
  CHECK(bytes_of(ScalarType::Float64) == 8);
  CHECK(is_integer(ScalarType::UInt64));
  CHECK_FALSE(is_integer(ScalarType::Float32));
  CHECK(lowest(ScalarType::Int16) == -32768);
  CHECK(highest(ScalarType::UInt8) == 255);
  CHECK(static_cast<std::int64_t>(highest(ScalarType::Int64)) > 0);  // 2^63 would be undefined
}

}  // namespace
}  // namespace medusa::datasets
