// Checkpoints: layouts on disk, what a load reports, and that a refused load changes nothing.
#include "nn/checkpoint.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "nn/safetensors.h"
#include "tensor/file.h"

namespace medusa::nn {

namespace {

struct Inner : Module {
  Var weight;
  Tensor mean;
  Inner() {
    weight = param("weight", Shape{2, 3, 4, 5}, Init::normal(1), Layout::Conv);  // [kH, kW, I, O]
    mean = buffer("running_mean", Tensor::zeros(Shape{5}));
  }
};

struct Net : Module {
  Inner* inner;
  Var bias;
  explicit Net(std::int64_t width = 3) {
    inner = &add<Inner>("inner");
    bias = param("bias", Shape{width}, Init::uniform(1));
  }
};

struct Place {
  std::string folder = (std::filesystem::temp_directory_path() / "medusa_checkpoint_XXXXXX").string();
  Place() { REQUIRE(::mkdtemp(folder.data()) != nullptr); }
  ~Place() { std::filesystem::remove_all(folder); }
  std::string file(const std::string& name) const { return folder + "/" + name; }
};

std::vector<real> all(const Module& module) {
  std::vector<real> values;
  for (const Parameter& p : module.parameters())
    for (real x : p.var.value().to_vector()) values.push_back(x);
  for (const Buffer& b : module.buffers())
    for (real x : b.tensor.to_vector()) values.push_back(x);
  return values;
}

}  // namespace

TEST_CASE("checkpoint: PyTorch's layout on disk, and back bit for bit with extra tensors and metadata") {
  const Place place;
  const std::string path = place.file("a.safetensors");
  Net net;
  net.initialize(1);
  net.inner->mean.fill(real(0.75));
  const Tensor moment = Tensor::from({1, 2}, Shape{2, 1});
  save_checkpoint(path, net, {{{"adam.m", moment}}, {{"epoch", "3"}}});

  const SafetensorsReader file(path);
  CHECK(file.entries().size() == 4);
  CHECK(file.entry("inner.weight").shape == std::vector<std::int64_t>{5, 4, 2, 3});  // [O, I, kH, kW]
  const auto disk = file.values("inner.weight");
  const Tensor memory = net.inner->weight.value();
  for (int o = 0; o < 5; ++o)
    for (int i = 0; i < 4; ++i)
      for (int h = 0; h < 2; ++h)
        for (int w = 0; w < 3; ++w)
          REQUIRE(disk[static_cast<std::size_t>(((o * 4 + i) * 2 + h) * 3 + w)] ==
                  memory.at(((h * 3 + w) * 4 + i) * 5 + o));

  Net other;
  other.initialize(2);
  CHECK(all(other) != all(net));
  Checkpoint found;
  const LoadReport report = load_checkpoint(path, other, true, &found);
  CHECK(report.complete());
  CHECK(report.summary() == "3 matched");
  CHECK(all(other) == all(net));
  CHECK(found.metadata == Metadata{{"epoch", "3"}});
  REQUIRE(found.extra.count("adam.m") == 1);
  CHECK(found.extra["adam.m"].shape() == Shape{2, 1});
  CHECK(found.extra["adam.m"].to_vector() == moment.to_vector());
}

TEST_CASE("checkpoint: a strict load that does not match names what and changes nothing; a loose one takes the rest") {
  const Place place;
  const std::string path = place.file("a.safetensors");
  Net net;
  net.initialize(1);
  save_checkpoint(path, net);

  Net wide(7);
  wide.initialize(2);
  const auto before = all(wide), bias = wide.bias.value().to_vector();
  Checkpoint untouched;
  untouched.metadata["mine"] = "1";
  const std::string reason =
      path + ": does not fit this network: 2 matched; 1 wrongly shaped (bias expects [7], found [3])";
  CHECK_THROWS_WITH_AS(load_checkpoint(path, wide, true, &untouched), reason.c_str(), InputError);
  CHECK(all(wide) == before);
  CHECK(untouched.metadata.count("mine") == 1);

  const LoadReport report = load_checkpoint(path, wide, false);
  CHECK(report.wrong_shape.size() == 1);
  CHECK(report.matched.size() == 2);
  CHECK(wide.inner->weight.value().to_vector() == net.inner->weight.value().to_vector());
  CHECK(wide.bias.value().to_vector() == bias);

  Inner inner;  // other names altogether
  const LoadReport foreign = load_checkpoint(path, inner, false);
  CHECK(foreign.missing == std::vector<std::string>{"weight", "running_mean"});
  CHECK(foreign.unexpected == std::vector<std::string>{"bias", "inner.running_mean", "inner.weight"});
  CHECK(foreign.summary() ==
        "0 matched; 2 missing (weight, running_mean); 3 unexpected (bias, inner.running_mean, inner.weight)");
  CHECK_THROWS_AS(load_checkpoint(path, inner), InputError);
}

TEST_CASE("checkpoint: another program's file: other types, batch counters") {
  const Place place;
  const std::string path = place.file("torch.safetensors");
  std::string header = R"({"weight":{"dtype":"I8","shape":[5,4,2,3],"data_offsets":[0,120]},)"
                       R"("running_mean":{"dtype":"BF16","shape":[5],"data_offsets":[120,130]},)"
                       R"("num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[130,138]}})";
  std::string data(138, '\0');
  for (int i = 0; i < 120; ++i) data[static_cast<std::size_t>(i)] = static_cast<char>(i);
  data[121] = '\x3f';
  const std::uint64_t length = header.size();
  write_file(path, std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
  Inner inner;
  CHECK(load_checkpoint(path, inner).complete());
  CHECK(inner.weight.value().at(((1 * 3 + 2) * 4 + 3) * 5 + 4) == 119);
  CHECK(inner.mean.at(0) == 0.5);
}

TEST_CASE("checkpoint: a truncated file and a missing folder") {
  const Place place;
  const std::string path = place.file("a.safetensors");
  Net net;
  net.initialize(1);
  save_checkpoint(path, net);
  const std::string bytes = read_text_file(path);
  const auto before = all(net);
  for (std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{50}, bytes.size() - 1}) {
    write_file(place.file("cut"), bytes.substr(0, length));
    CHECK_THROWS_AS(load_checkpoint(place.file("cut"), net, false), InputError);
  }
  CHECK(all(net) == before);
  CHECK_THROWS_AS(save_checkpoint(place.file("no/a"), net), Error);
  CHECK_THROWS_AS(load_checkpoint(place.file("none"), net), InputError);
}

}  // namespace medusa::nn
