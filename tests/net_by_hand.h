// A network's layers once more, from its parameters by name and the ops alone: the second opinion on what an
// architecture computes.  For networks in evaluation, of resunet and batch norm, whose running means are 0 and
// variances 1, as at the start.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "mtl/networks/model.h"
#include "tests/op_case.h"

namespace medusa::test {

struct NetByHand {
  std::map<std::string, Var> parameter;
  explicit NetByHand(const mtl::Model& model) {
    for (const nn::Parameter& p : model.parameters()) parameter[p.name] = p.var;
  }
  Var conv_norm(const std::string& conv_name, const std::string& norm, const Var& x) {
    const Var w = parameter.at(conv_name + ".weight");
    Tensor zeros = Tensor::zeros({w.size(-1)}), ones = Tensor::ones({w.size(-1)});
    return batch_norm(conv(x, w, {}, ConvOptions::same(w.size(0))), parameter.at(norm + ".weight"),
                      parameter.at(norm + ".bias"), zeros, ones, false);
  }
  Var conv_norm(const std::string& name, const Var& x) { return conv_norm(name + ".conv", name + ".norm", x); }
  Var block(const std::string& name, const Var& x) {
    const Var inner = relu(conv_norm(name + ".conv1", name + ".norm1", x));
    const Var skip = parameter.count(name + ".skip.conv.weight") ? conv_norm(name + ".skip", x) : x;
    return relu(conv_norm(name + ".conv2", name + ".norm2", inner) + skip);
  }
  // p_j of the encoder `name`
  Var level(const std::string& name, std::size_t j, const Var& x) {
    const std::string stage = name + ".stages." + std::to_string(j);
    const Var in = j == 0 ? relu(conv_norm(name + ".stem", x)) : max_pool(x);
    return block(stage + ".last", block(stage + ".first", in));
  }
  // Step i of the decoder `name`: d at twice the resolution, beside `skip`.
  Var decoder_step(const std::string& name, std::size_t i, const Var& d, const Var& skip) {
    const std::string up = name + ".up." + std::to_string(i);
    ConvOptions doubling;
    doubling.stride = {2, 2, 2};
    const Var wide = conv_transpose(d, parameter.at(up + ".weight"), parameter.at(up + ".bias"), doubling);
    return block(name + ".blocks." + std::to_string(i), concat({wide, skip}));
  }
  Var pixel_head(const std::string& name, const Var& x) {
    return conv(x, parameter.at(name + ".conv.weight"), parameter.at(name + ".conv.bias"));
  }
  Var image_head(const std::string& name, const Var& x) {
    const auto fc = [&](const std::string& layer, const Var& in) {
      return linear(in, parameter.at(name + layer + ".weight"), parameter.at(name + layer + ".bias"));
    };
    return fc(".fc2", relu(fc(".fc1", global_avg_pool(x))));
  }
  // decoder: "" for an image-level task
  Var branch(const std::string& decoder, const std::string& head, const std::vector<Var>& features) {
    if (decoder.empty()) return image_head(head, features.back());
    Var d = features.back();
    for (std::size_t i = features.size() - 1; i-- > 0;) d = decoder_step(decoder, i, d, features[i]);
    return pixel_head(head, d);
  }
};

// Two or three tasks, the second of them image-level, on pictures or volumes of three channels; widths 4 and 6.
inline mtl::ModelConfig small_config(const std::string& arch, std::size_t tasks = 2, int spatial_dims = 2) {
  mtl::ModelConfig c;
  c.arch = arch;
  c.spatial_dims = spatial_dims;
  c.widths = {4, 6};
  for (const char* name : {"lesion", "diagnosis", "border"}) {
    mtl::Task t;
    t.name = name;
    t.kind = t.name == "diagnosis" ? TaskKind::Classification : TaskKind::Segmentation;
    t.channels = t.name == "diagnosis" ? 7 : 1;
    c.tasks.push_back(t);
  }
  c.tasks.resize(tasks);
  return c;
}

// Every parameter from [0.5, 1.5) where it belongs to a norm, else normal and small, as nothing would be left alone.
inline void randomize(mtl::Model& model, std::uint64_t stream = 0) {
  for (nn::Parameter& p : model.parameters()) {
    Tensor values =
        draw(p.name.find("norm") == std::string::npos ? normal(p.var.shape()) : positive(p.var.shape()), ++stream);
    if (p.name.find("norm") == std::string::npos) values = (Var(values) * real(0.3)).value();
    p.var.value().copy_from(values);
  }
}

inline Var small_image(int spatial_dims = 2, std::uint64_t stream = 7) {
  return Var(draw(normal(spatial_dims == 2 ? Shape{2, 4, 6, 3} : Shape{2, 4, 6, 2, 3}), stream));
}

inline double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<real> x = a.to_vector(), y = b.to_vector();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  return worst;
}

inline void check_same(const std::vector<Var>& got, const std::vector<Var>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t t = 0; t < got.size(); ++t) CHECK(got[t].value().to_vector() == want[t].value().to_vector());
}

inline void check_near(const std::vector<Var>& got, const std::vector<Var>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t t = 0; t < got.size(); ++t) {
    double largest = 0;
    for (real v : want[t].value().to_vector()) largest = std::max(largest, std::fabs(static_cast<double>(v)));
    CHECK(largest > 1e-3);
    CHECK(distance(got[t].value(), want[t].value()) <= (sizeof(real) == 4 ? 2e-5 : 1e-12) * std::max(largest, 1.0));
  }
}

// Gives `to` the values that `from` has under the name that `renamed` makes of each of to's, where from has it.
template <class Renamed>
void copy_parameters(mtl::Model& to, const mtl::Model& from, Renamed renamed) {
  std::map<std::string, Var> values;
  for (const nn::Parameter& p : from.parameters()) values[p.name] = p.var;
  for (nn::Parameter& p : to.parameters()) {
    const auto found = values.find(renamed(p.name));
    if (found != values.end()) p.var.value().copy_from(found->second.value());
  }
}

// A scalar that all outputs have a part in, each value with a weight of its own; and the same, added up in double.
inline Tensor loss_weights(const Var& y, std::size_t t) { return draw(normal(y.shape()), 101 + t); }
inline Var loss_of_all(const std::vector<Var>& outputs) {
  Var loss = weighted_sum(outputs[0], loss_weights(outputs[0], 0));
  for (std::size_t t = 1; t < outputs.size(); ++t) loss = loss + weighted_sum(outputs[t], loss_weights(outputs[t], t));
  return loss;
}
inline double loss_in_double(const std::vector<Var>& outputs) {
  double loss = 0;
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    const std::vector<real> y = outputs[t].value().to_vector(), w = loss_weights(outputs[t], t).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i) loss += static_cast<double>(w[i]) * static_cast<double>(y[i]);
  }
  return loss;
}

// The gradients of parameters whose name begins with `prefix`, element by element against central differences of the
// whole network; the largest difference, relative to the largest gradient.
inline double gradient_error(mtl::Model& model, const Var& x, const std::string& prefix) {
  model.zero_grad();
  loss_of_all(model.outputs(x)).backward();
  const NoGrad no_grad;
  const double step = sizeof(real) == 8 ? 1e-6 : 1e-3;
  double worst = 0, largest = 0;
  for (nn::Parameter& p : model.parameters()) {
    if (p.name.rfind(prefix, 0) != 0) continue;
    const std::vector<real> start = p.var.value().to_vector(), gradient = p.var.grad().to_vector();
    for (std::size_t k = 0; k < start.size(); ++k) {
      const auto loss_at = [&](double moved) {
        std::vector<real> values = start;
        values[k] = static_cast<real>(static_cast<double>(start[k]) + moved);
        p.var.value().copy_from(Tensor::from(values, p.var.shape()));
        return loss_in_double(model.outputs(x));
      };
      const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
      p.var.value().copy_from(Tensor::from(start, p.var.shape()));
      worst = std::fmax(worst, std::fabs(difference - static_cast<double>(gradient[k])));
      largest = std::fmax(largest, std::fabs(static_cast<double>(gradient[k])));
    }
  }
  REQUIRE(largest > 1e-3);
  return worst / largest;
}
constexpr double kGradientTolerance = sizeof(real) == 8 ? 1e-6 : 2e-2;

}  // namespace medusa::test
