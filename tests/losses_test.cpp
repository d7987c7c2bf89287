// A task's loss is a choice: by name, from dataset.toml or the command line, kept in model files.
#include "mtl/losses.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "autograd/ops.h"
#include "datasets/cases/plan_toml.h"
#include "datasets/layouts/registry.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/dataset_tasks.h"
#include "mtl/training/loader_source.h"
#include "mtl/training/trainer.h"
#include "tests/folder_fixture.h"
#include "tests/message.h"
#include "tests/ramp.h"

using namespace medusa;
using namespace medusa::mtl;
using namespace medusa::test;

namespace {

Task task(TaskKind kind, std::int64_t channels, const std::string& loss) {
  Task t;
  t.name = "t";
  t.kind = kind;
  t.channels = channels;
  t.loss = loss;
  return t;
}

Tensor pattern(const Shape& shape, std::int64_t values) {
  Tensor t = Tensor::empty(shape);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.mutable_data()[i] = static_cast<real>(i * 7 / 3 % values);
  return t;
}

real value(const Task& t, const Var& y, const Tensor& target, const Tensor& mask = {}) {
  return task_loss(t, y, target, mask).item();
}

// kToml with more lines in the table of a target.
std::string toml_with(const std::string& target, const std::string& lines) {
  std::string text = kToml;
  const std::string head = "[target." + target + "]\n";
  return text.replace(text.find(head), head.size(), head + lines);
}

std::unique_ptr<datasets::Dataset> open(const TempFolder& folder, const std::string& toml) {
  if (!std::filesystem::exists(folder / "cases.csv")) write_volumes(folder);
  save(folder / "dataset.toml", toml);
  save(folder / "cases.csv", kTable);
  return datasets::open_dataset(options_for(folder.path, 4, 4, 4));
}

// The parameters after four steps on the one case of the training set.
std::map<std::string, Tensor> trained(const datasets::Dataset& dataset, const std::vector<Task>& tasks) {
  ModelConfig config;
  config.spatial_dims = 3;
  config.in_channels = 1;
  config.widths = {2, 4};
  config.tasks = tasks;
  const auto model = make_model(config, 1);
  datasets::LoaderOptions loader;
  loader.batch = 1;
  loader.workers = 0;
  LoaderSource source(dataset, {0}, loader, {0, 1, 2});
  TrainerOptions options;
  options.epochs = 4;
  options.schedule.name = "constant";
  options.schedule.lr = 0.01;
  Trainer(*model, options).run(source, nullptr);
  std::map<std::string, Tensor> weights;
  for (const nn::Parameter& p : model->parameters()) weights[p.name] = p.var.value().clone();
  return weights;
}

bool same(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& entry) {
           return entry.second.to_vector() == b.at(entry.first).to_vector();
         });
}

}  // namespace

TEST_CASE("losses: every one by name is the function of autograd, for the kinds that it fits") {
  const Var y(ramp({2, 3, 4, 2}, 3)), one(ramp({2, 3, 4, 1}, 3)), image(ramp({2, 2}, 3));
  const Tensor truth = pattern(y.shape(), 2), single = pattern(one.shape(), 2), answer = pattern(image.shape(), 2);
  const Tensor inside = pattern(one.shape(), 2), classes = Tensor::from({1, 0}, {2, 1});
  using enum TaskKind;
  CHECK(value(task(Segmentation, 1, "dice"), one, single, inside) ==
        dice_loss(sigmoid(one), single, real(1e-5), inside).item());
  CHECK(value(task(Segmentation, 1, "bce"), one, single, inside) == bce_with_logits(one, single, inside).item());
  CHECK(value(task(Segmentation, 1, "focal"), one, single, inside) == focal_loss(one, single, 2, inside).item());
  CHECK(value(task(Segmentation, 2, "dice"), y, single) == dice_loss(softmax(y), one_hot(single, 2)).item());
  CHECK(value(task(Segmentation, 2, "cross_entropy"), y, single) == cross_entropy(y, single).item());
  CHECK(value(task(Structures, 2, "focal"), y, truth) == focal_loss(y, truth).item());
  CHECK(value(task(Regression, 2, "l1"), y, truth, inside) == l1_loss(y, truth, inside).item());
  CHECK(value(task(Regression, 2, "mse"), y, truth, inside) == mse_loss(y, truth, inside).item());
  CHECK(value(task(Regression, 2, "smooth_l1"), y, truth, inside) == smooth_l1_loss(y, truth, 1, inside).item());
  CHECK(value(task(Classification, 2, "cross_entropy"), image, classes) == cross_entropy(image, classes).item());
  CHECK(value(task(Binary, 2, "focal"), image, answer) == focal_loss(image, answer).item());
  CHECK(value(task(Scalar, 2, "mse"), image, answer) == mse_loss(image, answer).item());
  // Structures that nobody outlined count for nothing, whatever the loss.
  const Tensor first = Tensor::from({1, 0, 1, 0}, {2, 1, 1, 2});
  CHECK(value(task(Structures, 2, "focal"), y, truth, first) ==
        doctest::Approx(focal_loss(slice(y, -1, 0, 1), slice(Var(truth), -1, 0, 1).value()).item()));
}

TEST_CASE("losses: a program may add its own") {
  const auto largest = [](const LossInput& in) { return sum(in.y) * real(in.task.channels); };
  add_loss({"test_sum", "the sum of the outputs", [](const Task& t) { return t.name == "summed"; }, largest});
  CHECK(message_of([&] { add_loss(losses().back()); }) == "losses: the name test_sum is taken");
  const Var y(ramp({2, 3}, 3));
  Task mine = task(TaskKind::Scalar, 3, "test_sum+0.5*l1");
  CHECK(contains(input_error([&] { check_loss(mine); }), "that fit scalar with 3 channels: l1, mse, smooth_l1 ("));
  mine.name = "summed";
  CHECK(value(mine, y, ramp({2, 3}, 1)) == doctest::Approx(3 * sum(y).item() + l1_loss(y, ramp({2, 3}, 1)).item() / 2));
}

TEST_CASE("losses: a sum, with factors; none named: the kind's own") {
  const Var y(ramp({2, 3, 4, 1}, 3));
  const Tensor truth = pattern(y.shape(), 2);
  const real dice = value(task(TaskKind::Segmentation, 1, "dice"), y, truth),
             focal = value(task(TaskKind::Segmentation, 1, "focal"), y, truth),
             bce = value(task(TaskKind::Segmentation, 1, "bce"), y, truth);
  CHECK(value(task(TaskKind::Segmentation, 1, "0.5*dice+focal"), y, truth) == doctest::Approx(dice / 2 + focal));
  CHECK(value(task(TaskKind::Segmentation, 1, " dice + 2 * focal "), y, truth) == doctest::Approx(dice + 2 * focal));
  CHECK(value(task(TaskKind::Segmentation, 1, ""), y, truth) == dice + bce);
  CHECK(loss_of(task(TaskKind::Segmentation, 1, "")) == "dice+bce");
  CHECK(loss_of(task(TaskKind::Segmentation, 3, "")) == "dice+cross_entropy");
  for (const KindTraits& kind : task_kinds())
    for (std::int64_t channels : {1, 3}) check_tasks({task(kind.kind, channels, "")});
}

TEST_CASE("losses: what does not fit is answered with what does") {
  const auto refused = [](TaskKind kind, std::int64_t channels, const std::string& loss) {
    return input_error([&] { check_tasks({task(kind, channels, loss)}); });
  };
  using enum TaskKind;
  CHECK(refused(Segmentation, 1, "dice+crossentropy") ==
        "task 't': loss 'dice+crossentropy': expected a sum of losses that fit segmentation with 1 channel: dice, bce, "
        "focal (or with a factor, 0.5*dice)");
  CHECK(refused(Segmentation, 3, "focal") ==
        "task 't': loss 'focal': expected a sum of losses that fit segmentation with 3 channels: dice, cross_entropy "
        "(or with a factor, 0.5*dice)");
  CHECK(refused(Scalar, 1, "dice") ==
        "task 't': loss 'dice': expected a sum of losses that fit scalar with 1 channel: l1, mse, smooth_l1 (or with a "
        "factor, 0.5*l1)");
  for (const char* loss : {"dice+", "+dice", "x*dice", "0*dice", "-1*dice", "*dice", "nan*dice", "dice*2"})
    CHECK(contains(refused(Structures, 2, loss), "expected a sum of losses that fit structures with 2 channels"));
  Task negative = task(Binary, 1, "");
  negative.loss_weight = -1;
  CHECK(input_error([&] { check_tasks({negative}); }) == "task 't': loss weight is -1, expected 0 or more");
}

TEST_CASE("losses: of dataset.toml, of the command line and of a Task in code train the same network") {
  const TempFolder folder;
  std::vector<std::size_t> place;
  const auto plain = open(folder, kToml);
  const std::vector<Task> usual = make_tasks(*plain, {}, &place);
  std::vector<Task> code = usual, line = usual, weighted = usual;
  code[0].loss = weighted[0].loss = "dice+focal";
  code[0].loss_weight = 2;
  choose_losses(&line, {"organs=dice+focal"}, {"organs=2"});
  const auto expected = trained(*plain, code);
  CHECK(same(trained(*plain, line), expected));
  CHECK_FALSE(same(trained(*plain, usual), expected));
  CHECK_FALSE(same(trained(*plain, weighted), expected));  // the weight acts
  const auto described = open(folder, toml_with("organs", "loss = \"dice+focal\"\nloss_weight = 2\n"));
  CHECK(same(trained(*described, make_tasks(*described, {}, &place)), expected));
  // And what a run keeps of the dataset says so; where nothing was chosen, it says nothing.
  CHECK(contains(described->description(), "loss = \"dice+focal\"\nloss_weight = 2\n"));
  CHECK_FALSE(contains(plain->description(), "loss"));
  CHECK(input_error([&] { open(folder, toml_with("dose", "loss_weight = -2\n")); }) ==
        (folder / "dataset.toml:11: loss_weight is -2, expected 0 or more"));
}

TEST_CASE("losses: options that name no task or no number") {
  const auto refused = [](const std::string& loss, const std::string& weight) {
    std::vector<Task> tasks{task(TaskKind::Binary, 1, "")};
    return input_error([&] {
      choose_losses(&tasks, loss.empty() ? std::vector<std::string>{} : std::vector<std::string>{loss},
                    weight.empty() ? std::vector<std::string>{} : std::vector<std::string>{weight});
    });
  };
  CHECK(refused("focal", "") == "--loss focal: expected TASK=VALUE, such as lesion=dice+focal");
  CHECK(refused("lesion=focal", "") == "--loss lesion: expected one of t");
  CHECK(refused("", "t=much") == "--loss-weight t=much: expected a number");
}

TEST_CASE("losses: a model file says which, only where it is not the kind's own") {
  ModelConfig config;
  config.tasks = {task(TaskKind::Segmentation, 1, "0.5*dice+focal"), task(TaskKind::Scalar, 2, "")};
  config.tasks[0].loss_weight = 3;
  config.tasks[1].name = "age";
  config.tasks[1].scale = 60;
  config.tasks[1].unit = "years";
  const std::string text = to_json(config);
  CHECK(contains(text, R"("loss_weight":3.0,"loss":"0.5*dice+focal"})"));
  CHECK(contains(text, R"("loss_weight":1.0,"scale":60.0,"unit":"years"})"));
  const ModelConfig again = model_config_from_json(text, "file");
  CHECK(again.tasks[0].loss == "0.5*dice+focal");
  CHECK(again.tasks[0].loss_weight == 3);
  CHECK(again.tasks[1].loss.empty());
  CHECK(again.tasks[1].unit == "years");
}
