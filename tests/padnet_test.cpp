// PAD-Net: HPS where messages are silent, the equation by hand where they are not, counts, owners, refusals, files.
#include <doctest/doctest.h>

#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "tests/data_fixture.h"
#include "tests/net_by_hand.h"

namespace medusa::mtl {
namespace {

using test::small_image;

// Three levels, so that messages of one step reach the next: "lesion" and "dose" are pixel-level, "grade" and a third
// pixel-level task, "border", follow.
ModelConfig config(const std::string& arch, std::size_t tasks = 3, int dims = 2) {
  ModelConfig c = test::small_config(arch, 3, dims);
  c.widths = {4, 6, 8};
  c.tasks[0].name = "lesion";
  c.tasks[1] = c.tasks[0];
  c.tasks[1].name = "dose";
  c.tasks[1].kind = TaskKind::Regression;
  c.tasks[1].channels = 2;
  Task grade = c.tasks[0];
  grade.name = "grade";
  grade.kind = TaskKind::Classification;
  grade.channels = 3;
  Task border = c.tasks[2];
  c.tasks = {c.tasks[0], c.tasks[1], grade, border};
  c.tasks.resize(tasks);
  return c;
}

Var image(int dims) { return small_image(dims, 7); }

// Sides of which the deepest of three levels has more than one place left.
Var large_image(int dims) {
  return Var(test::draw(test::normal(dims == 2 ? Shape{2, 8, 12, 3} : Shape{2, 8, 4, 8, 3}), 5));
}

std::vector<Var> by_hand(const Model& model, const Var& x) {
  test::NetByHand net(model);
  std::vector<Var> p{net.level("encoder", 0, x)};
  p.push_back(net.level("encoder", 1, p[0]));
  p.push_back(net.level("encoder", 2, p[1]));
  std::vector<std::string> pixel;
  for (const Task& task : model.tasks())
    if (task.traits().pixel_level) pixel.push_back(task.name);
  std::map<std::string, Var> d;
  for (const std::string& task : pixel) d[task] = p[2];
  for (const std::string step : {"1", "0"}) {
    std::map<std::string, Var> before;
    for (const std::string& task : pixel)
      before[task] = net.decoder_step("decoders." + task, step == "1" ? 1 : 0, d[task], p[step == "1" ? 1 : 0]);
    for (const std::string& to : pixel) {
      std::vector<real> sum = before[to].value().to_vector();
      for (const std::string& from : pixel) {
        if (from == to) continue;
        const std::string name = "messages." + to + "." + from + "." + step;
        const auto conv3 = [&](const std::string& part) {
          return conv(before[from], net.parameter.at(name + part), {}, ConvOptions::same(3)).value().to_vector();
        };
        const std::vector<real> a = conv3(".attention.weight"), f = conv3(".features.weight");
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += f[i] / (1 + std::exp(-a[i]));
      }
      d[to] = Var(Tensor::from(sum, before[to].shape()));
    }
  }
  std::vector<Var> y;
  for (const Task& task : model.tasks())
    y.push_back(task.traits().pixel_level ? net.pixel_head("heads." + task.name, d[task.name])
                                          : net.image_head("heads." + task.name, p[2]));
  return y;
}

}  // namespace

TEST_CASE("padnet: with silent messages it is HPS, bit for bit") {
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}, std::size_t{4}}) {
      const auto model = make_model(config("padnet", tasks, dims), 3), hps = make_model(config("hps", tasks, dims), 4);
      test::randomize(*model);
      test::copy_parameters(*hps, *model, [](const std::string& name) { return name; });
      const std::vector<Var> loud = model->outputs(large_image(dims));
      for (nn::Parameter& p : model->parameters())
        if (p.name.find(".features.") != std::string::npos) {
          Tensor values = p.var.value();
          values.fill(0);
        }
      const std::vector<Var> silent = model->outputs(large_image(dims)), plain = hps->outputs(large_image(dims));
      test::check_same(silent, plain);
      for (std::size_t t = 0; t < tasks; ++t)
        CHECK((test::distance(loud[t].value(), plain[t].value()) > 1e-3) == (t != 2));  // the grade hears nobody
    }
}

TEST_CASE("padnet: outputs are the equation by hand, for 2 to 4 tasks, 2D and 3D") {
  const NoGrad no_grad;
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}, std::size_t{4}}) {
      const auto model = make_model(config("padnet", tasks, dims), 3);
      test::randomize(*model);
      model->eval();
      test::check_near(model->outputs(large_image(dims)), by_hand(*model, large_image(dims)));
    }
}

TEST_CASE("padnet: gradients of its messages are those of central differences") {
  for (int dims : {2, 3}) {
    ModelConfig c = config("padnet", 2, dims);
    c.norm = "group";
    c.widths = {2, 3};
    const auto model = make_model(c, 3);
    test::randomize(*model);
    CHECK(test::gradient_error(*model, image(dims), "messages.lesion.dose.0.") < test::kGradientTolerance);
  }
}

TEST_CASE("padnet: HPS and two 3x3 convolutions for each pair and step") {
  for (int dims : {2, 3})
    for (std::size_t tasks : {std::size_t{3}, std::size_t{4}}) {
      ModelConfig c = config("padnet", tasks, dims), hps = config("hps", tasks, dims);
      c.widths = hps.widths = {16, 32, 64, 128};
      const std::int64_t pairs = tasks == 3 ? 2 : 6, window = dims == 2 ? 9 : 27;
      CHECK(make_model(c)->parameter_count() ==
            make_model(hps)->parameter_count() + pairs * 2 * window * (16 * 16 + 32 * 32 + 64 * 64));
    }
}

TEST_CASE("padnet: fewer than two pixel-level tasks, or no decoder, are refused, and HPS named") {
  CHECK_THROWS_WITH_AS(make_model(config("padnet", 1)), doctest::Contains("needs at least 2 tasks, got 1"), InputError);
  ModelConfig c = test::small_config("padnet", 2);
  CHECK_THROWS_WITH_AS(make_model(c),
                       "architecture 'padnet' needs at least 2 tasks with an output per pixel, got 1: decoders "
                       "exchange features, and there is no other; use hps",
                       InputError);
  c = config("padnet");
  c.widths = {4};
  CHECK_THROWS_WITH_AS(make_model(c), doctest::Contains("needs at least 2 levels, got 1"), InputError);
}

TEST_CASE("padnet: what a task hears with is its own; the encoder is shared; its file gives the same network") {
  const auto model = make_model(config("padnet", 4), 3);
  CHECK(model->groups() == std::vector<std::vector<std::size_t>>{{0, 1, 2, 3}});
  const std::vector<std::string> tasks{"lesion", "dose", "grade", "border"};
  for (const nn::Parameter& p : model->parameters()) {
    int owner = nn::kNoOwner;
    for (std::size_t t = 0; t < tasks.size(); ++t)
      for (const char* part : {"messages.", "decoders.", "heads."})
        if (p.name.rfind(part + tasks[t] + ".", 0) == 0) owner = static_cast<int>(t);
    CHECK_MESSAGE(p.owner == owner, p.name);
    CHECK_MESSAGE((owner == nn::kNoOwner) == (p.name.rfind("encoder.", 0) == 0), p.name);
  }
  test::TempFolder folder;
  test::randomize(*model);
  nn::Checkpoint checkpoint;
  checkpoint.metadata["model"] = to_json(model->config());
  nn::save_checkpoint(folder / "net.safetensors", *model, checkpoint);
  model->eval();
  test::check_same(load_model(folder / "net.safetensors")->outputs(large_image(2)), model->outputs(large_image(2)));
}

}  // namespace medusa::mtl
