#include "mtl/training/train_state.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "nn/json.h"
#include "tensor/check.h"

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

TrainState train_state_from_json(const std::string& text, const std::string& where) {
  const Json json = nn::parse_json<Json>(text, where);
  TrainState s;
  s.data = json.at("data").get<std::string>();
  s.epoch = nn::whole_number_at<std::int64_t>(json, "epoch");
  s.batch = nn::whole_number_at<std::int64_t>(json, "batch");
  s.step = nn::whole_number_at<std::int64_t>(json, "step");
  s.random = {nn::whole_number_at<std::uint64_t>(json, "seed"), nn::whole_number_at<std::uint64_t>(json, "stream")};
  s.loss = means_from(json.at("loss"));
  s.task_weight = means_from(json.at("task_weight"));
  s.shared_norm = means_from(json.at("shared_norm"));
  s.cosine = means_from(json.at("cosine"));
  s.norm_sum = json.at("norm_sum").get<double>();
  s.norm_max = json.at("norm_max").get<double>();
  s.images = nn::whole_number_at<std::int64_t>(json, "images");
  s.seconds = json.at("seconds").get<double>();
  s.waited = json.value("waited", 0.0);
  for (const Json& g : json.at("groups"))
    s.groups.push_back({nn::whole_number_at<std::int64_t>(g, "best_epoch"), g.at("best").get<double>(),
                        nn::whole_number_at<std::int64_t>(g, "waited"), g.at("stopped").get<bool>(),
                        nn::whole_number_at<std::int64_t>(g, "optimizer_steps")});
  for (const auto& [name, values] : json.at("balancer").items()) s.balancer[name] = vector_from(values);
  for (const Json& losses : json.at("epoch_losses")) s.epoch_losses.push_back(vector_from(losses));
  return s;
}

namespace {

// What a state must be, a line each; `bad` is called with what is wrong.
template <class Bad>
void check_sums(const TrainState& s, std::size_t tasks, const Bad& bad) {
  const auto sums = [&](const char* name, const Means& means, std::size_t size) {
    if (means.sum.size() != size || means.count.size() != size)
      bad(fmt::format("has {} and {} sums of {}, expected {}", means.sum.size(), means.count.size(), name, size));
    for (std::size_t i = 0; i < size; ++i)
      if (!std::isfinite(means.sum[i]) || !(means.count[i] >= 0) || !std::isfinite(means.count[i]))
        bad(fmt::format("has an impossible sum of {}", name));
  };
  sums("loss", s.loss, tasks);
  sums("task weights", s.task_weight, tasks);
  sums("gradient norms", s.shared_norm, tasks);
  sums("cosines", s.cosine, tasks * tasks);
  for (double value : {s.norm_sum, s.norm_max, s.seconds, s.waited})
    if (!(value >= 0) || !std::isfinite(value)) bad(fmt::format("has {} as a sum of norms or seconds", value));
}

template <class Bad>
void check_groups(const TrainState& s, std::size_t groups, const Bad& bad) {
  if (s.groups.size() != groups) bad(fmt::format("has {} groups of tasks, expected {}", s.groups.size(), groups));
  for (const TrainState::Group& g : s.groups)
    if (g.best_epoch > s.epoch || g.waited > s.epoch || g.optimizer_steps > s.step || !std::isfinite(g.best))
      bad(fmt::format("has best epoch {} and {} optimiser steps after {} epochs and {} steps", g.best_epoch,
                      g.optimizer_steps, s.epoch, s.step));
}

}  // namespace

void check(const TrainState& s, std::size_t tasks, std::size_t groups,
           const std::map<std::string, std::vector<double>>& balancer, const std::string& where) {
  const auto bad = [&](const std::string& what) { fail_input("{}: its training state {}", where, what); };
  check_sums(s, tasks, bad);
  check_groups(s, groups, bad);
  if (s.batch > s.step) bad(fmt::format("has {} steps in this epoch, {} in all", s.batch, s.step));
  if (static_cast<std::int64_t>(s.epoch_losses.size()) != s.epoch)
    bad(fmt::format("has losses of {} epochs, expected {}", s.epoch_losses.size(), s.epoch));
  for (const std::vector<double>& losses : s.epoch_losses)
    if (losses.size() != tasks) bad(fmt::format("has losses of {} tasks, expected {}", losses.size(), tasks));
  for (const auto& [name, values] : s.balancer)
    if (!balancer.contains(name)) bad(fmt::format("has {}, which is not of its balancing method", name));
  for (const auto& [name, first] : balancer) {
    const auto found = s.balancer.find(name);
    if (found == s.balancer.end()) bad(fmt::format("lacks {} of its balancing method", name));
    const std::size_t size = found->second.size();
    const bool later =
        first.empty() && size == tasks;  // filled in by the first step, with NaN for a task without label
    if (size != first.size() && !later)
      bad(fmt::format("has {} numbers of {}, expected {}", size, name, first.empty() ? tasks : first.size()));
    for (double value : found->second)
      if (!std::isfinite(value) && !later) bad(fmt::format("has {} in {}", value, name));
  }
}

}  // namespace medusa::mtl
