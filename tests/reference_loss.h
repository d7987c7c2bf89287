// Specification of the losses.
#pragma once

#include <functional>

#include "tests/reference.h"

namespace medusa::reference {

inline Array scalar(double value) {
  Array y(Shape{1});
  y[0] = value;
  return y;
}

// sum m f(x, t) / sum m, one mask value for all channels of a place (or per element); 0 where the mask is empty.
inline Array pointwise_loss(const Array& x, const Array& t, const Array* m,
                            const std::function<double(double, double)>& f) {
  double sum = 0, weight = 0;
  const std::int64_t n = x.shape.numel(), per_value = m != nullptr ? n / m->shape.numel() : 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const double w = m != nullptr ? (*m)[i / per_value] : 1;
    sum += w * f(x[i], t[i]);
    weight += w;
  }
  return scalar(weight != 0 ? sum / weight : 0);
}

inline double log_softmax(const Array& x, std::int64_t row, std::int64_t k) {
  double sum = 0;
  for (std::int64_t j = 0; j < x.size(-1); ++j) sum += std::exp(x[row * x.size(-1) + j]);
  return x[row * x.size(-1) + k] - std::log(sum);
}

// As torch.nn.functional.cross_entropy with reduction "mean"; weight and m may be null.
inline Array cross_entropy(const Array& x, const Array& label, const Array* weight, const Array* m, int ignore,
                           double smoothing) {
  double sum = 0, total = 0;
  const std::int64_t classes = x.size(-1), rows = x.shape.numel() / classes;
  for (std::int64_t i = 0; i < rows; ++i) {
    const int y = static_cast<int>(label[i]);
    if (y == ignore) continue;
    const double mask = m != nullptr ? (*m)[i] : 1, w = weight != nullptr ? (*weight)[y] : 1;
    sum += mask * (1 - smoothing) * w * -log_softmax(x, i, y);
    for (std::int64_t k = 0; k < classes; ++k)
      sum += mask * smoothing / static_cast<double>(classes) * (weight != nullptr ? (*weight)[k] : 1) *
             -log_softmax(x, i, k);
    total += mask * w;
  }
  return scalar(total != 0 ? sum / total : 0);
}

// 1 - mean over samples and channels of (2 sum m p t + s) / (sum m p + sum m t + s).
inline Array dice(const Array& p, const Array& t, const Array* m, double smooth) {
  const std::int64_t n = p.size(0), channels = p.size(-1), space = p.shape.numel() / (n * channels);
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < channels; ++c) {
      double both = 0, size = 0;
      for (std::int64_t s = 0; s < space; ++s) {
        const std::int64_t at = (i * space + s) * channels + c;
        const double w = m != nullptr ? (*m)[i * space + s] : 1;
        both += w * p[at] * t[at];
        size += w * (p[at] + t[at]);
      }
      total += (2 * both + smooth) / (size + smooth);
    }
  return scalar(1 - total / static_cast<double>(n * channels));
}

// Structures [N, S, C] that may overlap: Dice of the sigmoid and BCE of each outlined structure of each sample, the
// mean over these; m [N, 1, .., 1, C] says which are outlined.
inline Array structures(const Array& x, const Array& t, const Array& m, double smooth) {
  const std::int64_t n = x.size(0), channels = x.size(-1), places = x.shape.numel() / n / channels;
  double sum = 0, outlined = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < channels; ++c) {
      if (m[i * channels + c] == 0) continue;
      double both = 0, predicted = 0, truth = 0, bce = 0;
      for (std::int64_t k = 0; k < places; ++k) {
        const double y = x[(i * places + k) * channels + c], yes = t[(i * places + k) * channels + c];
        const double p = 1 / (1 + std::exp(-y));
        both += p * yes;
        predicted += p;
        truth += yes;
        bce -= yes * std::log(p) + (1 - yes) * std::log(1 - p);
      }
      sum += 1 - (2 * both + smooth) / (predicted + truth + smooth) + bce / static_cast<double>(places);
      outlined += 1;
    }
  return scalar(outlined > 0 ? sum / outlined : 0);
}

}  // namespace medusa::reference
