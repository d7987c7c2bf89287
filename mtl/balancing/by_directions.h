// Balancing by the directions of the gradients, second part: MGDA, UPGrad, Aligned-MTL, FairGrad, DB-MTL.
// A task whose gradient is exactly zero is left out: its weight has no effect, so it is 0.
#pragma once

#include "mtl/balancing/balancer.h"

namespace medusa::mtl {

// MGDA (Desideri 2012; Sener and Koltun 2018, eq. 3): the shortest vector in the convex hull of the gradients, which
// falls for every task:   a = argmin over the simplex of |sum_t a_t g_t|^2.   Scaled by T [ours].  A corner is reached
// exactly, where the public code stops at 0.999.
class Mgda : public Balancer {
 public:
  explicit Mgda(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// UPGrad (Quinton and Rey 2024, eq. 4 and proposition 1): each g_t is projected on the dual cone {d: g_i . d >= 0 for
// all i}, where nobody loses, and the projections are added:  a = sum_t argmin over v >= e_t of v^T G v.   As in the
// public code G is divided by its trace and gets 1e-4 on its diagonal, so that the minimum is one point; its rule that
// gradients with a trace under 1e-4 get the plain mean is left out [ours].
class UpGrad : public Balancer {
 public:
  explicit UpGrad(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// Aligned-MTL (Senushkin, Patakin, Kuznetsov, Konushin 2023, eq. 15): the gradients become orthogonal and as long as
// the shortest principal direction:   G = V diag(l) V^T,   a = sqrt(l_min) V diag(l)^(-1/2) V^T 1,   over the
// eigenvalues l that are not zero.  Weights may be negative.
class AlignedMtl : public Balancer {
 public:
  explicit AlignedMtl(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// FairGrad (Ban and Ji 2024, eq. 8): alpha-fair shares of the progress:   (G a)_t = a_t^(-1 / alpha).   alpha = 1 is
// Nash-MTL, larger is fairer.
class FairGrad : public Balancer {
 public:
  struct Options {
    double alpha = 1;
    void declare(medusa::Options& o) { o.add("fairgrad-alpha", alpha, "larger is fairer").above(0); }
  };
  FairGrad(std::size_t tasks, const Options& options) : Balancer(tasks), alpha_(options.alpha) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;

 private:
  double alpha_;
};

// DB-MTL (Lin et al. 2023, beta = 0): the gradients of the log-losses, all as long as the longest of them:
//   a_t = max_i (|g_i| / L_i) / |g_t|.
class DbMtl : public Balancer {
 public:
  explicit DbMtl(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

}  // namespace medusa::mtl
