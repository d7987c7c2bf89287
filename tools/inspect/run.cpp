// What is in a training run's folder; printing.
#include <algorithm>

#include "mtl/networks/model_file.h"
#include "mtl/training/run_folder.h"
#include "tools/cli/program.h"
#include "tools/cli/run_options.h"
#include "tools/inspect/inspect.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;

Json describe_model(const std::string& path) {
  const mtl::ModelConfig config = mtl::read_model_config(path);
  Json tasks = Json::array();
  for (const mtl::Task& task : config.tasks)
    tasks.push_back(
        fmt::format("{} ({}, {} channel{})", task.name, name(task.kind), task.channels, task.channels == 1 ? "" : "s"));
  Json json{{"arch", config.arch}, {"backbone", config.backbone}};
  if (config.norm != "batch") json["norm"] = config.norm;
  json["widths"] = config.widths;
  json["tasks"] = tasks;
  json["parameters"] = mtl::make_model(config)->parameter_count();
  return json;
}

}  // namespace

Json describe_run(const fs::path& folder) {
  const RunOptions options = read_run_options(folder.string());
  Json json{{"run", folder.string()}, {"data", options.data},      {"size", options.size},
            {"batch", options.batch}, {"lr", options.schedule.lr}, {"epochs_planned", options.epochs},
            {"seed", options.seed}};
  const mtl::RunFolder run(folder.string());
  for (mtl::RunFile file : {mtl::RunFile::Best, mtl::RunFile::Last})
    if (run.has(file)) {
      json.update(describe_model(file == mtl::RunFile::Best ? run.weights() : run.file(file)));
      break;
    }
  if (run.has(mtl::RunFile::Metrics)) {
    const std::vector<std::string> epochs = run.epochs();
    json["epochs_done"] = epochs.size();
    json["last_epoch"] = epochs.empty() ? Json() : Json::parse(epochs.back());
  }
  if (run.has(mtl::RunFile::Result)) json["result"] = Json::parse(run.json(mtl::RunFile::Result));
  return json;
}

namespace {

std::string text_of(const Json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  if (!value.is_array()) return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::string text;
  for (const Json& element : value) text += (text.empty() ? "" : ", ") + text_of(element);
  return "[" + text + "]";
}

// A list of objects as a table: a column for every key that occurs.
void print_table(const Json& list) {
  std::vector<std::string> keys;
  for (const Json& row : list)
    for (const auto& [key, value] : row.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  std::vector<std::vector<std::string>> cells{keys};
  for (const Json& row : list) {
    cells.emplace_back();
    for (const std::string& key : keys) cells.back().push_back(row.contains(key) ? text_of(row[key]) : "");
  }
  std::vector<std::size_t> widths(keys.size());
  for (const auto& row : cells)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += fmt::format("{:{}}  ", row[c], widths[c]);
    print_line("{}", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

}  // namespace

void print_text(const Json& json, const std::string& indent) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_array() && !value.empty() && value[0].is_object()) {
      print_lines(key == "list" ? "\n" : "\n" + printable(key) + "\n");
      print_table(value);
    } else if (value.is_object()) {
      print_line("{}{}", indent, key);
      print_text(value, indent + "  ");
    } else {
      print_line("{}{:{}} {}", indent, printable(key), 16 - std::min<std::size_t>(indent.size(), 15), text_of(value));
    }
  }
}

}  // namespace medusa::tools
