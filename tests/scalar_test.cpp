// Amounts of a whole image, such as an age: label, loss, metric, network.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "datasets/layouts/registry.h"
#include "mtl/losses.h"
#include "mtl/networks/model.h"
#include "mtl/training/metrics.h"
#include "nn/optim.h"
#include "tests/folder_fixture.h"
#include "tests/op_case.h"
#include "tests/reference_loss.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

namespace {

mtl::Task scalar(std::int64_t channels, double scale = 1) {
  mtl::Task t;
  t.name = "age";
  t.kind = TaskKind::Scalar;
  t.channels = channels;
  t.scale = scale;
  return t;
}

}  // namespace

TEST_CASE("scalar: loss and gradient are those of the loop nest") {
  for (const Shape& shape : {Shape{1, 1}, Shape{5, 1}, Shape{3, 4}})
    check_op(
        fmt::format("scalar {}", shape), {normal(shape), constant(shape)},
        [&](const std::vector<Var>& x) { return mtl::task_loss(scalar(shape[-1]), x[0], x[1].value()); },
        [](const std::vector<reference::Array>& x) {
          return reference::pointwise_loss(x[0], x[1], nullptr, [](double y, double t) { return std::fabs(y - t); });
        });
}

TEST_CASE("scalar: mae in the task's unit, over those that have a number") {
  const auto meter = mtl::make_meter(scalar(1, 50));
  meter->add(Tensor::from({1, 2, 3}, {3, 1}), Tensor::from({1, 0, real(2.5)}, {3, 1}), {}, {true, false, true});
  CHECK(meter->samples() == 2);
  CHECK(meter->values().at("mae") == doctest::Approx(12.5));
  CHECK(mtl::primary_metric(scalar(1)) == "mae");
  CHECK_FALSE(traits(TaskKind::Scalar).pixel_level);
}

TEST_CASE("scalar: every architecture learns one beside a mask") {
  for (const char* arch : {"stl", "hps", "mtan", "ctan", "crossstitch", "mmoe", "cgc"}) {
    CAPTURE(arch);
    mtl::ModelConfig config;
    config.arch = arch;
    config.spatial_dims = 2;
    config.in_channels = 1;
    config.widths = {4, 8};
    config.tasks = {scalar(2), {}};
    config.tasks[1].name = "mask";
    const auto model = mtl::make_model(config, 3);
    Tensor x = Tensor::empty({4, 8, 8, 1}), truth = Tensor::empty({4, 2});
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<real>(i / 64 + i % 3) / 4;
    for (std::int64_t i = 0; i < 8; ++i)
      truth.mutable_data()[i] = static_cast<real>(i / 2) / 4 + static_cast<real>(i % 2);
    double first = 0, last = 0;
    nn::OptimizerOptions options;
    const auto optimizer = nn::make_optimizer(options, model->parameters());
    for (int step = 0; step < 60; ++step) {
      const std::vector<Var> y = model->outputs(Var(x));
      REQUIRE(y[0].shape() == Shape{4, 2});
      const Var loss = mtl::task_loss(config.tasks[0], y[0], truth);
      (step == 0 ? first : last) = static_cast<double>(loss.item());
      optimizer->zero_grad();
      loss.backward();
      optimizer->step(0.01);
    }
    CHECK(last < 0.5 * first);
  }
}

TEST_CASE("scalar: numbers of a table, divided by the scale; an empty cell is no label") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", R"([input.ct]
[target.body]
kind = "scalar"
columns = ["age", "weight"]
classes = ["years", "kg"]
scale = 10
unit = "y, kg"
[target.dose]
kind = "scalar"
[target.grade]
kind = "classification"
classes = ["low", "high"]
)");
  const auto open = [&](const std::string& rows) {
    save(folder / "cases.csv", "case,ct,age,weight,dose,grade\n" + rows);
    return open_dataset(options_for(folder.path, 4, 4, 4));
  };
  const auto dataset = open("a,a/ct.nii.gz,63,-1.5e1,2,high\nb,b.npz#ct,,,,low\n");
  const TargetInfo& info = dataset->targets()[0];
  CHECK(info.channels == 2);
  CHECK(info.unit == "y, kg");
  const Sample a = dataset->get(0), b = dataset->get(1);
  CHECK(a.targets[0].value.shape() == Shape{2});
  CHECK(a.targets[0].value.at(0) == doctest::Approx(6.3));
  CHECK(a.targets[0].value.at(1) == doctest::Approx(-1.5));
  CHECK(a.targets[1].value.item() == 2);
  CHECK_FALSE(b.targets[0].value);
  CHECK(dataset->class_of(0, 1) == -1);    // an amount is no class
  CHECK(dataset->sampling_class(0) == 1);  // that of the first target that has classes
  CHECK(contains(dataset->description(),
                 "kind = \"scalar\"\nclasses = [\"years\", \"kg\"]\nscale = 10\nunit = \"y, kg\"\n"));
  const auto said = [&](const std::string& rows) { return input_error([&] { open(rows); }); };
  CHECK(said("a,a/ct.nii.gz,old,70,,\n") == (folder / "cases.csv") + ":2: age is 'old', expected a number");
  CHECK(contains(said("a,a/ct.nii.gz,63y,70,,\n"), "age is '63y'"));
  CHECK(contains(said("a,a/ct.nii.gz,inf,70,,\n"), "age is 'inf'"));
  CHECK(contains(said("a,a/ct.nii.gz,63,,,\n"), "1 of the 2 columns of body are empty, expected all or none"));
}
