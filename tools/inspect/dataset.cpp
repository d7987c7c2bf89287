// A whole dataset in one pass: what there is, how it is distributed, and everything that is wrong with it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "datasets/label_notes.h"
#include "datasets/layouts/registry.h"
#include "tensor/check.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tools/cli/program.h"
#include "tools/inspect/inspect.h"
#include "tools/inspect/values.h"

namespace medusa::tools {
namespace {

using datasets::RawSample;

// One sample's label of one target: for each class whether it is present, or its share of the pixels.
struct Label {
  bool present = false;
  std::vector<double> shares;  // negative: not outlined
  Range amounts;               // regression, in the target's unit
};

struct Look {
  bool read = false;
  RawSample raw;
  std::vector<Label> labels;
  std::uint64_t content = 0;  // of the input: two samples with the same are the same image
};

// How many columns of figures a target has: a classification or segmentation one for each class, and so on.
std::size_t classes_of(const datasets::TargetInfo& info) { return static_cast<std::size_t>(info.channels); }

Label label_of(const datasets::TargetInfo& info, const datasets::Target& target) {
  Label label;
  label.present = static_cast<bool>(target.value);
  if (!label.present) return label;
  const std::vector<real> values = target.value.to_vector();
  const std::vector<real> mask = target.mask ? target.mask.to_vector() : std::vector<real>{};
  const std::size_t classes = classes_of(info);
  label.shares.assign(classes, 0);
  if (info.traits().in_units) {
    label.shares.clear();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (mask.empty() || mask[i / classes] != 0) label.amounts.add(static_cast<double>(values[i]) * info.scale);
    return label;
  }
  if (info.traits().exclusive) {
    double counted = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!mask.empty() && mask[i] == 0) continue;
      ++counted;
      if (info.has_class_numbers())
        ++label.shares.at(static_cast<std::size_t>(values[i]));
      else
        label.shares[0] += static_cast<double>(values[i]);
    }
    for (double& share : label.shares) share /= std::max(counted, 1.0);
    return label;
  }
  for (std::size_t i = 0; i < values.size(); ++i) label.shares[i % classes] += static_cast<double>(values[i]);
  for (std::size_t c = 0; c < classes; ++c)
    label.shares[c] = mask.empty() || mask[c] != 0
                          ? label.shares[c] * static_cast<double>(classes) / static_cast<double>(values.size())
                          : -1;
  return label;
}

Look look_at(const datasets::Dataset& dataset, std::int64_t index) {
  Look look;
  look.raw = dataset.raw(index);
  if (!look.raw.sample) return look;
  const datasets::Sample& sample = *look.raw.sample;
  for (std::size_t t = 0; t < sample.targets.size(); ++t)
    look.labels.push_back(label_of(dataset.targets()[t], sample.targets[t]));
  std::string bytes(static_cast<std::size_t>(sample.input.numel()) * sizeof(real), '\0');
  std::memcpy(bytes.data(), sample.input.data(), bytes.size());
  look.content = stream_of(bytes);
  look.read = true;
  look.raw.sample.reset();  // there may be ten thousand
  return look;
}

// Finds images that occur under two names: a split may put them on both sides.
void find_twins(const datasets::Dataset& dataset, const std::vector<Look>& looks, std::vector<std::string>* problems) {
  std::map<std::uint64_t, std::int64_t> seen;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (!looks[i].read) continue;
    const auto index = static_cast<std::int64_t>(i);
    const auto [other, fresh] = seen.emplace(looks[i].content, index);
    if (fresh) continue;
    const bool apart = dataset.group(index) != dataset.group(other->second);
    problems->push_back(fmt::format("{} and {}: the same image twice{}", dataset.id(other->second), dataset.id(index),
                                    apart ? ", in two groups, so that a split may put it on both sides" : ""));
  }
}

std::string part_name(const std::string& part) { return part.empty() ? "all" : part; }

Json parts_of(const datasets::Dataset& dataset) {
  std::map<std::string, std::pair<std::int64_t, std::set<std::string>>> parts;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    auto& [samples, groups] = parts[part_name(dataset.part(i))];
    ++samples;
    groups.insert(dataset.group(i));
  }
  Json json = Json::array();
  for (const char* name : {"all", "train", "validation", "test"})
    if (parts.contains(name))
      json.push_back({{"part", name}, {"samples", parts[name].first}, {"groups", parts[name].second.size()}});
  return json;
}

// Smallest and largest size and spacing, and of each image the range over all samples and the mean of their means.
Json images_of(const std::vector<Look>& looks) {
  std::vector<std::string> names;
  std::map<std::string, Json> rows;
  std::map<std::string, std::pair<double, double>> mean;  // sum, count
  for (const Look& look : looks)
    for (const RawSample::Range& range : look.raw.ranges) {
      const auto [row, fresh] = rows.emplace(
          range.name, Json{{"image", range.name}, {"unit", range.unit}, {"min", range.low}, {"max", range.high}});
      if (fresh) names.push_back(range.name);
      row->second["min"] = std::min(row->second["min"].get<double>(), range.low);
      row->second["max"] = std::max(row->second["max"].get<double>(), range.high);
      mean[range.name].first += range.mean;
      ++mean[range.name].second;
    }
  Json json = Json::array();
  for (const std::string& name : names) {
    rows[name]["mean"] = mean[name].first / mean[name].second;
    json.push_back(rows[name]);
  }
  return json;
}

template <class T>
void add_extremes(const std::vector<Look>& looks, std::vector<T> RawSample::*field, const char* key, Json* json) {
  std::vector<T> least, most;
  for (const Look& look : looks) {
    const std::vector<T>& values = look.raw.*field;
    if (values.empty()) continue;
    if (least.size() != values.size()) least = most = values;
    for (std::size_t a = 0; a < values.size(); ++a) {
      least[a] = std::min(least[a], values[a]);
      most[a] = std::max(most[a], values[a]);
    }
  }
  if (least.empty()) return;
  (*json)[std::string(key) + "_min"] = least;
  (*json)[std::string(key) + "_max"] = most;
}

std::string class_name(const datasets::TargetInfo& info, std::size_t c) {
  return c < info.classes.size() ? info.classes[c] : fmt::format("{}", c);
}

// A row for each class of a target: in how many samples it is, by part, and its mean share of the pixels.
void add_target(const datasets::Dataset& dataset, const std::vector<Look>& looks, std::size_t t, Json* rows) {
  const datasets::TargetInfo& info = dataset.targets()[t];
  std::int64_t labelled = 0;
  for (const Look& look : looks) labelled += look.read && look.labels[t].present;
  const auto row = [&](const std::string& name) {
    return Json{{"target", info.name}, {"kind", medusa::name(info.kind)}, {"class", name}, {"labelled", labelled}};
  };
  if (info.traits().in_units) {
    Json json = row(info.unit);
    Range all;
    for (const Look& look : looks) {
      if (!look.read || !look.labels[t].present) continue;
      const Range& one = look.labels[t].amounts;
      all.least = std::min(all.least, one.least);
      all.most = std::max(all.most, one.most);
      all.sum += one.sum;
      all.count += one.count;
    }
    all.describe(&json);
    rows->push_back(json);
    return;
  }
  for (std::size_t c = 0; c < classes_of(info); ++c) {
    Json json = row(class_name(info, c));
    std::map<std::string, std::int64_t> with;
    double share = 0, known = 0;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      if (!looks[i].read || !looks[i].labels[t].present || looks[i].labels[t].shares[c] < 0) continue;
      const double part = looks[i].labels[t].shares[c];
      with[part_name(dataset.part(static_cast<std::int64_t>(i)))] += part > 0;
      share += part;
      ++known;
    }
    for (const char* name : {"all", "train", "validation", "test"})
      if (with.contains(name)) json[name] = with[name];
    if (info.traits().pixel_level && known > 0) json["share"] = share / known;
    rows->push_back(json);
  }
}

// Outlines of which no training sample has a single pixel: train cannot say so, since that takes decoding all of them.
std::vector<std::string> empty_outlines(const datasets::Dataset& dataset, const std::vector<Look>& looks) {
  std::vector<std::string> notes;
  for (std::size_t t = 0; t < dataset.targets().size(); ++t) {
    const datasets::TargetInfo& info = dataset.targets()[t];
    if (!info.traits().pixel_level || info.traits().in_units) continue;
    for (std::size_t c = 0; c < classes_of(info); ++c) {
      std::int64_t known = 0, with = 0;
      for (std::size_t i = 0; i < looks.size(); ++i) {
        const std::string part = dataset.part(static_cast<std::int64_t>(i));
        if (part == "validation" || part == "test" || !looks[i].read || !looks[i].labels[t].present) continue;
        known += looks[i].labels[t].shares[c] >= 0;
        with += looks[i].labels[t].shares[c] > 0;
      }
      if (known > 0 && with == 0)
        notes.push_back(fmt::format("{}: none of the {} training samples with a label has {} in it", info.name, known,
                                    class_name(info, c)));
    }
  }
  return notes;
}

datasets::DatasetOptions options_of(const DatasetCheck& check, std::vector<std::string>* problems) {
  datasets::DatasetOptions options;
  options.name = check.dataset;
  options.folder = check.data;
  options.size = check.size.empty() ? datasets::default_size(check.dataset, check.data)
                                    : datasets::Extent::parse(check.size, "--size");
  options.cache_bytes = 0;
  options.follow_outside = check.follow_outside;
  options.problems = problems;
  return options;
}

// By the parts that the dataset is distributed in, else all together.
std::vector<std::string> missing_labels(const datasets::Dataset& dataset) {
  datasets::Split split;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::string part = dataset.part(i);
    (part == "validation" ? split.val : part == "test" ? split.test : split.train).push_back(i);
  }
  std::vector<std::size_t> targets;
  for (std::size_t t = 0; t < dataset.targets().size(); ++t) targets.push_back(t);
  return datasets::label_notes(dataset, split, targets);
}

}  // namespace

Json inspect_dataset(const DatasetCheck& check, std::size_t* problem_count) {
  check_one_of("--dataset", check.dataset, datasets::dataset_names());
  MEDUSA_CHECK_INPUT(!check.data.empty(), "--data is missing: the folder of the dataset");
  std::vector<std::string> problems;
  Json json{{"dataset", check.dataset}, {"data", check.data}, {"samples", 0}};
  std::unique_ptr<datasets::Dataset> dataset;
  try {
    dataset = datasets::open_dataset(options_of(check, &problems));
  } catch (const InputError& error) {
    problems.push_back(error.what());
  }
  if (dataset) {
    std::vector<Look> looks(static_cast<std::size_t>(dataset->size()));
    parallel_for(dataset->size(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) looks[static_cast<std::size_t>(i)] = look_at(*dataset, i);
    });
    for (const Look& look : looks) problems.insert(problems.end(), look.raw.problems.begin(), look.raw.problems.end());
    find_twins(*dataset, looks, &problems);
    json["samples"] = dataset->size();
    std::vector<std::string> notes = dataset->notes();
    for (const std::string& note : missing_labels(*dataset)) notes.push_back(note);
    for (const std::string& note : empty_outlines(*dataset, looks)) notes.push_back(note);
    if (!notes.empty()) json["notes"] = notes;
    add_extremes(looks, &RawSample::shape, "shape", &json);
    add_extremes(looks, &RawSample::spacing, "spacing_mm", &json);
    json["parts"] = parts_of(*dataset);
    json["images"] = images_of(looks);
    json["targets"] = Json::array();
    for (std::size_t t = 0; t < dataset->targets().size(); ++t) add_target(*dataset, looks, t, &json["targets"]);
  }
  *problem_count = problems.size();
  json["problems"] = problems;
  return json;
}

}  // namespace medusa::tools
