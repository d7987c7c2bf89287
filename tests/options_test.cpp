// Options that structs declare: what is refused, what comes back; an architecture from outside with one of its own.
#include "tensor/options.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "mtl/balancing/balancer.h"
#include "mtl/networks/model_file.h"
#include "mtl/networks/shared_model.h"
#include "nn/optim.h"
#include "nn/schedule.h"
#include "tests/data_fixture.h"
#include "tests/message.h"
#include "tools/cli/run_options.h"

namespace medusa::test {

namespace {

struct Wave {
  double height = 0.5;
  std::string shape = "sine";
  bool loud = true;
  std::int64_t count = 3;
  int threads = 2;
  std::uint64_t seed = 7;
  std::vector<double> weights;
  std::vector<std::int64_t> widths{4, 8};
  std::vector<std::string> names;
  void declare(Options& o) {
    o.add("height", height, "metres above the mean").from_to_below(0, 2);
    o.add("shape", shape, "of one period").one_of({"sine", "square"});
    o.add("loud", loud, "heard by all");
    o.add("count", count, "of periods").at_least(1);
    o.add("threads", threads, "that compute").range(0, 1024).no_effect();
    o.add("seed", seed, "of the noise").same_for_all();
    o.add("weights", weights, "of the periods").above(0).at_most_values(2);
    o.add("widths", widths, "of the levels").range(1, 65536);
    o.add("names", names, "of the periods");
  }
};

std::string refusal(const char* name, const OptionValue& value) {
  return message_of([&] { read_options<Wave>({{name, value}}, "wave: "); });
}

}  // namespace

TEST_CASE("options: a value out of range or of another type is refused in one line, the bounds are not") {
  CHECK(refusal("height", 2.0) == "wave: height 2: expected 0 or more, below 2");
  CHECK(refusal("height", -0.1) == "wave: height -0.1: expected 0 or more, below 2");
  CHECK(refusal("height", std::nan("")) == "wave: height nan: expected 0 or more, below 2");
  CHECK(refusal("height", 0) == "no error");
  CHECK(refusal("height", "tall") == "wave: height \"tall\": expected a number");
  CHECK(refusal("shape", "round") == "wave: shape round: expected one of sine, square");
  CHECK(refusal("shape", true) == "wave: shape true: expected a name");
  CHECK(refusal("loud", 1) == "wave: loud 1: expected true or false");
  CHECK(refusal("count", 0) == "wave: count 0: expected 1 or more");
  CHECK(refusal("count", 1.5) == "wave: count 1.5: expected a whole number");
  CHECK(refusal("threads", 1024) == "no error");
  CHECK(refusal("threads", 1025) == "wave: threads 1025: expected 0 to 1024");
  CHECK(refusal("threads", std::int64_t{1} << 40) == "wave: threads 1099511627776: expected a whole number");
  CHECK(refusal("seed", -1) == "wave: seed -1: expected a whole number");
  CHECK(refusal("seed", ~std::uint64_t{0}) == "no error");
  CHECK(refusal("weights", std::vector<double>{1, 0}) == "wave: weights 0: expected more than 0");
  CHECK(refusal("weights", std::vector<double>{1, INFINITY}) == "wave: weights inf: expected more than 0");
  CHECK(refusal("weights", std::vector<double>{1, 2, 3}) == "wave: weights: expected at most 2 values, found 3");
  CHECK(refusal("weights", std::vector<std::int64_t>{1, 2}) == "no error");
  CHECK(refusal("widths", std::vector<std::int64_t>{4, 0}) == "wave: widths 0: expected 1 to 65536");
  CHECK(refusal("widths", std::vector<std::string>{}) == "no error");
  CHECK(refusal("widths", 4) == "wave: widths 4: expected a list of numbers");
  CHECK(
      refusal("depth", 1) ==
      "wave: depth: unknown option, expected one of height, shape, loud, count, threads, seed, weights, widths, names");
}

TEST_CASE("options: values go out of a struct and come back, what is not said keeps its default") {
  Wave wave;
  wave.height = 0.1 + 0.2;
  wave.seed = ~std::uint64_t{0};
  wave.names = {"a", "b"};
  const OptionValues values = option_values(wave);
  CHECK(values.size() == 9);
  CHECK(option_values(read_options<Wave>(values)) == values);
  CHECK(option_values(read_options<Wave>({})) == option_values(Wave()));
  CHECK(read_options<Wave>({{"shape", "square"}}).count == 3);
  CHECK(toml_text(values.at("height")) == "0.30000000000000004");
  CHECK(toml_text(values.at("names")) == R"(["a", "b"])");
  CHECK(toml_text(values.at("weights")).empty());
  CHECK(toml_text("a \"b\"") == "'a \"b\"'");
  CHECK(toml_text("a\nb") == R"("a\nb")");
  for (const std::string& text : {std::string("plain"), std::string("a\"b"), std::string("it's"), std::string("a\\tb"),
                                  std::string("it's \"a\"\\"),
                                  std::string("a\nb\t\r\x1b\x7f '\" # = %\\u0041 Gr\xc3\xb6\xc3\x9f"
                                              "e \xff"),
                                  std::string()})
    CHECK(text_of_toml(toml_text(text)) == text);
  CHECK(text_of_toml(R"("\u00e9\U0001F600\q\u12")") == "\xc3\xa9\xf0\x9f\x98\x80\\q\\u12");
  CHECK(text_of_toml("[1, 2]") == "[1, 2]");
}

TEST_CASE("options: rows say what they are; a name twice is a mistake in the program") {
  Wave wave;
  Options rows;
  rows.group("Waves", "sea");
  rows.prefix("sea-");
  wave.declare(rows);
  const Option* row = rows.find("sea-height");
  REQUIRE(row != nullptr);
  CHECK(row->group == "Waves");
  CHECK(row->owner == "sea");
  CHECK(row->range_text() == "0 or more, below 2");
  CHECK(row->effect == OptionRow::Effect::Result);
  CHECK(rows.find("sea-shape")->help == "of one period: sine, square");
  CHECK(rows.find("sea-threads")->effect == OptionRow::Effect::Nothing);
  CHECK(rows.find("sea-seed")->shared);
  CHECK(rows.find("height") == nullptr);
  CHECK(message_of([&] { wave.declare(rows); }) == "option 'sea-height' is declared twice");
}

TEST_CASE("options: a run's are written as a config file and read back, every one") {
  tools::RunOptions options;
  std::map<std::string, int> seen;
  for (const tools::ConfigEntry& entry : tools::config_entries(options)) {
    CHECK_MESSAGE(!entry.help.empty(), entry.name);
    CHECK_MESSAGE(++seen[entry.name] == 1, entry.name);
  }
  options.arch_options["ctan"]["parts"] = "encoder";
  options.balancing.own["balancing-lr"] = 0.1 + 0.2;
  options.balancing.own["famo-decay"] = 1e-300;
  options.widths = {4, 8};
  options.tasks = {"a", "b"};
  options.seed = ~std::uint64_t{0};
  options.augment.elastic = 0.05;
  options.optimizer.beta2 = 0.95;
  options.data =
      "/a # \"b\" = it's %\\ [c], gr\xc3\xb6\xc3\x9f"
      "er\n\t.";
  options.pretrained = "a \"b\" # c";
  options.cache_disk = " [d] ";
  const TempFolder folder;
  save(folder / "config.toml", tools::config_text(options));
  const tools::RunOptions back = tools::read_run_options(folder.path);
  CHECK(!tools::first_change(options, back, [](const OptionRow&) { return false; }));
  CHECK(back.arch_options.at("ctan").at("parts") == OptionValue("encoder"));
  save(folder / "config.toml", "no-such-option = 1\n");
  CHECK(message_of([&] { tools::read_run_options(folder.path); }).find("no-such-option") != std::string::npos);
  save(folder / "config.toml", "overlap = 0.95\n");
  CHECK(message_of([&] { tools::read_run_options(folder.path); }) ==
        folder.path + "/config.toml: --overlap 0.95: expected 0 to 0.9");
}

TEST_CASE("options: each name in a table of methods makes one, with its own options") {
  for (const std::string& name : nn::schedules()) {
    nn::ScheduleOptions options;
    options.name = name;
    options.total = 10;
    CHECK_NOTHROW(nn::learning_rate(options, 3));
  }
  for (const std::string& name : nn::optimizers()) {
    nn::OptimizerOptions options;
    options.name = name;
    CHECK_NOTHROW(nn::make_optimizer(options, {}));
  }
  mtl::BalanceOptions balancing;
  Options rows;
  balancing.declare(rows);
  const std::string shared = rows.find("balancing-lr")->help;
  CHECK(shared.starts_with("balancing famo, "));
  CHECK(shared.ends_with(": learning rate of the weights"));
  for (const Option& row : rows.rows()) CHECK(row.owner == "balancing");
  balancing.own["dwa-temperature"] = 0;
  CHECK(message_of([&] { mtl::make_balancer(balancing, 2); }) == "dwa-temperature 0: expected more than 0");
  balancing.own = {{"dwa-heat", 1}};
  CHECK(message_of([&] { mtl::make_balancer(balancing, 2); }).find("dwa-heat: unknown option") == 0);
  balancing.own = {{"task-weights", mtl::Vector{1, 2}}};
  CHECK(message_of([&] { balancing.check("--"); }) == "--task-weights: only with --balancing fixed");
}

namespace {

// Hard sharing with the features of every level multiplied by a number.
struct LouderOptions {
  double factor = 2;
  void declare(Options& o) { o.add("factor", factor, "of all features").above(0); }
};

class Louder : public mtl::SharedModel {
 public:
  Louder(const mtl::ModelConfig& config, const LouderOptions& options) : SharedModel(config), options_(options) {}
  std::vector<Var> outputs(const Var& x) override {
    std::vector<Var> p = encoder_.features(x).p;
    for (Var& level : p) level = level * static_cast<real>(options_.factor);
    return branch_outputs(std::vector<std::vector<Var>>(tasks().size(), p));
  }

 private:
  LouderOptions options_;
};

void register_louder() {
  static const bool once =
      (mtl::register_architecture(mtl::architecture<Louder, LouderOptions>("amplified", "hps, but louder")), true);
  (void)once;
}

mtl::ModelConfig louder(double factor) {
  mtl::ModelConfig config;
  config.arch = "amplified";
  config.widths = {4, 6};
  config.tasks.resize(2);
  config.tasks[0].name = "lesion";
  config.tasks[1].name = "diagnosis";
  config.tasks[1].kind = TaskKind::Classification;
  config.tasks[1].channels = 3;
  config.options["factor"] = factor;
  return config;
}

}  // namespace

TEST_CASE("options: an architecture from outside is made, trained and comes back from its file with its option") {
  register_louder();
  CHECK(message_of([] {
          mtl::register_architecture(mtl::architecture<Louder, LouderOptions>("Louder", ""));
        }).find("expected a name of lower-case letters") != std::string::npos);
  CHECK(message_of([] { mtl::register_architecture(mtl::architecture<Louder, LouderOptions>("amplified", "")); }) ==
        "architecture 'amplified': the name is taken");
  CHECK(message_of([] { mtl::make_model(louder(0)); }) == "amplified: factor 0: expected more than 0");

  const auto model = mtl::make_model(louder(3));
  const auto optimizer = nn::make_optimizer({}, model->parameters());
  const Var x(Tensor::ones({2, 8, 8, 3}));
  const auto loss = [&] { return mean(model->outputs(x)[0] * model->outputs(x)[0]); };
  const double before = static_cast<double>(loss().item());
  for (int step = 0; step < 5; ++step) {
    optimizer->zero_grad();
    loss().backward();
    optimizer->step(1e-2);
  }
  CHECK(static_cast<double>(loss().item()) < before);

  const TempFolder folder;
  const std::string path = folder / "model.safetensors";
  nn::Checkpoint checkpoint;
  checkpoint.metadata["model"] = mtl::to_json(model->config());
  nn::save_checkpoint(path, *model, checkpoint);
  CHECK(mtl::to_json(model->config()).find(R"("amplified":{"factor":3.0})") != std::string::npos);
  const auto back = mtl::load_model(path);
  model->eval();
  CHECK(back->outputs(x)[1].value().to_vector() == model->outputs(x)[1].value().to_vector());
  const auto quieter = mtl::make_model(louder(1));
  nn::load_checkpoint(path, *quieter);
  quieter->eval();
  CHECK(quieter->outputs(x)[1].value().to_vector() != model->outputs(x)[1].value().to_vector());
}

TEST_CASE("options: an architecture from outside is an option of a run, and so is its own option") {
  register_louder();
  tools::RunOptions options;
  tools::CommandLine command("", "train");
  tools::add_run_options(command, options);
  command.parse({"--arch", "amplified", "--amplified-factor", "5"});
  CHECK_NOTHROW(tools::check(options));
  CHECK(options.arch_options.at("amplified").at("factor") == OptionValue(5.0));
  CHECK(tools::config_text(options).find("amplified-factor = 5\n") != std::string::npos);
  options.arch_options["amplified"]["factor"] = -1.0;
  CHECK(message_of([&] { tools::check(options); }) == "--amplified-factor -1: expected more than 0");
}

}  // namespace medusa::test
