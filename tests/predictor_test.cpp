// The predictor: from a run's folder and a case's files to answers on the case's own grid.
#include "mtl/predictor.h"

#include <numeric>

#include "datasets/layouts/registry.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/dataset_tasks.h"
#include "mtl/training/loader_source.h"
#include "mtl/training/trainer.h"
#include "nn/checkpoint.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::test;
using mtl::Answer;
using mtl::Predictor;
using mtl::RunFile;
using mtl::RunFolder;

namespace {

mtl::Task task(const char* name, TaskKind kind, std::int64_t channels) {
  mtl::Task task;
  task.name = name;
  task.kind = kind;
  task.channels = channels;
  return task;
}

// A run of one untrained network, with the options that older programs' config.toml has.
std::string run_of(const TempFolder& folder, const mtl::ModelConfig& config, const std::string& options) {
  const RunFolder run(folder / "run");
  run.make();
  run.save(RunFile::Config, options);
  nn::Checkpoint checkpoint;
  checkpoint.metadata = {{"model", mtl::to_json(config)}};
  nn::save_checkpoint(run.file(RunFile::Best), *mtl::make_model(config, 3), checkpoint);
  return run.path();
}

}  // namespace

TEST_CASE("predictor: a run trained through the library answers on the case's own grid") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  save(folder / "cases.csv", kTable);
  const auto dataset = datasets::open_dataset(options_for(folder.path, 8, 4, 4));
  mtl::ModelConfig config;
  config.spatial_dims = 3;
  config.in_channels = 1;
  config.widths = {2, 4};
  std::vector<std::size_t> target_of_task;
  config.tasks = mtl::make_tasks(*dataset, {}, &target_of_task);
  const auto model = mtl::make_model(config);
  datasets::LoaderOptions loader;
  loader.batch = 1;
  loader.workers = 0;
  mtl::LoaderSource train(*dataset, {0}, loader, target_of_task), val(*dataset, {1}, loader, target_of_task);
  const RunFolder run(folder / "run");
  run.make();
  run.keep_description(*dataset);
  mtl::TrainerOptions options;
  options.epochs = 1;
  options.folder = run.path();
  mtl::Trainer(*model, options).run(train, &val);

  Predictor p(run.path());
  CHECK_FALSE(p.pictures());
  CHECK(p.plan().inputs[0].name == "ct");
  const std::vector<Answer> answers = p.predict({folder / "a/ct.nii.gz"});
  REQUIRE(answers.size() == 3);
  // What the network sees is what training saw.
  const Tensor x = dataset->get(0).input.reshape({1, 8, 4, 4, 1});
  const std::vector<Tensor> raw = mtl::outputs_on_host(*mtl::load_model(run.file(RunFile::Best)), x);
  for (std::size_t t = 0; t < 3; ++t) CHECK(answers[t].output.to_vector() == raw[t].to_vector());
  // Eight planes in front of the network, of which the four in the middle are the scan's.
  CHECK(answers[0].inside(1).values.shape() == Shape{4, 4, 4, 1});
  const datasets::Volume dose = answers[1].amounts();
  CHECK(dose.values.shape() == Shape{4, 4, 4, 1});
  CHECK(dose.unit == "Gy");
  CHECK(dose.affine == answers[1].scan->own.affine);
  for (std::int64_t i = 0; i < 64; ++i)
    CHECK(dose.values.at(i) == doctest::Approx(70 * raw[1].at(i + 32)).epsilon(1e-5));
  const std::vector<double> grade = answers[2].numbers();
  CHECK(grade.size() == 2);
  CHECK(grade[0] + grade[1] == doctest::Approx(1));

  CHECK(contains(input_error([&] { p.predict({"a", "b"}); }), "its network has 1 inputs, 2 files are given"));
  CHECK(contains(input_error([&] { p.predict({folder / "none.nii"}); }), "none.nii"));
  CHECK(contains(runtime_error([&] { answers[0].numbers(); }), "an answer per pixel"));
  CHECK(contains(runtime_error([&] { answers[2].channel(0, 0); }), "one answer per image"));
  std::filesystem::remove(run.file(RunFile::Description));
  CHECK(contains(input_error([&] { Predictor{run.path()}; }), "has no dataset.toml"));
  CHECK(contains(input_error([&] { Predictor{folder / "nowhere"}; }), "there is no such run folder"));
}

TEST_CASE("predictor: pictures of ham10000, whose runs have no description") {
  const TempFolder folder;
  mtl::ModelConfig config;
  config.widths = {2, 4};
  config.tasks = {task("lesion", TaskKind::Segmentation, 1), task("diagnosis", TaskKind::Classification, 7)};
  Predictor p(run_of(folder, config, "dataset = \"ham10000\"\nsize = \"8x12\"\npatch = \"\"\noverlap = 0.5\n"));
  datasets::Image picture(30, 20, 3);
  std::iota(picture.pixels.begin(), picture.pixels.end(), std::uint8_t{0});
  datasets::write_png(folder / "p.png", picture);
  const datasets::CaseScan scan = p.read({folder / "p.png"});
  CHECK(scan.input.shape() == Shape{8, 12, 3});
  const datasets::Image small = datasets::resize(picture, 12, 8);
  CHECK(scan.input.at(4) == doctest::Approx((small.pixels[4] / 255.0 - 0.456) / 0.224).epsilon(1e-6));
  const std::vector<Answer> answers = p.predict(scan);
  CHECK(answers[0].output.shape() == Shape{1, 8, 12, 1});
  CHECK(answers[0].channel(0, 0).values.shape() == Shape{1, 20, 30, 1});
  CHECK(answers[0].classes().values.shape() == Shape{1, 20, 30, 1});
  const std::vector<double> p7 = answers[1].numbers();
  CHECK(std::accumulate(p7.begin(), p7.end(), 0.0) == doctest::Approx(1));
}

TEST_CASE("predictor: scans of openkbp go in whole, and no dose is negative") {
  const TempFolder folder;
  mtl::ModelConfig config;
  config.spatial_dims = 3;
  config.in_channels = 1;
  config.widths = {2, 4};
  config.tasks = {task("dose", TaskKind::Regression, 1)};
  config.tasks[0].scale = 70;
  config.tasks[0].unit = "Gy";
  Predictor p(run_of(folder, config, "dataset = \"openkbp\"\nsize = \"16x16x16\"\n"));
  REQUIRE(p.notes().size() == 1);  // eighths of 128 voxels of the usual size
  CHECK(contains(p.notes()[0], "assuming 31.2 x 31.2 x 20 mm"));
  datasets::Volume ct = volume(5, 6, 7, [](auto i, auto, auto) { return i * 1000 - 3000; });
  ct.affine.m[0][0] = ct.affine.m[1][1] = ct.affine.m[2][2] = 100;
  datasets::write_volume(folder / "ct.nii", ct);
  const datasets::CaseScan scan = p.read({folder / "ct.nii"});
  CHECK(datasets::orientation(scan.own.affine) == "ILP");
  // 7 voxels of 100 mm from left to right are H, 6 to the back D, 5 downwards W.
  CHECK(scan.input.shape() == Shape{19, 22, 25, 1});
  for (real v : scan.input.to_vector()) {
    CHECK(v >= real(-1.0241));
    CHECK(v <= real(1.5001));
  }
  const std::vector<Answer> answers = p.predict(scan);
  const datasets::Volume dose = answers[0].amounts();
  CHECK(dose.values.shape() == scan.own.values.shape());
  for (real v : dose.values.to_vector()) CHECK(v >= 0);
}
