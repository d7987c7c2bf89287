// Every balancing method on gradients whose answer is known by hand, and on two quadratics.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "mtl/balancing/balancer.h"
#include "mtl/balancing/by_directions.h"
#include "mtl/balancing/by_gradients.h"
#include "mtl/balancing/by_losses.h"
#include "tensor/check.h"
#include "tensor/random.h"

using namespace medusa;
using namespace medusa::mtl;
using doctest::Approx;

namespace {

using Gradients = std::vector<Vector>;  // one per task, plain numbers

Vector gram_of(const Gradients& g) {
  Vector gram;
  for (const Vector& a : g)
    for (const Vector& b : g) {
      double sum = 0;
      for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
      gram.push_back(sum);
    }
  return gram;
}

Vector combine(const Gradients& g, const Vector& a) {
  Vector d(g[0].size(), 0.0);
  for (std::size_t t = 0; t < g.size(); ++t)
    for (std::size_t k = 0; k < d.size(); ++k) d[k] += a[t] * g[t][k];
  return d;
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

std::unique_ptr<Balancer> make(const std::string& name, std::size_t tasks) {
  BalanceOptions options;
  options.name = name;
  if (name == "fixed") options.own["task-weights"] = Vector(tasks, 2.0);
  return make_balancer(options, tasks);
}

Vector weights(const std::string& name, const Gradients& g) {
  return make(name, g.size())->weights({Vector(g.size(), 1.0), gram_of(g), 0});
}

const Gradients kRightAngle{{3, 0}, {0, 1}};
const Gradients kConflict{{1, 0}, {-1, 1}};  // g1.g2 = -1
const Gradients kOpposite{{2, 0}, {-1, 0}};
const Gradients kThree{{1, 0, 0}, {-0.5, 2, 0}, {0.1, -1, 0.7}};

}  // namespace

TEST_CASE("balancing: norms and cosines come from the Gram matrix") {
  const Vector gram = gram_of(kConflict);
  CHECK(gradient_norms(gram)[0] == Approx(1));
  CHECK(gradient_norms(gram)[1] == Approx(std::sqrt(2)));
  CHECK(gradient_cosines(gram)[1] == Approx(-std::sqrt(0.5)));
  CHECK(gradient_cosines(gram_of({{0, 0}, {1, 0}}))[1] == 0);
}

TEST_CASE("balancing: equal and fixed") {
  CHECK(weights("equal", kConflict) == Vector{1, 1});
  CHECK(weights("fixed", kConflict) == Vector{2, 2});
}

TEST_CASE("balancing: DWA by hand") {
  DynamicWeightAverage dwa(2, {2});
  dwa.start_epoch({});
  CHECK(dwa.weights({}) == Vector{1, 1});
  dwa.start_epoch({{4, 4}});
  CHECK(dwa.weights({}) == Vector{1, 1});
  dwa.start_epoch({{4, 4}, {2, 4}});  // r = 1/2, 1
  const double a = std::exp(0.25), b = std::exp(0.5);
  CHECK(dwa.weights({})[0] == Approx(2 * a / (a + b)));
  CHECK(dwa.weights({})[1] == Approx(2 * b / (a + b)));
}

TEST_CASE("balancing: uncertainty weighting finds exp s = L for constant losses, so that every weighted loss is 1/2") {
  UncertaintyWeighting uw(2, {-0.5, 0});
  const Vector first = uw.weights({{4, 0.25}, {}, 0, 0.025});
  CHECK(first[0] == Approx(0.5 * std::exp(0.5)));  // s starts at -0.5
  CHECK(first[0] == first[1]);
  // Adam's first step is the learning rate, the network's where uw has none of its own.
  CHECK(uw.weights({{4, 0.25}, {}, 1, 0.025})[0] == Approx(0.5 * std::exp(0.5 - 0.025)).epsilon(1e-6));
  Vector a;
  for (int i = 0; i < 4000; ++i) a = uw.weights({{4, 0.25}, {}, i, 0.025});
  CHECK(a[0] * 4 == Approx(0.5).epsilon(1e-3));
  CHECK(a[1] * 0.25 == Approx(0.5).epsilon(1e-3));
}

// What the authors' code does, as a loop over plain numbers: Adam on the logits, and the same batch's losses after the
// step.  Task 0 falls twice as fast as task 1, whatever the weights.
TEST_CASE("balancing: FAMO is the authors' code on the same batch before and after the step") {
  Famo famo(2, {{0.025}, 0.001});
  double xi[2] = {0, 0}, m[2] = {0, 0}, v[2] = {0, 0};
  for (int step = 1; step <= 500; ++step) {
    const Vector before{2 + 1.0 / step, 1 + 0.5 / step}, after{before[0] * 0.98, before[1] * 0.99};
    const double e0 = std::exp(xi[0]), e1 = std::exp(xi[1]), z[2] = {e0 / (e0 + e1), e1 / (e0 + e1)};
    const double c = z[0] / before[0] + z[1] / before[1];
    const Vector a = famo.weights({before, {}, step});
    CHECK(a[0] == Approx(z[0] / before[0] / c).epsilon(1e-12));
    CHECK(a[1] == Approx(z[1] / before[1] / c).epsilon(1e-12));
    famo.after_step(after);
    const double d[2] = {std::log(before[0] / after[0]), std::log(before[1] / after[1])};
    for (int t = 0; t < 2; ++t) {
      const double slope = z[t] * (d[t] - z[0] * d[0] - z[1] * d[1]) + 0.001 * xi[t];
      m[t] = 0.9 * m[t] + 0.1 * slope;
      v[t] = 0.999 * v[t] + 0.001 * slope * slope;
      xi[t] -= 0.025 * m[t] / (1 - std::pow(0.9, step)) / (std::sqrt(v[t] / (1 - std::pow(0.999, step))) + 1e-8);
    }
  }
  CHECK(xi[1] > xi[0] + 1);  // the slower task has the larger weight by far: a plain gradient step leaves 0.01
}

TEST_CASE("balancing: GradNorm makes the weighted norms equal, whatever their scale") {
  for (const Vector& norms : {Vector{0.41, 1.7}, Vector{4, 1}, Vector{10, 1}, Vector{20, 2}, Vector{0.01, 0.001}}) {
    const double n0 = norms[0], n1 = norms[1];
    GradNorm gradnorm(2, {{0.025}, 1.5});
    gradnorm.start_epoch({{1, 1}});
    Vector a;
    for (int step = 0; step < 2000; ++step) {
      a = gradnorm.weights({{1, 1}, {n0 * n0, 0, 0, n1 * n1}, step});
      if (step < 1900) continue;  // and stays there
      const double ratio = a[0] * n0 / (a[1] * n1);
      CHECK_MESSAGE(std::fabs(ratio - 1) < 0.1, n0 << ", " << n1 << ": ratio " << ratio << " at step " << step);
    }
    CHECK(a[0] + a[1] == Approx(2));
  }
}

TEST_CASE("balancing: GradNorm compares losses with the mean of the first epoch, and favours the slow task") {
  GradNorm gradnorm(2, {{0.025}, 1});
  const Vector gram{1, 0, 0, 1};
  CHECK(gradnorm.weights({{1, 5}, gram, 0}) == Vector{1, 1});  // first epoch: both ratios are 1
  gradnorm.start_epoch({{1, 10}});
  Vector a;
  for (int step = 1; step < 500; ++step) a = gradnorm.weights({{0.9, 1}, gram, step});
  CHECK(a[0] / a[1] == Approx(9).epsilon(0.1));  // r_0 / r_1 = 0.9 / 0.1
}

TEST_CASE("balancing: GradNorm's step has the weights before Adam moves them") {
  GradNorm gradnorm(2, {{0.025}, 1.5});
  const Vector gram{16, 0, 0, 1};
  CHECK(gradnorm.weights({{1, 1}, gram, 0}) == Vector{1, 1});
  const Vector second = gradnorm.weights({{1, 1}, gram, 1});  // Adam's first step is its rate
  CHECK(second[0] == Approx(0.975).epsilon(1e-6));
  CHECK(second[1] == Approx(1.025).epsilon(1e-6));
}

TEST_CASE("balancing: PCGrad by hand, and it never leaves a conflict between two tasks") {
  CHECK(weights("pcgrad", kRightAngle) == Vector{1, 1});
  // h1 = g1 + 1/2 g2, h2 = g2 + g1: together 2 g1 + 3/2 g2.
  CHECK(weights("pcgrad", kConflict)[0] == Approx(2));
  CHECK(weights("pcgrad", kConflict)[1] == Approx(1.5));
  for (int k = 0; k < 50; ++k) {
    const double angle = 3.1 * k / 50, length = 0.1 + k;
    const Gradients g{{1, 0}, {length * std::cos(angle), length * std::sin(angle)}};
    const Vector step = combine(g, weights("pcgrad", g)), plain = combine(g, {1, 1});
    for (const Vector& task : g) CHECK(dot(step, task) >= std::min(0.0, dot(plain, task)) - 1e-9);
    for (const Vector& task : g) CHECK(dot(step, task) >= -1e-9);
  }
}

// g_1 projected away from both others points against g_1 itself: its own component goes too if g_1 comes last.
TEST_CASE("balancing: PCGrad projects in all orders of all tasks, a gradient's own included") {
  const Gradients g{{1, 0}, {-1, 0.2}, {-1, -0.2}};
  Vector expected(2, 0.0), found(2, 0.0);
  std::vector<std::size_t> order{0, 1, 2};
  do {
    for (Vector h : g) {
      for (std::size_t j : order) {
        const double part = std::min(0.0, dot(h, g[j])) / dot(g[j], g[j]);
        for (std::size_t k = 0; k < 2; ++k) h[k] -= part * g[j][k];
      }
      for (std::size_t k = 0; k < 2; ++k) expected[k] += h[k] / 6;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  const auto pcgrad = make("pcgrad", 3);
  constexpr int kSteps = 6000;
  for (int step = 0; step < kSteps; ++step) {
    const Vector d = combine(g, pcgrad->weights({{}, gram_of(g), step}));
    for (std::size_t k = 0; k < 2; ++k) found[k] += d[k] / kSteps;
  }
  for (std::size_t k = 0; k < 2; ++k) CHECK(std::fabs(found[k] - expected[k]) < 0.01);
}

TEST_CASE("balancing: CAGrad is the plain sum for c = 0, and improves the worst task for c = 1/2") {
  CHECK(CaGrad(2, {0}).weights({{1, 1}, gram_of(kConflict), 0})[0] == Approx(1));
  // Equal lengths at a right angle: by symmetry the mean gradient is the answer already; its length grows by c.
  const Vector same = weights("cagrad", {{1, 0}, {0, 1}});
  CHECK(same[0] == Approx(1.5).epsilon(1e-6));
  CHECK(same[1] == Approx(1.5).epsilon(1e-6));
  for (const Gradients& g : {kConflict, kThree}) {
    const double n = static_cast<double>(g.size());
    const Vector step = combine(g, weights("cagrad", g)), plain = combine(g, Vector(g.size(), 1.0));
    double worst = 1e9, worst_plain = 1e9;
    for (const Vector& task : g) {
      worst = std::min(worst, dot(step, task));
      worst_plain = std::min(worst_plain, dot(plain, task));
    }
    CHECK(worst >= worst_plain - 1e-9);
    Vector away = step;  // |d - g0| = c |g0|, both scaled by T
    for (std::size_t k = 0; k < away.size(); ++k) away[k] -= plain[k];
    CHECK(std::sqrt(dot(away, away)) / n == Approx(0.5 * std::sqrt(dot(plain, plain)) / n).epsilon(1e-6));
  }
}

TEST_CASE("balancing: CAGrad's 1-D search finds the least point that a fine grid finds") {
  const Gradients g{{2, 0.3}, {-1, 0.4}};
  auto objective = [&](double w) {
    const Vector gw = combine(g, {w, 1 - w}), g0 = combine(g, {0.5, 0.5});
    return dot(gw, g0) + 0.5 * std::sqrt(dot(g0, g0)) * std::sqrt(dot(gw, gw));
  };
  double best = 0;
  for (int k = 0; k <= 100000; ++k)
    if (objective(k / 1e5) < objective(best)) best = k / 1e5;
  const Vector a = weights("cagrad", g);  // a_t = 1 + 2 pull w_t
  const double w = (a[0] - 1) / (a[0] + a[1] - 2);
  CHECK(w == Approx(best).epsilon(1e-3));
}

// The objective falls along no edge from w to a corner: its slope towards corner t is v_t - w . v with
// v = G 1 / T + c |g_0| G w / |g_w|.
TEST_CASE("balancing: CAGrad finds the least point of three and four tasks") {
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    const std::size_t n = 3 + static_cast<std::size_t>(round) % 2;
    const double c = round % 3 == 0 ? 0.9 : 0.5;
    Gradients g(n, Vector(8));
    for (std::size_t t = 0; t < n; ++t)
      for (double& value : g[t])
        value = random.normal() * (round % 4 == 0 ? std::pow(10.0, static_cast<double>(t)) : 1);
    const Vector a = CaGrad(n, {c}).weights({{}, gram_of(g), 0});
    Vector w(n);
    double sum = 0;
    for (double x : a) sum += x - 1;
    for (std::size_t t = 0; t < n; ++t) w[t] = (a[t] - 1) / sum;
    const Vector g0 = combine(g, Vector(n, 1 / static_cast<double>(n))), gw = combine(g, w);
    const double pull = c * std::sqrt(dot(g0, g0) / dot(gw, gw));
    const double here = dot(gw, g0) + pull * dot(gw, gw);
    for (std::size_t t = 0; t < n; ++t) {
      CHECK(w[t] >= 0);
      const double slope = dot(g[t], g0) + pull * dot(g[t], gw) - here;
      CHECK_MESSAGE(slope > -1e-6 * std::sqrt(dot(g[t], g[t]) * dot(g0, g0)), "round " << round << ", task " << t);
      CHECK_MESSAGE(std::fabs(slope * w[t]) < 1e-6 * dot(g0, g0), "round " << round << ", task " << t);
    }
  }
}

TEST_CASE("balancing: IMTL projects equally on every task's unit gradient") {
  for (const Gradients& g : {kRightAngle, kConflict}) {
    const Vector a = weights("imtl", g), step = combine(g, a);
    CHECK(a[0] + a[1] == Approx(2));
    CHECK(dot(step, g[0]) / std::sqrt(dot(g[0], g[0])) == Approx(dot(step, g[1]) / std::sqrt(dot(g[1], g[1]))));
  }
  CHECK(weights("imtl", kRightAngle)[0] == Approx(0.5));  // a ~ 1/|g|: 1/3 to 1
}

TEST_CASE("balancing: Nash-MTL solves G a = 1 / a") {
  const Vector a = weights("nashmtl", kRightAngle);
  CHECK(a[0] == Approx(1.0 / 3));
  CHECK(a[1] == Approx(1));
  const Vector b = weights("nashmtl", kConflict);
  const double one = 1 / std::sqrt(1 - std::sqrt(0.5));
  CHECK(b[0] == Approx(one));
  CHECK(b[1] == Approx(one / std::sqrt(2)));
  for (const Gradients& g : {kConflict, kThree}) {
    const Vector c = weights("nashmtl", g), step = combine(g, c);
    for (std::size_t t = 0; t < g.size(); ++t) CHECK(dot(step, g[t]) * c[t] == Approx(1).epsilon(1e-3));
  }
}

TEST_CASE("balancing: opposite gradients leave every method finite") {
  for (const std::string& name : balancing_methods())
    for (double w : weights(name, kOpposite)) {
      CHECK_MESSAGE(std::isfinite(w), name);
      if (name != "alignedmtl") CHECK_MESSAGE(w >= 0, name);
    }
  const Vector step = combine(kOpposite, weights("nashmtl", kOpposite));
  CHECK(std::fabs(step[0]) < 1e-9);  // nothing to bargain for
}

// |sum_t a_t g_t|^2 from the Gram matrix.
double square(const Vector& gram, const Vector& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a.size(); ++j) sum += a[i] * a[j] * gram[i * a.size() + j];
  return sum;
}

TEST_CASE("balancing: MGDA's step is the shortest of the convex hull") {
  const Vector right = weights("mgda", kRightAngle);  // a ~ 1 / |g|^2: (1/10, 9/10), times 2
  CHECK(right[0] == Approx(0.2).epsilon(1e-6));
  CHECK(right[1] == Approx(1.8).epsilon(1e-6));
  CHECK(weights("mgda", {{1, 0}, {3, 0}})[1] == 0);  // the shorter one alone
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    const std::size_t n = 2 + static_cast<std::size_t>(round) % 4;
    Gradients g(n, Vector(3));  // up to five tasks in three dimensions: often the hull contains 0
    for (Vector& x : g)
      for (double& value : x) value = random.normal();
    const Vector gram = gram_of(g), a = weights("mgda", g);
    for (std::size_t t = 0; t < n; ++t) {  // optimal: no corner lies further down
      double product = 0;
      for (std::size_t i = 0; i < n; ++i) product += gram[t * n + i] * a[i];
      CHECK(product * static_cast<double>(n) >= square(gram, a) - 1e-6);
      CHECK(a[t] >= 0);
    }
  }
}

TEST_CASE("balancing: UPGrad projects every gradient on the cone where nobody loses") {
  CHECK(weights("upgrad", kRightAngle)[0] == Approx(1).epsilon(1e-3));
  // kConflict: g_1 = (1, 0) projected is (1/2, 1/2) = g_1 + g_2 / 2, g_2 = (-1, 1) becomes (0, 1) = g_1 + g_2.
  const Vector a = weights("upgrad", kConflict);
  CHECK(a[0] == Approx(2).epsilon(1e-3));
  CHECK(a[1] == Approx(1.5).epsilon(1e-3));
  for (const Gradients& g : {kConflict, kThree}) {
    const Vector d = combine(g, weights("upgrad", g));
    for (const Vector& x : g) CHECK(dot(d, x) > -1e-3);
  }
}

TEST_CASE(
    "balancing: Aligned-MTL gives every principal direction the length of the shortest; weights may be negative") {
  const Vector right = weights("alignedmtl", kRightAngle);  // eigenvalues 9 and 1
  CHECK(right[0] == Approx(1.0 / 3));
  CHECK(right[1] == Approx(1));
  for (const Gradients& g : {kConflict, kThree}) {
    const std::size_t n = g.size();
    const Vector gram = gram_of(g), a = weights("alignedmtl", g);
    // With the symmetric root R = G^(1/2):  a = sqrt(l_min) R^-1 1,  so  a^T G a = l_min T.
    double least = 1e9;
    for (double l : symmetric_eigen(gram).values) least = std::min(least, l);
    CHECK(square(gram, a) == Approx(least * static_cast<double>(n)).epsilon(1e-9));
  }
  const Vector odd = weights("alignedmtl", {{1, 0}, {10, 1}});
  CHECK(odd[0] > 0);
  CHECK(odd[1] < 0);
}

TEST_CASE("balancing: FairGrad solves (G a)_t = a_t^(-1/alpha); alpha 1 is Nash-MTL") {
  for (const Gradients& g : {kRightAngle, kConflict, kThree, Gradients{{1e-4, 0}, {0, 2e-3}}})
    for (double alpha : {0.5, 1.0, 2.0}) {
      const Vector gram = gram_of(g), a = FairGrad(g.size(), {alpha}).weights({{}, gram, 0});
      for (std::size_t t = 0; t < g.size(); ++t) {
        double left = 0;
        for (std::size_t i = 0; i < g.size(); ++i) left += gram[t * g.size() + i] * a[i];
        CHECK(left == Approx(std::pow(a[t], -1 / alpha)).epsilon(1e-5));
      }
    }
  const Vector fair = weights("fairgrad", kThree), nash = weights("nashmtl", kThree);
  for (std::size_t t = 0; t < 3; ++t) CHECK(fair[t] == Approx(nash[t]).epsilon(1e-3));
}

TEST_CASE("balancing: weights from the losses alone, by hand") {
  const Vector losses{4, 1}, gram{9, 0, 0, 1};
  const auto of = [&](const std::string& name) { return make(name, 2)->weights({losses, gram, 0}); };
  CHECK(of("scaleinvariant") == Vector{0.25, 1});
  CHECK(of("gls")[0] == Approx(0.25));  // sqrt(4) / (2 * 4)
  CHECK(of("gls")[1] == Approx(1));
  CHECK(of("dbmtl")[0] == Approx(1.0 / 3));  // |g| / L = 3/4 and 1; all as long as the longest, 1
  CHECK(of("dbmtl")[1] == Approx(1));
  SmoothTchebycheff stch(2, {0.5, 1});
  CHECK(stch.weights({losses, {}, 0}) == Vector{0.25, 1});
  stch.start_epoch({{2, 2}});
  const double x = std::pow(2, 2), y = std::pow(0.5, 2);  // (L / nadir)^(1 / mu)
  const Vector a = stch.weights({losses, {}, 1});
  CHECK(a[0] == Approx(2 * x / (x + y) / 4));
  CHECK(a[1] == Approx(2 * y / (x + y)));
}

TEST_CASE("balancing: random weights have mean 1, differ in every step and are the same for the same seed") {
  RandomLossWeights rlw(2, 7), again(2, 7);
  double sum = 0, squares = 0;
  for (int step = 0; step < 4000; ++step) {
    const Vector a = rlw.weights({{1, 1}, {}, step});
    CHECK(a == again.weights({{1, 1}, {}, step}));
    sum += a[0];
    squares += (a[0] - 1) * (a[0] - 1);
  }
  CHECK(sum / 4000 == Approx(1).epsilon(0.03));
  // 2 sigmoid(x) - 1 = tanh(x / 2), x the difference of two normal numbers; its mean square is 0.2736.
  CHECK(squares / 4000 == Approx(0.2736).epsilon(0.05));
}

TEST_CASE("balancing: a gradient or a loss of exactly zero leaves every method finite") {
  for (const Gradients& g : {Gradients{{0, 0}, {1, 2}}, Gradients{{0, 0}, {0, 0}}, Gradients{{0, 0}, {1, 2}, {-1, 0}}})
    for (const std::string& name : balancing_methods()) {
      auto balancer = make(name, g.size());
      for (int step = 0; step < 3; ++step) {
        Vector losses(g.size(), 1.0);
        losses[0] = 0;
        for (double w : balancer->weights({losses, gram_of(g), step})) {
          CHECK_MESSAGE(std::isfinite(w), name);
        }
      }
    }
}

// L_1 = |x - p|^2 / 2 and L_2 = k |x - q|^2 / 2: the best points of both lie on the segment from p to q, where the
// gradients are opposite.  Every method must end there; the equal sum at (p + k q) / (1 + k).
TEST_CASE("balancing: two quadratics end between their minima") {
  const Vector p{0, 0}, q{2, 0};
  const double k = 10;
  for (const std::string& name : balancing_methods()) {
    auto balancer = make(name, 2);
    Vector x{-1, 3};
    for (int step = 0; step < 4000; ++step) {
      const Gradients g{{x[0] - p[0], x[1] - p[1]}, {k * (x[0] - q[0]), k * (x[1] - q[1])}};
      const Vector losses{dot(g[0], g[0]) / 2, dot(g[1], g[1]) / k / 2};
      const Vector d = combine(g, balancer->weights({losses, gram_of(g), step}));
      const double rate = 0.02 / (1 + 0.01 * step);
      for (int i = 0; i < 2; ++i) x[static_cast<std::size_t>(i)] -= rate * d[static_cast<std::size_t>(i)];
    }
    CHECK_MESSAGE(std::fabs(x[1]) < 0.05, name << " ended at " << x[0] << ", " << x[1]);
    CHECK_MESSAGE(x[0] > -0.05, name << " ended at " << x[0] << ", " << x[1]);
    CHECK_MESSAGE(x[0] < 2.05, name << " ended at " << x[0] << ", " << x[1]);
    if (name == "equal") CHECK(x[0] == Approx(2 * k / (1 + k)).epsilon(1e-3));
  }
}

TEST_CASE("balancing: state goes on where it stopped") {
  for (const std::string& name : balancing_methods()) {
    auto one = make(name, 2), two = make(name, 2);
    const BalanceInput a{{2, 1}, gram_of(kConflict), 0}, b{{1, 0.9}, gram_of(kRightAngle), 1};
    one->weights(a);
    two->set_state(one->state());
    CHECK_MESSAGE(one->weights(b) == two->weights(b), name);
  }
}

TEST_CASE("balancing: bad options are named") {
  BalanceOptions options;
  options.name = "magic";
  CHECK_THROWS_WITH_AS(make_balancer(options, 2),
                       doctest::Contains("balancing magic: expected one of equal, fixed, rlw"), InputError);
  options.name = "fixed";
  options.own["task-weights"] = Vector{1};
  CHECK_THROWS_WITH_AS(make_balancer(options, 2), doctest::Contains("1 weights for 2 tasks"), InputError);
  options.own["task-weights"] = Vector{1, -1};
  CHECK_THROWS_WITH_AS(make_balancer(options, 2), doctest::Contains("task-weights -1: expected 0 or more"), InputError);
}
