#include "tools/compare/comparison.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "mtl/training/run_folder.h"
#include "tensor/check.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

double number(const Json& json) { return json.is_number() ? json.get<double>() : std::nan(""); }

std::map<std::string, std::map<std::string, double>> metrics_of(const Json& json) {
  std::map<std::string, std::map<std::string, double>> metrics;
  for (const auto& [task, values] : json.items())
    for (const auto& [metric, value] : values.items()) metrics[task][metric] = number(value);
  return metrics;
}

template <class F>
void read_json(const mtl::RunFolder& run, mtl::RunFile file, const F& use) {
  try {
    use(Json::parse(run.json(file)));
  } catch (const Json::exception& error) {
    fail_input("{}: is not what train writes: {}", run.file(file), error.what());
  }
}

double median_step_ms(const mtl::RunFolder& run, std::int64_t batch) {
  std::vector<double> times;
  for (const std::string& line : run.epochs())
    times.push_back(1000 * static_cast<double>(batch) / number(Json::parse(line).value("images_per_second", Json())));
  if (times.empty()) return std::nan("");
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

double value_of(const RunRecord& run, const std::string& task, const std::string& metric) {
  const auto values = run.test.find(task);
  if (!run.failure.empty() || values == run.test.end()) return std::nan("");
  const auto value = values->second.find(metric);
  return value == values->second.end() ? std::nan("") : value->second;
}

double test_per_train(const mtl::RunFolder& run) {
  const std::optional<mtl::Provenance> made = run.provenance();
  if (!made || made->train.empty()) return std::nan("");
  return static_cast<double>(made->test.size()) / static_cast<double>(made->train.size());
}

// The run of the row's baseline that has the same seed and fold; none if one of the two has no results.
const RunRecord* partner(const Comparison& c, const Variant& variant, const RunRecord& of) {
  if (variant.baseline < 0 || !of.failure.empty()) return nullptr;
  for (const RunRecord& run : c.variants[static_cast<std::size_t>(variant.baseline)].runs)
    if (run.seed == of.seed && run.fold == of.fold && run.failure.empty()) return &run;
  return nullptr;
}

// A table compares one metric per task.
void check_same_tasks(const std::vector<JudgedTask>& expected, const std::vector<JudgedTask>& found,
                      const std::string& file) {
  const auto text = [](const std::vector<JudgedTask>& tasks) {
    std::string text;
    for (const JudgedTask& task : tasks)
      text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", task.name, task.metric);
    return text;
  };
  MEDUSA_CHECK_INPUT(text(found) == text(expected), "{}: judges {}, the other runs of the comparison {}", file,
                     text(found), text(expected));
}

std::vector<JudgedTask> judged_tasks(const Json& result) {
  std::vector<JudgedTask> judged;
  for (const auto& [task, how] : result.at("tasks").items())
    judged.push_back({task, how.at("metric").get<std::string>(), how.at("larger_is_better").get<bool>()});
  return judged;
}

// Fills in `tasks` where it is empty.
void expect_tasks(const std::vector<JudgedTask>& judged, const mtl::RunFolder& run, std::vector<JudgedTask>* tasks) {
  if (tasks->empty()) *tasks = judged;
  check_same_tasks(*tasks, judged, run.file(mtl::RunFile::Result));
}

// NaN where it is not defined.
double relative(const Comparison& c, const Variant& variant, const RunRecord& run, const JudgedTask& task) {
  const RunRecord* stl = partner(c, variant, run);
  if (stl == nullptr) return std::nan("");
  const double m = value_of(run, task.name, task.metric), base = value_of(*stl, task.name, task.metric);
  return base == 0 ? std::nan("") : (task.larger_is_better ? 100 : -100) * (m - base) / base;
}

}  // namespace

void read_run(std::int64_t batch, RunRecord* record, std::vector<JudgedTask>* tasks) {
  RunRecord& run = *record;
  const mtl::RunFolder files(run.folder);
  std::vector<JudgedTask> judged;
  read_json(files, mtl::RunFile::Result, [&](const Json& json) {
    judged = judged_tasks(json);
    run.val = metrics_of(json.at("val"));
    run.test = metrics_of(json.at("test"));
    const Json bottleneck = json.value("bottleneck", Json::object());
    for (const auto& [pair, figures] : bottleneck.items())
      run.bottleneck[pair] = {number(figures.at("entropy_bits")), number(figures.at("most_bits")),
                              number(figures.at("diagonal"))};
  });
  read_json(files, mtl::RunFile::Cost, [&](const Json& json) {
    run.parameters = number(json.at("parameters"));
    run.gflop_per_image = number(json.at("gflop_per_image"));
    run.peak_memory_mib = number(json.at("peak_memory_mib"));
  });
  run.step_ms = median_step_ms(files, batch);
  run.test_per_train = test_per_train(files);
  expect_tasks(judged, files, tasks);
}

std::map<std::string, std::map<std::string, double>> read_validation(const std::string& folder,
                                                                     std::vector<JudgedTask>* tasks) {
  const mtl::RunFolder files(folder);
  std::map<std::string, std::map<std::string, double>> val;
  read_json(files, mtl::RunFile::Result, [&](const Json& json) {
    expect_tasks(judged_tasks(json), files, tasks);
    val = metrics_of(json.at("val"));
  });
  return val;
}

double Spread::mean() const {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? std::nan("") : sum / static_cast<double>(values.size());
}

double Spread::std() const {
  if (values.size() < 2) return std::nan("");
  double sum = 0;
  for (double value : values) sum += (value - mean()) * (value - mean());
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double value_of(const RunRecord& run, const JudgedTask& task) { return value_of(run, task.name, task.metric); }

std::vector<std::pair<const RunRecord*, const RunRecord*>> pairs_of(const Comparison& c, const Variant& variant) {
  std::vector<std::pair<const RunRecord*, const RunRecord*>> pairs;
  for (const RunRecord& run : variant.runs)
    if (const RunRecord* baseline = partner(c, variant, run)) pairs.emplace_back(&run, baseline);
  return pairs;
}

bool has_baseline(const Comparison& c) {
  return std::any_of(c.variants.begin(), c.variants.end(), [](const Variant& v) { return v.baseline >= 0; });
}

Spread metric_spread(const Variant& variant, const std::string& task, const std::string& metric) {
  Spread spread;
  for (const RunRecord& run : variant.runs)
    if (const double value = value_of(run, task, metric); !std::isnan(value)) spread.values.push_back(value);
  return spread;
}

Spread relative_spread(const Comparison& c, const Variant& variant, const JudgedTask& task) {
  Spread spread;
  for (const RunRecord& run : variant.runs)
    if (const double value = relative(c, variant, run, task); !std::isnan(value)) spread.values.push_back(value);
  return spread;
}

Spread average_spread(const Comparison& c, const Variant& variant) {
  Spread spread;
  for (const RunRecord& run : variant.runs) {
    double sum = 0;
    for (const JudgedTask& task : c.tasks) sum += relative(c, variant, run, task);
    if (!std::isnan(sum) && !c.tasks.empty()) spread.values.push_back(sum / static_cast<double>(c.tasks.size()));
  }
  return spread;
}

std::string spread_text(const Spread& spread, int digits, std::size_t expected, bool with_sign) {
  if (spread.values.empty()) return "-";
  std::string text =
      with_sign ? fmt::format("{:+.{}f}", spread.mean(), digits) : fmt::format("{:.{}f}", spread.mean(), digits);
  if (spread.values.size() > 1) text += fmt::format(" ± {:.{}f}", spread.std(), digits);
  if (spread.values.size() < expected) text += fmt::format(" (n = {})", spread.values.size());
  return text;
}

}  // namespace medusa::tools
