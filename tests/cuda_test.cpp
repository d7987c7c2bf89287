// The CUDA backend as a whole: sizes that are cut into parts, copies, memory.  That each op agrees with the CPU is
// checked by op_case.h, training steps in cuda_step_test.cpp.  Without a device nothing runs here.
#include "autograd/ops.h"
#include "cuda/conv.h"
#include "nn/optim.h"
#include "tensor/kernels.h"
#include "tensor/memory.h"
#include "tensor/random.h"
#include "tests/device_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {
namespace {

constexpr bool kDouble = sizeof(real) == 8;

void check_sum(Rows r) {
  agree("sum " + to_string(Shape{r.outer, r.length, r.inner}), {values({r.numel()})},
        [&](Device d, const std::vector<Tensor>& x) {
          Tensor y = Tensor::empty({r.outer * r.inner}, d);
          kernels::sum(d, x[0].data(), real(0.5), y.mutable_data(), r);
          return std::vector<Tensor>{y};
        });
}

}  // namespace

TEST_CASE("cuda: sums that are cut into parts") {
  if (no_device()) return;
  for (const Rows& r : {Rows{1, 20001, 1}, Rows{2, 8193, 1}, Rows{1, 300, 33}, Rows{3, 257, 32}, Rows{2, 2100, 3},
                        Rows{1, 256, 40}, Rows{1, 0, 5}, Rows{5, 1, 1}, Rows{1, 70001, 2}})
    check_sum(r);
  const Tensor x = values({30011});
  agree("count_nonfinite", {x}, [](Device d, const std::vector<Tensor>& in) {
    Tensor bad = Tensor::full({1}, 7, d);
    kernels::count_nonfinite(d, in[0].data(), bad.mutable_data(), in[0].numel());
    return std::vector<Tensor>{bad};
  });
  Tensor spoiled = x.clone();
  for (std::int64_t i : {0, 256, 30010}) spoiled.mutable_data()[i] = i == 256 ? NAN : real(INFINITY);
  Tensor bad = Tensor::empty({1}, Device::CUDA);
  kernels::count_nonfinite(Device::CUDA, spoiled.to(Device::CUDA).data(), bad.mutable_data(), x.numel());
  CHECK(bad.item() == 3);
}

TEST_CASE("cuda: losses, norms and softmax over many parts") {
  if (no_device()) return;
  for (const std::int64_t channels : {1, 3, 40})
    agree(
        "norm",
        {values({9001 / channels, channels}), values({channels}, 2), values({channels}, 3),
         values({9001 / channels, channels}, 4)},
        [=](Device d, const std::vector<Tensor>& in) {
          Tensor mean = Tensor::zeros({channels}, d), var = Tensor::ones({channels}, d);
          Var x(in[0], true), gamma(in[1], true), beta(in[2], true);
          const Var y = batch_norm(x, gamma, beta, mean, var, true, real(0.1), real(1e-5), true);
          y.backward(in[3]);
          return std::vector<Tensor>{y.value(), mean, var, x.grad(), gamma.grad(), beta.grad()};
        },
        kDouble ? 1e-12 : 3e-5);
  agree("layer_norm", {values({3, 700}), values({700}, 2), values({700}, 3), values({3, 700}, 4)},
        [](Device, const std::vector<Tensor>& in) {
          Var x(in[0], true), gamma(in[1], true), beta(in[2], true);
          const Var y = layer_norm(x, gamma, beta, real(1e-5));
          y.backward(in[3]);
          return std::vector<Tensor>{y.value(), x.grad(), gamma.grad(), beta.grad()};
        });
  agree("softmax", {values({3, 1000}), values({3, 1000}, 2)}, [](Device, const std::vector<Tensor>& in) {
    Var x(in[0], true);
    const Var y = softmax(x, 1);
    y.backward(in[1]);
    return std::vector<Tensor>{y.value(), x.grad()};
  });
  agree("losses", {values({2, 6000, 2}), draw(binary({2, 6000, 2}), 2), draw(binary({2, 6000, 1}), 3)},
        [](Device, const std::vector<Tensor>& in) {
          Var x(in[0], true);
          const Var y = bce_with_logits(x, in[1], in[2]) + dice_loss(sigmoid(x), in[1], 1, in[2]);
          y.backward();
          return std::vector<Tensor>{y.value(), x.grad()};
        });
  agree("cross_entropy", {values({9000, 3}), draw(labels({9000, 1}, 3), 2)}, [](Device, const std::vector<Tensor>& in) {
    Var x(in[0], true);
    const Var y = cross_entropy(x, in[1], {});
    y.backward();
    return std::vector<Tensor>{y.value(), x.grad()};
  });
}

TEST_CASE("cuda: convolutions in chunks of a few pixels") {
  if (no_device()) return;
  struct Case {
    std::int64_t kernel, stride, groups;
  };
  for (const std::int64_t bytes : {1, 4000, 1 << 20}) {
    cuda::set_conv_memory(bytes);
    for (const Case& c : {Case{3, 1, 1}, Case{3, 2, 2}, Case{1, 1, 1}, Case{1, 2, 1}, Case{2, 2, 1}}) {
      ConvOptions options = ConvOptions::same(c.kernel == 2 ? 1 : c.kernel);
      options.stride.fill(c.stride);
      options.groups = c.groups;
      agree("conv", {values({2, 7, 6, 4}), values({c.kernel, c.kernel, 4 / c.groups, 6}, 2), values({6}, 3)},
            [&](Device, const std::vector<Tensor>& in) {
              Var x(in[0], true), w(in[1], true), b(in[2], true);
              const Var y = conv(x, w, b, options);
              sum(y * y).backward();
              return std::vector<Tensor>{y.value(), x.grad(), w.grad(), b.grad()};
            });
    }
  }
  cuda::set_conv_memory(64 << 20);
}

// What the pass at work holds beside its operands, at most: the pool's blocks may be 1/8 larger than asked for, and
// have 64 bytes at least.
TEST_CASE("cuda: a convolution's scratch memory is bounded, whatever the size of batch and volume") {
  if (no_device()) return;
  constexpr std::int64_t kBound = 64 << 10;
  cuda::set_conv_memory(kBound);
  struct Case {
    const char* name;
    std::int64_t n, in[3], cin, cout, kernel, stride, groups;
  };
  for (const Case& c : {Case{"2D", 1, {1, 60, 50}, 8, 6, 3, 1, 1}, Case{"batch", 12, {1, 16, 15}, 8, 6, 3, 1, 1},
                        Case{"groups", 2, {1, 40, 41}, 12, 12, 3, 1, 3}, Case{"3D", 1, {11, 12, 13}, 8, 4, 3, 1, 1},
                        Case{"3D, stride 2, groups", 2, {18, 17, 20}, 8, 8, 3, 2, 2},
                        // Back from 2 channels to 64 at every second pixel: the results are what takes memory.
                        Case{"narrow, stride 2", 2, {1, 60, 60}, 64, 2, 2, 2, 1}}) {
    ConvGeometry g;
    g.n = c.n, g.cin = c.cin, g.cout = c.cout, g.groups = c.groups;
    for (int a = 0; a < 3; ++a) {
      g.in[a] = c.in[a];
      if (g.in[a] == 1) continue;
      g.kernel[a] = c.kernel, g.stride[a] = c.stride, g.pad[a] = c.kernel == 3 ? 1 : 0;
      g.out[a] = (g.in[a] + 2 * g.pad[a] - g.kernel[a]) / g.stride[a] + 1;
    }
    const std::int64_t x_numel = g.in_numel(), w_numel = g.weight_numel(), y_numel = g.out_numel();
    REQUIRE(y_numel / g.cout * (w_numel / g.cout) * std::int64_t{sizeof(real)} > 2 * kBound);  // a group, unfolded
    const auto bounded = [&](Device d, const char* pass, std::int64_t most_over, const auto& run) {
      if (d == Device::CPU) return run();
      reset_peak_memory(d);
      const std::int64_t before = memory_stats(d).in_use, products = cuda::counters().products;
      run();
      const std::int64_t scratch = memory_stats(d).peak - before;
      CHECK_MESSAGE(scratch <= (kBound + most_over) * 9 / 8 + 3 * 64, c.name << ", " << pass << ": " << scratch);
      CHECK_MESSAGE(scratch > kBound / 2, c.name << ", " << pass << ": " << scratch);
      CHECK_MESSAGE(cuda::counters().products - products >= 2 * g.groups, c.name << ", " << pass);
    };
    agree(c.name, {values({x_numel}), values({w_numel}, 2), values({y_numel}, 3)}, [&](Device d, const auto& in) {
      Tensor y = Tensor::full({y_numel}, 7, d), dx = Tensor::full({x_numel}, 7, d), dw = Tensor::full({w_numel}, 7, d);
      const real *x = in[0].data(), *w = in[1].data(), *dy = in[2].data();
      bounded(d, "forward", 0, [&] { kernels::conv(d, x, w, nullptr, y.mutable_data(), g); });
      bounded(d, "backward-data", w_numel / g.groups * std::int64_t{sizeof(real)},  // packed
              [&] { kernels::conv_backward_data(d, dy, w, nullptr, dx.mutable_data(), g); });
      bounded(d, "backward-weights", 0, [&] { kernels::conv_backward_weights(d, x, dy, dw.mutable_data(), g); });
      return std::vector<Tensor>{y, dx, dw};
    });
  }
  cuda::set_conv_memory(64 << 20);
}

TEST_CASE("cuda: dropout draws the CPU's bits") {
  if (no_device()) return;
  const real drawn = static_cast<real>(uniform24(philox(5, 6, 0).v[2]));  // element 2 draws p itself, and stays
  for (const real p : {real(0.3), drawn})
    for (const std::int64_t n : {0, 1, 3, 4, 1027})
      agree(
          "dropout", {values({n})},
          [&](Device d, const std::vector<Tensor>& x) {
            Tensor y = Tensor::full({n}, 7, d);
            kernels::dropout(d, x[0].data(), y.mutable_data(), p, 5, 6, n);
            return std::vector<Tensor>{y};
          },
          0);
}

TEST_CASE("cuda: optimiser steps") {
  if (no_device()) return;
  for (const std::string name : {"sgd", "adam", "adamw"})
    for (const bool nesterov : {false, true})
      agree(name, {values({1003}), values({1003}, 2)}, [&](Device, const std::vector<Tensor>& in) {
        const Var p(in[0].clone(), true);
        nn::OptimizerOptions options;
        options.name = name;
        options.nesterov = nesterov;
        options.momentum = nesterov ? 0.9 : 0.0;
        options.weight_decay = 0.01;
        const auto optimizer = nn::make_optimizer(options, {{"p", p, nn::Layout::Plain, {}}});
        for (int step = 0; step < 3; ++step) {
          Var(p).set_grad(in[1].clone());
          optimizer->step(0.1);
        }
        return std::vector<Tensor>{p.value()};
      });
}

TEST_CASE("cuda: tensors move and are read") {
  if (no_device()) return;
  const Tensor x = values({3, 5});
  const Tensor there = x.to(Device::CUDA);
  CHECK(there.device() == Device::CUDA);
  CHECK(there.to_vector() == x.to_vector());
  CHECK(there.at(7) == x.at(7));
  CHECK(there.clone().to(Device::CPU).to_vector() == x.to_vector());
  Tensor moved = x.clone();
  const Tensor handle = moved.reshape({15});
  moved.move_to(Device::CUDA);
  CHECK(handle.device() == Device::CUDA);
  CHECK(handle.to_vector() == x.to_vector());
  CHECK(Tensor::empty({0}, Device::CUDA).to(Device::CPU).to_vector().empty());
  CHECK(memory_stats(Device::CUDA).in_use > 0);
}

TEST_CASE("cuda: what is counted") {
  if (no_device()) return;
  const Tensor x = values({1234567});  // of a size that nobody has given back
  cuda::Counters before = cuda::counters();
  const Tensor there = x.to(Device::CUDA);
  cuda::Counters after = cuda::counters();
  CHECK(after.copies == before.copies + 1);
  CHECK(after.synchronisations == before.synchronisations);
  CHECK(after.allocations == before.allocations + 1);
  CHECK(after.allocated_bytes >= before.allocated_bytes + static_cast<std::int64_t>(x.bytes()));
  before = after;
  const Tensor twice = (Var(there) * real(2)).value().to(Device::CPU);
  after = cuda::counters();
  CHECK(after.launches == before.launches + 1);
  CHECK(after.copies == before.copies + 1);
  CHECK(after.synchronisations == before.synchronisations + 1);
  CHECK(twice.at(1234566) == 2 * x.at(1234566));
}

TEST_CASE("cuda: the device in use") {
  if (no_device()) return;
  cuda::synchronize();
  CHECK(cuda::device_text().find(" multiprocessors, ") != std::string::npos);
#if defined(MEDUSA_SIM)
  CHECK(cuda::device_text() == "simulated device (7.5, 4 multiprocessors, 8.0 GiB)");
#endif
  cuda::use_device(0);
  CHECK_THROWS_WITH_AS(cuda::use_device(1), "cuda: device 0 is in use already", Error);
}

TEST_CASE("cuda: asking for too much memory names what is free") {
  if (no_device()) return;
  try {
    Tensor::empty({(std::int64_t{1} << 38) / static_cast<std::int64_t>(sizeof(real))}, Device::CUDA);
    CHECK(false);
  } catch (const OutOfMemory& error) {
    const std::string text = error.what();
    CHECK_MESSAGE(text.find("out of memory") == 0, text);
    CHECK_MESSAGE(text.find("MiB free of") != std::string::npos, text);
    CHECK_MESSAGE(text.find("--") == std::string::npos, text);  // options are the programs' business
  }
}

}  // namespace medusa::test

#endif
