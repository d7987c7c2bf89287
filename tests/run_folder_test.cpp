// The folder of a run: its files, what is refused.
#include "mtl/training/run_folder.h"

#include <nlohmann/json.hpp>

#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "tests/data_fixture.h"

namespace medusa {
namespace {

using mtl::RunFile;
using mtl::RunFolder;
using test::contains;
using test::input_error;
using test::TempFolder;

// A dataset of which only the description matters.
struct Described : datasets::Dataset {
  explicit Described(std::string text) : text(std::move(text)) {}
  std::int64_t size() const override { return 0; }
  const std::vector<datasets::TargetInfo>& targets() const override { return none; }
  std::string id(std::int64_t) const override { return ""; }
  datasets::Sample get(std::int64_t) const override { return {}; }
  datasets::Sample get_augmented(std::int64_t, std::uint64_t, std::int64_t) const override { return {}; }
  std::string description() const override { return text; }
  std::string text;
  std::vector<datasets::TargetInfo> none;
};

TEST_CASE("run folder: what is there, and what is missing") {
  const TempFolder folder;
  const RunFolder run(folder.path);
  CHECK_FALSE(run.begun());
  CHECK(contains(input_error([&] { run.need(RunFile::Best); }), "there is no best.safetensors in it"));
  CHECK(contains(input_error([&] { RunFolder(folder / "none").need(RunFile::Best); }), "there is no such run folder"));
  run.save(RunFile::Config, "# the dataset\ndataset = \"stoic\"\n\n[sub]\nsize='8x16'\nbatch = 4\nempty=\n");
  CHECK(run.begun());
  CHECK_FALSE(run.finished());
  CHECK(run.option("dataset") == "stoic");
  CHECK(run.option("size") == "8x16");
  CHECK(run.option("batch") == "4");
  CHECK(run.option("empty") == "");
  CHECK(run.option("data") == "");
  test::save(run.file(RunFile::Result), "{\"epochs\": 1");
  CHECK(contains(input_error([&] { run.json(RunFile::Result); }), "result.json"));
  run.save(RunFile::Result, "{\"epochs\": 1}");
  CHECK(run.json(RunFile::Result) == "{\n  \"epochs\": 1\n}\n");
  CHECK(run.finished());
  test::save(folder / "config.toml.tmp", "half");
  test::save(folder / "own.tmp", "a user's");
  run.remove_unfinished();
  CHECK_FALSE(std::filesystem::exists(folder / "config.toml.tmp"));
  CHECK(std::filesystem::exists(folder / "own.tmp"));
  RunFolder("").save(RunFile::Config, "nothing");  // of no folder: nothing is written
}

TEST_CASE("run folder: what a program leaves that is killed before its run has begun") {
  const TempFolder folder;
  const RunFolder run(folder.path);
  test::save(folder / "provenance.json.tmp", "half");
  CHECK(run.only_prepared());
  test::save(folder / "provenance.json", "{}");
  test::save(folder / "dataset.toml", "");
  test::save(folder / "config.toml.tmp", "half");
  CHECK(run.only_prepared());
  run.remove_unfinished();
  CHECK(std::filesystem::is_empty(folder.path));
  test::save(folder / "own.tmp", "a user's");
  CHECK_FALSE(run.only_prepared());
  std::filesystem::remove(folder / "own.tmp");
  test::save(folder / "dataset.toml", "a user's");
  CHECK_FALSE(run.only_prepared());
}

TEST_CASE("run folder: the lines of the epochs") {
  const TempFolder folder;
  const RunFolder run(folder.path);
  run.save(RunFile::Metrics, "{\"epoch\":1}\n{\"epoch\":2}\n");
  CHECK(run.epochs() == std::vector<std::string>{"{\"epoch\":1}", "{\"epoch\":2}"});
  for (const char* bad : {"nonsense", "{\"loss\":1}", "[1]"}) {
    run.save(RunFile::Metrics, std::string("{\"epoch\":1}\n") + bad + "\n");
    CHECK(contains(input_error([&] { run.epochs(); }), "metrics.jsonl:2: expected a JSON object with an epoch"));
  }
}

TEST_CASE("run folder: files that were changed or belong to another run") {
  const TempFolder folder;
  mtl::Provenance made;
  made.run = "1a2b";
  made.options = {{"lr", "0.5"}};
  const RunFolder run(folder.path, made.run);
  run.save(RunFile::Provenance, to_json(made));
  run.save(RunFile::Config, "lr = 0.5\nthreads = 3\n");
  CHECK(run.option("lr") == "0.5");
  run.save(RunFile::Config, "lr = 0.25\n");
  CHECK(contains(input_error([&] { run.option("lr"); }), "config.toml: lr is 0.25, the run was begun with 0.5"));

  run.save(RunFile::Result, "{\"epochs\": 1}");
  CHECK(nlohmann::json::parse(run.json(RunFile::Result)) == nlohmann::json{{"epochs", 1}, {"run", "1a2b"}});
  const std::string text = test::slurp(run.file(RunFile::Result));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string bad = text;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    test::save(run.file(RunFile::Result), bad);
    INFO(bad);
    const bool blank = text[i] == ' ' || text[i] == '\n';
    CHECK((blank || contains(input_error([&] { run.json(RunFile::Result); }), "result.json: ")));
  }
  RunFolder(folder.path, "other").save(RunFile::Result, "{\"epochs\": 1}");
  CHECK(contains(input_error([&] { run.json(RunFile::Result); }),
                 "result.json: belongs to another run than the provenance.json beside it"));
}

TEST_CASE("run folder: a description is kept, and another one refused") {
  const TempFolder folder;
  const RunFolder run(folder.path);
  const Described first("size = \"8x8\"\n\n[target.a]\nkind = \"binary\"\n");
  run.keep_description(first);
  run.keep_description(first);
  CHECK(contains(test::slurp(run.file(RunFile::Description)), first.text));
  CHECK(run.changed_inputs(first) == "");
  const Described other("size = \"8x16\"\n\n[target.a]\nkind = \"binary\"\n");
  CHECK(run.changed_inputs(other) == "'size = \"8x8\"', the dataset now says 'size = \"8x16\"'");
  CHECK(contains(input_error([&] { run.keep_description(other); }), "the run was begun with 'size = \"8x8\"'"));
  CHECK(run.changed_inputs(Described("size = \"8x8\"\n\n[target.b]\nkind = \"binary\"\n")) == "");
}

TEST_CASE("run folder: a checkpoint of a newer version is refused in one line that says so") {
  const TempFolder folder;
  const std::string path = RunFolder(folder.path).file(RunFile::Best);
  mtl::ModelConfig config;
  config.widths = {2, 4};
  config.tasks.resize(1);
  config.tasks[0].name = "lesion";
  const auto model = mtl::make_model(config);
  nn::Checkpoint checkpoint;
  checkpoint.metadata = {{"model", mtl::to_json(config)}, {"version", "1"}};
  nn::save_checkpoint(path, *model, checkpoint);
  CHECK(mtl::load_model(path)->parameter_count() == model->parameter_count());
  checkpoint.metadata["version"] = "2";
  nn::save_checkpoint(path, *model, checkpoint);
  const std::string message = input_error([&] { mtl::load_model(path); });
  CHECK(contains(message, "best.safetensors: has version 2"));
  CHECK(message.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace medusa
