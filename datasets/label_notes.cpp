#include "datasets/label_notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

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

// How many samples each class has.
std::vector<std::size_t> class_counts(const TargetInfo& target, const Labels& labels) {
  std::vector<std::size_t> count(static_cast<std::size_t>(std::max<std::int64_t>(target.channels, 2)));
  for (const std::vector<real>& label : labels.numbers) ++count[static_cast<std::size_t>(label[0])];
  return count;
}

// Classes that are in no part at all.
std::set<std::size_t> note_unused_classes(const TargetInfo& target, const Labels& all,
                                          std::vector<std::string>* notes) {
  const std::vector<std::size_t> count = class_counts(target, all);
  std::set<std::size_t> unused;
  std::vector<std::string> names;
  for (std::size_t c = 0; c < count.size(); ++c) {
    if (count[c] > 0) continue;
    unused.insert(c);
    names.push_back(class_name(target, c));
  }
  if (names.size() + 1 < count.size() && !names.empty())
    notes->push_back(fmt::format("{}: no sample is of class {}", target.name, fmt::join(names, ", ")));
  return unused;
}

// Of one class out of several; `said`: what is known to be absent.
void note_classes(const TargetInfo& target, const Part& part, const Labels& labels, const std::set<std::size_t>& said,
                  std::vector<std::string>* notes) {
  const std::vector<std::size_t> count = class_counts(target, labels);
  std::vector<std::string> absent, present;
  for (std::size_t c = 0; c < count.size(); ++c) {
    if (count[c] > 0) present.push_back(class_name(target, c));
    if (count[c] == 0 && !said.contains(c)) absent.push_back(class_name(target, c));
  }
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
    const Part parts[] = {{"training", split.train}, {"validation", split.val}, {"test", split.test}};
    const bool one_class = !target.traits().pixel_level && target.traits().exclusive;
    std::vector<Labels> labels;
    Labels all;
    for (const Part& part : parts) {
      labels.push_back(labels_of(dataset, part.indices, t));
      all.numbers.insert(all.numbers.end(), labels.back().numbers.begin(), labels.back().numbers.end());
    }
    std::set<std::size_t> unused;
    if (one_class && !all.numbers.empty()) unused = note_unused_classes(target, all, &notes);
    for (std::size_t p = 0; p < labels.size(); ++p) {
      if (labels[p].known == 0) continue;
      if (labels[p].numbers.empty())
        notes.push_back(
            fmt::format("{}: none of the {} {} samples has a label", target.name, labels[p].known, parts[p].name));
      else if (one_class)
        note_classes(target, parts[p], labels[p], unused, &notes);
      else if (!target.traits().pixel_level && !target.traits().in_units)
        note_answers(target, parts[p], labels[p], &notes);
    }
  }
  return notes;
}

}  // namespace medusa::datasets
