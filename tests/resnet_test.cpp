// Backbones: parameter counts and names of the ResNets, their levels, and all architectures around them.  Their numbers
// against PyTorch's: resnet_test.sh.
#include "mtl/networks/resnet.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "mtl/inference/padding.h"
#include "mtl/networks/backbone.h"
#include "mtl/networks/ctan.h"
#include "mtl/networks/model_file.h"
#include "mtl/networks/mtan.h"
#include "nn/safetensors.h"
#include "tests/data_fixture.h"
#include "tests/op_case.h"

namespace medusa::mtl {
namespace {

Task task(const std::string& name, TaskKind kind, std::int64_t channels) {
  Task t;
  t.name = name;
  t.kind = kind;
  t.channels = channels;
  return t;
}

// `images` image-level tasks, whose branches are small, then `pixels` segmentations.
ModelConfig config(const std::string& arch, const std::string& backbone, int images, int pixels = 0) {
  ModelConfig c;
  c.arch = arch;
  c.backbone = backbone;
  c.widths = default_widths(backbone);
  for (int i = 0; i < images; ++i) c.tasks.push_back(task(fmt::format("image{}", i), TaskKind::Classification, 7));
  for (int i = 0; i < pixels; ++i) c.tasks.push_back(task(fmt::format("pixel{}", i), TaskKind::Segmentation, 1));
  return c;
}

ModelConfig narrow(const std::string& arch, const std::string& backbone, int rank = 2) {
  ModelConfig c = config(arch, backbone, 1, arch == "padnet" ? 2 : 1);  // padnet: two that may exchange
  c.spatial_dims = rank;
  c.widths = {4, 5, 6, 7};
  return c;
}

// Parameters whose names begin with one of these.
std::int64_t count(const nn::Module& module, const std::vector<std::string>& beginnings) {
  std::int64_t sum = 0;
  for (const nn::Parameter& p : module.parameters())
    for (const std::string& beginning : beginnings)
      if (p.name.rfind(beginning, 0) == 0) sum += p.var.value().numel();
  return sum;
}

std::set<std::string> names(const nn::Module& module) {
  std::set<std::string> all;
  for (const nn::Parameter& p : module.parameters()) all.insert(p.name);
  for (const nn::Buffer& b : module.buffers()) all.insert(b.name);
  return all;
}

}  // namespace

TEST_CASE("resnets: as many parameters as torchvision's without the last layer") {
  const auto parameters = [](const char* backbone) {
    return make_encoder(config("hps", backbone, 1))->parameter_count();
  };
  CHECK(parameters("resnet18") == 11689512 - 512 * 1000 - 1000);
  CHECK(parameters("resnet34") == 21797672 - 512 * 1000 - 1000);
  CHECK(parameters("resnet50") == 23508032);
}

TEST_CASE("mtan on resnet50: encoder, refine and attention have the parameters of the public code without biases") {
  // Constructed, not initialised: what counts here is shapes.
  for (const auto& [tasks, total] : {std::pair(2, 39781696), std::pair(3, 43952832)}) {
    const MTAN mtan(config("mtan", "resnet50", tasks));
    CHECK(count(mtan, {"encoder."}) == 23508032);
    CHECK(count(mtan, {"refine."}) == 7931392);
    CHECK(count(mtan, {"attention.image0."}) == 4171136);
    CHECK(count(mtan, {"encoder.", "refine.", "attention."}) == total);
  }
}

TEST_CASE("ctan on a resnet has as many parameters as mtan") {
  for (const char* backbone : {"resnet18", "resnet34", "resnet50"}) {
    const std::int64_t mtan = make_model(narrow("mtan", backbone))->parameter_count();
    CHECK(make_model(narrow("ctan", backbone))->parameter_count() == mtan);
  }
}

TEST_CASE("resnets: torchvision's names, and the running statistics with them") {
  ModelConfig c = narrow("hps", "resnet18");
  const std::set<std::string> basic = names(*make_encoder(c));
  for (const char* name : {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer1.1.bn2.running_mean",
                           "layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var", "layer4.1.bn2.bias"})
    CHECK_MESSAGE(basic.count(name), name);
  CHECK(basic.count("layer1.0.downsample.0.weight") == 0);  // neither resolution nor channels change
  CHECK(basic.size() == 100);  // torchvision's state has 122: fc.weight, fc.bias, 20 counters of batches
  c.backbone = "resnet50";
  const std::set<std::string> deep = names(*make_encoder(c));
  for (const char* name : {"layer1.0.downsample.0.weight", "layer3.5.conv3.weight", "layer4.2.bn3.running_var"})
    CHECK_MESSAGE(deep.count(name), name);
  CHECK(deep.size() == 320 - 2 - 53);
  CHECK(names(*make_model(c)).count("encoder.layer3.5.conv3.weight"));
  c.arch = "stl";
  CHECK(names(*make_model(c)).count("nets.pixel0.encoder.layer3.5.conv3.weight"));
}

TEST_CASE("resnets: levels of a quarter of the resolution and less, p is u's last block") {
  for (const char* backbone : {"resnet18", "resnet34", "resnet50"})
    for (int rank : {2, 3}) {
      CAPTURE(backbone);
      const ModelConfig c = narrow("hps", backbone, rank);
      const Backbone b = backbone_of(c);
      CHECK(b.size_multiple() == 32);
      auto encoder = make_encoder(c);
      encoder->initialize(1);
      Shape shape = rank == 2 ? Shape{2, 64, 32, 3} : Shape{1, 32, 64, 32, 3};
      const Features f = encoder->features(Var(test::draw(test::normal(shape), 1)));
      REQUIRE(f.u.size() == 4);
      REQUIRE(f.p.size() == 4);
      for (std::size_t j = 0; j < 4; ++j) {
        Shape level = shape;
        for (int axis = 1; axis <= rank; ++axis) level[axis] /= b.stride << j;
        level[-1] = b.channels[j];
        CHECK(f.u[j].shape() == level);
        CHECK(f.p[j].shape() == level);
        CHECK(f.u[j].value().to_vector() != f.p[j].value().to_vector());
      }
    }
  const Backbone deep = backbone_of(config("hps", "resnet50", 1));
  CHECK(deep.channels == std::vector<std::int64_t>{256, 512, 1024, 2048});
  CHECK(deep.decoder == std::vector<std::int64_t>{16, 32, 64, 128, 256});
  CHECK(deep.attention_width(0) == 64);
  CHECK(backbone_of(config("hps", "resnet18", 1)).attention_width(3) == 512);
}

TEST_CASE("resnets: every architecture around them, outputs at full resolution, every parameter gets a gradient") {
  const std::map<std::string, std::size_t> encoders{{"stl", 2}, {"crossstitch", 2}, {"mmoe", 2}, {"cgc", 3}};
  for (const std::string& arch : architectures())
    for (const char* backbone : {"resnet18", "resnet50"})
      for (int rank : {2, 3}) {
        CAPTURE(arch);
        CAPTURE(backbone);
        CAPTURE(rank);
        auto model = make_model(narrow(arch, backbone, rank), 1);
        CHECK(model->size_multiple() == 32);
        CHECK(model->encoders().size() == (encoders.count(arch) ? encoders.at(arch) : 1));
        const Shape shape = rank == 2 ? Shape{2, 32, 64, 3} : Shape{2, 32, 32, 32, 3};
        const std::vector<Var> y = model->outputs(Var(test::draw(test::normal(shape), 2)));
        Shape pixels = shape;
        pixels[-1] = 1;
        CHECK(y[0].shape() == Shape{2, 7});
        CHECK(y[1].shape() == pixels);
        Var loss = sum(y[0] * y[0]);
        for (std::size_t t = 1; t < y.size(); ++t) loss = loss + sum(y[t] * y[t]);
        loss.backward();
        for (const nn::Parameter& p : model->parameters()) CHECK_MESSAGE(p.var.grad(), p.name);
      }
}

TEST_CASE("resnets: images of any size are framed to multiples of 32") {
  auto model = make_model(narrow("ctan", "resnet18"), 1);
  model->eval();
  const std::vector<Var> y = outputs_any_size(*model, Var(test::draw(test::normal({1, 33, 50, 3}), 2)));
  CHECK(y[1].shape() == Shape{1, 33, 50, 1});
  CHECK_THROWS_WITH_AS(model->outputs(Var(Tensor::zeros({1, 33, 50, 3}))),
                       "encoder: 4 levels need sides that are multiples of 32, input is [1, 33, 50, 3]", Error);
}

TEST_CASE("backbones: survive a model file's description; what does not fit is refused") {
  const ModelConfig before = narrow("mtan", "resnet34");
  const ModelConfig after = model_config_from_json(to_json(before), "test");
  CHECK(after.backbone == "resnet34");
  CHECK(after.widths == before.widths);
  ModelConfig three = narrow("hps", "resnet18");
  three.widths = {4, 5, 6};
  CHECK_THROWS_WITH_AS(make_model(three), "model: backbone 'resnet18' has 4 stages and needs as many widths, got 3",
                       InputError);
  CHECK_THROWS_WITH_AS(default_widths("vgg"), doctest::Contains("backbone 'vgg' is unknown"), InputError);
}

TEST_CASE("weights of a run: by name; heads only of tasks with the same meaning; all of the encoder or nothing") {
  test::TempFolder folder;
  ModelConfig c;
  c.widths = {4, 8};
  c.tasks = {Task(datasets::segmentation("lesion", {"lesion"})), Task(datasets::classification("kind", {"a", "b"}))};
  const auto source = make_model(c, 5);
  for (nn::Buffer& b : source->buffers()) b.tensor.fill(3);
  const std::string path = folder / "best.safetensors";
  nn::save_checkpoint(path, *source, {{}, {{"model", to_json(c)}}});
  const auto value = [](Model& model, const std::string& beginning) {
    for (const nn::Parameter& p : model.parameters())
      if (p.name.starts_with(beginning)) return p.var.value().to_vector();
    return std::vector<real>{};
  };
  const auto same = [&](Model& model, const std::string& beginning) {
    REQUIRE(!value(*source, beginning).empty());
    return value(model, beginning) == value(*source, beginning);
  };

  auto model = make_model(c, 1);
  CHECK(load_pretrained(path, *model).summary() ==
        fmt::format("{} matched", source->parameters().size() + source->buffers().size()));
  CHECK((same(*model, "encoder.") && same(*model, "heads.lesion.") && same(*model, "heads.kind.")));
  CHECK(model->buffers().front().tensor.to_vector().front() == 3);

  model = make_model(c, 1);
  CHECK(load_pretrained(path, *model, false).ignored.size() == 6);
  CHECK((same(*model, "encoder.") && !same(*model, "heads.lesion.") && !same(*model, "heads.kind.")));

  c.tasks[1].classes = {"b", "a"};  // the same shape, another meaning
  model = make_model(c, 1);
  load_pretrained(path, *model);
  CHECK((same(*model, "heads.lesion.") && !same(*model, "heads.kind.")));

  c.widths = {4, 8, 8};
  model = make_model(c, 1);
  CHECK_THROWS_WITH_AS(load_pretrained(path, *model), doctest::Contains("does not fit the encoder of this network"),
                       InputError);
  CHECK(!same(*model, "encoder."));
}

TEST_CASE("pretrained weights: by name into every encoder, the last layer and counters passed over") {
  test::TempFolder folder;
  ModelConfig c = narrow("stl", "resnet18");
  const auto source = make_encoder(c);
  source->initialize(5);
  for (nn::Buffer& b : source->buffers()) b.tensor.fill(3);
  const std::string path = folder / "weights.safetensors";
  // As torchvision's state has them: with the layer behind the encoder, and a counter for every norm.
  const auto save = [&](const std::map<std::string, Tensor>& more) {
    nn::save_checkpoint(path, *source);
    const nn::SafetensorsReader reader(path);
    std::map<std::string, Tensor> all = more;
    for (const auto& [name, entry] : reader.entries()) all[name] = reader.tensor(name);
    nn::write_safetensors(path, all);
  };
  save({{"fc.weight", Tensor::ones({10, 7})},
        {"fc.bias", Tensor::ones({10})},
        {"bn1.num_batches_tracked", Tensor::ones({1})}});
  auto model = make_model(c, 1);
  const nn::LoadReport report = load_pretrained(path, *model);
  CHECK(report.matched.size() == 100);
  CHECK(report.summary() == "100 matched; 2 ignored (fc.bias, fc.weight)");
  const auto wanted = source->parameters();
  REQUIRE(model->encoders().size() == 2);
  for (Encoder* encoder : model->encoders()) {
    const auto got = encoder->parameters();
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i].var.value().to_vector() == wanted[i].var.value().to_vector());
    for (const nn::Buffer& b : encoder->buffers()) CHECK(b.tensor.to_vector().front() == 3);
  }

  save({{"layer5.weight", Tensor::ones({1})}});
  CHECK_THROWS_WITH_AS(load_pretrained(path, *model), doctest::Contains("100 matched; 1 unexpected (layer5.weight)"),
                       InputError);
  c.widths = {4, 5, 6, 8};
  CHECK_THROWS_WITH_AS(load_pretrained(path, *make_model(c)),
                       doctest::Contains("layer4.0.bn1.bias expects [8], found [7]"), InputError);
  c.backbone = "resnet34";
  CHECK_THROWS_WITH_AS(load_pretrained(path, *make_model(c)), doctest::Contains("missing (layer1.2.conv1.weight"),
                       InputError);
}

}  // namespace medusa::mtl
