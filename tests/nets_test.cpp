// STL and HPS: names, parameter counts, shapes, messages, losses, and numbers computed with PyTorch from the same
// weights.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops.h"
#include "mtl/losses.h"
#include "mtl/networks/model.h"
#include "tensor/parallel.h"
#include "tests/ramp.h"

namespace medusa::mtl {
namespace {

using test::close;
using test::ramp;

Task task(const std::string& name, TaskKind kind, std::int64_t channels) {
  Task t;
  t.name = name;
  t.kind = kind;
  t.channels = channels;
  return t;
}

const Task kLesion = task("lesion", TaskKind::Segmentation, 1), kOrgan = task("organ", TaskKind::Segmentation, 3),
           kDose = task("dose", TaskKind::Regression, 2), kGrade = task("grade", TaskKind::Classification, 3),
           kFindings = task("findings", TaskKind::Binary, 2), kAge = task("age", TaskKind::Scalar, 2);

ModelConfig config(const std::string& arch, int rank, const std::vector<std::int64_t>& widths,
                   const std::vector<Task>& tasks, std::int64_t in_channels = 2) {
  ModelConfig c;
  c.arch = arch;
  c.spatial_dims = rank;
  c.widths = widths;
  c.tasks = tasks;
  c.in_channels = in_channels;
  return c;
}

// ---- numbers computed with PyTorch --------------------------------------------------------------------------------

// A ramp over the elements in the order of PyTorch's layout, [N, C, S], as [N, S, C].
Tensor image_ramp(const Shape& memory, double k) {
  Shape file{memory[0], memory[-1]};
  std::vector<int> axes{0};
  for (int axis = 1; axis < memory.rank() - 1; ++axis) {
    file.push_back(memory[axis]);
    axes.push_back(axis + 1);
  }
  axes.push_back(1);
  return permute(Var(ramp(file, k)), axes).value();
}

// The same for a parameter or its gradient: [O, I, k..] as [k.., I, O].
Tensor parameter_ramp(const nn::Parameter& p, double k) {
  const Shape& memory = p.var.shape();
  if (p.layout == nn::Layout::Plain) return ramp(memory, k);
  Shape file{memory[-1], memory[-2]};
  std::vector<int> axes;
  for (int axis = 0; axis < memory.rank() - 2; ++axis) {
    file.push_back(memory[axis]);
    axes.push_back(axis + 2);
  }
  axes.push_back(1);
  axes.push_back(0);
  return permute(Var(ramp(file, k)), axes).value();
}

// Parameter i (in PyTorch's order) becomes a ramp that starts at i, halved; scales of norms are around 1.
void fill_with_ramps(Model& model) {
  double i = 0;
  for (nn::Parameter& p : model.parameters()) {
    std::vector<real> values = parameter_ramp(p, i++).to_vector();
    const bool scale = p.var.rank() == 1 && p.name.size() > 6 && p.name.substr(p.name.size() - 6) == "weight";
    for (real& v : values) v = v / 2 + (scale ? 1 : 0);
    p.var.value().copy_from(Tensor::from(values, p.var.shape()));
  }
}

template <class F>
Tensor mapped(Tensor t, F f) {
  std::vector<real> values = t.to_vector();
  for (real& v : values) v = f(v);
  return Tensor::from(values, t.shape());
}

struct Labels {
  Tensor target, mask;
};

// Two samples' labels for a task on images of this shape [2, S, 2].
Labels labels(const Task& t, Shape image) {
  const auto counted = [&](const Shape& shape) {
    std::vector<real> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<real>(i % static_cast<std::size_t>(t.channels));
    return Tensor::from(values, shape);
  };
  image[-1] = 1;
  switch (t.kind) {
    case TaskKind::Segmentation:
      if (t.channels > 1) return {counted(image), {}};
      return {mapped(image_ramp(image, 1), [](real v) { return real(v > real(0.3)); }), {}};
    case TaskKind::Structures:
      image[-1] = t.channels;
      return {mapped(image_ramp(image, 1), [](real v) { return real(v > real(0.3)); }), {}};
    case TaskKind::Regression: {
      const Tensor mask = mapped(image_ramp(image, 3), [](real v) { return real(v > real(-0.5)); });
      image[-1] = t.channels;
      return {image_ramp(image, 2), mask};
    }
    case TaskKind::Classification: return {counted({2, 1}), {}};
    case TaskKind::Scalar: return {ramp({2, t.channels}, 4), {}};
    case TaskKind::Binary: return {mapped(ramp({2, t.channels}, 4), [](real v) { return real(v > 0); }), {}};
  }
  return {};
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<real> x = a.to_vector(), y = b.to_vector();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return sum;
}

using Named = std::vector<std::pair<std::string, double>>;

// What one training pass must give: each loss; and as one number each, the products of some parameters' gradients and
// of some running statistics with a ramp.
struct Golden {
  double input;  // where the input's ramp starts: chosen to keep clear of the jumps of ReLU and max-pooling
  std::vector<double> losses;
  Named gradients, statistics;
};

void check_golden(const ModelConfig& c, const Shape& image, const Golden& golden) {
  auto model = make_model(c);
  fill_with_ramps(*model);
  const std::vector<Var> y = model->outputs(Var(image_ramp(image, golden.input)));
  Var total;
  for (std::size_t t = 0; t < y.size(); ++t) {
    const Labels l = labels(c.tasks[t], image);
    const Var loss = task_loss(c.tasks[t], y[t], l.target, l.mask);
    CAPTURE(c.tasks[t].name);
    CAPTURE(loss.item());
    CHECK(close(static_cast<double>(loss.item()), golden.losses[t]));
    total = total ? total + loss : loss;
  }
  total.backward();
  std::map<std::string, double> got;
  for (const nn::Parameter& p : model->parameters()) got[p.name] = dot(p.var.grad(), parameter_ramp(p, 0));
  for (const nn::Buffer& b : model->buffers()) got[b.name] = dot(b.tensor, ramp(b.tensor.shape()));
  for (const Named& expected : {golden.gradients, golden.statistics})
    for (const auto& entry : expected) {
      const std::string& name = entry.first;
      const double value = entry.second;  // clang cannot capture structured bindings
      CAPTURE(name);
      REQUIRE(got.count(name));
      CAPTURE(got[name]);
      CAPTURE(value);
      CHECK(close(got[name], value));
    }
}

TEST_CASE("HPS agrees with PyTorch: losses of all kinds, gradients, running statistics") {
  check_golden(config("hps", 2, {2, 3}, {kLesion, kOrgan, kDose, kGrade, kFindings}), {2, 4, 6, 2},
               {5,
                {1.39577732, 1.978457977, 0.8172306816, 1.121719928, 0.7198551061},
                {{"encoder.stages.0.last.norm1.weight", 1.594066361},
                 {"encoder.stages.1.first.conv1.weight", -1.070221975},
                 {"encoder.stages.1.first.skip.conv.weight", -0.1409018479},
                 {"decoders.lesion.up.0.weight", -0.03541832133},
                 {"decoders.lesion.up.0.bias", 0.004234135892},
                 {"decoders.organ.blocks.0.conv1.weight", -0.1050682624},
                 {"decoders.dose.blocks.0.skip.conv.weight", 0.01013278915},
                 {"heads.organ.conv.weight", -0.395454761},
                 {"heads.grade.fc1.weight", -0.004810705131},
                 {"heads.findings.fc2.bias", 0.05017797329}},
                {{"encoder.stem.norm.running_var", 1.137145643},
                 {"encoder.stages.1.last.norm2.running_mean", 0.02765604135},
                 {"decoders.dose.blocks.0.norm2.running_var", 1.064908766}}});
}

TEST_CASE("STL on volumes agrees with PyTorch") {
  check_golden(config("stl", 3, {2, 3}, {kLesion, kGrade}), {2, 2, 4, 2, 2},
               {43,
                {1.443092982, 0.909978251},
                {{"nets.lesion.encoder.stages.1.first.conv1.weight", 0.003900784523},
                 {"nets.lesion.decoder.up.0.weight", -0.05555770684},
                 {"nets.lesion.decoder.blocks.0.conv2.weight", 0.06789931063},
                 {"nets.lesion.head.conv.weight", -0.3229258185},
                 {"nets.grade.encoder.stages.1.last.conv2.weight", -0.01646293647},
                 {"nets.grade.head.fc2.weight", 0.1179391099}},
                {{"nets.lesion.encoder.stages.0.first.norm1.running_var", 1.48480998},
                 {"nets.grade.encoder.stem.norm.running_mean", -0.0002862428917}}});
}

TEST_CASE("parameter counts") {
  const std::vector<Task> tasks{kLesion, task("diagnosis", TaskKind::Classification, 7)};
  CHECK(make_model(config("stl", 2, {16, 32, 64, 128}, tasks, 3))->parameter_count() == 1617480);
  CHECK(make_model(config("hps", 2, {16, 32, 64, 128}, tasks, 3))->parameter_count() == 917304);
  CHECK(make_model(config("stl", 3, {16, 32, 64, 128}, tasks, 1))->parameter_count() == 4697160);
  CHECK(make_model(config("hps", 3, {16, 32, 64, 128}, tasks, 1))->parameter_count() == 2623800);
}

TEST_CASE("names of parameters and buffers") {
  const auto names = [](const std::string& arch) {
    auto model = make_model(config(arch, 2, {2}, {kLesion, kGrade}));
    std::vector<std::string> all;
    for (const nn::Parameter& p : model->parameters()) all.push_back(p.name);
    return all;
  };
  const std::vector<std::string> hps = names("hps"), stl = names("stl");
  CHECK(hps.front() == "encoder.stem.conv.weight");
  CHECK(hps[3] == "encoder.stages.0.first.conv1.weight");
  CHECK(hps[9] == "encoder.stages.0.last.conv1.weight");
  CHECK(std::vector<std::string>(hps.begin() + 15, hps.end()) ==
        std::vector<std::string>{"heads.lesion.conv.weight", "heads.lesion.conv.bias", "heads.grade.fc1.weight",
                                 "heads.grade.fc1.bias", "heads.grade.fc2.weight", "heads.grade.fc2.bias"});
  CHECK(stl.front() == "nets.lesion.encoder.stem.conv.weight");
  CHECK(stl.back() == "nets.grade.head.fc2.bias");
}

TEST_CASE("a structures' head begins with 1 % everywhere, a segmentation's with about one half") {
  for (const char* arch : {"stl", "hps", "mtan", "ctan", "crossstitch", "mmoe", "cgc", "padnet"}) {
    auto model = make_model(config(arch, 3, {4, 8}, {task("organs", TaskKind::Structures, 3), kLesion}));
    model->initialize(7);
    int heads = 0;
    for (const nn::Parameter& p : model->parameters()) {
      if (!p.name.ends_with(".conv.bias") || p.name.find("head") == std::string::npos) continue;
      ++heads;
      for (real b : p.var.value().to_vector()) {
        const double chance = 1 / (1 + std::exp(-static_cast<double>(b)));
        if (p.name.find("organs") != std::string::npos)
          CHECK(chance == doctest::Approx(0.01));
        else
          CHECK(std::abs(b) <= 0.5);  // uniform within 1 / sqrt(4)
      }
    }
    CHECK(heads == 2);
  }
}

TEST_CASE("outputs have the input's size for pixel-level tasks, one row a sample for the others") {
  for (const char* arch : {"stl", "hps"}) {
    auto model = make_model(config(arch, 3, {2, 3, 4}, {kOrgan, kFindings, kDose}));
    CHECK(model->size_multiple() == 4);
    const auto y = model->outputs(Var(ramp({1, 4, 8, 12, 2})));
    CHECK(y[0].shape() == Shape{1, 4, 8, 12, 3});
    CHECK(y[1].shape() == Shape{1, 2});
    CHECK(y[2].shape() == Shape{1, 4, 8, 12, 2});
  }
}

TEST_CASE("groups: STL's tasks are strangers, HPS's are one family") {
  using Groups = std::vector<std::vector<std::size_t>>;
  CHECK(make_model(config("stl", 2, {1}, {kLesion, kGrade}))->groups() == Groups{{0}, {1}});
  CHECK(make_model(config("hps", 2, {1}, {kLesion, kGrade}))->groups() == Groups{{0, 1}});
}

TEST_CASE("the same seed gives the same network, and gradients do not depend on the number of threads") {
  const ModelConfig c = config("hps", 2, {3, 5}, {kLesion, kGrade});
  std::vector<std::vector<real>> first;
  for (int n : {1, 2, 3}) {
    set_threads(n);
    auto model = make_model(c, 11);
    const auto y = model->outputs(Var(ramp({2, 6, 10, 2})));
    const Labels lesion = labels(kLesion, {2, 6, 10, 2}), grade = labels(kGrade, {2, 6, 10, 2});
    (task_loss(kLesion, y[0], lesion.target) + task_loss(kGrade, y[1], grade.target)).backward();
    std::vector<std::vector<real>> grads;
    for (const nn::Parameter& p : model->parameters()) grads.push_back(p.var.grad().to_vector());
    if (first.empty()) first = grads;
    CHECK(grads == first);
  }
  set_threads(0);
}

TEST_CASE("messages about inputs and configurations") {
  auto model = make_model(config("hps", 2, {2, 2, 2}, {kLesion}));
  CHECK_THROWS_WITH_AS(model->outputs(Var(ramp({1, 8, 6, 2}))),
                       "encoder: 3 levels need sides that are multiples of 4, input is [1, 8, 6, 2]", Error);
  CHECK_THROWS_WITH_AS(model->outputs(Var(ramp({1, 8, 8, 3}))), "encoder: expects [N, H, W, 2], input is [1, 8, 8, 3]",
                       Error);
  CHECK_THROWS_WITH_AS(make_model(config("hps", 3, {2}, {kLesion}))->outputs(Var(ramp({1, 8, 8, 2}))),
                       "encoder: expects [N, D, H, W, 2], input is [1, 8, 8, 2]", Error);
  std::string message;
  try {
    make_model(config("unet", 2, {2}, {kLesion}));
  } catch (const InputError& e) {
    message = e.what();
  }
  CHECK(message.find("architecture 'unet' is unknown, expected one of: stl, hps") == 0);
  ModelConfig c = config("hps", 2, {2}, {kLesion});
  c.backbone = "vgg";
  CHECK_THROWS_WITH_AS(make_model(c),
                       "backbone 'vgg' is unknown, expected one of: resunet, resnet18, resnet34, resnet50", InputError);
  CHECK_THROWS_WITH_AS(make_model(config("hps", 1, {2}, {kLesion})), "model: spatial_dims must be 2 or 3, got 1",
                       InputError);
  CHECK_THROWS_WITH_AS(make_model(config("hps", 2, {}, {kLesion})), "model: expected 1 to 16 widths, got 0",
                       InputError);
  CHECK_THROWS_WITH_AS(make_model(config("hps", 2, {2, 0}, {kLesion})), "model: widths must be at least 1, got 0",
                       InputError);
  CHECK_THROWS_WITH_AS(make_model(config("hps", 2, {2}, {kLesion}, 0)),
                       "model: input channels must be at least 1, got 0", InputError);
}

TEST_CASE("messages about tasks") {
  CHECK_THROWS_WITH_AS(check_tasks({}), "tasks: none given, expected at least one", InputError);
  CHECK_THROWS_WITH_AS(check_tasks({task("a.b", TaskKind::Binary, 1)}),
                       "task name 'a.b': expected letters, digits, '_' and '-' only", InputError);
  CHECK_THROWS_WITH_AS(check_tasks({task("", TaskKind::Binary, 1)}),
                       "task name '': expected letters, digits, '_' and '-' only", InputError);
  CHECK_THROWS_WITH_AS(check_tasks({kLesion, kLesion}), "task name 'lesion' is given twice", InputError);
  CHECK_THROWS_WITH_AS(check_tasks({task("a", TaskKind::Binary, 0)}), "task 'a': channels must be at least 1, got 0",
                       InputError);
  Task weighted = kGrade;
  weighted.class_weight = {1, 2};
  CHECK_THROWS_WITH_AS(check_tasks({weighted}), "task 'grade': expected a class weight for each of 3 classes, got 2",
                       InputError);
  const Var y(ramp({2, 3}));
  CHECK_THROWS_WITH_AS(task_loss(kGrade, y, ramp({2, 3})),
                       "task 'grade': outputs [2, 3] need a target [2, 1], got [2, 3]", Error);
  CHECK_THROWS_WITH_AS(task_loss(kFindings, y, ramp({2, 2})),
                       "task 'findings': expects outputs with 2 channels, got [2, 3]", Error);
  CHECK_THROWS_WITH_AS(task_loss(kGrade, y, Tensor::zeros({2, 1}), {}, {true}),
                       "task 'grade': `labelled` has 1 entries, the batch 2 samples", Error);
}

TEST_CASE("samples without a label do not count, in the loss or in the gradient") {
  const Shape image{2, 4, 6, 2};
  for (const Task& t : {kLesion, kOrgan, kDose, kGrade, kFindings, kAge}) {
    CAPTURE(t.name);
    const Labels two = labels(t, image);
    Shape shape = two.target.shape();
    shape[-1] = t.channels;
    const Var outputs(ramp(shape, 1), true);
    const Var loss = task_loss(t, outputs, two.target, two.mask, {false, true});
    const auto second = [](const Tensor& x) { return x ? slice(Var(x), 0, 1, 1).value() : x; };
    const Var alone(second(outputs.value()), true);
    const Var expected = task_loss(t, alone, second(two.target), second(two.mask));
    CHECK(loss.item() == expected.item());
    loss.backward();
    expected.backward();
    const std::vector<real> got = outputs.grad().to_vector(), want = alone.grad().to_vector();
    CHECK(std::all_of(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(want.size()),
                      [](real g) { return g == 0; }));
    CHECK(std::equal(want.begin(), want.end(), got.begin() + static_cast<std::ptrdiff_t>(want.size())));

    const Var nobody = task_loss(t, outputs, two.target, two.mask, {false, false});
    CHECK(nobody.item() == 0);
    nobody.backward();  // goes through, adds nothing
    CHECK(outputs.grad().to_vector() == got);
  }
}

TEST_CASE("labelled samples need not be neighbours") {
  const Tensor target = Tensor::from({0, 1, 2, 1}, {4, 1});
  const Var y(ramp({4, 3}));
  const Var picked(concat({slice(y, 0, 0, 1), slice(y, 0, 2, 2)}, 0));
  CHECK(task_loss(kGrade, y, target, {}, {true, false, true, true}).item() ==
        task_loss(kGrade, picked, Tensor::from({0, 2, 1}, {3, 1})).item());
}

TEST_CASE("class weights shift the loss towards their classes") {
  Task t = kGrade;
  const Var y(Tensor::from({2, 0, 0, 2, 0, 0}, {2, 3}));  // right about sample 0, wrong about sample 1
  const Tensor target = Tensor::from({0, 1}, {2, 1});
  const double right = -std::log(std::exp(2) / (std::exp(2) + 2)), wrong = -std::log(1 / (std::exp(2) + 2));
  CHECK(task_loss(t, y, target).item() == doctest::Approx((right + wrong) / 2));
  t.class_weight = {1, 3, 1};
  CHECK(task_loss(t, y, target).item() == doctest::Approx((right + 3 * wrong) / 4));
}

}  // namespace
}  // namespace medusa::mtl
