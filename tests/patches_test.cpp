// Patches: cut where they should be, about structures as often as asked, the same for any number of workers.
#include "datasets/transforms/patches.h"

#include <map>

#include "datasets/loader.h"
#include "datasets/transforms/volume_transforms.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

constexpr std::int64_t kD = 10, kH = 12, kW = 14;

const std::vector<TargetInfo>& infos() {
  static const std::vector<TargetInfo> list = {{"organs", TaskKind::Structures, 2, {"large", "small"}},
                                               {"class", TaskKind::Segmentation, 3, {}},
                                               {"dose", TaskKind::Regression, 1, {}},
                                               {"sick", TaskKind::Binary, 1, {}}};
  return list;
}

// Every voxel tells its number.  "large" is the lower half, "small" one voxel at (8, 2, 11); class 2 one at (1, 9, 3).
Sample sample_of(std::int64_t index) {
  const std::int64_t n = kD * kH * kW;
  Sample s{"s" + std::to_string(index), Tensor::empty({kD, kH, kW, 1}), {}};
  Target organs{Tensor::zeros({kD, kH, kW, 2}), Tensor::ones({1, 1, 1, 2})},
      classes{Tensor::zeros({kD, kH, kW, 1}), {}}, dose{Tensor::empty({kD, kH, kW, 1}), Tensor::ones({kD, kH, kW, 1})},
      sick{Tensor::scalar(1), {}};
  for (std::int64_t i = 0; i < n; ++i) {
    s.input.mutable_data()[i] = dose.value.mutable_data()[i] = dose.mask.mutable_data()[i] = static_cast<real>(i);
    organs.value.mutable_data()[2 * i] = i < n / 2;
  }
  organs.value.mutable_data()[((8 * kH + 2) * kW + 11) * 2 + 1] = 1;
  classes.value.mutable_data()[(1 * kH + 9) * kW + 3] = 2;
  s.targets = {organs, classes, dose, sick};
  return s;
}

TEST_CASE("patches: input, labels and masks are the same box; the others stay") {
  Sample whole = sample_of(0);
  whole.spacing = {3, 2, 1};
  for (std::int64_t index = 0; index < 50; ++index) {
    const Sample p = random_patch(whole, infos(), {{4, 5, 6}, 0.5}, 1, 2, index);
    REQUIRE(p.spacing == whole.spacing);
    REQUIRE(p.input.shape() == Shape{4, 5, 6, 1});
    REQUIRE(p.targets[0].value.shape() == Shape{4, 5, 6, 2});
    const auto start = static_cast<std::int64_t>(p.input.at(0));
    REQUIRE(start / kW / kH <= kD - 4);
    REQUIRE(start / kW % kH <= kH - 5);
    REQUIRE(start % kW <= kW - 6);
    for (std::int64_t z = 0, i = 0; z < 4; ++z)
      for (std::int64_t y = 0; y < 5; ++y)
        for (std::int64_t x = 0; x < 6; ++x, ++i) {
          const std::int64_t from = start + (z * kH + y) * kW + x;
          REQUIRE(p.input.at(i) == static_cast<real>(from));
          REQUIRE(p.targets[2].value.at(i) == static_cast<real>(from));
          REQUIRE(p.targets[2].mask.at(i) == static_cast<real>(from));
          REQUIRE(p.targets[1].value.at(i) == whole.targets[1].value.at(from));
          for (std::int64_t c = 0; c < 2; ++c)
            REQUIRE(p.targets[0].value.at(i * 2 + c) == whole.targets[0].value.at(from * 2 + c));
        }
    REQUIRE(p.targets[0].mask.shape() == Shape{1, 1, 1, 2});
    REQUIRE(p.targets[3].value.item() == 1);
  }
  const Sample all = random_patch(whole, infos(), {{kD, kH, kW}, 1}, 1, 2, 3);
  CHECK(all.input.to_vector() == whole.input.to_vector());
}

TEST_CASE("patches: one voxel is found as often as half of the volume") {
  const Sample whole = sample_of(0);
  const auto share_with = [&](double foreground, const auto& has) {
    int count = 0;
    for (std::int64_t index = 0; index < 600; ++index)
      count += has(random_patch(whole, infos(), {{3, 3, 3}, foreground}, 9, 0, index));
    return count / 600.0;
  };
  const auto small = [](const Sample& p) {
    for (std::int64_t i = 0; i < 27; ++i)
      if (p.targets[0].value.at(2 * i + 1) == 1) return true;
    return false;
  };
  const auto class_2 = [](const Sample& p) {
    for (std::int64_t i = 0; i < 27; ++i)
      if (p.targets[1].value.at(i) == 2) return true;
    return false;
  };
  CHECK(share_with(1, small) == doctest::Approx(1.0 / 3).epsilon(0.2));  // large, small or class 2
  CHECK(share_with(1, class_2) == doctest::Approx(1.0 / 3).epsilon(0.2));
  CHECK(share_with(0.5, small) == doctest::Approx(1.0 / 6).epsilon(0.3));
  CHECK(share_with(0, small) < 0.1);
  Sample nothing = whole;  // nothing to lie about: anywhere
  nothing.targets[0].value = nothing.targets[1].value = {};
  std::map<real, int> starts;
  for (std::int64_t index = 0; index < 100; ++index)
    ++starts[random_patch(nothing, infos(), {{3, 3, 3}, 1}, 9, 0, index).input.at(0)];
  CHECK(starts.size() > 80);
}

TEST_CASE("patches: what does not fit") {
  const Shape shape{kD, kH, kW, 1};
  CHECK(contains(input_error([&] { check({{4, 4}, 0.5}, shape); }), "patch 4x4: does not fit into inputs of"));
  CHECK(contains(input_error([&] { check({{4, 13, 4}, 0.5}, shape); }), "does not fit"));
  CHECK(contains(input_error([&] { check({{4, 0, 4}, 0.5}, shape); }), "does not fit"));
  CHECK(contains(input_error([&] { check({{4, 4, 4}, 1.5}, shape); }), "foreground 1.5: expected 0 to 1"));
}

struct Samples : Dataset {
  std::int64_t size() const override { return 9; }
  const std::vector<TargetInfo>& targets() const override { return infos(); }
  std::string id(std::int64_t i) const override { return "s" + std::to_string(i); }
  Sample get(std::int64_t i) const override { return sample_of(i); }
  Sample get_augmented(std::int64_t i, std::uint64_t seed, std::int64_t epoch) const override {
    AugmentOptions o;
    o.rotation = 10;
    o.scale = o.elastic = o.gamma = 0.1;
    o.noise = 0.05;
    Sample s = sample_of(i);
    const Extent grid{kD, kH, kW};
    const VolumeChange c = draw_change(o, grid, {1, 2, 3}, 2, seed, epoch, i);
    std::vector<real> values = warp_linear(s.input.to_vector(), grid, c, 0);
    change_intensities(values, c, 0, 2000);
    s.input = Tensor::from(values, s.input.shape());
    return s;
  }
};

TEST_CASE("patches: the same bytes for 0, 1, 2 and 3 workers, new ones in each epoch, and in its middle") {
  const Samples dataset;
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < dataset.size(); ++i) all.push_back(i);
  const auto epoch = [&](int workers, std::int64_t number, std::int64_t first) {
    LoaderOptions o;
    o.batch = 2;
    o.workers = workers;
    o.seed = 3;
    o.augment = o.shuffle = true;
    o.patch = {{4, 6, 8}, 0.5};
    Loader loader(dataset, all, o);
    loader.start_epoch(number, first);
    std::vector<std::vector<real>> bytes;
    while (const auto batch = loader.next()) {
      bytes.push_back(batch->input.to_vector());
      bytes.push_back(batch->targets[0].value.to_vector());
      bytes.push_back(batch->targets[2].value.to_vector());
    }
    return bytes;
  };
  const auto first = epoch(0, 0, 0), second = epoch(0, 1, 0);
  REQUIRE(first.size() == 15);
  CHECK((first[0] != second[0]));
  for (int workers : {1, 2, 3}) {
    CHECK((epoch(workers, 0, 0) == first));
    const auto rest = epoch(workers, 1, 2);
    CHECK((rest == std::vector<std::vector<real>>(second.begin() + 6, second.end())));
  }
}

}  // namespace
}  // namespace medusa::datasets
