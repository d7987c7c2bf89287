// Phantoms in the layout prostate: a pelvis of ellipsoids with its organs, and a dose that falls off around the
// prostate.
#include <algorithm>
#include <cmath>

#include "datasets/formats/npy.h"
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

constexpr const char* kOrgans[] = {"Bladder", "Rectum", "Prostate", "FemurLeft", "FemurRight"};
constexpr std::size_t kCount = std::size(kOrgans);

// In mm from the middle: x to the right, y to anterior, z to superior.
struct Pelvis {
  std::uint64_t seed;
  Vec3 centre[kCount], radius[kCount], body{};

  explicit Pelvis(std::uint64_t seed_) : seed(seed_) {
    Random random(seed, stream_of("pelvis"));
    const auto about = [&](double value, double mm) { return value + random.uniform(-mm, mm); };
    body = {about(180, 15), about(115, 12), 1e6};
    const double full = random.uniform(22, 40), middle = random.uniform(-4, 4);
    const Vec3 gland{about(22, 3), about(19, 3), about(20, 4)};
    centre[2] = {middle, 0, -10};
    radius[2] = gland;
    centre[0] = {middle, 8, -10 + gland[2] + 0.75 * full};
    radius[0] = {full * 1.2, full, full * 0.8};
    centre[1] = {middle, -gland[1] - 16, 5};
    radius[1] = {about(16, 3), about(13, 2), 75};
    centre[3] = {-about(95, 6), 5, -5};
    centre[4] = {about(95, 6), 5, -5};
    radius[3] = radius[4] = {24, 24, about(42, 4)};
  }

  double depth(std::size_t organ, const Vec3& at) const {
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) sum += std::pow((at[a] - centre[organ][a]) / radius[organ][a], 2);
    return std::sqrt(sum);
  }
  bool in_body(const Vec3& at) const { return std::hypot(at[0] / body[0], at[1] / body[1]) <= 1; }

  double hu(const Vec3& at, std::int64_t voxel) const {
    const double noise =
        30 * (static_cast<double>(uniform24(philox(seed, stream_of("noise"), static_cast<std::uint64_t>(voxel)).v[0])) -
              0.5);
    if (!in_body(at)) return -1000;
    constexpr double kHu[kCount] = {5, -20, 45, 450, 450};
    for (std::size_t k = 0; k < kCount; ++k)
      if (depth(k, at) < 1) return kHu[k] + noise;
    return (std::hypot(at[0] / body[0], at[1] / body[1]) > 0.85 ? -100 : 25) + noise;
  }

  // 60 Gy in the prostate and 6 mm around it, falling off beyond; beams come from both sides.
  double dose(const Vec3& at) const {
    if (!in_body(at)) return 0;
    const double mean = std::cbrt(radius[2][0] * radius[2][1] * radius[2][2]);
    const double mm =
        std::max(0.0, (depth(2, {0.7 * (at[0] - centre[2][0]) + centre[2][0], at[1], at[2]}) - 1) * mean - 6);
    return 60 * (0.75 * std::exp(-std::pow(mm / 12, 2)) + 0.25 * std::exp(-mm / 40));
  }
};

struct Drawn {
  Volume ct, dose, body, organ[kCount];
};

Drawn draw(const PhantomOptions& o, const Pelvis& pelvis) {
  Random random(pelvis.seed, stream_of("scan"));
  const Size3 side{o.size.width, o.size.height, o.size.depth};
  const Vec3 spacing{400.0 / static_cast<double>(o.size.width), 300.0 / static_cast<double>(o.size.height),
                     random.uniform(190, 230) / static_cast<double>(o.size.depth)};
  Vec3 origin{};
  const Mat3 direction{{{-1, 0, 0}, {0, -1, 0}, {0, 0, 1}}};  // as scanners do: to left and posterior
  for (std::size_t a = 0; a < 3; ++a) origin[a] = -direction[a][a] * spacing[a] * static_cast<double>(side[a] - 1) / 2;
  const Affine affine = Affine::from(spacing, direction, origin);
  const auto filled = [&](ScalarType type, const char* unit, const auto& value) {
    Tensor values = Tensor::empty({o.size.depth, o.size.height, o.size.width, 1});
    real* to = values.mutable_data();
    std::int64_t voxel = 0;
    for (std::int64_t k = 0; k < o.size.depth; ++k)
      for (std::int64_t j = 0; j < o.size.height; ++j)
        for (std::int64_t i = 0; i < o.size.width; ++i, ++voxel)
          *to++ = static_cast<real>(
              value(affine.apply({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}), voxel));
    return make_volume(values, affine, type, unit);
  };
  Drawn d;
  d.ct = filled(ScalarType::Int16, "HU", [&](const Vec3& at, std::int64_t v) { return std::round(pelvis.hu(at, v)); });
  d.dose = filled(ScalarType::Float32, "Gy", [&](const Vec3& at, std::int64_t) { return pelvis.dose(at); });
  d.body = filled(ScalarType::UInt8, "", [&](const Vec3& at, std::int64_t) { return pelvis.in_body(at) ? 1 : 0; });
  for (std::size_t k = 0; k < kCount; ++k)
    d.organ[k] =
        filled(ScalarType::UInt8, "", [&](const Vec3& at, std::int64_t) { return pelvis.depth(k, at) < 1 ? 1 : 0; });
  return d;
}

// The row of the table.  Every third case is one archive, as `convert dicom` writes it.
std::string write_case(const PhantomOptions& o, std::int64_t number, const char* split) {
  const std::string name = fmt::format("case{:03}", number + 1);
  const Pelvis pelvis(stream_of(fmt::format("pelvis {} {}", o.seed, number)));
  const Drawn d = draw(o, pelvis);
  const bool outlined = number % 4 != 3;  // of the femurs, which not every planner outlines
  std::vector<std::pair<std::string, const Volume*>> parts{{"ct", &d.ct}, {"dose", &d.dose}, {"body", &d.body}};
  for (std::size_t k = 0; k < kCount; ++k) parts.emplace_back(kOrgans[k], k < 3 || outlined ? &d.organ[k] : nullptr);
  std::string row = fmt::format("{},{}", name, split);
  NpzArrays arrays;
  for (const auto& [part, volume] : parts) {
    row += ',';
    if (volume == nullptr) continue;
    const bool archive = number % 3 == 2;
    row += archive ? fmt::format("{}.npz#{}", name, part) : fmt::format("{}/{}.nii.gz", name, part);
    if (archive)
      arrays[part] = array_of(*volume);
    else
      write_volume(fmt::format("{}/{}/{}.nii.gz", o.folder, name, part), *volume);
  }
  if (!arrays.empty()) {
    arrays["affine"] = arrays_of(d.ct).at("affine");
    write_npz(fmt::format("{}/{}.npz", o.folder, name), arrays);
  }
  return row + "\n";
}

}  // namespace

void write_prostate_phantom(const PhantomOptions& o) {
  check_volumes(o);
  const std::string table = o.folder + "/cases.csv";
  check_new(table);
  const std::int64_t val = o.count / 4, test = o.count / 8, train = o.count - val - test;
  std::vector<std::string> rows(static_cast<std::size_t>(o.count));
  for (std::int64_t i = 0; i < o.count; ++i)
    make_folders(i % 3 == 2 ? o.folder : fmt::format("{}/case{:03}", o.folder, i + 1));
  parallel_for(o.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      rows[static_cast<std::size_t>(i)] = write_case(o, i,
                                                     i < train         ? "train"
                                                     : i < train + val ? "validation"
                                                                       : "test");
  });
  std::string text = fmt::format("case,split,ct,dose,body,{}\n", fmt::join(kOrgans, ","));
  for (const std::string& row : rows) text += row;
  write_file(table, text);
}

}  // namespace medusa::datasets
