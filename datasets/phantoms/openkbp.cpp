// Phantoms in OpenKBP's layout: a neck of ellipsoids, its structures, targets, and a dose that falls off around them.
#include "datasets/layouts/openkbp.h"

#include <algorithm>
#include <cmath>

#include "datasets/phantoms/checks.h"
#include "datasets/phantoms/phantom.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

using namespace openkbp;

// In mm from the middle of the grid: x to posterior (a0), y to the side (a1), z to inferior (a2).
struct Ellipsoid {
  Vec3 centre{}, radius{1, 1, 1};

  // 0 in the middle, 1 on the surface.
  double depth(const Vec3& at) const {
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) sum += std::pow((at[a] - centre[a]) / radius[a], 2);
    return std::sqrt(sum);
  }
  bool holds(const Vec3& at) const { return depth(at) <= 1; }
  // The approximate distance in mm from the surface to a place outside; 0 inside.
  double distance(const Vec3& at) const {
    const double mean = std::cbrt(radius[0] * radius[1] * radius[2]);
    return std::max(0.0, (depth(at) - 1) * mean);
  }
  Ellipsoid grown(double mm) const { return {centre, {radius[0] + mm, radius[1] + mm, radius[2] + mm}}; }
};

// A neck: what is where, in one patient.
struct Neck {
  Vec3 spacing{};
  double body_x = 0, body_y = 0;            // radii of the neck
  Ellipsoid organ[kStructures - kTargets];  // of the mandible: its outer surface
  Ellipsoid tumour, node;                   // the first is PTV70; the second, on the other side, is in PTV56
  std::uint16_t outlined = 0;
  std::uint64_t seed = 0;

  Neck(std::uint64_t seed_, std::int64_t number);
  bool in_body(const Vec3& at) const {
    const double taper = 1 - 0.1 * std::tanh(at[2] / 60);  // the head is wider than the neck
    return std::hypot(at[0] / (body_x * taper), at[1] / (body_y * taper)) <= 1 && std::abs(at[2]) <= 150;
  }
  bool holds(unsigned structure, const Vec3& at) const;
  double hu(const Vec3& at, std::int64_t voxel) const;
  double dose(const Vec3& at) const;
};

Neck::Neck(std::uint64_t seed_, std::int64_t number) : seed(stream_of(fmt::format("neck {} {}", seed_, number))) {
  Random random(seed, stream_of("shape"));
  const double plane = random.uniform(3.6, 4.6), slice = random.chance(0.5) ? 2.5 : 3.0;
  spacing = {plane, plane, slice};
  body_x = random.uniform(70, 85);
  body_y = random.uniform(65, 80);
  const double side = random.chance(0.5) ? 1 : -1;
  const auto jitter = [&](double mm) { return random.uniform(-mm, mm); };
  organ[0] = {{34 + jitter(3), jitter(2), -105 + jitter(5)}, {14, 13, 24}};       // Brainstem
  organ[1] = {{42 + jitter(3), jitter(2), 40}, {6, 6, 130}};                      // SpinalCord
  organ[2] = {{15 + jitter(4), -48 + jitter(3), -70 + jitter(5)}, {15, 10, 22}};  // RightParotid
  organ[3] = {{15 + jitter(4), 48 + jitter(3), -70 + jitter(5)}, {15, 10, 22}};   // LeftParotid
  organ[4] = {{22 + jitter(2), jitter(3), 90}, {6, 8, 45}};                       // Esophagus
  organ[5] = {{-20 + jitter(4), jitter(2), 15 + jitter(6)}, {15, 16, 20}};        // Larynx
  organ[6] = {{-5, 0, -55 + jitter(4)}, {58, 44, 12}};                            // Mandible
  tumour = {{jitter(8), side * random.uniform(10, 26), -25 + jitter(18)},
            {random.uniform(13, 20), random.uniform(13, 20), random.uniform(18, 28)}};
  node = {{12 + jitter(5), -side * 36, 0 + jitter(15)}, {14, 12, 40}};
  for (unsigned s = 0; s < kStructures; ++s) {
    constexpr double kPart[kStructures] = {0.9, 0.95, 1, 1, 0.6, 0.7, 0.8, 0.9, 0.5, 1};
    if (random.chance(kPart[s])) outlined = static_cast<std::uint16_t>(outlined | 1u << s);
  }
}

bool Neck::holds(unsigned structure, const Vec3& at) const {
  if (!in_body(at)) return false;
  if (structure == 6) {  // a horseshoe: a shell, its front half
    const Ellipsoid inner{organ[6].centre, {organ[6].radius[0] - 12, organ[6].radius[1] - 10, organ[6].radius[2] * 4}};
    return organ[6].holds(at) && !inner.holds(at) && at[0] < organ[6].centre[0] + 10;
  }
  if (structure < 7) return organ[structure].holds(at);
  if (structure == 9) return tumour.holds(at);
  if (structure == 8) return tumour.grown(8).holds(at);
  return tumour.grown(14).holds(at) || node.holds(at);
}

double Neck::hu(const Vec3& at, std::int64_t voxel) const {
  const auto index = static_cast<std::uint64_t>(voxel);
  const double noise = 24 * (static_cast<double>(uniform24(philox(seed, stream_of("noise"), index).v[0])) - 0.5);
  if (holds(6, at)) return 900 + 4 * noise;
  const Ellipsoid spine{{46, 0, 40}, {17, 17, 200}}, airway{{-18, 0, 0}, {8, 9, 130}};
  if (organ[1].holds(at)) return 20 + noise;
  if (spine.holds(at)) return 500 + 8 * noise;
  if (airway.holds(at)) return -1000;
  if (tumour.holds(at)) return 95 + noise;
  if (node.holds(at)) return 70 + noise;
  if (organ[2].holds(at) || organ[3].holds(at)) return -40 + noise;
  if (organ[0].holds(at)) return 30 + noise;
  if (organ[5].holds(at)) return 120 + noise;
  if (organ[4].holds(at)) return 10 + noise;
  return -90 * std::min(1.0, std::hypot(at[0] / body_x, at[1] / body_y)) + 50 + noise;
}

// Each target's prescription, falling to a third in about 20 mm and to nothing beyond; across slices, where no beam
// passes, faster.
double Neck::dose(const Vec3& at) const {
  const auto fall = [&](const Ellipsoid& target, double prescribed) {
    Vec3 near = at;
    const double beyond = std::abs(at[2] - target.centre[2]) - target.radius[2];
    near[2] = std::clamp(at[2], target.centre[2] - target.radius[2], target.centre[2] + target.radius[2]);
    const double mm = target.distance({near[0], near[1], target.centre[2]}) + 2.5 * std::max(0.0, beyond);
    return prescribed * (0.6 * std::exp(-std::pow(mm / 14, 2)) + 0.4 * std::exp(-mm / 45));
  };
  double gy = std::max(fall(tumour, 70), fall(node, 56));
  if (outlined >> 8 & 1u) gy = std::max(gy, fall(tumour.grown(8), 63));
  return std::max(gy, fall(tumour.grown(14), 56));
}

struct Files {
  std::string ct = ",data\n", dose = ",data\n", possible = ",data\n", structure[kStructures];
  Files() {
    for (std::string& text : structure) text = ",data\n";
  }
};

Files draw(const Neck& neck) {
  Files files;
  std::int64_t voxel = 0;
  const double first = neck.tumour.centre[2] - 75, last = neck.tumour.centre[2] + 75;
  for (std::int64_t a = 0; a < kSide; ++a)
    for (std::int64_t b = 0; b < kSide; ++b)
      for (std::int64_t c = 0; c < kSide; ++c, ++voxel) {
        const std::int64_t place[3] = {a, b, c};
        Vec3 at;
        for (std::size_t k = 0; k < 3; ++k) at[k] = (static_cast<double>(place[k]) - 63.5) * neck.spacing[k];
        if (!neck.in_body(at)) continue;
        const double stored = std::round(std::max(neck.hu(at, voxel), -1024.0) + 1024);
        if (stored != 0) fmt::format_to(std::back_inserter(files.ct), "{},{:.1f}\n", voxel, stored);
        for (unsigned s = 0; s < kStructures; ++s)
          if (neck.outlined >> s & 1u && neck.holds(s, at))
            fmt::format_to(std::back_inserter(files.structure[s]), "{},\n", voxel);
        if (at[2] < first || at[2] > last) continue;
        fmt::format_to(std::back_inserter(files.possible), "{},\n", voxel);
        fmt::format_to(std::back_inserter(files.dose), "{},{:.3f}\n", voxel, neck.dose(at));
      }
  return files;
}

void write_patient(const Neck& neck, const std::string& folder) {
  make_folders(folder);
  const Files files = draw(neck);
  for (unsigned s = 0; s < kStructures; ++s)
    if (neck.outlined >> s & 1u) write_file(folder + "/" + structures()[s] + ".csv", files.structure[s]);
  write_file(folder + "/possible_dose_mask.csv", files.possible);
  write_file(folder + "/dose.csv", files.dose);
  write_file(folder + "/voxel_dimensions.csv",
             fmt::format("{:.18e}\n{:.18e}\n{:.18e}\n", neck.spacing[0], neck.spacing[1], neck.spacing[2]));
  write_file(folder + "/ct.csv", files.ct);
}

}  // namespace

void write_openkbp_phantom(const PhantomOptions& options) {
  MEDUSA_CHECK_INPUT(options.count > 0 && options.count <= 10000, "count is {}, expected 1 to 10000 patients",
                     options.count);
  const std::int64_t val = options.count / 4, test = options.count / 8, train = options.count - val - test;
  for (const char* part : {"train-pats", "validation-pats", "test-pats"}) check_new(options.folder + "/" + part);
  parallel_for(options.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const char* part = i < train ? "train-pats" : i < train + val ? "validation-pats" : "test-pats";
      write_patient(Neck(options.seed, i), fmt::format("{}/{}/pt_{}", options.folder, part, i + 1));
    }
  });
}

}  // namespace medusa::datasets
