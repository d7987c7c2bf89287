// Which element a thread works on: 32-bit indices with multiplications for divisions against plain 64-bit indices, at
// sizes round 2^31.  Geometry alone, on the host: nothing of that size is allocated, and no device is needed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cuda/pack.h"
#include "cuda/unfold.cuh"
#include "cuda/windows.cuh"
#include "tensor/random.h"

namespace medusa::test {

using cuda::Axes, cuda::Extents, cuda::FastDivmod, cuda::fit_32_bits, cuda::MergedAxes, cuda::Unfolding, cuda::Windows;

constexpr std::int64_t kBound = std::int64_t{1} << 31;

// Numbers below n: the first, the last, and others that are drawn.
std::vector<std::int64_t> sample(std::int64_t n, std::int64_t count = 2000) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 0; i < 100 && i < n; ++i) at.push_back(i), at.push_back(n - 1 - i);
  for (std::int64_t i = 0; i < count; ++i) {
    const Philox4 random = philox(7, 0, static_cast<std::uint64_t>(i));
    at.push_back(static_cast<std::int64_t>((std::uint64_t{random.v[0]} << 31 | random.v[1] >> 1) % std::uint64_t(n)));
  }
  return at;
}

// The first number below `n` for which the two variants differ, or -1.
std::int64_t first_wrong_quotient(std::int64_t d, const std::vector<std::int64_t>& numbers) {
  const FastDivmod<std::int32_t> fast(d);
  const FastDivmod<std::int64_t> plain(d);
  for (const std::int64_t n : numbers) {
    const auto got = fast(static_cast<std::int32_t>(n));
    const auto want = plain(n);
    if (got.quotient != want.quotient || got.remainder != want.remainder) return n;
  }
  return -1;
}

TEST_CASE("cuda index: a division by multiplication is exact below 2^31, for every divisor") {
  std::vector<std::int64_t> divisors{1, kBound - 1, kBound, kBound + 1, kBound << 9};
  for (std::int64_t d = 1; d < 3000; ++d) divisors.push_back(d);
  for (int bits = 2; bits < 32; ++bits)
    for (std::int64_t near = -2; near <= 2; ++near) divisors.push_back((std::int64_t{1} << bits) + near);
  for (const std::int64_t d : sample(kBound, 3000)) divisors.push_back(d + 1);
  const std::vector<std::int64_t> drawn = sample(kBound, 100);
  for (const std::int64_t d : divisors) {
    std::vector<std::int64_t> numbers = drawn;
    // A quotient that is wrong at all is wrong just below or at a multiple, and the further up the sooner.
    const std::int64_t top = (kBound - 1) / d;
    for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, top / 2, top - 1, top})
      for (const std::int64_t n : {k * d - 1, k * d, k * d + d - 1})
        if (n >= 0 && n < kBound) numbers.push_back(n);
    CHECK_MESSAGE(first_wrong_quotient(d, numbers) == -1, "divisor " << d);
  }
  CHECK(FastDivmod<std::int32_t>(0)(0).quotient == 0);  // an axis without elements
  CHECK(FastDivmod<std::int64_t>(0)(0).quotient == 0);
}

TEST_CASE("cuda index: 32 bits do up to 2^31 - 1") {
  CHECK(fit_32_bits({}));
  CHECK(fit_32_bits({0, 5, kBound - 1}));
  CHECK(!fit_32_bits({0, 5, kBound}));
  CHECK(!fit_32_bits({kBound, 5, 0}));
}

TEST_CASE("cuda index: packs need 16 bytes and whole rows") {
  alignas(16) const real x[8] = {};
  CHECK(cuda::in_packs({x, x + cuda::kPack}, {0, cuda::kPack, 12}));
  CHECK(!cuda::in_packs({x, x + 1}, {4}));
  CHECK(!cuda::in_packs({x + 1, x}, {4}));
  CHECK(!cuda::in_packs({x}, {4, 5}));
  CHECK(!cuda::in_packs({x}, {5, 4}));
}

TEST_CASE("cuda index: coordinates round 2^31") {
  const std::int64_t sizes[][4] = {{2047, 1024, 1024, 1}, {1, 1, 1, 1},   {3, 5, 7, 65537},
                                   {46340, 46341, 1, 1},  {1, 1, 1, 715}, {kBound - 1, 1, 1, 1}};
  for (const auto& s : sizes) {
    const Extents<std::int32_t, 4> small = cuda::image_extents<std::int32_t>({s[0], s[1], s[2]}, s[3]);
    const Extents<std::int64_t, 4> wide = cuda::image_extents<std::int64_t>({s[0], s[1], s[2]}, s[3]);
    const std::int64_t image = s[0] * s[1] * s[2] * s[3], n = (kBound - 1) / image * image;
    REQUIRE(fit_32_bits({n}));
    for (const std::int64_t at : sample(n)) {
      const auto got = small.coordinates(static_cast<std::int32_t>(at));
      const auto want = wide.coordinates(at);
      for (int axis = 0; axis < 5; ++axis) REQUIRE(got[axis] == want[axis]);
      REQUIRE(small.element(got[0], got[1], got[2], got[3], got[4]) == at);
      REQUIRE(wide.element(want[0], want[1], want[2], want[3], want[4]) == at);
    }
    for (const std::int64_t at : {n, n + image, 9 * n + 1}) {  // beyond the bound, where only the wide one is used
      const auto c = wide.coordinates(at);
      REQUIRE(wide.element(c[0], c[1], c[2], c[3], c[4]) == at);
    }
  }
}

// Both variants of the offsets, and the largest one.
std::int64_t largest_offset(const MergedAxes<2>& axes) {
  const auto small = axes.with<std::int32_t>();
  const auto wide = axes.with<std::int64_t>();
  std::int64_t largest = 0;
  for (const std::int64_t at : sample(axes.numel())) {
    std::int32_t got[2];
    std::int64_t want[2];
    small.offsets(static_cast<std::int32_t>(at), got);
    wide.offsets(at, want);
    for (int j = 0; j < 2; ++j) {
      REQUIRE(got[j] == want[j]);
      largest = std::max(largest, std::abs(want[j]));
    }
  }
  return largest;
}

TEST_CASE("cuda index: strided operands round 2^31") {
  struct Case {
    std::int64_t size[6], a[6], b[6];
  };
  const Case cases[] = {
      {{1, 1, 2047, 1024, 1024, 1}, {0, 0, 1 << 20, 1 << 10, 1, 0}, {0, 0, 0, 1, 0, 0}},  // broadcast
      {{1, 1, 1, 46340, 1, 46341}, {0, 0, 0, 1, 0, 46340}, {0, 0, 0, -46341, 0, -1}},     // permuted, flipped
      {{3, 5, 7, 11, 13, 143000}, {0, 1, 0, 5, 0, 55}, {715715000, 143143000, 20449000, 1859000, 143000, 1}}};
  for (const Case& c : cases) {
    const MergedAxes<2> axes = cuda::merge_axes<2>(c.size, {c.a, c.b});
    REQUIRE(fit_32_bits({axes.numel(), axes.reach(0), axes.reach(1)}));
    CHECK(axes.numel() > kBound / 10 * 9);
    CHECK(std::max(axes.reach(0), axes.reach(1)) == largest_offset(axes) + 1);
  }
  // One step more, and the wide variant is chosen.
  const std::int64_t size[6] = {1, 1, 1, 1, 3, 2}, stride[6] = {0, 0, 0, 0, (kBound - 2) / 2, 1};
  CHECK(cuda::merge_axes<1>(size, {stride}).reach(0) == kBound);
  CHECK(!fit_32_bits({cuda::merge_axes<1>(size, {stride}).reach(0)}));
}

TEST_CASE("cuda index: which operands come in packs") {
  const std::int64_t size[6] = {1, 1, 3, 5, 7, 8}, dense[6] = {0, 0, 280, 56, 8, 1}, same[6] = {0, 0, 7, 0, 1, 0},
                     odd[6] = {0, 0, 290, 58, 9, 1}, apart[6] = {0, 0, 560, 112, 16, 2};
  CHECK(cuda::merge_axes<2>(size, {dense, dense}).in_runs_of(4));
  CHECK(cuda::merge_axes<2>(size, {dense, same}).in_runs_of(4));
  CHECK(!cuda::merge_axes<2>(size, {dense, odd}).in_runs_of(4));
  CHECK(!cuda::merge_axes<2>(size, {apart, dense}).in_runs_of(4));
  CHECK(!cuda::merge_axes<2>(size, {dense, same}).in_runs_of(16));
  CHECK(!MergedAxes<1>{}.in_runs_of(4));
}

// Both variants of the unfolded input for `count` places, the last ones of the pass.
void compare_unfolding(const ConvPass& p, std::int64_t pack) {
  const std::int64_t places = p.n * p.axis[0].count * p.axis[1].count * p.axis[2].count;
  const std::int64_t depth = p.taps() * p.cin, count = std::min(places, (kBound - 1) / depth), first = places - count;
  REQUIRE(fit_32_bits({cuda::unfolding_reach(p, count)}));
  const Unfolding<std::int32_t> small(p, p.groups - 1, pack);
  const Unfolding<std::int64_t> wide(p, p.groups - 1, pack);
  const std::int64_t x = p.n * p.axis[0].in_size * p.axis[1].in_size * p.axis[2].in_size * p.cin * p.groups / pack;
  for (const std::int64_t at : sample(count * depth / pack)) {
    const std::int64_t want = wide.source(first, at);
    REQUIRE(small.source(static_cast<std::int32_t>(first), static_cast<std::int32_t>(at)) == want);
    REQUIRE(want < x);
  }
}

TEST_CASE("cuda index: unfolding round 2^31") {
  ConvGeometry g;
  const auto set = [](std::int64_t(&to)[3], std::int64_t a, std::int64_t b, std::int64_t c) {
    to[0] = a, to[1] = b, to[2] = c;
  };
  for (const std::int64_t channels : {1, 8})
    for (const std::int64_t stride : {1, 2, 3}) {
      g.groups = channels == 8 ? 2 : 1;
      g.n = 2 / stride + 1, g.cin = g.cout = channels;
      set(g.in, 2045 / channels / g.n, 1024, 1021);
      set(g.kernel, 3, 3, 2);
      set(g.stride, stride, stride, 1);
      set(g.pad, 1, 2, 0);
      set(g.dilation, 1, 2, 1);
      for (int a = 0; a < 3; ++a)
        g.out[a] = (g.in[a] + 2 * g.pad[a] - g.dilation[a] * (g.kernel[a] - 1) - 1) / g.stride[a] + 1;
      REQUIRE(g.in_numel() < kBound);
      for (const std::int64_t pack : {std::int64_t{1}, channels / g.groups}) {
        compare_unfolding(forward_pass(g), pack);
        for_backward_passes(g, [&](const ConvPass& p) {
          if (p.taps() > 0) compare_unfolding(p, pack);
        });
      }
    }
  ConvPass p = forward_pass(g);
  p.axis[0].in_size = kBound / (p.n * p.cin * p.groups), p.axis[1].in_size = p.axis[2].in_size = 1;
  CHECK(fit_32_bits({cuda::unfolding_reach(p, 1)}) == (p.n * p.cin * p.groups * p.axis[0].in_size < kBound));
  CHECK(!fit_32_bits({cuda::unfolding_reach(p, kBound / (p.taps() * p.cin) + 1)}));
}

// What the windows of an element of the output or, if not `forward`, of the input are.
template <class Index>
std::vector<std::int64_t> neighbours(const Windows<Index>& w, std::int64_t at, bool forward) {
  std::vector<std::int64_t> found;
  if (forward)
    w.for_window(static_cast<Index>(at), [&](Index input, Index tap) { found.insert(found.end(), {input, tap}); });
  else
    w.for_input(static_cast<Index>(at), [&](Index output, Index tap, real size) {
      found.insert(found.end(), {output, tap, static_cast<std::int64_t>(size)});
    });
  return found;
}

TEST_CASE("cuda index: pooling windows round 2^31") {
  for (const std::int64_t pack : {1, 4})
    for (const std::int64_t stride : {1, 2, 3}) {
      PoolGeometry g;
      g.n = 3, g.c = 4;
      const std::int64_t in[3] = {170, 1024, 1021}, kernel[3] = {3, 2, 3}, pad[3] = {1, 0, 1};
      std::int64_t numel_in = g.n * g.c / pack, numel_out = numel_in;
      for (int a = 0; a < 3; ++a) {
        g.in[a] = in[a], g.kernel[a] = kernel[a], g.stride[a] = stride, g.pad[a] = pad[a];
        g.out[a] = (in[a] + 2 * pad[a] - kernel[a]) / stride + 1;
        numel_in *= g.in[a], numel_out *= g.out[a];
      }
      REQUIRE(fit_32_bits({cuda::windows_reach(g)}));
      const Windows<std::int32_t> small(g, pack);
      const Windows<std::int64_t> wide(g, pack);
      for (const std::int64_t at : sample(numel_out))
        REQUIRE(neighbours(small, at, true) == neighbours(wide, at, true));
      for (const std::int64_t at : sample(numel_in))
        REQUIRE(neighbours(small, at, false) == neighbours(wide, at, false));
    }
  PoolGeometry g;
  g.n = 2, g.in[2] = kBound / 2 - 1;
  CHECK(fit_32_bits({cuda::windows_reach(g)}));
  g.in[2] = kBound / 2;
  CHECK(!fit_32_bits({cuda::windows_reach(g)}));
}

}  // namespace medusa::test
