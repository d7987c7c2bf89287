// Every balancing method on gradients whose answer is known by hand, and on two quadratics.
#include <doctest/doctest.h>

#include <cmath>

#include "mtl/balancing/balancer.h"
#include "mtl/balancing/by_gradients.h"
#include "mtl/balancing/by_losses.h"
#include "tensor/check.h"

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
  UncertaintyWeighting uw(2, {0.025});
  CHECK(uw.weights({{4, 0.25}, {}, 0}) == Vector{0.5, 0.5});
  Vector a;
  for (int i = 0; i < 4000; ++i) a = uw.weights({{4, 0.25}, {}, i});
  CHECK(a[0] * 4 == Approx(0.5).epsilon(1e-3));
  CHECK(a[1] * 0.25 == Approx(0.5).epsilon(1e-3));
}

TEST_CASE("balancing: FAMO weighs relative losses, and the task that falls more slowly more") {
  Famo famo(2, {{0.5}, 0});
  const Vector first = famo.weights({{4, 1}, {}, 0});  // z = 1/2 each: a ~ 1/L, sum 1
  CHECK(first[0] == Approx(0.2));
  CHECK(first[1] == Approx(0.8));
  const Vector second = famo.weights({{2, 1}, {}, 1});  // task 0 halved, task 1 stood still
  // By hand: log decrease (ln 2, 0), J^T d = z (d - mean) = (ln 2 / 4, -ln 2 / 4).
  const double xi = 0.5 * std::log(2) / 4, z0 = std::exp(-xi) / (std::exp(-xi) + std::exp(xi));
  CHECK(second[0] == Approx((z0 / 2) / (z0 / 2 + 1 - z0)));
}

TEST_CASE("balancing: GradNorm takes one step towards equal norms, by hand") {
  GradNorm gradnorm(2, {{0.1}, 1.5});
  const Vector a = gradnorm.weights({{1, 1}, gram_of(kRightAngle), 0});  // norms 3, 1, mean 2, both ratios 1
  const double w0 = 1 - 0.1 * 3, w1 = 1 + 0.1 * 1;
  CHECK(a[0] == Approx(2 * w0 / (w0 + w1)));
  CHECK(a[1] == Approx(2 * w1 / (w0 + w1)));
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
      CHECK_MESSAGE(w >= 0, name);
    }
  const Vector step = combine(kOpposite, weights("nashmtl", kOpposite));
  CHECK(std::fabs(step[0]) < 1e-9);  // nothing to bargain for
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
          CHECK_MESSAGE(w >= 0, name);
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
                       doctest::Contains("balancing magic: expected one of equal, fixed, dwa"), InputError);
  options.name = "fixed";
  options.own["task-weights"] = Vector{1};
  CHECK_THROWS_WITH_AS(make_balancer(options, 2), doctest::Contains("1 weights for 2 tasks"), InputError);
  options.own["task-weights"] = Vector{1, -1};
  CHECK_THROWS_WITH_AS(make_balancer(options, 2), doctest::Contains("task-weights -1: expected 0 or more"), InputError);
}
