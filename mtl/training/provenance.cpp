#include "mtl/training/provenance.h"

#include <algorithm>

#include "mtl/training/sealed_json.h"
#include "nn/json.h"
#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::mtl {

namespace {

constexpr int kVersion = 1;

std::string hash_of(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += id + '\n';
  return fmt::format("{:016x}", stream_of(text));
}

Json part_json(const std::vector<std::string>& ids) {
  return {{"count", ids.size()}, {"hash", hash_of(ids)}, {"ids", ids}};
}

Json target_json(const datasets::TargetInfo& target) {
  Json json{
      {"name", target.name}, {"kind", name(target.kind)}, {"channels", target.channels}, {"classes", target.classes}};
  datasets::optional_fields([&](const char* key, auto member) { json[key] = target.*member; });
  return json;
}

datasets::TargetInfo target_from(const Json& json) {
  datasets::TargetInfo target;
  target.name = json.at("name").get<std::string>();
  target.kind = task_kind(json.at("kind").get<std::string>());
  target.channels = nn::whole_number_at<std::int64_t>(json, "channels");
  target.classes = json.at("classes").get<std::vector<std::string>>();
  datasets::optional_fields([&](const char* key, auto member) { json.at(key).get_to(target.*member); });
  return target;
}

Json start_json(const Provenance::Start& s) {
  return {{"date", s.date},      {"host", s.host},       {"version", s.version},
          {"commit", s.commit},  {"numbers", s.numbers}, {"instructions", s.instructions},
          {"command", s.command}};
}

Provenance::Start start_from(const Json& json) {
  const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
  return {text("date"),
          text("host"),
          text("version"),
          text("commit"),
          text("numbers"),
          text("instructions"),
          json.at("command").get<std::vector<std::string>>()};
}

// All but the starts: what equal runs have in common.
Json made_of(const Provenance& p) {
  Json targets = Json::array();
  for (const datasets::TargetInfo& target : p.targets) targets.push_back(target_json(target));
  return {{"samples", {{"train", part_json(p.train)}, {"val", part_json(p.val)}, {"test", part_json(p.test)}}},
          {"tasks", targets},
          {"inputs", p.inputs},
          {"options", p.options}};
}

std::vector<std::string> ids_from(const Json& samples, const char* part) {
  return samples.at(part).at("ids").get<std::vector<std::string>>();
}

}  // namespace

Provenance provenance_of(const datasets::Dataset& dataset, const datasets::Split& split,
                         const std::vector<Task>& tasks) {
  Provenance p;
  const auto ids = [&](const std::vector<std::int64_t>& indices) {
    std::vector<std::string> names;
    for (std::int64_t i : indices) names.push_back(dataset.id(i));
    return names;
  };
  p.train = ids(split.train);
  p.val = ids(split.val);
  p.test = ids(split.test);
  p.targets.assign(tasks.begin(), tasks.end());
  p.inputs = dataset.description();
  if (p.inputs.empty()) p.inputs = fmt::format("size {}\n", dataset.input_shape());
  return p;
}

std::string samples_text(const Provenance& p) {
  std::string names;
  for (const auto* part : {&p.train, &p.val, &p.test}) {
    for (const std::string& id : *part) names += id + '\n';
    names += '\n';
  }
  return fmt::format("{} + {} + {} samples ({:016x})", p.train.size(), p.val.size(), p.test.size(), stream_of(names));
}

std::string sample_changes(const Provenance& before, const Provenance& now) {
  const auto parts_of = [](const Provenance& p) {
    std::map<std::string, int> parts;
    int part = 0;
    for (const auto* ids : {&p.train, &p.val, &p.test}) {
      for (const std::string& id : *ids) parts[id] = part;
      ++part;
    }
    return parts;
  };
  const std::map<std::string, int> then = parts_of(before), today = parts_of(now);
  std::vector<std::string> gone, added, moved, changes;
  for (const auto& [id, part] : then) {
    const auto found = today.find(id);
    if (found == today.end())
      gone.push_back(id);
    else if (found->second != part)
      moved.push_back(id);
  }
  for (const auto& [id, part] : today)
    if (!then.count(id)) added.push_back(id);
  const auto add = [&](const char* what, const std::vector<std::string>& ids) {
    if (!ids.empty()) changes.push_back(fmt::format("{}: {}", what, first_names(ids)));
  };
  add("gone", gone);
  add("new", added);
  add("moved to another part", moved);
  if (changes.empty() && samples_text(before) != samples_text(now)) changes.push_back("in another order");
  return fmt::format("{}", fmt::join(changes, "; "));
}

std::string identity(const Provenance& p) { return fmt::format("{:016x}", stream_of(made_of(p).dump())); }

std::string to_json(const Provenance& p) {
  Json json{{"version", kVersion}, {"run", p.run}, {"starts", Json::array()}};
  for (const Provenance::Start& start : p.starts) json["starts"].push_back(start_json(start));
  json.update(made_of(p));
  return sealed(json).dump(2) + "\n";
}

Provenance provenance_from_json(const std::string& text, const std::string& where) {
  try {
    Json json = nn::parse_json<Json>(text, where);
    const auto version = nn::whole_number_at<std::int64_t>(json, "version");
    MEDUSA_CHECK_INPUT(version <= kVersion, "{}: has version {}, this program reads {}", where, version, kVersion);
    json = unsealed(std::move(json), where, /*required=*/true);
    Provenance p;
    p.run = json.at("run").get<std::string>();
    const Json& samples = json.at("samples");
    p.train = ids_from(samples, "train");
    p.val = ids_from(samples, "val");
    p.test = ids_from(samples, "test");
    for (const Json& target : json.at("tasks")) p.targets.push_back(target_from(target));
    json.at("inputs").get_to(p.inputs);
    p.options = json.at("options").get<std::map<std::string, std::string>>();
    for (const Json& start : json.at("starts")) p.starts.push_back(start_from(start));
    return p;
  } catch (const Json::exception& error) {
    fail_input("{}: is malformed: {}", where, error.what());
  }
}

KnownSamples known_samples(const Provenance& p, const datasets::Dataset& dataset) {
  std::map<std::string, std::int64_t> indices;
  for (std::int64_t i = 0; i < dataset.size(); ++i) indices[dataset.id(i)] = i;
  KnownSamples known;
  const auto take = [&](const std::vector<std::string>& ids, std::vector<std::int64_t>* here,
                        std::vector<std::string>* gone) {
    for (const std::string& id : ids) {
      const auto found = indices.find(id);
      if (found == indices.end()) {
        gone->push_back(id);
        continue;
      }
      here->push_back(found->second);
      indices.erase(found);
    }
    std::sort(here->begin(), here->end());
  };
  take(p.train, &known.split.train, &known.gone_train);
  take(p.val, &known.split.val, &known.gone_val);
  take(p.test, &known.split.test, &known.gone_test);
  for (const auto& [id, index] : indices) known.added.push_back(id);
  return known;
}

}  // namespace medusa::mtl
