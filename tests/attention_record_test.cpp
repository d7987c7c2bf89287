// AttentionRecord: what it holds is what the equations say, and recording changes nothing.
#include "mtl/networks/attention_record.h"

#include <doctest/doctest.h>

#include "mtl/networks/model.h"
#include "tests/net_by_hand.h"

namespace medusa::mtl {
namespace {

using test::distance;

ModelConfig config(const std::string& arch, std::size_t tasks = 2, int rank = 2) {
  return test::small_config(arch, tasks, rank);
}

// In evaluation, with norms that scale and shift.
std::unique_ptr<Model> tiny(const ModelConfig& c) {
  auto model = make_model(c, 3);
  std::uint64_t stream = 0;
  for (nn::Parameter& p : model->parameters())
    if (p.name.find("norm") != std::string::npos)
      p.var.value().copy_from(test::draw(test::positive(p.var.shape()), ++stream));
  model->eval();
  return model;
}

Var image(int rank = 2, std::uint64_t stream = 7) { return test::small_image(rank, stream); }

struct ByHand : test::NetByHand {
  using NetByHand::NetByHand;
  Var ctan_mask(const std::string& task, const std::string& level, const Var& x) {
    return sigmoid(conv_norm("mask." + task + level, relu(conv_norm("embed." + task + level, x))));
  }
  Var mtan_mask(const std::string& task, const std::string& level, const Var& x) {
    const std::string name = "attention." + task + level;
    const Var middle = relu(conv_norm(name + ".conv1", name + ".norm1", x));
    return sigmoid(conv_norm(name + ".conv2", name + ".norm2", middle));
  }
};

// Masks and attention have the shapes that the header promises, masks are in 0..1, rows sum to 1.
void check_record(const AttentionRecord& record, const ModelConfig& c, const Var& x) {
  REQUIRE(record.masks.size() == c.tasks.size());
  for (const auto& levels : record.masks) {
    REQUIRE(levels.size() == c.widths.size());
    for (std::size_t j = 0; j < levels.size(); ++j) {
      Shape shape = x.shape();
      for (int axis = 1; axis <= c.spatial_dims; ++axis) shape[axis] >>= j;
      shape[-1] = c.widths[j];
      CHECK(levels[j].shape() == shape);
      for (real m : levels[j].to_vector()) REQUIRE((m >= 0 && m <= 1));  // a float's sigmoid of 17 is 1
    }
  }
  for (std::size_t t = 0; t < record.bottleneck.size(); ++t)
    for (std::size_t o = 0; o < record.bottleneck[t].size(); ++o) {
      CHECK(static_cast<bool>(record.bottleneck[t][o]) == (o != t));
      if (o == t) continue;
      const Tensor& a = record.bottleneck[t][o];
      const std::vector<real> values = a.to_vector();
      const auto keys = static_cast<std::size_t>(a.size(-1));
      for (std::size_t row = 0; row < values.size(); row += keys) {
        double sum = 0;
        for (std::size_t k = row; k < row + keys; ++k) sum += static_cast<double>(values[k]);
        REQUIRE(sum == doctest::Approx(1).epsilon(1e-5));
      }
    }
}

}  // namespace

TEST_CASE("attention record: shapes, ranges and row sums, 2 and 3 tasks, 2D and 3D, both axes") {
  const NoGrad no_grad;
  for (const char* arch : {"mtan", "ctan"})
    for (std::size_t tasks : {std::size_t{2}, std::size_t{3}})
      for (int rank : {2, 3})
        for (const char* axis : {"spatial", "channel"}) {
          ModelConfig c = config(arch, tasks, rank);
          if (c.arch == "ctan") c.options["attention"] = axis;
          const auto model = tiny(c);
          AttentionRecord record;
          model->record_attention(&record);
          const Var x = image(rank);
          model->outputs(x);
          check_record(record, c, x);
          const bool ctan = c.arch == "ctan";
          for (std::size_t t = 0; t < tasks; ++t) CHECK(record.bottleneck[t].size() == (ctan ? tasks : 0));
          const std::int64_t tokens = axis == std::string("channel") ? 6 : rank == 2 ? 2 * 3 : 2 * 3 * 1;
          CHECK(record.over_channels == (ctan && axis == std::string("channel")));
          if (ctan) CHECK(record.bottleneck[0][1].shape() == Shape{2, tokens, tokens});
        }
}

TEST_CASE("attention record: the masks are the equations' by hand; ctan's level 1 follows the other task's mask") {
  const NoGrad no_grad;
  const double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;
  for (const char* arch : {"mtan", "ctan"}) {
    const bool ctan = std::string(arch) == "ctan";
    const auto model = tiny(config(arch));
    AttentionRecord record;
    model->record_attention(&record);
    model->outputs(image());

    ByHand net(*model);
    const auto mask = [&](const std::string& task, const std::string& level, const Var& x) {
      return ctan ? net.ctan_mask(task, level, x) : net.mtan_mask(task, level, x);
    };
    const Var u0 = net.block("encoder.stages.0.first", relu(net.conv_norm("encoder.stem", image())));
    const Var p0 = net.block("encoder.stages.0.last", u0);
    const Var u1 = net.block("encoder.stages.1.first", max_pool(p0));
    const std::vector<Var> m0 = {mask("lesion", ".0", u0), mask("diagnosis", ".0", u0)};
    for (std::size_t t = 0; t < 2; ++t) {
      CHECK(distance(record.masks[t][0], m0[t].value()) < tolerance);
      const auto level1 = [&](std::size_t whose) {
        const Var a = max_pool(net.block("refine.0", m0[whose] * p0));
        return mask(t == 0 ? "lesion" : "diagnosis", ".1", concat({u1, a})).value();
      };
      CHECK(distance(record.masks[t][1], level1(ctan ? 1 - t : t)) < tolerance);
      CHECK(distance(record.masks[t][1], level1(ctan ? t : 1 - t)) > 1e-3);
    }
  }
}

TEST_CASE("attention record: the bottleneck's attention is that of the other task's queries to a task's own keys") {
  const NoGrad no_grad;
  for (const char* query : {"other", "own"}) {
    ModelConfig c = config("ctan");
    c.options["query"] = query;
    const auto model = tiny(c);
    AttentionRecord record;
    model->record_attention(&record);
    model->outputs(image());

    ByHand net(*model);
    const Var u0 = net.block("encoder.stages.0.first", relu(net.conv_norm("encoder.stem", image())));
    const Var p1 = net.block("encoder.stages.1.last",
                             net.block("encoder.stages.1.first", max_pool(net.block("encoder.stages.0.last", u0))));
    for (std::size_t t = 0; t < 2; ++t) {
      // E_t = m_{t'} p_1;  A_t = softmax(E_{t'} E_t^T / sqrt(C)); with `query: own` the two exchanged
      const auto e = [&](std::size_t task) { return reshape(Var(record.masks[1 - task][1]) * p1, {2, 6, 6}); };
      const std::size_t asks = query == std::string("own") ? t : 1 - t;
      const Var want = softmax(matmul(e(asks), e(1 - asks), false, true) * (real(1) / std::sqrt(real(6))));
      CHECK(distance(record.bottleneck[t][1 - t], want.value()) < (sizeof(real) == 4 ? 1e-5 : 1e-12));
      CHECK(distance(record.bottleneck[t][1 - t], record.bottleneck[1 - t][t]) > 1e-6);
    }
  }
}

TEST_CASE("attention record: changes no output, empty without attention, holds the last pass alone") {
  for (const std::string& arch : architectures()) {
    const auto model = tiny(config(arch, 3));
    std::vector<std::vector<real>> before;
    for (const Var& y : model->outputs(image())) before.push_back(y.value().to_vector());
    AttentionRecord record;
    model->record_attention(&record);
    model->outputs(image(2, 8));
    const auto y = model->outputs(image());
    for (std::size_t t = 0; t < y.size(); ++t) CHECK(y[t].value().to_vector() == before[t]);
    const bool attends = arch == "mtan" || arch == "ctan";
    CHECK(record.masks.empty() == !attends);
    CHECK(record.bottleneck.empty() == !attends);
    if (attends) check_record(record, model->config(), image());
    const AttentionRecord kept = record;
    model->record_attention(nullptr);
    model->outputs(image(2, 8));
    for (std::size_t t = 0; t < kept.masks.size(); ++t) CHECK(distance(kept.masks[t][0], record.masks[t][0]) == 0);
  }
}

TEST_CASE("attention record: entropy in bits") {
  CHECK(entropy_bits(Tensor::full({3, 8}, real(0.125))) == doctest::Approx(3));
  CHECK(entropy_bits(Tensor::from({0, 1, 0, 0}, {1, 4})) == 0);
  CHECK(entropy_bits(Tensor::from({real(0.5), real(0.5), 1, 0}, {2, 2})) == doctest::Approx(0.5));
  CHECK_THROWS_AS(entropy_bits(Tensor::empty({0, 4})), Error);
}

TEST_CASE("attention record: the share of the diagonal") {
  CHECK(diagonal_share(Tensor::full({3, 4, 4}, real(0.25))) == doctest::Approx(0.25));
  CHECK(diagonal_share(Tensor::from({1, 0, 0, 1}, {1, 2, 2})) == 1);
  CHECK(diagonal_share(Tensor::from({0, 1, 1, 0, real(0.5), real(0.5), 0, 1}, {2, 2, 2})) == doctest::Approx(0.375));
  CHECK_THROWS_AS(diagonal_share(Tensor::full({3, 4}, real(0.25))), Error);
}

TEST_CASE("attention record: figures add up over passes, each sample counts equally, no tensor is kept") {
  const NoGrad no_grad;
  for (const char* axis : {"spatial", "channel"}) {
    ModelConfig c = config("ctan", 3);
    c.options["attention"] = axis;
    const auto model = tiny(c);
    AttentionRecord whole, summed;
    model->record_attention(&whole);
    const Var x = image();  // two samples
    const std::vector<Var> want = model->outputs(x);
    BottleneckSums sums;
    model->record_attention(&summed);
    summed.sums = &sums;
    const std::vector<Var> got = model->outputs(x);
    for (std::size_t t = 0; t < 3; ++t) CHECK(got[t].value().to_vector() == want[t].value().to_vector());
    for (const auto* kept : {&summed.masks, &summed.bottleneck})
      for (const std::vector<Tensor>& of_task : *kept) CHECK(of_task.empty());
    const std::vector<BottleneckFigures> once = sums.means();
    REQUIRE(once.size() == 6);
    for (const BottleneckFigures& f : once) {
      const Tensor& a = whole.bottleneck[f.task][f.other];
      CHECK(f.entropy_bits == doctest::Approx(entropy_bits(a)));
      CHECK(f.diagonal == doctest::Approx(diagonal_share(a)));
      CHECK(f.most_bits == doctest::Approx(std::log2(6)));
    }
    model->outputs(slice(x, 0, 0, 1));
    const Tensor first = slice(Var(whole.bottleneck[0][1]), 0, 0, 1).value();
    CHECK(sums.means()[0].diagonal == doctest::Approx((2 * once[0].diagonal + diagonal_share(first)) / 3));
  }
}

}  // namespace medusa::mtl
