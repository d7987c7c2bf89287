// Philox against its authors' known answers; the distributions made of it.
#include "tensor/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tensor/check.h"

using namespace medusa;

TEST_CASE("random: known answers of Philox 4x32-10") {
  struct Known {
    std::uint64_t seed, stream, i;
    std::uint32_t v[4];
  };
  const std::uint64_t ones = ~std::uint64_t{0};
  const Known all[] = {
      {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {ones, ones, ones, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      // counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0 (the digits of pi)
      {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& known : all) {
    const Philox4 got = philox(known.seed, known.stream, known.i);
    for (int k = 0; k < 4; ++k) CHECK(got.v[k] == known.v[k]);
  }
}

TEST_CASE("random: a generator is its seed, its stream and its place") {
  Random a(5, 7), b(5, 7), other_seed(6, 7), other_stream(5, 8);
  int equal_seed = 0, equal_stream = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t value = a.next();
    CHECK(value == b.next());
    CHECK(value == philox(5, 7, static_cast<std::uint64_t>(i / 4)).v[i % 4]);
    equal_seed += value == other_seed.next();
    equal_stream += value == other_stream.next();
  }
  CHECK(equal_seed == 0);
  CHECK(equal_stream == 0);
  Random copy = a;
  CHECK(copy.next64() == a.next64());
}

TEST_CASE("random: uniform numbers") {
  CHECK(uniform24(0) == 0);
  CHECK(uniform24(0xffffffff) < 1);
  Random random(1);
  double sum = 0, squares = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    if (!(u >= 0 && u < 1)) FAIL("outside [0, 1): " << u);
    sum += u;
    squares += u * u;
  }
  CHECK(std::fabs(sum / n - 0.5) < 4 * std::sqrt(1.0 / 12 / n));
  CHECK(std::fabs(squares / n - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / n));
  for (int i = 0; i < 100; ++i) {
    const double u = random.uniform(-3, 2);
    CHECK((u >= -3 && u < 2));
  }
}

TEST_CASE("random: normal numbers") {
  Random random(2);
  const int n = 200000;
  double moment[5] = {};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    double power = 1;
    for (double& m : moment) {
      m += power / n;
      power *= x;
    }
  }
  CHECK(std::fabs(moment[1]) < 4 / std::sqrt(n));             // mean 0
  CHECK(std::fabs(moment[2] - 1) < 4 * std::sqrt(2.0 / n));   // variance 1
  CHECK(std::fabs(moment[3]) < 4 * std::sqrt(15.0 / n));      // symmetric
  CHECK(std::fabs(moment[4] - 3) < 4 * std::sqrt(96.0 / n));  // tails
}

TEST_CASE("random: below is uniform, at its edges too") {
  Random random(3);
  std::vector<int> count(7);
  const int n = 70000;
  for (int i = 0; i < n; ++i) {
    const std::int64_t x = random.below(7);
    if (x < 0 || x >= 7) FAIL("outside 0..6: " << x);
    ++count[static_cast<std::size_t>(x)];
  }
  double chi2 = 0;
  for (int c : count) chi2 += (c - n / 7.0) * (c - n / 7.0) / (n / 7.0);
  CHECK(chi2 < 22.5);  // 6 degrees of freedom: exceeded once in a thousand
  CHECK(random.below(1) == 0);
  // Without rejection the lower third of 3 * 2^61 would come twice as often as the rest.
  const std::int64_t range = std::int64_t{3} << 61;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random.below(range) < range / 3;
  CHECK(std::abs(low - 10000) < 4 * 82);
  CHECK_THROWS_WITH_AS(random.below(0), "random: below(0) has nothing to choose from", Error);
  CHECK_THROWS_AS(random.below(-2), Error);
}

TEST_CASE("random: chance and shuffle") {
  Random random(4);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += random.chance(0.3);
  CHECK(std::abs(hits - 3000) < 4 * 46);
  CHECK_FALSE(random.chance(0));
  CHECK(random.chance(1));

  std::vector<int> items(50), first_place(50);
  std::iota(items.begin(), items.end(), 0);
  for (int round = 0; round < 5000; ++round) {
    random.shuffle(items);
    ++first_place[static_cast<std::size_t>(items[0])];
  }
  double chi2 = 0;
  for (int c : first_place) chi2 += (c - 100.0) * (c - 100.0) / 100.0;
  CHECK(chi2 < 85.4);  // 49 degrees of freedom: exceeded once in a thousand
  std::sort(items.begin(), items.end());
  for (int i = 0; i < 50; ++i) CHECK(items[static_cast<std::size_t>(i)] == i);
  std::vector<int> none;
  random.shuffle(none);
  CHECK(none.empty());
}

TEST_CASE("random: names make streams") {
  CHECK(stream_of("") == 0xCBF29CE484222325ull);
  CHECK(stream_of("a") == 0xAF63DC4C8601EC8Cull);  // FNV-1a's published answer
  CHECK(stream_of("encoder.weight") != stream_of("encoder.bias"));
}
