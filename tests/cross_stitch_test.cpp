// Cross-stitch networks: STL where nothing is mixed, the equation by hand where something is, counts, owners, files.
#include <doctest/doctest.h>

#include "mtl/networks/encoder.h"
#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "tests/data_fixture.h"
#include "tests/net_by_hand.h"

namespace medusa::mtl {
namespace {

using test::small_config;
using test::small_image;

ModelConfig per_channel(ModelConfig c) {
  c.options["per-channel"] = true;
  return c;
}

// The values of A_j, [T, T, channels].
std::vector<real> matrix(const Model& model, std::size_t level) {
  return test::NetByHand(model).parameter.at("stitches." + std::to_string(level) + ".a").value().to_vector();
}

// Sets every A_j to on * I + off * (1 - I).
void set_matrices(Model& model, double on, double off) {
  for (nn::Parameter& p : model.parameters())
    if (p.name.rfind("stitches.", 0) == 0) {
      Tensor values = p.var.value();
      nn::Init::diagonal(on, off).fill(values, 0, p.name);
    }
}

// Every task's output from parameters and ops: level after level, all tasks side by side.
std::vector<Var> by_hand(const Model& model, const Var& x) {
  test::NetByHand net(model);
  const std::vector<Task>& tasks = model.tasks();
  const std::size_t T = tasks.size();
  std::vector<Var> f(T, x);
  std::vector<std::vector<Var>> levels(T);
  for (std::size_t j = 0; j < model.config().widths.size(); ++j) {
    std::vector<Var> p;
    for (std::size_t t = 0; t < T; ++t) p.push_back(net.level("nets." + tasks[t].name + ".encoder", j, f[t]));
    const Var a = net.parameter.at("stitches." + std::to_string(j) + ".a");
    const std::int64_t channels = model.config().widths[j];
    for (std::size_t t = 0; t < T; ++t) {
      std::vector<real> sum(static_cast<std::size_t>(p[0].value().numel()), 0);
      for (std::size_t s = 0; s < T; ++s) {
        const std::vector<real> values = p[s].value().to_vector(), weights = a.value().to_vector();
        const std::size_t own = static_cast<std::size_t>(a.size(2)), first = (t * T + s) * own;
        for (std::size_t i = 0; i < sum.size(); ++i)
          sum[i] += weights[first + (own == 1 ? 0 : i % static_cast<std::size_t>(channels))] * values[i];
      }
      f[t] = Var(Tensor::from(sum, p[0].shape()));
      levels[t].push_back(f[t]);
    }
  }
  std::vector<Var> y;
  for (std::size_t t = 0; t < T; ++t) {
    const std::string name = "nets." + tasks[t].name;
    y.push_back(net.branch(tasks[t].traits().pixel_level ? name + ".decoder" : "", name + ".head", levels[t]));
  }
  return y;
}

}  // namespace

TEST_CASE("cross-stitch: with A = I it is STL, bit for bit") {
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}})
      for (const bool channels : {false, true}) {
        const ModelConfig c = small_config("crossstitch", tasks, dims);
        const auto model = make_model(channels ? per_channel(c) : c, 3);
        const auto stl = make_model(small_config("stl", tasks, dims), 4);
        test::randomize(*model);
        set_matrices(*model, 1, 0);
        test::copy_parameters(*stl, *model, [](const std::string& name) { return name; });
        const Var x = small_image(dims);
        test::check_same(model->outputs(x), stl->outputs(x));  // in training: batch norm by the batch
        set_matrices(*model, 1, 0.25);
        for (std::size_t t = 0; t < tasks; ++t)
          CHECK(test::distance(model->outputs(x)[t].value(), stl->outputs(x)[t].value()) > 1e-3);
      }
}

TEST_CASE("cross-stitch: outputs are the equation by hand, for 2 and 3 tasks, 2D and 3D, with one A or one a channel") {
  const NoGrad no_grad;
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}})
      for (const bool channels : {false, true}) {
        const ModelConfig c = small_config("crossstitch", tasks, dims);
        const auto model = make_model(channels ? per_channel(c) : c, 3);
        test::randomize(*model);
        model->eval();
        test::check_near(model->outputs(small_image(dims)), by_hand(*model, small_image(dims)));
      }
}

TEST_CASE("cross-stitch: at the start 0.9 on the diagonal, and the last tenth beside it") {
  const real own = real(0.9), half = real(0.05);
  const auto two = make_model(small_config("crossstitch", 2)), three = make_model(small_config("crossstitch", 3)),
             channels = make_model(per_channel(small_config("crossstitch", 2)));
  for (std::size_t j = 0; j < 2; ++j) {
    CHECK(matrix(*two, j) == std::vector<real>{own, real(0.1), real(0.1), own});
    CHECK(matrix(*three, j) == std::vector<real>{own, half, half, half, own, half, half, half, own});
  }
  CHECK(matrix(*channels, 0) == std::vector<real>{own, own, own, own, real(0.1), real(0.1), real(0.1), real(0.1),
                                                  real(0.1), real(0.1), real(0.1), real(0.1), own, own, own, own});
}

TEST_CASE("cross-stitch: gradients of its matrices are those of central differences") {
  for (int dims : {2, 3}) {
    ModelConfig c = per_channel(small_config("crossstitch", dims == 2 ? 3 : 2, dims));
    c.norm = "group";
    const auto model = make_model(c, 3);
    test::randomize(*model);
    CHECK(test::gradient_error(*model, small_image(dims), "stitches.") < test::kGradientTolerance);
  }
}

TEST_CASE("cross-stitch: as many parameters as STL and the matrices") {
  ModelConfig c = small_config("crossstitch", 2);
  c.widths = {16, 32, 64, 128};
  CHECK(make_model(c)->parameter_count() == 1617480 + 4 * 2 * 2);
  CHECK(make_model(per_channel(c))->parameter_count() == 1617480 + (16 + 32 + 64 + 128) * 2 * 2);
}

TEST_CASE("cross-stitch: a single task is refused; all tasks are one group; encoders and matrices are shared") {
  CHECK_THROWS_WITH_AS(make_model(small_config("crossstitch", 1)),
                       doctest::Contains("architecture 'crossstitch' needs at least 2 tasks, got 1"), InputError);
  const auto model = make_model(small_config("crossstitch", 3));
  CHECK(model->groups() == std::vector<std::vector<std::size_t>>{{0, 1, 2}});
  CHECK(model->encoders().size() == 3);
  const std::vector<std::string> tasks{"lesion", "diagnosis", "border"};
  for (const nn::Parameter& p : model->parameters()) {
    int owner = nn::kNoOwner;
    for (std::size_t t = 0; t < tasks.size(); ++t)
      for (const char* part : {".decoder.", ".head."})
        if (p.name.rfind("nets." + tasks[t] + part, 0) == 0) owner = static_cast<int>(t);
    CHECK_MESSAGE(p.owner == owner, p.name);
  }
  // Why encoders are shared: the loss of one task reaches the encoder of every other, but no branch of another.
  sum(square(model->outputs(small_image())[1])).backward();
  for (const nn::Parameter& p : model->parameters())
    CHECK_MESSAGE(static_cast<bool>(p.var.grad()) == (p.owner == nn::kNoOwner || p.owner == 1), p.name);
}

TEST_CASE("cross-stitch: survives its file; a run of STL and a file of an encoder are where training can start") {
  test::TempFolder folder;
  const auto save = [&](const Model& model, const char* name) {
    nn::Checkpoint checkpoint;
    checkpoint.metadata["model"] = to_json(model.config());
    nn::save_checkpoint(folder / name, model, checkpoint);
  };
  const auto model = make_model(per_channel(small_config("crossstitch", 3)), 3);
  test::randomize(*model);
  save(*model, "net.safetensors");
  const auto loaded = load_model(folder / "net.safetensors");
  CHECK(loaded->config().options.at("per-channel") == OptionValue(true));
  model->eval();
  test::check_same(loaded->outputs(small_image()), model->outputs(small_image()));

  const auto stl = make_model(small_config("stl", 3), 5);
  save(*stl, "stl.safetensors");
  load_pretrained(folder / "stl.safetensors", *model, true);
  set_matrices(*model, 1, 0);
  stl->eval();
  test::check_same(model->outputs(small_image()), stl->outputs(small_image()));

  const auto hps = make_model(small_config("hps", 2), 9);
  nn::save_checkpoint(folder / "encoder.safetensors", *hps->encoders()[0]);
  load_pretrained(folder / "encoder.safetensors", *model, true);
  const test::NetByHand net(*model), source(*hps);
  for (const char* task : {"lesion", "diagnosis", "border"})
    CHECK(net.parameter.at(std::string("nets.") + task + ".encoder.stem.conv.weight").value().to_vector() ==
          source.parameter.at("encoder.stem.conv.weight").value().to_vector());
}

}  // namespace medusa::mtl
