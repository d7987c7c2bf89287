#include "mtl/training/train_state.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace medusa::mtl {

using Json = nlohmann::ordered_json;

namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// NaN becomes null, and back.
Json vector_json(const std::vector<double>& values) {
  Json json = Json::array();
  for (double value : values) json.push_back(number(value));
  return json;
}
std::vector<double> vector_from(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) values.push_back(value.is_null() ? std::nan("") : value.get<double>());
  return values;
}
Json means_json(const Means& means) { return {vector_json(means.sum), vector_json(means.count)}; }
Means means_from(const Json& json) {
  Means means;
  means.sum = vector_from(json.at(0));
  means.count = vector_from(json.at(1));
  return means;
}

}  // namespace

std::vector<double> Means::values() const {
  std::vector<double> means;
  for (std::size_t i = 0; i < sum.size(); ++i) means.push_back(count[i] > 0 ? sum[i] / count[i] : std::nan(""));
  return means;
}

std::string to_json(const TrainState& s) {
  Json groups = Json::array();
  for (const TrainState::Group& g : s.groups)
    groups.push_back({{"best_epoch", g.best_epoch},
                      {"best", g.best},
                      {"waited", g.waited},
                      {"stopped", g.stopped},
                      {"optimizer_steps", g.optimizer_steps}});
  Json balancer = Json::object(), epoch_losses = Json::array();
  for (const auto& [name, values] : s.balancer) balancer[name] = vector_json(values);
  for (const std::vector<double>& losses : s.epoch_losses) epoch_losses.push_back(vector_json(losses));
  return Json{{"data", s.data},
              {"epoch", s.epoch},
              {"batch", s.batch},
              {"step", s.step},
              {"seed", s.random.seed},
              {"stream", s.random.stream},
              {"loss", means_json(s.loss)},
              {"task_weight", means_json(s.task_weight)},
              {"shared_norm", means_json(s.shared_norm)},
              {"cosine", means_json(s.cosine)},
              {"norm_sum", s.norm_sum},
              {"norm_max", s.norm_max},
              {"images", s.images},
              {"seconds", s.seconds},
              {"waited", s.waited},
              {"groups", groups},
              {"balancer", balancer},
              {"epoch_losses", epoch_losses}}
      .dump();
}

TrainState train_state_from_json(const std::string& text) {
  const Json json = Json::parse(text);
  TrainState s;
  s.data = json.at("data").get<std::string>();
  s.epoch = json.at("epoch").get<std::int64_t>();
  s.batch = json.at("batch").get<std::int64_t>();
  s.step = json.at("step").get<std::int64_t>();
  s.random = {json.at("seed").get<std::uint64_t>(), json.at("stream").get<std::uint64_t>()};
  s.loss = means_from(json.at("loss"));
  s.task_weight = means_from(json.at("task_weight"));
  s.shared_norm = means_from(json.at("shared_norm"));
  s.cosine = means_from(json.at("cosine"));
  s.norm_sum = json.at("norm_sum").get<double>();
  s.norm_max = json.at("norm_max").get<double>();
  s.images = json.at("images").get<std::int64_t>();
  s.seconds = json.at("seconds").get<double>();
  s.waited = json.value("waited", 0.0);
  for (const Json& g : json.at("groups"))
    s.groups.push_back({g.at("best_epoch").get<std::int64_t>(), g.at("best").get<double>(),
                        g.at("waited").get<std::int64_t>(), g.at("stopped").get<bool>(),
                        g.at("optimizer_steps").get<std::int64_t>()});
  for (const auto& [name, values] : json.at("balancer").items()) s.balancer[name] = vector_from(values);
  for (const Json& losses : json.at("epoch_losses")) s.epoch_losses.push_back(vector_from(losses));
  return s;
}

}  // namespace medusa::mtl
