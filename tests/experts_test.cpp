// MMoE and CGC: HPS where there is one expert, the equations by hand where there are more, counts, owners, files.
#include <doctest/doctest.h>

#include "mtl/networks/cgc.h"
#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "tests/data_fixture.h"
#include "tests/net_by_hand.h"

namespace medusa::mtl {
namespace {

using test::NetByHand;
using test::small_config;
using test::small_image;

ModelConfig cgc(std::int64_t shared, std::int64_t own, std::size_t tasks = 2, int dims = 2) {
  ModelConfig c = small_config("cgc", tasks, dims);
  c.options["shared"] = shared;
  c.options["own"] = own;
  return c;
}

ModelConfig mmoe(std::int64_t experts, std::size_t tasks = 2, int dims = 2) {
  ModelConfig c = small_config("mmoe", tasks, dims);
  c.options["experts"] = experts;
  return c;
}

// The weights of one sample, in double, from the gate's parameters: softmax(W mean + b).
std::vector<double> gate_weights(NetByHand& net, const std::string& gate, const Var& in, std::int64_t sample) {
  const std::vector<real> w = net.parameter.at(gate + ".weight").value().to_vector(),
                          b = net.parameter.at(gate + ".bias").value().to_vector(),
                          x = slice(in, 0, sample, 1).value().to_vector();
  const std::size_t channels = static_cast<std::size_t>(in.size(-1)), places = x.size() / channels;
  std::vector<double> g;
  double sum = 0;
  for (std::size_t e = 0; e < b.size(); ++e) {
    double score = static_cast<double>(b[e]);
    for (std::size_t i = 0; i < x.size(); ++i)
      score +=
          static_cast<double>(w[e * channels + i % channels]) * static_cast<double>(x[i]) / static_cast<double>(places);
    g.push_back(std::exp(score));
    sum += g.back();
  }
  for (double& value : g) value /= sum;
  return g;
}

Var mixed(NetByHand& net, const std::string& gate, const Var& in, const std::vector<Var>& experts) {
  std::vector<real> sum;
  for (std::int64_t n = 0; n < in.size(0); ++n) {
    const std::vector<double> g = gate_weights(net, gate, in, n);
    REQUIRE(g.size() == experts.size());
    const std::size_t from = sum.size();
    for (std::size_t e = 0; e < experts.size(); ++e) {
      const std::vector<real> p = slice(experts[e], 0, n, 1).value().to_vector();
      sum.resize(from + p.size(), 0);
      for (std::size_t i = 0; i < p.size(); ++i) sum[from + i] += static_cast<real>(g[e] * static_cast<double>(p[i]));
    }
  }
  return Var(Tensor::from(sum, experts[0].shape()));
}

// All outputs from parameters and ops, two levels written out one after the other.
std::vector<Var> by_hand(const Model& model, const Var& x, std::size_t shared, std::size_t own) {
  NetByHand net(model);
  const std::vector<Task>& tasks = model.tasks();
  const auto experts = [&](const std::string& list, std::size_t count, std::size_t level, const Var& in) {
    std::vector<Var> p;
    for (std::size_t e = 0; e < count; ++e) p.push_back(net.level(list + "." + std::to_string(e), level, in));
    return p;
  };
  const auto join = [](std::vector<Var> a, const std::vector<Var>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  // Level 0: everything looks at the picture.
  const std::vector<Var> shared0 = experts("shared_experts", shared, 0, x);
  std::vector<Var> all0 = shared0, f0;
  for (const Task& task : tasks) {
    const std::vector<Var> own0 = experts("own_experts." + task.name, own, 0, x);
    all0 = join(all0, own0);
    const bool gated = net.parameter.count("gates." + task.name + ".0.weight") > 0;
    CHECK(gated == (own > 0 || task.traits().pixel_level));
    f0.push_back(gated ? mixed(net, "gates." + task.name + ".0", x, join(shared0, own0)) : Var());
  }
  const Var h = mixed(net, "shared_gate.0", x, all0);
  // Level 1: shared experts continue from h, a task's own from what the task saw.
  const std::vector<Var> shared1 = experts("shared_experts", shared, 1, h);
  std::vector<Var> y;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const std::string& name = tasks[t].name;
    const std::vector<Var> own1 = experts("own_experts." + name, own, 1, f0[t]);
    const Var f1 = mixed(net, "gates." + name + ".1", own > 0 ? f0[t] : h, join(shared1, own1));
    y.push_back(net.branch(tasks[t].traits().pixel_level ? "decoders." + name : "", "heads." + name, {f0[t], f1}));
  }
  CHECK(net.parameter.count("shared_gate.1.weight") == 0);  // nothing follows the last level
  return y;
}

}  // namespace

TEST_CASE("experts: with one, mmoe and cgc are HPS, bit for bit") {
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}})
      for (const ModelConfig& c : {mmoe(1, tasks, dims), cgc(1, 0, tasks, dims)}) {
        const auto model = make_model(c, 3), hps = make_model(small_config("hps", tasks, dims), 4);
        test::randomize(*model);
        test::copy_parameters(*hps, *model, [](const std::string& name) {
          return name.rfind("encoder.", 0) == 0 ? "shared_experts.0." + name.substr(8) : name;
        });
        test::check_same(model->outputs(small_image(dims)), hps->outputs(small_image(dims)));
      }
}

TEST_CASE("experts: outputs are the equations by hand, for 2 and 3 tasks, 2D and 3D") {
  const NoGrad no_grad;
  struct Row {
    std::int64_t shared, own;
  };
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}})
      for (const Row& row : {Row{1, 1}, Row{2, 1}, Row{1, 2}, Row{3, 0}}) {
        const auto model = make_model(cgc(row.shared, row.own, tasks, dims), 3);
        test::randomize(*model);
        model->eval();
        const Var x = small_image(dims);
        test::check_near(model->outputs(x),
                         by_hand(*model, x, static_cast<std::size_t>(row.shared), static_cast<std::size_t>(row.own)));
      }
}

TEST_CASE("experts: mmoe is cgc without experts of the tasks' own") {
  const auto a = make_model(mmoe(3, 3), 3), b = make_model(cgc(3, 0, 3), 3);
  test::check_same(a->outputs(small_image()), b->outputs(small_image()));
}

TEST_CASE("experts: a gate sees the sample, so two samples may be mixed differently") {
  const auto model = make_model(mmoe(2, 2), 3);
  test::randomize(*model);
  NetByHand net(*model);
  const Var x = small_image();
  CHECK(std::abs(gate_weights(net, "gates.lesion.0", x, 0)[0] - gate_weights(net, "gates.lesion.0", x, 1)[0]) > 1e-4);
}

TEST_CASE("experts: gradients of gates and shared experts are those of central differences") {
  for (int dims : {2, 3})
    for (ModelConfig c : {mmoe(2, 3, dims), cgc(1, 1, 2, dims)}) {
      c.norm = "group";
      const auto model = make_model(c, 3);
      test::randomize(*model);
      for (const char* part : {"gates.", "shared_gate.", "shared_experts.0.stages.1.last.norm2."}) {
        CAPTURE(part);
        CHECK(test::gradient_error(*model, small_image(dims), part) < test::kGradientTolerance);
      }
    }
}

TEST_CASE("experts: as many parameters as encoders, gates and branches") {
  const auto wide = [](ModelConfig c) {
    c.widths = {16, 32, 64, 128};
    return make_model(c)->parameter_count();
  };
  const std::int64_t hps = 917304, encoder = 700176, in = 3 + 16 + 32 + 64;  // in: inputs of a gate at every level
  // 2 experts: the lesion has a gate at four levels, the diagnosis at the last, all the shared one at three.
  CHECK(wide(mmoe(2)) == hps + encoder + 2 * ((in + 4) + (64 + 1) + (3 + 16 + 32 + 3)));
  // 1 shared and 1 own: two gates over 2 experts at four levels, a shared one over 3 at three.
  CHECK(wide(cgc(1, 1)) == hps + 2 * encoder + 2 * 2 * (in + 4) + 3 * (3 + 16 + 32 + 3));
  CHECK(wide(mmoe(2)) == 1617956);
  CHECK(wide(cgc(1, 1)) == 2318294);
  CHECK(wide(small_config("mmoe")) == wide(mmoe(2)));
  CHECK(wide(small_config("cgc")) == wide(cgc(1, 1)));
}

TEST_CASE("experts: a single task, no shared expert, a negative number of own ones are refused") {
  for (const char* arch : {"mmoe", "cgc"})
    CHECK_THROWS_WITH_AS(make_model(small_config(arch, 1)), doctest::Contains("needs at least 2 tasks, got 1"),
                         InputError);
  CHECK_THROWS_WITH_AS(make_model(mmoe(0)), doctest::Contains("mmoe: experts 0: expected "), InputError);
  CHECK_THROWS_WITH_AS(make_model(cgc(0, 1)), doctest::Contains("cgc: shared 0: expected "), InputError);
  CHECK_THROWS_WITH_AS(make_model(cgc(1, -1)), doctest::Contains("cgc: own -1: expected "), InputError);
}

TEST_CASE("experts: shared ones are nobody's, own ones and gates the task's; all tasks are one group") {
  const auto model = make_model(cgc(2, 1, 3));
  CHECK(model->groups() == std::vector<std::vector<std::size_t>>{{0, 1, 2}});
  CHECK(model->encoders().size() == 5);
  CHECK(make_model(mmoe(3))->encoders().size() == 3);
  const std::vector<std::string> tasks{"lesion", "diagnosis", "border"};
  for (const nn::Parameter& p : model->parameters()) {
    int owner = nn::kNoOwner;
    for (std::size_t t = 0; t < tasks.size(); ++t)
      for (const char* part : {"own_experts.", "gates.", "decoders.", "heads."})
        if (p.name.rfind(part + tasks[t] + ".", 0) == 0) owner = static_cast<int>(t);
    CHECK_MESSAGE(p.owner == owner, p.name);
    CHECK_MESSAGE((owner == nn::kNoOwner) == (p.name.rfind("shared_", 0) == 0), p.name);
  }
}

TEST_CASE("experts: survive their file; an encoder's file fills every expert; another number of experts is refused") {
  test::TempFolder folder;
  const auto save = [&](const Model& model, const char* name) {
    nn::Checkpoint checkpoint;
    checkpoint.metadata["model"] = to_json(model.config());
    nn::save_checkpoint(folder / name, model, checkpoint);
  };
  for (const ModelConfig& c : {mmoe(3, 3), cgc(2, 1, 3)}) {
    const auto model = make_model(c, 3);
    test::randomize(*model);
    save(*model, "net.safetensors");
    const auto loaded = load_model(folder / "net.safetensors");
    model->eval();
    test::check_same(loaded->outputs(small_image()), model->outputs(small_image()));

    const auto hps = make_model(small_config("hps"), 9);
    nn::save_checkpoint(folder / "encoder.safetensors", *hps->encoders()[0]);
    load_pretrained(folder / "encoder.safetensors", *model, true);
    for (Encoder* expert : model->encoders())
      CHECK(expert->parameters()[0].var.value().to_vector() ==
            hps->encoders()[0]->parameters()[0].var.value().to_vector());
  }
  CHECK(read_options<CgcOptions>(read_model_config(folder / "net.safetensors").options).shared == 2);
  save(*make_model(mmoe(2), 1), "two.safetensors");
  CHECK_THROWS_WITH_AS(load_pretrained(folder / "two.safetensors", *make_model(mmoe(3)), true),
                       doctest::Contains("does not fit the encoder"), InputError);
}

}  // namespace medusa::mtl
