// Training steps on a device: they agree with the CPU's whatever the order of threads, blocks and streams, and after
// the first ones they allocate nothing and wait once.  Without a device nothing runs here.
#include <deque>

#include "autograd/ops.h"
#include "mtl/losses.h"
#include "mtl/training/batch_upload.h"
#include "mtl/training/trainer.h"
#include "nn/conv.h"
#include "nn/optim.h"
#include "tensor/kernels.h"
#include "tests/device_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {
namespace {

constexpr bool kDouble = sizeof(real) == 8;

mtl::ModelConfig tiny(const std::string& arch, int rank) {
  mtl::Task lesion, diagnosis;
  lesion.name = "lesion";
  lesion.kind = TaskKind::Segmentation;
  lesion.channels = 1;
  diagnosis.name = "diagnosis";
  diagnosis.kind = TaskKind::Classification;
  diagnosis.channels = 3;
  mtl::ModelConfig c;
  c.arch = arch;
  c.spatial_dims = rank;
  c.in_channels = 2;
  c.widths = {4, 8};
  c.tasks = arch == "stl" ? std::vector<mtl::Task>{lesion} : std::vector<mtl::Task>{lesion, diagnosis};
  if (arch != "padnet") return c;
  lesion.name = "border";  // another that it may exchange with
  c.tasks.push_back(lesion);
  return c;
}

// [2, S.., channels]
Shape image_shape(int rank, std::int64_t channels) {
  return rank == 2 ? Shape{2, 8, 12, channels} : Shape{2, 4, 8, 4, channels};
}

// Batch number `number`: all of it random, of two samples.
datasets::Batch batch_of(const mtl::ModelConfig& config, std::uint64_t number) {
  datasets::Batch batch;
  batch.ids = {"first", "second"};
  batch.input = draw(normal(image_shape(config.spatial_dims, config.in_channels)), 10 * number + 1);
  for (const mtl::Task& task : config.tasks) {
    const bool mask = task.kind == TaskKind::Segmentation;
    batch.targets.push_back(
        {draw(mask ? binary(image_shape(config.spatial_dims, 1)) : labels({2, 1}, task.channels), 10 * number + 2),
         {}});
    batch.labelled.push_back({true, true});
  }
  return batch;
}

struct Named {
  std::string name;
  Tensor tensor;
};

// One step by hand; everything that comes of it, the weights after it too.  Its optimiser is SGD: Adam divides by
// gradients, also by those that are all rounding (its kernel has "cuda: optimiser steps").
std::vector<Named> one_step(const mtl::ModelConfig& config, Device device) {
  const auto model = mtl::make_model(config, 3);
  model->to(device);
  model->train();
  nn::OptimizerOptions sgd;
  sgd.name = "sgd";
  sgd.momentum = 0.9;
  const auto optimizer = nn::make_optimizer(sgd, model->parameters());
  const datasets::Batch batch = batch_of(config, 0);
  std::vector<Named> results;
  const std::vector<Var> y = model->outputs(Var(batch.input.to(device)));
  Var total;
  for (std::size_t t = 0; t < y.size(); ++t) {
    const Var loss = mtl::task_loss(model->tasks()[t], y[t], batch.targets[t].value.to(device));
    total = total ? total + loss : loss;
    results.push_back({"output " + model->tasks()[t].name, y[t].value()});
    results.push_back({"loss " + model->tasks()[t].name, loss.value()});
  }
  total.backward();
  for (const nn::Parameter& p : model->parameters())
    if (p.var.grad()) results.push_back({"gradient of " + p.name, p.var.grad().clone()});
  for (const nn::Buffer& b : model->buffers()) results.push_back({b.name, b.tensor.clone()});
  for (int again = 0; again < 2; ++again) optimizer->step(0.1);  // the second time the momentum counts
  for (const nn::Parameter& p : model->parameters()) results.push_back({p.name + " after it", p.var.value()});
  for (Named& result : results) result.tensor = result.tensor.to(Device::CPU);
  return results;
}

// Batches that go to the device as those of the tools do.
class Source : public mtl::BatchSource {
 public:
  Source(const mtl::ModelConfig& config, std::int64_t count, Device device) : upload_(device) {
    for (std::int64_t i = 0; i < count; ++i) batches_.push_back(batch_of(config, static_cast<std::uint64_t>(i)));
  }
  void start_epoch(std::int64_t, std::int64_t first_batch) override {
    upload_.drop();
    next_ = first_batch;
  }
  std::optional<datasets::Batch> next() override {
    counted_.push_back(cuda::counters());
    prefetch();
    if (!upload_.started()) return std::nullopt;
    return upload_.take();
  }
  void prefetch() override {
    if (!upload_.started() && next_ < batches()) upload_.start(batches_[static_cast<std::size_t>(next_++)]);
  }
  std::int64_t batches() const override { return static_cast<std::int64_t>(batches_.size()); }

  datasets::Batch& batch(std::size_t i) { return batches_[i]; }
  const std::vector<cuda::Counters>& counted() const { return counted_; }  // at each next()

 private:
  std::vector<datasets::Batch> batches_;
  std::int64_t next_ = 0;
  std::vector<cuda::Counters> counted_;
  mtl::BatchUpload upload_;
};

mtl::TrainerOptions trainer_options(const std::string& balancing) {
  mtl::TrainerOptions options;
  options.epochs = 2;
  options.clip = 0.5;
  options.schedule.lr = 1e-3;
  options.balancing.name = balancing;
  return options;
}

}  // namespace

TEST_CASE("cuda: a training step with each norm agrees with the CPU") {
  if (no_device()) return;
  for (const char* norm : {"instance", "group"}) {
    mtl::ModelConfig config = tiny("mtan", 2);
    config.norm = norm;
    const std::vector<Named> want = one_step(config, Device::CPU), got = one_step(config, Device::CUDA);
    REQUIRE(want.size() == got.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double d = difference(got[i].tensor, want[i].tensor);
      CHECK_MESSAGE(d <= (kDouble ? 1e-12 : 1e-5), norm << ": " << want[i].name << ": " << d);
    }
  }
}

TEST_CASE("cuda: a move to the device gives a parameter no initial values") {
  if (no_device()) return;
  nn::Conv2d layer(2, 2, 3);
  const auto optimizer = nn::make_optimizer({}, layer.parameters());
  layer.to(Device::CUDA);
  CHECK_THROWS_AS(optimizer->step(0.1), Error);
  layer.initialize(1);
  optimizer->step(0.1);
}

TEST_CASE("cuda: a training step of every architecture agrees with the CPU, in every order") {
  if (no_device()) return;
  for (const std::string& arch : mtl::architectures())
    for (const int rank : {2, 3}) {
      const std::vector<Named> want = one_step(tiny(arch, rank), Device::CPU);
      std::vector<Named> first;
      for (int order = 0; order < kOrders; ++order) {
        set_order(order);
        const std::vector<Named> got = one_step(tiny(arch, rank), Device::CUDA);
        REQUIRE(want.size() == got.size());
        if (order == 0) first = got;
        for (std::size_t i = 0; i < want.size(); ++i) {
          const double d = difference(got[i].tensor, want[i].tensor);
          CHECK_MESSAGE(d <= (kDouble ? 1e-12 : 1e-5), arch << " " << rank << "D: " << want[i].name << ": " << d);
          CHECK_MESSAGE(got[i].tensor.to_vector() == first[i].tensor.to_vector(),
                        arch << " " << rank << "D: " << want[i].name << ": other bits in order " << order);
        }
      }
      set_order(0);
    }
}

TEST_CASE("cuda: after the first steps a training step allocates nothing and waits for what it reports alone") {
  if (no_device() || std::getenv("MEDUSA_POOL") != nullptr) return;
  struct Limit {
    const char *arch, *balancing;
    int rank;
    std::int64_t launches, waits;  // launches: what was counted, and a few more
  };
  // One wait for losses and norms; one more for what a method of balancing must know before the gradients.
  for (const Limit& limit :
       {Limit{"hps", "equal", 2, 190, 1}, Limit{"ctan", "equal", 2, 350, 1}, Limit{"ctan", "equal", 3, 360, 1},
        Limit{"ctan", "uw", 2, 360, 2}, Limit{"ctan", "pcgrad", 2, 560, 2}}) {
    mtl::ModelConfig config = tiny(limit.arch, limit.rank);
    config.tasks[1].class_weight = {1, 2, 0.5};
    const auto model = mtl::make_model(config, 3);
    model->to(Device::CUDA);
    Source source(config, 5, Device::CUDA);
    mtl::Trainer(*model, trainer_options(limit.balancing)).run(source, nullptr);
    const std::string name = fmt::format("{} {}D, {}", limit.arch, limit.rank, limit.balancing);
    REQUIRE(source.counted().size() == 10);
    for (const std::size_t step : {2, 3, 7, 8}) {  // not the first of an epoch, which measures the gradients
      const cuda::Counters &before = source.counted()[step], &after = source.counted()[step + 1];
      CHECK_MESSAGE(after.allocations == before.allocations, name);
      CHECK_MESSAGE(after.synchronisations - before.synchronisations == limit.waits, name);
      // Up: the next batch's input and two targets.  Down: one for each wait.
      CHECK_MESSAGE(after.copies - before.copies == 3 + limit.waits, name);
      CHECK_MESSAGE(after.launches - before.launches <= limit.launches, name);
    }
    MESSAGE(name << ": " << source.counted()[4].launches - source.counted()[3].launches << " launches and "
                 << source.counted()[4].products - source.counted()[3].products << " products a step");
  }
  cuda::synchronize();
}

TEST_CASE("cuda: the trainer ends with the CPU's weights, whatever the balancing and the order of streams") {
  if (no_device()) return;
  for (const std::string balancing : {"equal", "uw", "gradnorm", "pcgrad"}) {
    const mtl::ModelConfig config = tiny("ctan", 2);
    const auto train = [&](Device device) {
      const auto model = mtl::make_model(config, 3);
      model->to(device);
      Source source(config, 3, device);
      mtl::TrainerOptions options = trainer_options(balancing);
      options.optimizer.name = "sgd";  // Adam divides by gradients, also by those that are all rounding
      mtl::Trainer(*model, options).run(source, nullptr);
      std::vector<Named> weights;
      for (const nn::Parameter& p : model->parameters()) weights.push_back({p.name, p.var.value().to(Device::CPU)});
      return weights;
    };
    const std::vector<Named> want = train(Device::CPU);
    const int orders = balancing == "equal" ? kOrders : 2;  // in order and in one other; the kernels are the same
    for (int order = 0; order < orders; ++order) {
      set_order(order);
      const std::vector<Named> got = train(Device::CUDA);
      for (std::size_t i = 0; i < want.size(); ++i) {
        const double d = difference(got[i].tensor, want[i].tensor);
        CHECK_MESSAGE(d <= (kDouble ? 1e-12 : 1e-5),
                      balancing << ", order " << order << ": " << want[i].name << ": " << d);
      }
    }
    set_order(0);
  }
}

// What the step reads must be this batch, not the one before it and not the one after it.
TEST_CASE("cuda: the copy of the next batch overlaps with the step, and neither sees the other's numbers") {
  if (no_device()) return;
  const mtl::ModelConfig config = tiny("hps", 2);
  for (int order = 0; order < kOrders; ++order) {
    set_order(order);
    Source source(config, 6, Device::CUDA);
    source.start_epoch(0, 0);
    std::vector<Tensor> sums;
    std::deque<datasets::Batch> kept;  // somebody who holds on to a batch
    for (std::int64_t i = 0; i < source.batches(); ++i) {
      const datasets::Batch batch = *source.next();
      CHECK(batch.input.device() == Device::CUDA);
      sums.push_back(sum(square(Var(batch.input))).value());
      source.prefetch();
      sums.push_back(sum(square(Var(batch.input))).value());  // this step goes on
      if (i == 2) kept.push_back(batch);
    }
    CHECK(!source.next());
    for (std::size_t i = 0; i < 6; ++i) {
      const double want = static_cast<double>(sum(square(Var(source.batch(i).input))).item());
      for (std::size_t k : {2 * i, 2 * i + 1})
        CHECK_MESSAGE(static_cast<double>(sums[k].item()) == doctest::Approx(want),
                      "order " << order << ", batch " << i);
    }
    CHECK(kept.front().input.to_vector() == source.batch(2).input.to_vector());
    source.start_epoch(1, 4);  // forgets what was on its way
    source.prefetch();
    source.start_epoch(1, 1);
    CHECK(source.next()->input.to_vector() == source.batch(1).input.to_vector());
  }
  set_order(0);
}

TEST_CASE("cuda: a label that is no class ends training with the CPU's message") {
  if (no_device()) return;
  const mtl::ModelConfig config = tiny("hps", 2);
  for (const real label : {real(3), real(-1), real(0.5)}) {
    std::string text[2];
    for (const Device device : {Device::CPU, Device::CUDA}) {
      const auto model = mtl::make_model(config, 3);
      model->to(device);
      Source source(config, 2, device);
      source.batch(1).targets[1].value.mutable_data()[1] = label;
      try {
        mtl::Trainer(*model, trainer_options("equal")).run(source, nullptr);
      } catch (const Error& error) {
        text[device == Device::CUDA] = error.what();
      }
    }
    CHECK(text[0].find("is not one of the 3 classes 0..2") != std::string::npos);
    CHECK(text[0] == text[1]);
  }
  const Tensor bad = Tensor::from({0, 5, 2}, {3}, Device::CUDA);
  Var x(Tensor::zeros({3, 3}, Device::CUDA), true);
  const Var loss = cross_entropy(x, bad);
  CHECK(std::isnan(loss.item()));
  loss.backward();
  const std::vector<real> gradient = x.grad().to_vector(), hot = one_hot(bad, 3).to_vector();
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(std::isnan(gradient[i]));  // of every row: the sum of weights is not a number
    CHECK(std::isnan(hot[i]) == (i / 3 == 1));
  }
}

}  // namespace medusa::test

#endif
