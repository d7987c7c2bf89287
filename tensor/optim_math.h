// A step of an optimiser on one number.  Both backends use these very lines.
#pragma once

#include <cmath>

#include "tensor/real.h"

namespace medusa {

// The hyperparameters are double, since 1 - beta2 needs more digits than a float beta2 has; what the step needs of them
// is rounded to `real` once.
struct SgdStep {
  real lr, mu, weight_decay, grad_scale;

  MEDUSA_HD SgdStep(double lr, double mu, double weight_decay, double grad_scale)
      : lr(static_cast<real>(lr)),
        mu(static_cast<real>(mu)),
        weight_decay(static_cast<real>(weight_decay)),
        grad_scale(static_cast<real>(grad_scale)) {}

  MEDUSA_HD void plain(real& p, real g) const { p -= lr * (g * grad_scale + weight_decay * p); }
  MEDUSA_HD void with_momentum(real& p, real g, real& momentum, bool nesterov) const {
    const real d = g * grad_scale + weight_decay * p;
    const real m = mu * momentum + d;
    momentum = m;
    p -= lr * (nesterov ? d + mu * m : m);
  }
};

// bias_i = 1 - beta_i^step
struct AdamStep {
  real beta1, beta2, rest1, rest2;  // rest = 1 - beta
  real keep, l2;                    // weight decay: on the parameter, on the gradient
  real rate, root_bias2, eps, grad_scale;

  MEDUSA_HD AdamStep(double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled,
                     double bias1, double bias2, double grad_scale)
      : beta1(static_cast<real>(beta1)),
        beta2(static_cast<real>(beta2)),
        rest1(static_cast<real>(1 - beta1)),
        rest2(static_cast<real>(1 - beta2)),
        keep(static_cast<real>(decoupled ? 1 - lr * weight_decay : 1)),
        l2(static_cast<real>(decoupled ? 0 : weight_decay)),
        rate(static_cast<real>(lr / bias1)),
        root_bias2(static_cast<real>(std::sqrt(bias2))),
        eps(static_cast<real>(eps)),
        grad_scale(static_cast<real>(grad_scale)) {}

  MEDUSA_HD void operator()(real& p, real g, real& m, real& v) const {
    const real d = g * grad_scale + l2 * p;
    const real mean = beta1 * m + rest1 * d;
    const real square = beta2 * v + rest2 * d * d;
    m = mean;
    v = square;
    p = p * keep - rate * (mean / (std::sqrt(square) / root_bias2 + eps));
  }
};

}  // namespace medusa
