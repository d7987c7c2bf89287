// last.safetensors, best.safetensors and metrics.jsonl.
#include "mtl/training/run_folder.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "nn/safetensors.h"
#include "tensor/file.h"

namespace medusa::mtl {

using Json = nlohmann::ordered_json;

namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json values_json(const std::vector<Task>& tasks, const std::vector<double>& values) {
  Json json = Json::object();
  for (std::size_t t = 0; t < tasks.size(); ++t) json[tasks[t].name] = number(values[t]);
  return json;
}

// Pairs of tasks: {"a,b": value}.
Json pairs_json(const std::vector<Task>& tasks, const std::vector<double>& matrix) {
  Json json = Json::object();
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (std::size_t j = i + 1; j < tasks.size(); ++j)
      json[tasks[i].name + "," + tasks[j].name] = number(matrix[i * tasks.size() + j]);
  return json;
}

// Vectors that keep NaN, as null.
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

Json evaluation_json(const std::vector<Task>& tasks, const Evaluation& evaluation) {
  Json json = Json::object();
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    Json& task = json[tasks[t].name] = Json::object();
    for (const std::string& metric : all_metric_names(tasks[t]))
      task[metric] = number(evaluation[t].metrics.at(metric));
  }
  return json;
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

TrainState state_from_json(const std::string& text) {
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

std::string prefix_of(std::size_t group) { return fmt::format("optimizer.{}.", group); }

// The state of a checkpoint's metadata; throws InputError where it does not fit the model.
TrainState read_state(const std::string& path, std::size_t tasks, std::size_t groups) {
  const nn::SafetensorsReader reader(path);
  const auto text = reader.metadata().find("state");
  MEDUSA_CHECK_INPUT(text != reader.metadata().end(), "{}: holds no training state to go on from", path);
  try {
    TrainState state = state_from_json(text->second);
    MEDUSA_CHECK_INPUT(state.groups.size() == groups && state.loss.sum.size() == tasks &&
                           state.loss.count.size() == tasks && state.task_weight.sum.size() == tasks &&
                           state.shared_norm.sum.size() == tasks && state.cosine.sum.size() == tasks * tasks,
                       "{}: its training state is of other tasks", path);
    return state;
  } catch (const nlohmann::json::exception& error) {
    fail_input("{}: its training state is malformed: {}", path, error.what());
  }
}

}  // namespace

std::vector<double> Means::values() const {
  std::vector<double> means;
  for (std::size_t i = 0; i < sum.size(); ++i) means.push_back(count[i] > 0 ? sum[i] / count[i] : std::nan(""));
  return means;
}

Weights copy_weights(const Model& model) {
  Weights weights;
  for (const nn::Parameter& p : model.parameters()) weights[p.name] = p.var.value().clone();
  for (const nn::Buffer& b : model.buffers()) weights[b.name] = b.tensor.clone();
  return weights;
}

void set_weights(Model& model, const Weights& weights) {
  for (nn::Parameter& p : model.parameters()) p.var.value().copy_from(weights.at(p.name));
  for (nn::Buffer& b : model.buffers()) b.tensor.copy_from(weights.at(b.name));
}

void RunFolder::save_last(const Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers,
                          const TrainState& state) const {
  if (!exists()) return;
  TrainState full = state;
  full.random = op_seed_state();
  nn::Checkpoint checkpoint;
  for (std::size_t g = 0; g < optimizers.size(); ++g) {
    full.groups[g].optimizer_steps = optimizers[g]->steps();
    for (const auto& [name, tensor] : optimizers[g]->state()) checkpoint.extra[prefix_of(g) + name] = tensor;
  }
  checkpoint.metadata = {{"model", to_json(model.config())}, {"state", to_json(full)}};
  nn::save_checkpoint(file("last.safetensors"), model, checkpoint);
}

void RunFolder::save_best(Model& model, const Weights& best, const TrainState& state) const {
  if (!exists()) return;
  const Weights current = copy_weights(model);
  set_weights(model, best);
  Json epochs = Json::array();
  for (const TrainState::Group& g : state.groups) epochs.push_back(g.best_epoch);
  nn::Checkpoint checkpoint;
  checkpoint.metadata = {{"model", to_json(model.config())}, {"best_epochs", epochs.dump()}};
  try {
    nn::save_checkpoint(file("best.safetensors"), model, checkpoint);
  } catch (...) {
    set_weights(model, current);
    throw;
  }
  set_weights(model, current);
}

void RunFolder::add_epoch(const std::vector<Task>& tasks, const EpochReport& r) {
  if (!exists()) return;
  Json line{{"epoch", r.epoch}, {"step", r.step}, {"lr", number(r.lr)}, {"loss", values_json(tasks, r.losses)}};
  if (r.val) {
    std::vector<double> losses;
    for (const TaskResult& result : *r.val) losses.push_back(result.loss);
    line["val_loss"] = values_json(tasks, losses);
    line["val"] = evaluation_json(tasks, *r.val);
  }
  line["grad_norm"] = number(r.grad_norm);
  line["grad_norm_max"] = number(r.grad_norm_max);
  line["task_weight"] = values_json(tasks, r.task_weights);
  if (r.shares) {
    line["shared_grad_norm"] = values_json(tasks, r.shared_norms);
    line["cosine"] = pairs_json(tasks, r.cosines);
  }
  line["improved"] = r.improved;
  line["seconds"] = std::round(r.seconds * 1000) / 1000;
  line["images_per_second"] = std::round(r.images_per_second * 100) / 100;
  line["waited_share"] = std::round(r.waited_share * 10000) / 10000;
  lines_.push_back(line.dump());
  write_file(file("metrics.jsonl"), fmt::format("{}\n", fmt::join(lines_, "\n")));
}

void RunFolder::read_epochs(std::int64_t epochs) {
  lines_.clear();
  if (!std::filesystem::exists(file("metrics.jsonl"))) return;
  std::istringstream text(read_text_file(file("metrics.jsonl")));
  for (std::string line; std::getline(text, line);) {
    const Json json = Json::parse(line, nullptr, false);
    MEDUSA_CHECK_INPUT(json.is_object() && json.contains("epoch") && json["epoch"].is_number_integer(),
                       "{}: line {} is not a line of metrics", file("metrics.jsonl"), lines_.size() + 1);
    if (json["epoch"].get<std::int64_t>() <= epochs) lines_.push_back(line);
  }
}

bool RunFolder::resume(Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers, TrainState* state,
                       Weights* best) {
  const std::string path = file("last.safetensors");
  if (!exists() || !std::filesystem::exists(path)) return false;
  const TrainState before = read_state(path, model.tasks().size(), optimizers.size());
  MEDUSA_CHECK_INPUT(before.data == state->data, "{}: the run was begun with {}, this is {}; is it the same data?",
                     path, before.data, state->data);
  MEDUSA_CHECK_INPUT(to_json(read_model_config(path)) == to_json(model.config()),
                     "{}: was written by another network or with other class weights", path);
  nn::Checkpoint checkpoint;
  nn::load_checkpoint(path, model, true, &checkpoint);
  *state = before;
  bool any_best = false;
  for (const TrainState::Group& g : state->groups) any_best = any_best || g.best_epoch > 0;
  if (any_best) {
    const Weights current = copy_weights(model);
    nn::load_checkpoint(file("best.safetensors"), model);
    *best = copy_weights(model);
    set_weights(model, current);
  }
  for (std::size_t g = 0; g < optimizers.size(); ++g) {
    std::map<std::string, Tensor> slots;
    const std::string prefix = prefix_of(g);
    for (const auto& [name, tensor] : checkpoint.extra)
      if (name.rfind(prefix, 0) == 0) slots[name.substr(prefix.size())] = tensor;
    optimizers[g]->set_state(slots, state->groups[g].optimizer_steps);
  }
  set_op_seed_state(state->random);
  read_epochs(state->epoch);
  return true;
}

std::string metrics_json(const std::vector<Task>& tasks, const Evaluation& evaluation) {
  return evaluation_json(tasks, evaluation).dump();
}

}  // namespace medusa::mtl
