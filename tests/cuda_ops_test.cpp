// Operations on a device that check_op's rows do not reach: many spans at once, TF32, operands on two devices.  Without
// a device nothing runs here.
#include "autograd/ops.h"
#include "nn/optim.h"
#include "tensor/kernels.h"
#include "tests/device_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {

TEST_CASE("cuda: kernels over spans take more of them than a launch has room for, and empty ones") {
  if (no_device()) return;
  const std::vector<std::int64_t> sizes{5000, 0, 1, 4096, 4097, 17};
  agree("inner_product", {values({20000}), values({20000}, 2)}, [&](Device d, const std::vector<Tensor>& in) {
    std::vector<PairSpan> spans;
    for (std::int64_t k = 0; k < 150; ++k)
      spans.push_back({in[0].data() + k, in[1].data() + 2 * k, sizes[static_cast<std::size_t>(k) % sizes.size()]});
    Tensor y = Tensor::full({2}, 7, d), none = Tensor::full({2}, 7, d);
    kernels::inner_product(d, spans.data(), 150, y.mutable_data());
    kernels::inner_product(d, spans.data() + 1, 1, none.mutable_data());
    const std::vector<real> two = y.to_vector();
    CHECK(std::fabs(two[1]) <= real(1e-7) * std::fabs(two[0]));
    return std::vector<Tensor>{Tensor::from({two[0]}, {1}), none.to(Device::CPU)};
  });
  agree("combination", {values({3, 1000})}, [](Device d, const std::vector<Tensor>& in) {
    const real* rows[3] = {in[0].data(), in[0].data() + 1000, in[0].data() + 2000};
    const double weights[3] = {0, -2, 0.5};
    Tensor y = Tensor::empty({1000}, d), one = Tensor::empty({1000}, d);
    kernels::combination(d, rows, weights + 1, 2, y.mutable_data(), 1000);
    kernels::combination(d, rows + 2, weights + 2, 1, one.mutable_data(), 1000);
    return std::vector<Tensor>{y, one};
  });
  const Tensor many = Tensor::ones({33}, Device::CUDA);
  const std::vector<const real*> rows(33, many.data());
  const std::vector<double> weights(33, 1);
  Tensor sum = Tensor::empty({33}, Device::CUDA);
  kernels::combination(Device::CUDA, rows.data(), weights.data(), 32, sum.mutable_data(), 33);
  CHECK(sum.at(32) == 32);
  CHECK_THROWS_WITH_AS(kernels::combination(Device::CUDA, rows.data(), weights.data(), 33, sum.mutable_data(), 33),
                       "combination: 33 vectors, expected at most 32", Error);
  agree("many parameters", {values({150, 7}), values({150, 7}, 2)}, [](Device, const std::vector<Tensor>& in) {
    std::vector<nn::Parameter> parameters;
    const Var all(in[0]), gradients(in[1]);
    for (std::int64_t k = 0; k < 150; ++k) {
      const Var p(slice(all, 0, k, 1).value().clone(), true);
      if (k % 5 != 3) Var(p).set_grad(slice(gradients, 0, k, 1).value().clone());
      parameters.push_back({fmt::format("p{}", k), p, nn::Layout::Plain, {}});
    }
    const auto adam = nn::make_optimizer({}, parameters);
    for (int step = 0; step < 2; ++step) adam->step(0.1, 0.5);
    std::vector<Var> after;
    for (const nn::Parameter& p : parameters) after.push_back(Var(p.var.value()));
    return std::vector<Tensor>{concat(after, 0).value()};
  });
}

#if defined(MEDUSA_SIM)
TEST_CASE("cuda: TF32 rounds the factors of products to 10 bits, only where it is allowed") {
  const real above = real(1) + real(1) / 4096;  // 11 bits and more
  const Var a(Tensor::full({1, 1}, above, Device::CUDA)), two(Tensor::full({1, 1}, 2, Device::CUDA));
  CHECK(matmul(a, two).value().item() == 2 * above);
  cuda::allow_tf32(true);
  CHECK(matmul(a, two).value().item() == (sizeof(real) == 8 ? 2 * above : real(2)));
  cuda::allow_tf32(false);
  CHECK(matmul(a, two).value().item() == 2 * above);
}
#endif

TEST_CASE("cuda: operands on two devices are refused by every op, and named") {
  if (no_device()) return;
  const auto here = [](const Shape& shape) { return Var(Tensor::ones(shape)); };
  const auto there = [](const Shape& shape) { return Var(Tensor::ones(shape, Device::CUDA)); };
  const Var x = there({2, 4, 4, 3}), row = here({3});
  Tensor mean = Tensor::zeros({3}, Device::CUDA), var = Tensor::ones({3});
  const std::vector<std::pair<std::string, std::function<void()>>> calls{
      {"add",
       [&] {
         x + here({2, 4, 4, 3});
       }},
      {"mul",
       [&] {
         x* here({1, 1, 1, 3});
       }},
      {"matmul",
       [&] {
         matmul(there({2, 3}), here({3, 2}));
       }},
      {"linear",
       [&] {
         linear(there({2, 3}), there({5, 3}), here({5}));
       }},
      {"concat",
       [&] {
         concat({x, here({2, 4, 4, 3})}, 0);
       }},
      {"conv",
       [&] {
         conv(x, here({3, 3, 3, 2}), Var(), ConvOptions::same(3));
       }},
      {"conv_transpose",
       [&] {
         conv_transpose(x, there({2, 2, 2, 3}), here({2}), {});
       }},
      {"batch_norm", [&] { batch_norm(x, there({3}), there({3}), mean, var, true, real(0.1), real(1e-5), true); }},
      {"layer_norm", [&] { layer_norm(x, row, row, real(1e-5)); }},
      {"group_norm", [&] { group_norm(x, there({3}), row, 3, real(1e-5)); }},
      {"instance_norm", [&] { instance_norm(x, row, there({3}), real(1e-5)); }},
      {"weighted_sum",
       [&] {
         weighted_sum(x, Tensor::ones({2, 4, 4, 3}));
       }},
      {"bce_with_logits",
       [&] {
         bce_with_logits(x, Tensor::ones({2, 4, 4, 3}));
       }},
      {"l1_loss",
       [&] {
         l1_loss(x, x.value(), Tensor::ones({2, 4, 4, 1}));
       }},
      {"dice_loss",
       [&] {
         dice_loss(x, Tensor::ones({2, 4, 4, 3}));
       }},
      {"cross_entropy",
       [&] {
         cross_entropy(there({2, 3}), Tensor::zeros({2, 1}));
       }},
      {"backward",
       [&] {
         Var(x.value(), true).backward(Tensor::ones({2, 4, 4, 3}));
       }},
  };
  for (const auto& [name, call] : calls) {
    std::string text;
    try {
      call();
    } catch (const Error& error) {
      text = error.what();
    }
    CHECK_MESSAGE(text.find(name + ": operand ") == 0, name << ": " << text);
    CHECK_MESSAGE((text.find("on cpu") != std::string::npos && text.find("on cuda") != std::string::npos),
                  name << ": " << text);
  }
}

}  // namespace medusa::test

#endif
