#include "datasets/label_notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace medusa::datasets {
namespace {

struct Part {
  const char* name;
  const std::vector<std::int64_t>& indices;
};

// The known labels of a target in a part.
struct Labels {
  std::size_t known = 0;                   // samples of which it is known whether they have one
  std::vector<std::vector<real>> numbers;  // of those that have one
};

Labels labels_of(const Dataset& dataset, const std::vector<std::int64_t>& indices, std::size_t target) {
  Labels labels;
  for (std::int64_t i : indices) {
    const std::optional<std::vector<real>> label = dataset.known_label(i, target);
    labels.known += label.has_value();
    if (label && !label->empty()) labels.numbers.push_back(*label);
  }
  return labels;
}

std::string class_name(const TargetInfo& target, std::size_t c) {
  return c < target.classes.size() ? target.classes[c] : fmt::format("{}", c);
}

// Of one class out of several.
void note_classes(const TargetInfo& target, const Part& part, const Labels& labels, std::vector<std::string>* notes) {
  std::vector<std::size_t> count(static_cast<std::size_t>(std::max<std::int64_t>(target.channels, 2)));
  for (const std::vector<real>& label : labels.numbers) ++count[static_cast<std::size_t>(label[0])];
  std::vector<std::string> absent, present;
  for (std::size_t c = 0; c < count.size(); ++c) (count[c] > 0 ? present : absent).push_back(class_name(target, c));
  if (present.size() == 1)
    notes->push_back(fmt::format("{}: all {} {} samples with a label are of class {}", target.name,
                                 labels.numbers.size(), part.name, present[0]));
  else if (!absent.empty())
    notes->push_back(fmt::format("{}: no {} sample is of class {}", target.name, part.name, fmt::join(absent, ", ")));
}

// Of yes and no for each channel.
void note_answers(const TargetInfo& target, const Part& part, const Labels& labels, std::vector<std::string>* notes) {
  for (std::size_t c = 0; c < labels.numbers[0].size(); ++c) {
    const real first = labels.numbers[0][c];
    if (std::any_of(labels.numbers.begin(), labels.numbers.end(), [&](const auto& l) { return l[c] != first; }))
      continue;
    notes->push_back(fmt::format("{}: all {} {} samples with a label have {} for {}", target.name,
                                 labels.numbers.size(), part.name, first, class_name(target, c)));
  }
}

}  // namespace

std::vector<std::string> label_notes(const Dataset& dataset, const Split& split,
                                     const std::vector<std::size_t>& targets) {
  std::vector<std::string> notes;
  for (std::size_t t : targets) {
    const TargetInfo& target = dataset.targets().at(t);
    for (const Part& part : {Part{"training", split.train}, Part{"validation", split.val}, Part{"test", split.test}}) {
      const Labels labels = labels_of(dataset, part.indices, t);
      if (labels.known == 0) continue;
      if (labels.numbers.empty())
        notes.push_back(fmt::format("{}: none of the {} {} samples has a label", target.name, labels.known, part.name));
      else if (!target.traits().pixel_level && target.traits().exclusive)
        note_classes(target, part, labels, &notes);
      else if (!target.traits().pixel_level && !target.traits().in_units)
        note_answers(target, part, labels, &notes);
    }
  }
  return notes;
}

}  // namespace medusa::datasets
