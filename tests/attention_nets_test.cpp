// MTAN and CTAN: parameter counts, names, messages, and the cross-task bottleneck against a plain loop nest.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
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
  const Array& own = in[0];
  const Array &asks = in[options.query == "own" ? 0 : 1], &asked = in[options.query == "own" ? 1 : 0];
  const std::int64_t n = own.size(0), places = own.size(1) * own.size(2), channels = own.size(3);
  const bool channel = options.attention == "channel";
  const std::int64_t count = channel ? channels : places, d = channel ? places : channels;
  const auto at = [&](std::int64_t b, std::int64_t token, std::int64_t k) {
    return (b * places + (channel ? k : token)) * channels + (channel ? token : k);
  };
  // What a token's products are divided by, so that its length is sqrt(d).
  const auto norm = [&](const Array& e, std::int64_t b, std::int64_t token) {
    double squares = 0;
    for (std::int64_t k = 0; k < d; ++k) squares += e[at(b, token, k)] * e[at(b, token, k)];
    return options.qk_norm ? std::sqrt(squares / static_cast<double>(d) + 1e-6) : 1;
  };
  Array y(own.shape);
  for (std::int64_t b = 0; b < n; ++b)
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<double> score(static_cast<std::size_t>(count));
      double sum = 0;
      for (std::int64_t j = 0; j < count; ++j) {
        double product = 0;
        for (std::int64_t k = 0; k < d; ++k) product += asks[at(b, i, k)] * asked[at(b, j, k)];
        product /= norm(asks, b, i) * norm(asked, b, j);
        sum += score[static_cast<std::size_t>(j)] =
            std::exp(options.scale ? product / std::sqrt(static_cast<double>(d)) : product);
      }
      for (std::int64_t k = 0; k < d; ++k) {
        double o = 0;
        for (std::int64_t j = 0; j < count; ++j) o += score[static_cast<std::size_t>(j)] / sum * asked[at(b, j, k)];
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
  refused("query", "both", "ctan: query both: expected one of other, own");
  refused("scale", 2, "ctan: scale 2: expected true or false");
  refused("part", "both",
          "ctan: part: unknown option, expected one of attention, scale, projections, residual, parts, query, "
          "qk-norm; did you mean parts?");
  ModelConfig other = config("mtan", 2);
  other.options["parts"] = "both";
  CHECK_THROWS_WITH_AS(make_model(other), "mtan: parts: unknown option, expected none", InputError);
}

TEST_CASE("ctan: its options survive a model file's description") {
  ModelConfig before = config("ctan", 2);
  before.options = option_values(CtanOptions{"channel", false, "linear", false, "encoder", "own", true});
  const std::string text = to_json(before);
  CHECK(text.find(R"("ctan":{"attention":"channel","scale":false,"projections":"linear","residual":false,)"
                  R"("parts":"encoder","query":"own","qk-norm":true}})") != std::string::npos);
  CHECK(model_config_from_json(text, "test").options == before.options);
  // Files of before there were parts, query and qk-norm.
  const std::string old = R"({"arch":"ctan","backbone":"resunet","rank":2,"in_channels":3,"widths":[4,8],"tasks":[],)"
                          R"("ctan":{"attention":"channel","scale":true,"projections":"none","residual":true}})";
  const auto read = read_options<CtanOptions>(model_config_from_json(old, "test").options);
  CHECK(read.parts == "both");
  CHECK(read.query == "other");
  CHECK(!read.qk_norm);
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
      for (bool residual : {true, false})
        for (const char* query : {"other", "own"})
          for (bool qk_norm : {false, true}) {
            const CtanOptions options{attention, scale, "none", residual, "both", query, qk_norm};
            const std::string row = std::string("bottleneck/") + attention + (scale ? "/scale" : "") +
                                    (residual ? "/residual" : "") + "/query-" + query + (qk_norm ? "/qk-norm" : "");
            test::check_op(
                row, {test::normal({2, 2, 3, 5}), test::normal({2, 2, 3, 5})},
                [&](const std::vector<Var>& in) {
                  CrossTaskAttention bottleneck(5, options);
                  return bottleneck.attend(in[0], {in[1]});
                },
                [&](const std::vector<Array>& in) { return plain_bottleneck(in, options); });
          }
}

TEST_CASE("ctan: query own with several tasks is the mean over the others, with learned maps of the right sides") {
  const NoGrad no_grad;
  CtanOptions options;
  options.projections = "linear";
  options.query = "own";
  CrossTaskAttention bottleneck(5, options);
  bottleneck.initialize(3);
  std::vector<Var> e;
  for (std::uint64_t stream : {1, 2, 3}) e.emplace_back(test::draw(test::normal({2, 2, 3, 5}), stream));
  std::map<std::string, Var> w;
  for (const nn::Parameter& p : bottleneck.parameters()) w[p.name] = p.var;
  const auto part = [&](std::size_t task, const char* map) {
    return linear(reshape(e[task], {2, 6, 5}), w.at(std::string(map) + ".weight"));
  };
  Var sum = e[0];
  for (std::size_t other : {1, 2}) {
    const Var a = softmax(matmul(part(0, "q"), part(other, "k"), false, true) * (real(1) / std::sqrt(real(5))));
    sum = sum + reshape(matmul(a, part(other, "v")), {2, 2, 3, 5}) * real(0.5);
  }
  const std::vector<real> got = bottleneck.attend(e[0], {e[1], e[2]}).value().to_vector(),
                          want = sum.value().to_vector();
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-4));
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

// With two tasks, what each of CTAN's branches sees is what MTAN's other branch sees once the masks' labels are
// exchanged: at level 0 the two are the same function.
TEST_CASE("mtan, ctan: at level 0 with two tasks they are the same function with the masks' labels exchanged") {
  ModelConfig c = config("mtan", 2);
  c.widths = {4};  // level 0 alone
  const auto mtan = make_model(c, 1);
  c.arch = "ctan";
  c.options["parts"] = "encoder";
  const auto ctan = make_model(c, 2);
  // attention.lesion.0.conv1.weight -> embed.diagnosis.0.conv.weight, attention.lesion.0.conv2.weight -> mask. ...
  const auto partner = [](std::string name) {
    if (name.rfind("attention.", 0) != 0) return name;
    const bool first = name.find("1.") != std::string::npos;
    const std::string task = name.find(".lesion.") != std::string::npos ? "diagnosis" : "lesion";
    const std::string layer = name.find("conv") != std::string::npos ? "conv" : "norm";
    return (first ? "embed." : "mask.") + task + ".0." + layer + name.substr(name.rfind('.'));
  };
  std::map<std::string, Var> to;
  for (const nn::Parameter& p : ctan->parameters()) to[p.name] = p.var;
  REQUIRE(to.size() == mtan->parameters().size());
  for (nn::Parameter& p : mtan->parameters()) {
    if (p.name.find("norm") != std::string::npos) p.var.value().copy_from(test::draw(test::positive(p.var.shape()), 4));
    CHECK(to.count(partner(p.name)) == 1);
    to.at(partner(p.name)).value().copy_from(p.var.value());
  }
  const Var x(test::draw(test::normal({2, 4, 4, 3}), 5));
  const std::vector<Var> one = mtan->outputs(x), other = ctan->outputs(x);
  for (std::size_t t = 0; t < 2; ++t) CHECK(one[t].value().to_vector() == other[t].value().to_vector());
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
