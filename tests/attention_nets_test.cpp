// MTAN and CTAN: parameter counts, names, messages, and the cross-task bottleneck against a plain loop nest.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "mtl/networks/attention.h"
#include "mtl/networks/ctan.h"
#include "mtl/networks/model.h"
#include "mtl/networks/model_file.h"
#include "tests/op_case.h"

namespace medusa::mtl {
namespace {

using reference::Array;

Task task(const std::string& name, TaskKind kind, std::int64_t channels) {
  Task t;
  t.name = name;
  t.kind = kind;
  t.channels = channels;
  return t;
}

ModelConfig config(const std::string& arch, std::size_t tasks) {
  ModelConfig c;
  c.arch = arch;
  c.tasks = {task("lesion", TaskKind::Segmentation, 1), task("diagnosis", TaskKind::Classification, 7),
             task("border", TaskKind::Regression, 2)};
  c.tasks.resize(tasks);
  return c;
}

std::set<std::string> names(const Model& model) {
  std::set<std::string> all;
  for (const nn::Parameter& p : model.parameters()) all.insert(p.name);
  return all;
}

// One sample of `own` and `other` [P, C]: the bottleneck without projections, as the formula reads.
Array plain_bottleneck(const std::vector<Array>& in, const CtanOptions& options) {
  const Array &own = in[0], &other = in[1];
  const std::int64_t n = own.size(0), places = own.size(1) * own.size(2), channels = own.size(3);
  const bool channel = options.attention == "channel";
  const std::int64_t count = channel ? channels : places, d = channel ? places : channels;
  const auto at = [&](std::int64_t b, std::int64_t token, std::int64_t k) {
    return (b * places + (channel ? k : token)) * channels + (channel ? token : k);
  };
  Array y(own.shape);
  for (std::int64_t b = 0; b < n; ++b)
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<double> score(static_cast<std::size_t>(count));
      double sum = 0;
      for (std::int64_t j = 0; j < count; ++j) {
        double product = 0;
        for (std::int64_t k = 0; k < d; ++k) product += other[at(b, i, k)] * own[at(b, j, k)];
        sum += score[static_cast<std::size_t>(j)] =
            std::exp(options.scale ? product / std::sqrt(static_cast<double>(d)) : product);
      }
      for (std::int64_t k = 0; k < d; ++k) {
        double o = 0;
        for (std::int64_t j = 0; j < count; ++j) o += score[static_cast<std::size_t>(j)] / sum * own[at(b, j, k)];
        y[at(b, i, k)] = o + (options.residual ? own[at(b, i, k)] : 0);
      }
    }
  return y;
}

}  // namespace

TEST_CASE("mtan, ctan: as many parameters as their definition says") {
  CHECK(make_model(config("mtan", 2))->parameter_count() == 1351672);
  CHECK(make_model(config("ctan", 2))->parameter_count() == 1351672);
  ModelConfig linear = config("ctan", 2);
  linear.options["projections"] = "linear";
  CHECK(make_model(linear)->parameter_count() == 1351672 + 2 * 3 * 128 * 128);
}

TEST_CASE("mtan, ctan: names of the parts that are theirs") {
  const std::set<std::string> mtan = names(*make_model(config("mtan", 3)));
  for (const char* name : {"attention.lesion.0.conv1.weight", "attention.border.3.norm2.bias", "refine.2.conv2.weight",
                           "encoder.stem.conv.weight", "decoders.border.up.0.bias", "heads.diagnosis.fc2.weight"})
    CHECK_MESSAGE(mtan.count(name), name);
  CHECK(mtan.count("refine.3.conv1.weight") == 0);  // nothing follows the last level
  ModelConfig linear = config("ctan", 2);
  linear.options["projections"] = "linear";
  const std::set<std::string> ctan = names(*make_model(linear));
  for (const char* name : {"embed.lesion.0.conv.weight", "mask.diagnosis.3.norm.weight", "bottleneck.lesion.q.weight"})
    CHECK_MESSAGE(ctan.count(name), name);
}

TEST_CASE("mtan, ctan: a single task is refused, and STL named") {
  for (const char* arch : {"mtan", "ctan"})
    CHECK_THROWS_WITH_AS(make_model(config(arch, 1)), doctest::Contains("needs at least 2 tasks, got 1"), InputError);
  CHECK_THROWS_WITH_AS(make_model(config("ctan", 1)), doctest::Contains("use stl"), InputError);
}

TEST_CASE("ctan: options by name") {
  const auto refused = [](const char* name, const OptionValue& value, const char* message) {
    ModelConfig c = config("ctan", 2);
    c.options[name] = value;
    CHECK_THROWS_WITH_AS(make_model(c), message, InputError);
  };
  refused("attention", "time", "ctan: attention time: expected one of spatial, channel");
  refused("projections", "deep", "ctan: projections deep: expected one of none, linear");
  refused("parts", "half", "ctan: parts half: expected one of both, encoder, bottleneck");
  refused("scale", 2, "ctan: scale 2: expected true or false");
  refused("part", "both",
          "ctan: part: unknown option, expected one of attention, scale, projections, residual, parts; did you mean "
          "parts?");
  ModelConfig other = config("mtan", 2);
  other.options["parts"] = "both";
  CHECK_THROWS_WITH_AS(make_model(other), "mtan: parts: unknown option, expected none", InputError);
}

TEST_CASE("ctan: its options survive a model file's description") {
  ModelConfig before = config("ctan", 2);
  before.options = option_values(CtanOptions{"channel", false, "linear", false, "encoder"});
  const std::string text = to_json(before);
  CHECK(text.find(R"("ctan":{"attention":"channel","scale":false,"projections":"linear","residual":false,)"
                  R"("parts":"encoder"}})") != std::string::npos);
  CHECK(model_config_from_json(text, "test").options == before.options);
  // Files of before there were parts.
  const std::string old = R"({"arch":"ctan","backbone":"resunet","rank":2,"in_channels":3,"widths":[4,8],"tasks":[],)"
                          R"("ctan":{"attention":"channel","scale":true,"projections":"none","residual":true}})";
  CHECK(read_options<CtanOptions>(model_config_from_json(old, "test").options).parts == "both");
}

TEST_CASE("ctan: one of its parts alone") {
  ModelConfig alone = config("ctan", 2);
  alone.options["projections"] = "linear";  // 3 x 128 x 128 for each task
  const std::int64_t both = make_model(alone)->parameter_count();
  alone.options["parts"] = "encoder";
  CHECK(make_model(alone)->parameter_count() == both - 2 * 3 * 128 * 128);
  alone.options["parts"] = "bottleneck";
  const auto model = make_model(alone);
  // HPS, and for each task an embedding 128 -> 128 with a batch norm, and the projections.
  CHECK(model->parameter_count() == 917304 + 2 * (128 * 128 + 2 * 128 + 3 * 128 * 128));
  CHECK(model->outputs(Var(Tensor::ones({2, 16, 16, 3})))[0].shape() == Shape{2, 16, 16, 1});
}

TEST_CASE("ctan: the bottleneck is its formula, with every option") {
  for (const char* attention : {"spatial", "channel"})
    for (bool scale : {true, false})
      for (bool residual : {true, false}) {
        const CtanOptions options{attention, scale, "none", residual, "both"};
        const std::string row =
            std::string("bottleneck/") + attention + (scale ? "/scale" : "") + (residual ? "/residual" : "");
        test::check_op(
            row, {test::normal({2, 2, 3, 5}), test::normal({2, 2, 3, 5})},
            [&](const std::vector<Var>& in) {
              CrossTaskAttention bottleneck(5, options);
              return bottleneck.attend(in[0], {in[1]});
            },
            [&](const std::vector<Array>& in) { return plain_bottleneck(in, options); });
      }
}

TEST_CASE("ctan: a task's output depends on the other task's mask, mtan's does not") {
  for (const char* arch : {"mtan", "ctan"}) {
    ModelConfig c = config(arch, 2);
    c.widths = {4, 6};
    auto model = make_model(c, 1);
    const Var x(test::draw(test::normal({2, 4, 4, 3}), 5));
    // Only gradients of the lesion's output: do they reach the diagnosis' mask?
    sum(model->outputs(x)[0]).backward();
    bool reached = false;
    for (const nn::Parameter& p : model->parameters())
      if (p.name.find("attention.diagnosis.") == 0 || p.name.find("mask.diagnosis.") == 0)
        reached |= static_cast<bool>(p.var.grad());
    CHECK_MESSAGE(reached == (std::string(arch) == "ctan"), arch);
  }
}

TEST_CASE("mtan, ctan: three and four tasks; a task sees through its own mask, or through all the others' masks") {
  for (const char* arch : {"mtan", "ctan"})
    for (std::size_t tasks : {std::size_t{3}, std::size_t{4}}) {
      CAPTURE(arch);
      ModelConfig c = config(arch, 3);
      if (tasks == 4) c.tasks.push_back(task("hair", TaskKind::Binary, 1));
      c.widths = {4};  // one level and no bottleneck: nothing else by which a mask could be reached
      if (c.arch == "ctan") c.options["parts"] = "encoder";
      for (std::size_t t = 0; t < tasks; ++t) {
        auto model = make_model(c, 1);
        const std::vector<Var> y = model->outputs(Var(test::draw(test::normal({2, 4, 4, 3}), 5)));
        REQUIRE(y.size() == tasks);
        sum(y[t] * y[t]).backward();
        const std::string part = std::string(arch) == "ctan" ? "mask." : "attention.";
        for (const nn::Parameter& p : model->parameters())
          for (std::size_t other = 0; other < tasks; ++other)
            if (p.name.rfind(part + c.tasks[other].name + ".", 0) == 0)
              CHECK_MESSAGE(static_cast<bool>(p.var.grad()) == ((other == t) == (part == "attention.")), p.name);
      }
    }
}

}  // namespace medusa::mtl
