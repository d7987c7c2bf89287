// Phantoms in STOIC's layout: a chest of ellipsoids with lungs; COVID-19 is ground glass at their rims, severe COVID-19
// is much of it, some of it dense.
#include <algorithm>
#include <cmath>

#include "datasets/formats/volume_file.h"
#include "datasets/phantoms/checks.h"
#include "datasets/phantoms/phantom.h"
#include "datasets/volumes/resample.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

// In mm from the middle of the chest: x to the right, y to anterior, z to superior.
struct Ball {
  Vec3 centre{}, radius{1, 1, 1};
  double depth(const Vec3& at) const {  // 0 in the middle, 1 on the surface
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) sum += std::pow((at[a] - centre[a]) / radius[a], 2);
    return std::sqrt(sum);
  }
};

struct Chest {
  std::uint64_t seed;
  Vec3 scale{};  // how much wider, deeper, taller than most
  Ball lung[2], heart;
  std::vector<Ball> patches;
  std::vector<double> patch_hu;

  Chest(std::uint64_t seed_, bool covid, bool severe) : seed(seed_) {
    Random random(seed, stream_of("chest"));
    for (double& s : scale) s = random.uniform(0.9, 1.1);
    const double air = random.uniform(0.9, 1.1);
    lung[0] = {{70 * scale[0], 0, 0}, {52 * air, 80 * air, 120 * scale[2]}};
    lung[1] = {{-70 * scale[0], 0, 0}, {48 * air, 78 * air, 118 * scale[2]}};
    heart = {{-18, 25, -45}, {50, 45, 52}};
    const int count = severe  ? 16 + static_cast<int>(random.below(8))
                      : covid ? 3 + static_cast<int>(random.below(4))
                              : 0;
    for (int k = 0; k < count; ++k) {
      const Ball& in = lung[random.below(2)];
      const double turn = random.uniform(0, 6.283), height = random.uniform(-0.75, 0.6);
      const double out = 0.85 * std::sqrt(1 - height * height), size = random.uniform(14, 24);
      patches.push_back({{in.centre[0] + out * in.radius[0] * std::cos(turn),
                          in.centre[1] + out * in.radius[1] * std::sin(turn), in.centre[2] + height * in.radius[2]},
                         {size, size, size * 0.9}});
      patch_hu.push_back(severe && random.chance(0.4) ? random.uniform(-150, 0) : random.uniform(-650, -450));
    }
  }

  double hu(const Vec3& at, std::int64_t voxel) const {
    const double noise =
        60 * (static_cast<double>(uniform24(philox(seed, stream_of("noise"), static_cast<std::uint64_t>(voxel)).v[0])) -
              0.5);
    const Ball body{{0, 0, 0}, {165 * scale[0], 110 * scale[1], 1e6}}, spine{{0, -70 * scale[1], 0}, {20, 20, 1e6}};
    const double rind = body.depth(at);
    if (rind > 1) return -1000;
    if (spine.depth(at) < 1) return 350 + noise;
    if (heart.depth(at) < 1) return 45 + noise;
    for (const Ball& l : lung) {
      if (l.depth(at) >= 1) continue;
      double value = -850;
      for (std::size_t k = 0; k < patches.size(); ++k)
        if (patches[k].depth(at) < 1) value = std::max(value, patch_hu[k]);
      return value + noise;
    }
    return (rind > 0.92 ? -100 : 50) + noise;
  }
};

void write_chest(const PhantomOptions& o, std::int64_t number, const Chest& chest, const std::string& path) {
  Random random(chest.seed, stream_of("scan"));
  const double plane = 360.0 / static_cast<double>(o.size.width) * random.uniform(0.95, 1.1);
  const double slice = 300.0 / static_cast<double>(o.size.depth) * random.uniform(0.95, 1.1);
  // Scanners differ in the direction in which they count slices.
  const double up = number % 3 == 2 ? -1 : 1;
  const Vec3 spacing{plane, plane, slice};
  const Size3 side{o.size.width, o.size.height, o.size.depth};
  Vec3 origin{};
  const Mat3 direction{{{-1, 0, 0}, {0, -1, 0}, {0, 0, up}}};
  for (std::size_t a = 0; a < 3; ++a) origin[a] = -direction[a][a] * spacing[a] * static_cast<double>(side[a] - 1) / 2;
  const Affine affine = Affine::from(spacing, direction, origin);
  Tensor values = Tensor::empty({o.size.depth, o.size.height, o.size.width, 1});
  real* to = values.mutable_data();
  std::int64_t voxel = 0;
  for (std::int64_t k = 0; k < o.size.depth; ++k)
    for (std::int64_t j = 0; j < o.size.height; ++j)
      for (std::int64_t i = 0; i < o.size.width; ++i, ++voxel)
        *to++ = static_cast<real>(std::round(
            chest.hu(affine.apply({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}), voxel)));
  write_volume(path, make_volume(values, affine, ScalarType::Int16, "HU"));
}

}  // namespace

void write_stoic_phantom(const PhantomOptions& o) {
  check_volumes(o);
  const std::string table = o.folder + "/metadata/reference.csv", volumes = o.folder + "/data/mha";
  check_new(table);
  for (const std::string& folder : {o.folder + "/metadata", volumes}) make_folders(folder);
  // Three of five patients have COVID-19, and one of these three is severe: about the shares of the real set.
  const auto covid = [](std::int64_t i) { return i % 5 != 1 && i % 5 != 3; };
  const auto severe = [](std::int64_t i) { return i % 5 == 2; };
  const auto patient = [](std::int64_t i) { return 5 + 4 * i; };
  parallel_for(o.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      write_chest(o, i, Chest(stream_of(fmt::format("chest {} {}", o.seed, i)), covid(i), severe(i)),
                  fmt::format("{}/{}.mha", volumes, patient(i)));
  });
  std::string text = "PatientID,probCOVID,probSevere\n";
  for (std::int64_t i = 0; i < o.count; ++i)
    fmt::format_to(std::back_inserter(text), "{},{},{}\n", patient(i), covid(i) ? 1 : 0, severe(i) ? 1 : 0);
  write_file(table, text);
}

}  // namespace medusa::datasets
