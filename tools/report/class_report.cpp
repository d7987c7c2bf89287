#include "tools/report/class_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "mtl/training/class_figures.h"
#include "tensor/text.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

bool has_classes(const mtl::Task& task, const mtl::TaskResult& result) {
  return !task.traits().pixel_level && !task.traits().in_units && result.cases.size() > 0;
}

std::vector<mtl::ReliabilityBin> bins_of(const mtl::Task& task, const mtl::CaseTable& cases) {
  std::vector<mtl::YesNo> answers;
  if (task.traits().exclusive) answers = mtl::top_answers(task, cases, cases.all());
  for (std::int64_t c = 0; c < task.channels && !task.traits().exclusive; ++c)
    for (const mtl::YesNo& answer : mtl::class_answers(task, cases, cases.all(), c)) answers.push_back(answer);
  std::vector<mtl::ReliabilityBin> bins = mtl::reliability(answers, mtl::probability_of(task));
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
