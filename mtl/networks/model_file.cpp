// Model configurations as JSON in a checkpoint's metadata.
#include "mtl/networks/model_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "mtl/networks/encoder.h"
#include "nn/json.h"
#include "nn/safetensors.h"

namespace medusa::mtl {

using Json = nlohmann::ordered_json;

namespace {

// The architecture's own options, in the order in which it declares them.
Json options_json(const ModelConfig& config) {
  OptionValues values = config.options;
  Options rows;
  find_architecture(config.arch).declare(rows, values);
  Json json = Json::object();
  for (const Option& row : rows.rows()) std::visit([&](const auto* value) { json[row.name] = *value; }, row.place);
  return json;
}

OptionValue option_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (!json.is_array()) return json.get<std::string>();
  const auto all = [&](auto is) { return !json.empty() && std::all_of(json.begin(), json.end(), is); };
  if (all([](const Json& e) { return e.is_number_integer(); })) return json.get<std::vector<std::int64_t>>();
  if (all([](const Json& e) { return e.is_number(); })) return json.get<std::vector<double>>();
  return json.get<std::vector<std::string>>();
}

OptionValues option_values(const Json& json) {
  OptionValues values;
  for (const auto& [name, value] : json.items()) values[name] = option_value(value);
  return values;
}

}  // namespace

std::string to_json(const ModelConfig& config) {
  Json tasks = Json::array();
  for (const Task& task : config.tasks) {
    tasks.push_back({{"name", task.name},
                     {"kind", name(task.kind)},
                     {"channels", task.channels},
                     {"classes", task.classes},
                     {"class_weight", task.class_weight},
                     {"loss_weight", task.loss_weight}});
    datasets::optional_fields([&](const char* key, auto field) {
      if (task.*field != Task{}.*field) tasks.back()[key] = task.*field;
    });
  }
  Json json{{"arch", config.arch},         {"backbone", config.backbone},
            {"rank", config.spatial_dims}, {"in_channels", config.in_channels},
            {"widths", config.widths},     {"tasks", tasks}};
  if (config.norm != "batch") json["norm"] = config.norm;
  if (const Json own = options_json(config); !own.empty()) {
    MEDUSA_CHECK(!json.contains(config.arch) && config.arch != "norm",
                 "architecture '{}': a model description already has a field of that name", config.arch);
    json[config.arch] = own;
  }
  return json.dump();
}

ModelConfig model_config_from_json(const std::string& text, const std::string& where) {
  try {
    const Json json = nn::parse_json<Json>(text, where);
    ModelConfig config;
    config.arch = json.at("arch").get<std::string>();
    config.backbone = json.at("backbone").get<std::string>();
    config.norm = json.value("norm", "batch");
    config.spatial_dims = nn::whole_number_at<int>(json, "rank");
    config.in_channels = nn::whole_number_at<std::int64_t>(json, "in_channels");
    config.widths.clear();
    for (const Json& width : json.at("widths"))
      config.widths.push_back(nn::whole_number<std::int64_t>(width, "widths"));
    for (const Json& entry : json.at("tasks")) {
      Task task;
      task.name = entry.at("name").get<std::string>();
      task.kind = task_kind(entry.at("kind").get<std::string>());
      task.channels = nn::whole_number_at<std::int64_t>(entry, "channels");
      task.classes = entry.at("classes").get<std::vector<std::string>>();
      task.class_weight = entry.at("class_weight").get<std::vector<double>>();
      datasets::optional_fields([&](const char* key, auto field) { task.*field = entry.value(key, Task{}.*field); });
      config.tasks.push_back(task);
    }
    if (json.contains(config.arch)) config.options = option_values(json.at(config.arch));
    return config;
  } catch (const Json::exception& error) {
    fail_input("{}: its model description is malformed: {}", where, error.what());
  }
}

OptionValues option_values_from_json(const std::string& text, const std::string& where) {
  try {
    return option_values(nn::parse_json<Json>(text, where));
  } catch (const Json::exception& error) {
    fail_input("{}: malformed options: {}", where, error.what());
  }
}

namespace {
// The version of a run's checkpoints.  A file without one has this version.  When an older program can no longer read
// what is written, raise it and write it into the metadata.
constexpr const char* kRunVersion = "1";
}  // namespace

ModelConfig read_model_config(const std::string& path) {
  const nn::SafetensorsReader reader(path);
  const auto version = reader.metadata().find("version");
  MEDUSA_CHECK_INPUT(version == reader.metadata().end() || version->second == kRunVersion,
                     "{}: has version {}, this program reads version {}; use a newer program", path, version->second,
                     kRunVersion);
  const auto found = reader.metadata().find("model");
  MEDUSA_CHECK_INPUT(found != reader.metadata().end(), "{}: has no model description; expected a checkpoint of a run",
                     path);
  return model_config_from_json(found->second, path);
}

std::unique_ptr<Model> load_model(const std::string& path) {
  const ModelConfig config = read_model_config(path);
  std::unique_ptr<Model> model;
  try {
    model = make_model(config);
  } catch (const InputError& error) {
    fail_input("{}: {}", path, error.what());
  }
  nn::load_checkpoint(path, *model);
  model->eval();
  return model;
}

namespace {

// Whether one of the modules in a parameter's name, "nets.lesion.head.conv.weight", is called `part`.
bool has_part(const std::string& name, const std::string& part) {
  return ("." + name).find("." + part + ".") != std::string::npos;
}

bool is_encoder(const std::string& name) {
  return has_part(name, "encoder") || has_part(name, "shared_experts") || has_part(name, "own_experts");
}

bool is_head(const std::string& name) { return has_part(name, "head") || has_part(name, "heads"); }

// What a head's outputs mean.
bool same_answer(const Task& a, const Task& b) {
  return a.kind == b.kind && a.channels == b.channels && a.classes == b.classes && a.unit == b.unit &&
         a.scale == b.scale;
}

nn::LoadReport load_weights(const std::string& path, Model& model, bool heads) {
  const ModelConfig before = read_model_config(path);
  std::vector<std::string> kept;  // tasks whose heads stay as they are
  for (const Task& task : model.tasks()) {
    const auto same = [&](const Task& t) { return t.name == task.name && same_answer(t, task); };
    if (!heads || std::none_of(before.tasks.begin(), before.tasks.end(), same)) kept.push_back(task.name);
  }
  const auto ignore = [&](const std::string& name) {
    return is_head(name) &&
           std::any_of(kept.begin(), kept.end(), [&](const std::string& task) { return has_part(name, task); });
  };
  const nn::LoadReport report = nn::compare_checkpoint(path, model, ignore);
  for (const auto* names : {&report.missing, &report.wrong_shape})
    for (const std::string& name : *names)
      MEDUSA_CHECK_INPUT(!is_encoder(name), "{}: does not fit the encoder of this network: {}", path, report.summary());
  return nn::load_checkpoint(path, model, false, nullptr, ignore);
}

}  // namespace

nn::LoadReport load_pretrained(const std::string& path, Model& model, bool heads) {
  if (nn::SafetensorsReader(path).metadata().count("model")) return load_weights(path, model, heads);
  nn::LoadReport report;
  MEDUSA_CHECK_INPUT(!model.encoders().empty(), "{}: this network has no encoder to load it into", path);
  const auto ignore = [](const std::string& name) { return name.starts_with("fc."); };
  for (Encoder* encoder : model.encoders()) report = nn::load_checkpoint(path, *encoder, true, nullptr, ignore);
  return report;
}

}  // namespace medusa::mtl
