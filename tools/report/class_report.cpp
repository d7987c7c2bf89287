#include "tools/report/class_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "mtl/training/class_figures.h"
#include "tensor/text.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

bool has_classes(const mtl::Task& task, const mtl::TaskResult& result) {
  return !task.traits().pixel_level && !task.traits().in_units && result.cases.size() > 0;
}

// The answers whose probabilities the bins are about.
std::vector<mtl::YesNo> answers_of(const mtl::Task& task, const mtl::CaseTable& cases) {
  std::vector<mtl::YesNo> answers;
  for (std::size_t row = 0; row < cases.size(); ++row) {
    if (task.traits().exclusive) {
      const double truth = cases.column("truth")[row], predicted = cases.column("predicted")[row];
      const std::string label = mtl::class_label(task, static_cast<std::int64_t>(predicted));
      answers.push_back({truth == predicted, true, std::exp(cases.column("log_p." + label)[row])});
      continue;
    }
    for (std::int64_t c = 0; c < task.channels; ++c) {
      const std::string end = task.channels == 1 ? "" : "." + mtl::class_label(task, c);
      const double logit = cases.column("logit" + end)[row];
      answers.push_back({cases.column("truth" + end)[row] > 0.5, logit > 0, 1 / (1 + std::exp(-logit))});
    }
  }
  return answers;
}

std::vector<mtl::ReliabilityBin> bins_of(const mtl::Task& task, const mtl::CaseTable& cases) {
  std::vector<mtl::ReliabilityBin> bins = mtl::reliability(answers_of(task, cases), [](double p) { return p; });
  std::erase_if(bins, [](const mtl::ReliabilityBin& bin) { return bin.cases == 0; });
  return bins;
}

}  // namespace

std::string class_report_json(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation) {
  Json json = Json::object();
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    if (!has_classes(tasks[t], evaluation[t])) continue;
    Json& task = json[tasks[t].name];
    if (tasks[t].traits().exclusive) task["confusion"] = mtl::confusion_matrix(tasks[t], evaluation[t].cases);
    for (const mtl::ReliabilityBin& bin : bins_of(tasks[t], evaluation[t].cases))
      task["reliability"].push_back({{"low", bin.low},
                                     {"high", bin.high},
                                     {"cases", bin.cases},
                                     {"probability", bin.probability},
                                     {"truth", bin.truth}});
  }
  return json.dump();
}

std::string class_report_text(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation) {
  std::string text;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const mtl::Task& task = tasks[t];
    if (!has_classes(task, evaluation[t])) continue;
    if (task.traits().exclusive) {
      text += fmt::format("\n{}: rows true classes, columns predicted ones\n  {:<16}", printable(task.name), "");
      for (std::int64_t c = 0; c < task.channels; ++c)
        text += fmt::format(" {:>8}", printable(mtl::class_label(task, c)));
      const auto confusion = mtl::confusion_matrix(task, evaluation[t].cases);
      for (std::int64_t c = 0; c < task.channels; ++c) {
        text += fmt::format("\n  {:<16}", printable(mtl::class_label(task, c)));
        for (std::int64_t n : confusion[static_cast<std::size_t>(c)]) text += fmt::format(" {:>8}", n);
      }
      text += "\n";
    }
    text += fmt::format("\n{}: of the cases to which it gives a probability of, so many are\n", printable(task.name));
    for (const mtl::ReliabilityBin& bin : bins_of(task, evaluation[t].cases))
      text += fmt::format("  {:.2f} to {:.2f}     mean {:.3f}, true {:.3f} of {:.0f}\n", bin.low, bin.high,
                          bin.probability, bin.truth, bin.cases);
  }
  return text;
}

}  // namespace medusa::tools
