// The challenge's scores against cases that are computed by hand; tests/openkbp_test.sh holds them against numpy.
#include "tools/openkbp/dose_score.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::tools;

namespace {

const std::vector<std::string> kNames{"Cord", "PTV"};
constexpr std::uint16_t kCord = 1, kPtv = 2;

double value(const std::vector<DvhMetric>& metrics, const std::string& structure, const std::string& name) {
  for (const DvhMetric& m : metrics)
    if (m.structure == structure && m.name == name) return m.value;
  FAIL("there is no ", structure, " ", name);
  return 0;
}

}  // namespace

TEST_CASE("dose score: percentiles are interpolated") {
  CHECK(percentile({4, 1, 3, 2}, 0) == 1);
  CHECK(percentile({4, 1, 3, 2}, 100) == 4);
  CHECK(percentile({4, 1, 3, 2}, 50) == 2.5);
  CHECK(percentile({10, 0}, 1) == doctest::Approx(0.1));
  CHECK(percentile({7}, 33) == 7);
  CHECK_THROWS_AS(percentile({}, 50), Error);
  CHECK_THROWS_AS(percentile({1}, 101), Error);
}

TEST_CASE("dose score: dose outside the mask counts against the prediction") {
  const std::vector<real> reference{10, 20, 0, 0}, predicted{11, 18, 0, 5};
  const std::vector<std::uint8_t> possible{1, 1, 0, 0};
  CHECK(dose_error(reference, predicted, possible) == doctest::Approx((1 + 2 + 5) / 2.0));
  CHECK_THROWS_WITH_AS(dose_error(reference, predicted, std::vector<std::uint8_t>(4)),
                       "dose error: the mask of possible dose is empty", Error);
  CHECK_THROWS_AS(dose_error(reference, std::vector<real>(3), possible), Error);
}

TEST_CASE("dose score: figures of a DVH") {
  // 101 voxels with 0, 1, ... 100 Gy: the percentile p is p Gy.
  std::vector<real> dose;
  for (int i = 0; i <= 100; ++i) dose.push_back(static_cast<real>(100 - i));
  const std::vector<std::uint16_t> both(101, kCord | kPtv);
  const auto m = dvh_metrics(dose, both, kCord | kPtv, kNames, 1, 30);  // 100 / 30 = 3.33: 3 voxels
  REQUIRE(m.size() == 5);
  CHECK(value(m, "Cord", "D_0.1_cc") == doctest::Approx(100 - 300.0 / 101));
  CHECK(value(m, "Cord", "mean") == doctest::Approx(50));
  CHECK(value(m, "PTV", "D_99") == doctest::Approx(1));
  CHECK(value(m, "PTV", "D_95") == doctest::Approx(5));
  CHECK(value(m, "PTV", "D_1") == doctest::Approx(99));
  // Voxels larger than 0.1 cc: one of them.  2.5 voxels are rounded to the even 2, 1.5 to 2 as well.
  const auto first = [&](double mm3) { return dvh_metrics(dose, both, kCord, kNames, 1, mm3)[0].value; };
  CHECK(first(500) == doctest::Approx(100 - 100.0 / 101));
  CHECK(first(40) == doctest::Approx(100 - 200.0 / 101));
  CHECK(first(100 / 1.5) == doctest::Approx(100 - 200.0 / 101));
  // A structure smaller than 0.1 cc: the least dose that it has.
  std::vector<std::uint16_t> few(101, 0);
  few[0] = few[1] = kCord;
  CHECK(dvh_metrics(dose, few, kCord, kNames, 1, 10)[0].value == 99);
  // What was not outlined has no figures; nor has what was outlined around nothing.
  CHECK(dvh_metrics(dose, both, kPtv, kNames, 1, 30).size() == 3);
  CHECK(dvh_metrics(dose, few, kCord | kPtv, kNames, 1, 30).size() == 2);
}

TEST_CASE("dose score: one flat mean over all figures, not a mean of patients' means") {
  DoseScore score;
  CHECK(std::isnan(score.dose()));
  CHECK(std::isnan(score.dvh()));
  score.add(2, {{"Cord", "mean", 10}}, {{"Cord", "mean", 13}});
  score.add(4, {{"PTV", "D_99", 60}, {"PTV", "D_95", 61}, {"PTV", "D_1", 70}},
            {{"PTV", "D_99", 59}, {"PTV", "D_95", 61}, {"PTV", "D_1", 70}});
  CHECK(score.patients() == 2);
  CHECK(score.dose() == 3);
  CHECK(score.dvh() == doctest::Approx((3 + 1 + 0 + 0) / 4.0));
  CHECK_THROWS_AS(score.add(1, {{"Cord", "mean", 1}}, {{"PTV", "mean", 1}}), Error);
}

TEST_CASE("dose score: a DVH curve falls from 100 %") {
  const std::vector<real> dose{1, 2, 3, 4, 50};
  const std::vector<std::uint16_t> structure{1, 1, 1, 1, 0};
  const std::vector<double> curve = dvh_curve(dose, structure, 0, {0, 1, 2.5, 4, 4.5});
  const std::vector<double> expected{100, 100, 50, 25, 0};
  REQUIRE(curve.size() == expected.size());
  for (std::size_t i = 0; i < curve.size(); ++i) CHECK(curve[i] == doctest::Approx(expected[i]));
}
