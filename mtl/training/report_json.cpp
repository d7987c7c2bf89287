#include "mtl/training/report_json.h"

#include <cmath>

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

Json evaluation_json(const std::vector<Task>& tasks, const Evaluation& evaluation) {
  Json json = Json::object();
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    Json& task = json[tasks[t].name] = Json::object();
    for (const std::string& metric : names_in_order(tasks[t], evaluation[t].metrics))
      task[metric] = number(evaluation[t].metrics.at(metric));
  }
  return json;
}

}  // namespace

Json epoch_json(const std::vector<Task>& tasks, const EpochReport& r) {
  Json line{{"epoch", r.epoch}, {"step", r.step}, {"lr", number(r.lr)}, {"loss", values_json(tasks, r.losses)}};
  if (r.val) {
    std::vector<double> losses;
    for (const TaskResult& result : *r.val) losses.push_back(result.loss);
    line["val_loss"] = values_json(tasks, losses);
    line["val"] = evaluation_json(tasks, *r.val);
  }
  if (!r.bottleneck.empty()) line["bottleneck"] = bottleneck_json(tasks, r.bottleneck);
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
  return line;
}

Json bottleneck_json(const std::vector<Task>& tasks, const std::vector<BottleneckFigures>& figures) {
  Json json = Json::object();
  for (const BottleneckFigures& f : figures)
    json[tasks[f.task].name + "," + tasks[f.other].name] = {
        {"entropy_bits", number(f.entropy_bits)}, {"most_bits", number(f.most_bits)}, {"diagonal", number(f.diagonal)}};
  return json;
}

std::string metrics_json(const std::vector<Task>& tasks, const Evaluation& evaluation) {
  return evaluation_json(tasks, evaluation).dump();
}

}  // namespace medusa::mtl
