#include "mtl/training/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "mtl/networks/model_file.h"
#include "mtl/training/report_json.h"
#include "mtl/training/sealed_json.h"
#include "nn/checkpoint.h"
#include "nn/json.h"
#include "nn/safetensors.h"
#include "tensor/file.h"

namespace medusa::mtl {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRun = "run";       // the field of files that say which run they belong to
constexpr const char* kBest = "weights";  // ... and which Best: its checksum

// Fields of an epoch that differ between equal runs.
const std::vector<std::string> kTimes{"seconds", "images_per_second", "waited_share"};

// A line of the metrics; `run`: whose.
std::string line_text(const Json& epoch, const std::string& run) {
  return (run.empty() ? epoch : sealed(epoch, kTimes, run)).dump();
}

const std::string kDescriptionTitle = "# What goes into this run's network and what comes out of it.\n";

std::string description_of(const datasets::Dataset& dataset) {
  const std::string text = dataset.description();
  return text.empty() ? "" : kDescriptionTitle + text;
}

// A text of a checkpoint's metadata, "" if it has none of that name.
std::string text_of(const nn::SafetensorsReader& reader, const std::string& name) {
  const auto found = reader.metadata().find(name);
  return found == reader.metadata().end() ? "" : found->second;
}

// "'old line', <who says> 'new line'" for the first line that differs; "" if none does.
std::string first_difference(const std::string& before, const std::string& now,
                             const char* who_says = "the dataset now says") {
  std::istringstream old_lines(before), new_lines(now);
  std::string was, is;
  while (old_lines || new_lines) {
    was = is = "";
    std::getline(old_lines, was);
    std::getline(new_lines, is);
    if (was != is) return fmt::format("'{}', {} '{}'", was, who_says, is);
  }
  return "";
}

std::string prefix_of(std::size_t group) { return fmt::format("optimizer.{}.", group); }

// The state in a checkpoint's metadata; throws InputError if it does not fit the model.
TrainState read_state(const std::string& path, std::size_t tasks, std::size_t groups,
                      const std::map<std::string, std::vector<double>>& balancer) {
  const std::string text = text_of(nn::SafetensorsReader(path), "state");
  MEDUSA_CHECK_INPUT(!text.empty(), "{}: has no training state to resume from", path);
  try {
    TrainState state = train_state_from_json(text, path + ": its training state");
    check(state, tasks, groups, balancer, path);
    return state;
  } catch (const nlohmann::json::exception& error) {
    fail_input("{}: its training state is malformed: {}", path, error.what());
  }
}

// Throws InputError if `run`, which the file says it belongs to, is not that of the folder's record.
void check_identity(const RunFolder& folder, RunFile file, const std::string& run) {
  if (run.empty() || !folder.has(RunFile::Provenance)) return;  // an older version wrote it
  MEDUSA_CHECK_INPUT(run == folder.provenance()->run, "{}: belongs to another run than the {} beside it",
                     folder.file(file), RunFolder::name(RunFile::Provenance));
}

// See RunFolder::json.
Json read_json(const RunFolder& folder, RunFile file) {
  const std::string path = folder.need(file), text = read_text_file(path);
  try {
    Json json = unsealed(nn::parse_json<Json>(text, path), path, folder.has(RunFile::Provenance));
    if (json.contains(kRun)) check_identity(folder, file, json[kRun].get<std::string>());
    return json;
  } catch (const Json::exception& error) {
    fail_input("{}: {}", path, error.what());
  }
}

constexpr RunFile kRunFiles[] = {RunFile::Config, RunFile::Description, RunFile::Metrics,    RunFile::Best,
                                 RunFile::Last,   RunFile::Result,      RunFile::Provenance, RunFile::Cost};

const std::vector<std::string> kTables{"cases", "dvh"}, kParts{"train", "val", "test", "all"};

std::string table_name(const std::string& about, const std::string& part) { return about + "_" + part + ".csv"; }

// Whether this is what a killed program leaves of a run's file; a user's own *.tmp is not.
bool is_half_written(const std::string& name) {
  std::vector<std::string> files;
  for (RunFile file : kRunFiles) files.emplace_back(RunFolder::name(file));
  for (const std::string& about : kTables)
    for (const std::string& part : kParts) files.push_back(table_name(about, part));
  return std::any_of(files.begin(), files.end(),
                     [&](const std::string& file) { return name == file + std::string(kTemporaryEnding); });
}

}  // namespace

const char* RunFolder::name(RunFile file) {
  switch (file) {
    case RunFile::Config: return "config.toml";
    case RunFile::Description: return "dataset.toml";
    case RunFile::Metrics: return "metrics.jsonl";
    case RunFile::Best: return "best.safetensors";
    case RunFile::Last: return "last.safetensors";
    case RunFile::Result: return "result.json";
    case RunFile::Provenance: return "provenance.json";
    case RunFile::Cost: return "cost.json";
  }
  fail("unknown file of a run");
}

std::string RunFolder::file(RunFile file) const { return (fs::path(path_) / name(file)).string(); }

bool RunFolder::has(RunFile file) const { return fs::exists(this->file(file)); }

std::string RunFolder::need(RunFile file) const {
  MEDUSA_CHECK_INPUT(fs::is_directory(path_), "{}: there is no such run folder", path_);
  MEDUSA_CHECK_INPUT(has(file), "{}: there is no {} in it; is it the folder of a run?", path_, name(file));
  return this->file(file);
}

void RunFolder::make() const { make_folders(path_); }

void RunFolder::save(RunFile file, const std::string& text) const {
  if (path_.empty()) return;
  if (file != RunFile::Result && file != RunFile::Cost) return write_file(this->file(file), text);
  Json json = Json::object();
  if (file == RunFile::Result) {
    if (!run_.empty()) json[kRun] = run_;
    if (has(RunFile::Best)) json[kBest] = nn::SafetensorsReader(this->file(RunFile::Best)).checksum();
  }
  json.update(Json::parse(text));
  write_file(this->file(file), sealed(json).dump(2) + "\n");
}

void RunFolder::keep_description(const datasets::Dataset& dataset) const {
  const std::string now = description_of(dataset), path = file(RunFile::Description);
  if (now.empty() || path_.empty()) return;
  if (!fs::exists(path)) return write_file(path, now);
  const std::string difference = first_difference(read_text_file(path), now);
  MEDUSA_CHECK_INPUT(difference.empty(), "{}: the run was begun with {}; start a new run to change it", path,
                     difference);
}

void RunFolder::remove_result() const {
  if (path_.empty()) return;
  fs::remove(file(RunFile::Result));
  for (const std::string& about : kTables)
    for (const std::string& part : kParts) fs::remove(table_file(about, part));
}

std::string RunFolder::table_file(const std::string& about, const std::string& part) const {
  return (fs::path(path_) / table_name(about, part)).string();
}

void RunFolder::save_table(const std::string& about, const std::string& part, const std::string& text) const {
  check_one_of("table", about, kTables);
  check_one_of("part", part, kParts);
  if (!path_.empty()) write_file(table_file(about, part), text);
}

bool RunFolder::only_prepared() const {
  if (begun() || (has(RunFile::Description) && !has(RunFile::Provenance))) return false;
  return std::all_of(fs::directory_iterator(path_), fs::directory_iterator(), [](const fs::directory_entry& entry) {
    const std::string file = entry.path().filename().string();
    return file == name(RunFile::Provenance) || file == name(RunFile::Description) || is_half_written(file);
  });
}

void RunFolder::remove_unfinished() const {
  if (!fs::is_directory(path_)) return;
  if (only_prepared())
    for (RunFile written : {RunFile::Description, RunFile::Provenance}) fs::remove(file(written));
  for (const auto& entry : fs::directory_iterator(path_))
    if (is_half_written(entry.path().filename().string())) fs::remove(entry.path());
}

std::string RunFolder::changed_inputs(const datasets::Dataset& dataset) const {
  const std::string now = description_of(dataset);
  if (now.empty() || !has(RunFile::Description)) return "";
  const auto inputs = [](const std::string& text) { return text.substr(0, text.find("\n[target.")); };
  return first_difference(inputs(read_text_file(file(RunFile::Description))), inputs(now));
}

std::string RunFolder::other_description(const RunFolder& other) const {
  const auto text = [](const RunFolder& run) { return run.has(RunFile::Description) ? run.description() : ""; };
  return first_difference(text(*this), text(other), (other.path() + " says").c_str());
}

void RunFolder::check_options(const std::map<std::string, std::string>& values) const {
  const std::optional<Provenance> made = provenance();
  if (!made) return;
  for (const auto& [name, value] : values)
    if (const auto then = made->options.find(name); then != made->options.end())
      MEDUSA_CHECK_INPUT(then->second == printable(value), "{}: {} is {}, the run was begun with {}",
                         file(RunFile::Config), name, value, then->second);
}

std::string RunFolder::option(const std::string& name) const {
  if (!has(RunFile::Config)) return "";
  std::istringstream lines(read_text_file(file(RunFile::Config)));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || line.substr(0, line.find_first_of(" =")) != name) continue;
    std::string value = line.substr(std::min(line.find_first_not_of(' ', equals + 1), line.size()));
    check_options({{name, value}});
    return text_of_toml(value);
  }
  return "";
}

Weights copy_weights(const Model& model) {
  Weights weights;
  for (const nn::Parameter& p : model.parameters()) weights[p.name] = p.var.value().clone();
  for (const nn::Buffer& b : model.buffers()) weights[b.name] = b.tensor.clone();
  return weights;
}

void set_weights(Model& model, const Weights& weights) {
  for (nn::Parameter& p : model.parameters()) p.var.value().copy_from(weights.at(p.name));
  for (nn::Buffer& b : model.buffers()) b.tensor.copy_from(weights.at(b.name));
}

void RunFolder::save_last(const Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers,
                          const TrainState& state) const {
  if (path_.empty()) return;
  TrainState full = state;
  full.random = op_seed_state();
  nn::Checkpoint checkpoint;
  for (std::size_t g = 0; g < optimizers.size(); ++g) {
    full.groups[g].optimizer_steps = optimizers[g]->steps();
    for (const auto& [name, tensor] : optimizers[g]->state()) checkpoint.extra[prefix_of(g) + name] = tensor;
  }
  checkpoint.metadata = {{"model", to_json(model.config())}, {"state", to_json(full)}};
  if (!run_.empty()) checkpoint.metadata[kRun] = run_;
  if (has(RunFile::Best)) checkpoint.metadata[kBest] = nn::SafetensorsReader(file(RunFile::Best)).checksum();
  nn::save_checkpoint(file(RunFile::Last), model, checkpoint);
}

void RunFolder::save_best(Model& model, const Weights& best, const TrainState& state) const {
  if (path_.empty()) return;
  const Weights current = copy_weights(model);
  set_weights(model, best);
  Json epochs = Json::array();
  for (const TrainState::Group& g : state.groups) epochs.push_back(g.best_epoch);
  nn::Checkpoint checkpoint;
  checkpoint.metadata = {{"model", to_json(model.config())}, {"best_epochs", epochs.dump()}};
  try {
    nn::save_checkpoint(file(RunFile::Best), model, checkpoint);
  } catch (...) {
    set_weights(model, current);
    throw;
  }
  set_weights(model, current);
}

void RunFolder::add_epoch(const std::vector<Task>& tasks, const EpochReport& r) {
  if (path_.empty()) return;
  lines_.push_back(line_text(epoch_json(tasks, r), run_));
  write_file(file(RunFile::Metrics), fmt::format("{}\n", fmt::join(lines_, "\n")));
}

std::vector<std::string> RunFolder::epochs() const {
  const std::string path = need(RunFile::Metrics);
  const std::optional<Provenance> made = provenance();
  std::istringstream text(read_text_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    const std::string where = fmt::format("{}:{}", path, lines.size() + 1);
    check_nesting(line, where);
    Json json = Json::parse(line, nullptr, false);
    MEDUSA_CHECK_INPUT(json.is_object() && json.contains("epoch") && json["epoch"].is_number_integer(),
                       "{}: expected a JSON object with an epoch", where);
    MEDUSA_CHECK_INPUT(json["epoch"].get<std::int64_t>() == std::ssize(lines) + 1, "{}: is epoch {}, expected {}",
                       where, json["epoch"].get<std::int64_t>(), lines.size() + 1);
    if (made)
      json = unsealed(std::move(json), where, true, kTimes, made->run);
    else
      json.erase("checksum");  // whose it is stood in the record
    lines.push_back(json.dump());
  }
  if (has(RunFile::Result) && made) {
    const auto finished = read_json(*this, RunFile::Result).value("epochs", std::ssize(lines));
    MEDUSA_CHECK_INPUT(finished == std::ssize(lines), "{}: has {} epochs, {} were finished", path, lines.size(),
                       finished);
  } else if (has(RunFile::Last) && made) {  // killed between the two, a run has one line more
    const std::string state = text_of(nn::SafetensorsReader(file(RunFile::Last)), "state");
    const std::int64_t finished = state.empty() ? 0 : train_state_from_json(state).epoch;
    MEDUSA_CHECK_INPUT(finished <= std::ssize(lines), "{}: has {} epochs, {} were finished", path, lines.size(),
                       finished);
  }
  return lines;
}

void RunFolder::check_weights() const {
  const nn::SafetensorsReader best(need(RunFile::Best));
  const auto check = [&](RunFile other, const std::string& expected) {
    MEDUSA_CHECK_INPUT(expected.empty() || expected == best.checksum(), "{}: does not belong to the {} beside it",
                       file(RunFile::Best), name(other));
  };
  if (has(RunFile::Result)) return check(RunFile::Result, read_json(*this, RunFile::Result).value(kBest, ""));
  if (!has(RunFile::Last)) return;
  const nn::SafetensorsReader last(file(RunFile::Last));
  check_identity(*this, RunFile::Last, text_of(last, kRun));
  // A run may be killed when it has saved new best weights and not yet the rest.
  const std::string listed = text_of(best, "best_epochs");
  check_nesting(listed, file(RunFile::Best));
  const Json best_epochs = Json::parse(listed, nullptr, false);
  const std::int64_t finished = train_state_from_json(text_of(last, "state"), file(RunFile::Last)).epoch;
  if (std::none_of(best_epochs.begin(), best_epochs.end(), [&](const Json& epoch) { return epoch > finished; }))
    check(RunFile::Last, text_of(last, kBest));
}

std::string RunFolder::weights() const {
  check_weights();
  return file(RunFile::Best);
}

std::string RunFolder::description() const {
  const std::string text = read_text_file(need(RunFile::Description));
  if (const std::optional<Provenance> made = provenance()) {
    const std::string difference = first_difference(kDescriptionTitle + made->inputs, text, "the file says");
    MEDUSA_CHECK_INPUT(difference.empty(), "{}: was changed: the run was begun with {}", file(RunFile::Description),
                       difference);
  }
  return text;
}

std::optional<Provenance> RunFolder::provenance() const {
  if (!has(RunFile::Provenance)) return std::nullopt;
  const std::string path = file(RunFile::Provenance);
  return provenance_from_json(read_text_file(path), path);
}

std::string RunFolder::json(RunFile file) const { return read_json(*this, file).dump(2) + "\n"; }

bool RunFolder::resume(Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers, TrainState* state,
                       Weights* best) {
  const std::string path = file(RunFile::Last);
  if (path_.empty()) return false;
  if (!has(RunFile::Last)) {
    // Killed while the first epoch was saved, a run may have metrics alone; it begins again.
    const std::size_t finished = has(RunFile::Metrics) ? epochs().size() : 0;
    MEDUSA_CHECK_INPUT(finished <= 1 && !has(RunFile::Result),
                       "{}: there is no {} in it to resume from, although {} epochs are finished", path_,
                       name(RunFile::Last), finished);
    return false;
  }
  const TrainState before = read_state(path, model.tasks().size(), optimizers.size(), state->balancer);
  MEDUSA_CHECK_INPUT(before.data == state->data, "{}: the run was begun with {}, this is {}; is it the same data?",
                     path, before.data, state->data);
  MEDUSA_CHECK_INPUT(to_json(read_model_config(path)) == to_json(model.config()),
                     "{}: was written by another network, or with other losses or class weights", path);
  check_identity(*this, RunFile::Last, text_of(nn::SafetensorsReader(path), kRun));
  nn::Checkpoint checkpoint;
  nn::load_checkpoint(path, model, true, &checkpoint);
  *state = before;
  bool any_best = false;
  for (const TrainState::Group& g : state->groups) any_best = any_best || g.best_epoch > 0;
  if (any_best) {
    const Weights current = copy_weights(model);
    nn::load_checkpoint(weights(), model);
    *best = copy_weights(model);
    set_weights(model, current);
  }
  for (std::size_t g = 0; g < optimizers.size(); ++g) {
    std::map<std::string, Tensor> slots;
    const std::string prefix = prefix_of(g);
    for (const auto& [name, tensor] : checkpoint.extra)
      if (name.rfind(prefix, 0) == 0) slots[name.substr(prefix.size())] = tensor;
    optimizers[g]->set_state(slots, state->groups[g].optimizer_steps);
  }
  set_op_seed_state(state->random);
  lines_.clear();
  if (state->epoch == 0) return true;
  const std::vector<std::string> lines = epochs();
  MEDUSA_CHECK_INPUT(std::ssize(lines) >= state->epoch, "{}: has {} epochs, {} were finished", file(RunFile::Metrics),
                     lines.size(), state->epoch);
  for (std::int64_t i = 0; i < state->epoch; ++i)
    lines_.push_back(line_text(Json::parse(lines[static_cast<std::size_t>(i)]), run_));
  return true;
}

}  // namespace medusa::mtl
