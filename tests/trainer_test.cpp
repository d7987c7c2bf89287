// The trainer on a few tensors: balancing, resuming bit for bit, best epoch, patience, missing labels.
#include "mtl/training/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "mtl/training/selection.h"
#include "nn/safetensors.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::mtl;
using test::TempFolder;

namespace {

constexpr std::int64_t kSamples = 4, kSide = 8;

// A few batches of noise with labels that can be learned: the lesion is where the first channel is positive, the class
// is the sign of its mean.  `lacks(batch, task)` says which labels are missing.
struct Noise : BatchSource {
  std::int64_t count;
  std::function<bool(std::int64_t, std::size_t)> lacks;
  std::int64_t epoch = 0, at = 0;
  explicit Noise(std::int64_t batches, std::function<bool(std::int64_t, std::size_t)> missing = {})
      : count(batches), lacks(std::move(missing)) {}
  void start_epoch(std::int64_t which, std::int64_t first_batch) override { epoch = which, at = first_batch; }
  std::int64_t batches() const override { return count; }
  std::optional<datasets::Batch> next() override {
    if (at == count) return std::nullopt;
    Random random(static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(at));
    std::vector<datasets::Sample> samples;
    for (std::int64_t k = 0; k < kSamples; ++k) samples.push_back(sample(random, k));
    ++at;
    return datasets::stack(samples);
  }

 private:
  datasets::Sample sample(Random& random, std::int64_t k) const {
    datasets::Sample s;
    s.id = std::to_string(at) + "." + std::to_string(k);
    s.input = Tensor::empty({kSide, kSide, 2});
    s.targets.resize(2);
    Tensor mask = Tensor::empty({kSide, kSide, 1});
    const double shift = k % 2 == 0 ? 0.5 : -0.5;
    for (std::int64_t i = 0; i < kSide * kSide; ++i) {
      const double value = random.normal() + shift;
      s.input.mutable_data()[2 * i] = static_cast<real>(value);
      s.input.mutable_data()[2 * i + 1] = static_cast<real>(random.normal());
      mask.mutable_data()[i] = value > 0 ? 1 : 0;
    }
    if (!lacks || !lacks(at, 0)) s.targets[0].value = mask;
    if (!lacks || !lacks(at, 1)) s.targets[1].value = Tensor::full({1}, static_cast<real>(k % 2));
    return s;
  }
};

std::unique_ptr<Model> small_model(const std::string& arch = "hps") {
  ModelConfig config;
  config.arch = arch;
  config.in_channels = 2;
  config.widths = {2, 4};
  Task lesion, diagnosis;
  lesion.name = "lesion";
  diagnosis.name = "diagnosis";
  diagnosis.kind = TaskKind::Classification;
  diagnosis.channels = 2;
  config.tasks = {lesion, diagnosis};
  return make_model(config, 1);
}

TrainerOptions small_options(const std::string& folder = "", const std::string& method = "equal") {
  TrainerOptions options;
  options.epochs = 3;
  options.folder = folder;
  options.schedule.name = "constant";
  options.schedule.lr = 0.01;
  options.balancing.name = method;
  if (method == "fixed") options.balancing.own["task-weights"] = Vector{2, 0.5};
  if (method == "stch") options.balancing.own["stch-epoch"] = std::int64_t{1};  // until then it is scaleinvariant
  return options;
}

std::vector<nlohmann::json> epochs_of(const std::string& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(test::slurp(folder + "/metrics.jsonl"));
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("seconds");
    lines.back().erase("images_per_second");
    lines.back().erase("waited_share");
  }
  return lines;
}

// last.safetensors but for the times in its state.
nlohmann::json state_of(const std::string& folder) {
  const nn::SafetensorsReader reader(folder + "/last.safetensors");
  nlohmann::json state = nlohmann::json::parse(reader.metadata().at("state"));
  state.erase("seconds");
  state.erase("waited");
  return state;
}

bool same_tensors(const std::string& one, const std::string& two) {
  const nn::SafetensorsReader a(one), b(two);
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& entry : a.entries())
    if (!b.has(entry.first) || a.values(entry.first) != b.values(entry.first)) return false;
  return !a.entries().empty();
}

}  // namespace

TEST_CASE("trainer: every balancing method, stopped after any step and resumed, ends with the same bits") {
  for (const std::string& method : balancing_methods()) {
    // In each epoch the first batch lacks a diagnosis and the second a lesion.
    const auto lacks = [](std::int64_t batch, std::size_t task) { return batch < 2 && (batch == 0) == (task == 1); };
    TempFolder whole, pieces;
    Noise train(4, lacks), val(1);
    const auto model = small_model();
    Trainer(*model, small_options(whole.path, method)).run(train, &val);
    int runs = 0;
    for (bool interrupted = true; interrupted; ++runs) {
      const auto again = small_model();
      TrainerOptions options = small_options(pieces.path, method);
      options.resume = runs > 0;
      int steps = 0;
      options.stop = [&] { return ++steps == 1 + runs % 3; };
      interrupted = Trainer(*again, options).run(train, &val).interrupted;
      REQUIRE(runs < 20);
    }
    CHECK(runs > 5);
    CHECK_MESSAGE(state_of(whole.path) == state_of(pieces.path), method);
    CHECK_MESSAGE(epochs_of(whole.path) == epochs_of(pieces.path), method);
    for (const char* file : {"/last.safetensors", "/best.safetensors"})
      CHECK_MESSAGE(same_tensors(whole.path + file, pieces.path + file), method << file);
  }
}

TEST_CASE("trainer: weights, norms and cosines are logged for every method") {
  std::set<std::string> weights;
  for (const std::string& method : balancing_methods()) {
    TempFolder folder;
    Noise train(3), val(1);
    const auto model = small_model("ctan");
    Trainer(*model, small_options(folder.path, method)).run(train, &val);
    const auto lines = epochs_of(folder.path);
    REQUIRE(lines.size() == 3);
    for (const auto& line : lines) {
      for (const char* task : {"lesion", "diagnosis"}) {
        CHECK_MESSAGE(line["task_weight"][task].get<double>() >= 0, method);
        CHECK_MESSAGE(line["shared_grad_norm"][task].get<double>() > 0, method);
      }
      const double cosine = line["cosine"]["lesion,diagnosis"].get<double>();
      CHECK_MESSAGE(std::fabs(cosine) <= 1, method);
      CHECK_MESSAGE(cosine != 0, method);
    }
    if (method != "pcgrad" && method != "upgrad")  // equal, where nothing conflicts
      weights.insert(lines.back()["task_weight"].dump());
    if (method == "fixed") CHECK(lines[0]["task_weight"]["diagnosis"] == 0.5);
    // All methods but those that look at gradients in each step see the first batch alone: the same for all of them.
    if (method == "equal") CHECK(lines[0]["task_weight"]["lesion"] == 1.0);
  }
  CHECK(weights.size() == balancing_methods().size() - 2);  // no two methods do the same
}

TEST_CASE("trainer: labels that are missing for an epoch are null, and no method stumbles over them") {
  for (const std::string& method : balancing_methods()) {
    TempFolder folder;
    Noise train(2, [](std::int64_t, std::size_t task) { return task == 1; });
    const auto model = small_model();
    const Weights before = copy_weights(*model);
    Trainer(*model, small_options(folder.path, method)).run(train, nullptr);
    for (const auto& line : epochs_of(folder.path)) {
      CHECK_MESSAGE(line["task_weight"]["diagnosis"].is_null(), method);
      CHECK_MESSAGE(line["cosine"]["lesion,diagnosis"].is_null(), method);
      CHECK_MESSAGE(line["loss"]["diagnosis"].is_null(), method);
      CHECK_MESSAGE(line["task_weight"]["lesion"].is_number(), method);
    }
    bool moved = false;
    for (const nn::Parameter& p : model->parameters()) {
      const bool same = p.var.value().to_vector() == before.at(p.name).to_vector();
      if (p.name.rfind("heads.diagnosis.", 0) == 0) CHECK_MESSAGE(same, method << " moved " << p.name);
      moved = moved || !same;
    }
    CHECK_MESSAGE(moved, method);
  }
}

TEST_CASE("trainer: in STL nothing is shared, and a method says that it has no effect") {
  struct Notes : Progress {
    std::string text;
    void note(const std::string& note) override { text += note + "\n"; }
  };
  Weights ends[2];
  for (int k = 0; k < 2; ++k) {
    TempFolder folder;
    Noise train(2);
    Notes notes;
    const auto model = small_model("stl");
    TrainerOptions options = small_options(folder.path, k == 0 ? "equal" : "pcgrad");
    options.progress = &notes;
    Trainer(*model, options).run(train, nullptr);
    CHECK(test::contains(notes.text, "balancing pcgrad: no effect, the tasks of stl share no parameters") == (k == 1));
    CHECK(!epochs_of(folder.path)[0].contains("cosine"));
    ends[k] = copy_weights(*model);
  }
  for (const auto& entry : ends[0])
    CHECK_MESSAGE(entry.second.to_vector() == ends[1].at(entry.first).to_vector(), entry.first);
}

TEST_CASE("trainer: a run goes on with its own method only") {
  TempFolder folder;
  Noise train(2);
  Trainer(*small_model(), small_options(folder.path, "uw")).run(train, nullptr);
  TrainerOptions other = small_options(folder.path, "famo");
  other.resume = true;
  other.epochs = 5;
  const auto model = small_model();
  Trainer trainer(*model, other);
  CHECK(test::contains(test::input_error([&] { trainer.start(train); }), "of its balancing method"));
}

TEST_CASE("trainer: the best epoch's weights are kept, and patience ends what no longer gets better") {
  // A learning rate of 0 never gets better after the first epoch.
  TempFolder folder;
  Noise train(2), val(1);
  TrainerOptions options = small_options(folder.path);
  options.epochs = 9;
  options.patience = 2;
  options.schedule.lr = 1e-30;
  options.optimizer.name = "sgd";
  // Running statistics move nevertheless: momentum of batch norm.  Train until a validation score repeats or falls.
  const auto model = small_model();
  const TrainResult result = Trainer(*model, options).run(train, &val);
  const auto lines = epochs_of(folder.path);
  REQUIRE(!lines.empty());
  double best = -1e9;
  std::int64_t best_epoch = 0;
  for (const auto& line : lines) {
    const double now = (std::log(line["val"]["lesion"]["dice"].get<double>()) +
                        std::log(line["val"]["diagnosis"]["balanced_accuracy"].get<double>())) /
                       2;
    CHECK(line["improved"][0].get<bool>() == (now > best));
    if (now > best) best = now, best_epoch = line["epoch"].get<std::int64_t>();
  }
  CHECK(result.best_epoch == std::vector<std::int64_t>{best_epoch});
  CHECK(result.stopped_early == (static_cast<std::int64_t>(lines.size()) == best_epoch + 2));
  CHECK(result.stopped_early);
  CHECK(result.epochs == best_epoch + 2);
  // The model that run() leaves has the best epoch's weights: its score is the best one.
  const Evaluation evaluation = *evaluate(*model, val);
  CHECK(score(model->tasks(), evaluation, {0, 1}) == doctest::Approx(best));
}

TEST_CASE("score: relative changes count the same in all tasks, and what has no value not at all") {
  std::vector<Task> tasks(3);
  tasks[0].kind = TaskKind::Segmentation;
  tasks[1].kind = TaskKind::Regression;
  tasks[1].scale = 70;
  tasks[2].kind = TaskKind::Binary;
  Evaluation evaluation(3);
  evaluation[0].metrics = {{"dice", 0.5}};
  evaluation[1].metrics = {{"mae", 7}};
  evaluation[2].metrics = {{"auc", std::numeric_limits<double>::quiet_NaN()}};
  CHECK(score(tasks, evaluation, {0, 1, 2}) == doctest::Approx((std::log(0.5) - std::log(7)) / 2));
  CHECK(score(tasks, evaluation, {1}) == doctest::Approx(-std::log(7)));
  CHECK(score({{0.5, true}, {7, false}, {std::nan(""), true}}) == score(tasks, evaluation, {0, 1, 2}));
  CHECK(std::isnan(score(tasks, evaluation, {2})));
  CHECK(mean_score(tasks, evaluation, {0, 1, 2}) == doctest::Approx((0.5 - 0.1) / 2));
  const double before = score(tasks, evaluation, {0, 1});
  evaluation[0].metrics = {{"dice", 0.55}};
  const double better = score(tasks, evaluation, {0, 1}) - before;
  evaluation[0].metrics = {{"dice", 0.5}};
  evaluation[1].metrics = {{"mae", 7 / 1.1}};
  CHECK(score(tasks, evaluation, {0, 1}) - before == doctest::Approx(better));  // 10 % better, in either task
  evaluation[0].metrics = {{"dice", 0}};
  CHECK(score(tasks, evaluation, {0}) == doctest::Approx(std::log(1e-3)));

  evaluation[0].metrics = {{"dice", 0.5}};
  const std::vector<double> losses{0.25, 1, 2};
  const auto of = [&](const char* selection, const std::vector<std::size_t>& group) {
    return epoch_score(selection, tasks, &evaluation, losses, group, 3);
  };
  CHECK(of("joint", {0}) == score(tasks, evaluation, {0, 1, 2}));  // one epoch for all
  CHECK(of("per-task", {0}) == score(tasks, evaluation, {0}));
  CHECK(of("mean", {0}) == doctest::Approx(0.5));
  CHECK(of("last", {0}) == 3);
  CHECK(of("per-task", {2}) == -2);  // no metric: by the loss
  CHECK(epoch_score("joint", tasks, nullptr, losses, {0}, 3) == doctest::Approx(-(0.25 + 1 + 2) / 3));
}

TEST_CASE("trainer: STL's tasks share one epoch, or have one each") {
  for (const char* selection : {"joint", "per-task"}) {
    TempFolder folder;
    Noise train(4), val(2);
    TrainerOptions options = small_options(folder.path);
    options.epochs = 8;
    options.select = selection;
    const auto model = small_model("stl");
    const TrainResult result = Trainer(*model, options).run(train, &val);
    REQUIRE(result.best_epoch.size() == 2);
    if (selection == std::string("joint")) CHECK(result.best_epoch[0] == result.best_epoch[1]);
    const auto lines = epochs_of(folder.path);
    const auto best_of = [&](const char* task, const char* metric) {
      std::int64_t best = 0;
      double most = -1;
      for (const auto& line : lines)
        if (const double value = line["val"][task][metric].get<double>(); value > most)
          most = value, best = line["epoch"].get<std::int64_t>();
      return best;
    };
    if (selection == std::string("joint")) continue;
    CHECK(result.best_epoch[0] == best_of("lesion", "dice"));
    CHECK(result.best_epoch[1] == best_of("diagnosis", "balanced_accuracy"));
  }
}

TEST_CASE("trainer: a gradient that is not finite ends the run, whatever the method, and keeps the last checkpoint") {
  for (const std::string& method : balancing_methods()) {
    TempFolder folder;
    Noise train(2);
    const auto model = small_model();
    TrainerOptions options = small_options(folder.path, method);
    options.epochs = 1;
    Trainer(*model, options).run(train, nullptr);
    const std::string before = test::slurp(folder / "last.safetensors");
    options.resume = true;
    options.epochs = 2;
    Trainer trainer(*model, options);
    trainer.start(train);
    nn::Parameter first = model->parameters().front();
    first.var.value().mutable_data()[0] = std::numeric_limits<real>::infinity();
    const std::string error = test::runtime_error([&] { trainer.run(train, nullptr); });
    CHECK_MESSAGE(test::contains(error, "is not finite in epoch 2"), method << ": " << error);
    CHECK_MESSAGE(test::slurp(folder / "last.safetensors") == before, method);
  }
}
