// Sizes at which a kernel does something else: none, one, a block and one more, several blocks, axes that must not be
// joined.  What tests/mutate.py damaged and no other test noticed has its case here.
#include <limits>
#include <utility>

#include "autograd/ops.h"
#include "tensor/kernels.h"
#include "tests/device_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {

using Tensors = std::vector<Tensor>;

TEST_CASE("cuda: softmax by rows and by columns") {
  if (no_device()) return;
  for (const Rows& r : {Rows{3, 64, 1}, Rows{2, 63, 1}, Rows{3, 100, 2}, Rows{300, 5, 1}, Rows{7, 9, 41}, Rows{2, 0, 3},
                        Rows{0, 100, 1}, Rows{0, 5, 1}, Rows{3, 1, 1}})
    agree("softmax " + to_string(Shape{r.outer, r.length, r.inner}), {values({r.numel()}), values({r.numel()}, 2)},
          [&](Device d, const Tensors& in) {
            Tensor y = Tensor::full(in[0].shape(), 7, d), dx = Tensor::full(in[0].shape(), 7, d);
            kernels::softmax(d, in[0].data(), y.mutable_data(), r);
            kernels::softmax_backward(d, y.data(), in[1].data(), dx.mutable_data(), r);
            return Tensors{y, dx};
          });
}

TEST_CASE("cuda: index of the maximum") {
  if (no_device()) return;
  for (const Rows& r : {Rows{3, 7, 130}, Rows{300, 5, 1}, Rows{2, 9, 3}, Rows{4, 1, 3}, Rows{1, 300, 1}, Rows{2, 0, 3},
                        Rows{0, 4, 2}}) {
    Tensor x = draw(distinct({r.numel()}), 3);
    for (std::int64_t i = 0; i + 5 < x.numel(); i += 5)
      x.mutable_data()[i] = x.data()[i + 5];  // equals: the first wins
    agree(
        "max_index " + to_string(Shape{r.outer, r.length, r.inner}), {x},
        [&](Device d, const Tensors& in) {
          Tensor index = Tensor::full({r.outer * r.inner}, 7, d);
          kernels::max_index(d, in[0].data(), index.mutable_data(), r);
          return Tensors{index};
        },
        0);
  }
}

TEST_CASE("cuda: operands whose axes must not be joined") {
  if (no_device()) return;
  struct Pair {
    Shape a, b;
  };
  // [3, 2, 2] and [3, 1, 2]: a's axes could be one, b's not; several blocks, the last one not full
  for (const Pair& p :
       {Pair{{3, 2, 2}, {3, 1, 2}}, Pair{{5, 7, 33}, {1, 7, 1}}, Pair{{2, 3, 2, 3, 2, 5}, {1, 3, 1, 3, 1, 5}}})
    agree("sub", {values(p.a), values(p.b, 2)}, [](Device, const Tensors& in) {
      Var a(in[0], true), b(in[1], true);
      const Var y = a - b;
      sum(y * y).backward();
      return Tensors{y.value(), a.grad(), b.grad()};
    });
}

// Numbers of channels that whole packs of 16 bytes make up, several of them; in one of the orders they are read one by
// one.
TEST_CASE("cuda: rows of whole packs") {
  if (no_device()) return;
  const auto both = [](const std::string& name, const Tensors& inputs, const auto& op) {
    agree(name, inputs, [&](Device, const Tensors& in) {
      std::vector<Var> x;
      for (const Tensor& t : in) x.push_back(Var(t, true));
      const Var y = op(x);
      sum(y * y).backward();
      Tensors results{y.value()};
      for (const Var& v : x) results.push_back(v.grad());
      return results;
    });
  };
  const Tensor x = values({2, 2, 3, 4, 8});
  for (const std::int64_t groups : {1, 2})
    both("conv", {x, values({3, 3, 3, 8 / groups, 6}, 2)}, [=](const std::vector<Var>& v) {
      ConvOptions options = ConvOptions::same(3);
      options.groups = groups;
      return conv(v[0], v[1], {}, options);
    });
  PoolOptions pool;
  pool.kernel = {2, 3, 2}, pool.stride = {1, 2, 2}, pool.pad = {1, 1, 0};
  both("max_pool", {draw(distinct({2, 2, 3, 4, 8}), 4)}, [&](const auto& v) { return max_pool(v[0], pool); });
  both("avg_pool", {x}, [&](const auto& v) { return avg_pool(v[0], pool); });
  for (const bool linear : {false, true})
    both("resize", {x}, [=](const auto& v) { return resize(v[0], {3, 2, 5}, linear); });
  both("group_norm", {x, values({8}, 2), values({8}, 3)},
       [](const auto& v) { return group_norm(v[0], v[1], v[2], 4, real(1e-5), true); });
  both("instance_norm", {x, values({8}, 2), values({8}, 3)},
       [](const auto& v) { return instance_norm(v[0], v[1], v[2], real(1e-5), true); });
  both("layer_norm", {x, values({8}, 2), values({8}, 3)},
       [](const auto& v) { return layer_norm(v[0], v[1], v[2], real(1e-5)); });
  both("operands of one number a pixel, and of one pixel", {x, values({2, 2, 3, 4, 1}, 2), values({1, 1, 1, 1, 8}, 3)},
       [](const auto& v) { return v[0] * v[1] + v[1] * v[2]; });
  both("slice, concat, permute", {x, values({2, 2, 3, 4, 4}, 2)}, [](const auto& v) {
    return permute(concat({slice(v[0], 4, 4, 4), v[1]}, 4), {1, 3, 0, 2, 4});
  });
}

TEST_CASE("cuda: operands in place") {
  if (no_device()) return;
  for (const std::int64_t n : {0, 1, 255, 256, 257, 700})
    agree("in place", {values({n}), values({n}, 2)}, [=](Device d, const Tensors& in) {
      Tensor sum = in[0].clone(), same = Tensor::empty({n}, d), exp = in[0].clone(), dx = in[1].clone();
      kernels::add_scaled(d, real(0.5), in[1].data(), sum.mutable_data(), n);
      kernels::fill(d, same.mutable_data(), 3, n);
      kernels::unary(d, UnaryOp::MulScalar, 3, exp.data(), exp.mutable_data(), n);
      kernels::unary_backward(d, UnaryOp::MulScalar, 3, in[0].data(), exp.data(), dx.data(), dx.mutable_data(), n);
      return Tensors{sum, same, exp, dx};
    });
}

TEST_CASE("cuda: losses where the mask is 0, and one-hot labels") {
  if (no_device()) return;
  const real nan = std::numeric_limits<real>::quiet_NaN(), inf = std::numeric_limits<real>::infinity();
  Tensor x = draw(positive({1, 300, 2}), 1), t = draw(binary({1, 300, 2}), 2), m = draw(binary({1, 300, 1}), 3);
  for (std::int64_t i = 0; i < 600; i += 7)
    if (m.data()[i / 2] == 0) x.mutable_data()[i] = i % 2 == 0 ? nan : inf;
  agree("masked losses", {x, t, m}, [](Device, const Tensors& in) {
    Var p(in[0], true), q(in[0], true);
    const Var dice = dice_loss(p, in[1], 1, in[2]), bce = bce_with_logits(q, in[1], in[2]);
    dice.backward();
    bce.backward();
    return Tensors{dice.value(), bce.value(), p.grad(), q.grad()};
  });
  agree("ignored labels", {values({300, 3}), draw(labels({300}, 3), 2), draw(binary({300}), 3)},
        [](Device, const Tensors& in) {
          Var p(in[0], true);
          CrossEntropyOptions options;
          options.ignore = 1;
          options.mask = in[2];
          const Var y = cross_entropy(p, in[1], options);
          y.backward();
          return Tensors{y.value(), p.grad()};
        });
  for (const std::int64_t classes : {1, 3})
    agree(
        "one_hot", {draw(labels({300}, classes), 2)},
        [=](Device d, const Tensors& in) {
          Tensor y = Tensor::full({300, classes}, 7, d);
          kernels::one_hot(d, in[0].data(), y.mutable_data(), 300, classes);
          return Tensors{y};
        },
        0);
}

TEST_CASE("cuda: norms of nothing") {
  if (no_device()) return;
  for (const auto& [n, c] : {std::pair<std::int64_t, std::int64_t>{0, 3}, {1, 1}, {2, 3}})
    agree("batch_norm", {values({n, c}), values({c}, 2), values({c}, 3)}, [n = n, c = c](Device d, const Tensors& in) {
      Tensor mean = Tensor::zeros({c}, d), var = Tensor::ones({c}, d);
      Tensor dx = Tensor::full({n, c}, 7, d), dgamma = Tensor::full({c}, 7, d), dbeta = Tensor::full({c}, 7, d);
      const NormGeometry g{1, n, c, 1};
      kernels::norm_stats(d, in[0].data(), mean.mutable_data(), var.mutable_data(), g);
      kernels::norm_backward(d, in[0].data(), mean.data(), var.data(), real(1e-5), in[1].data(), in[2].data(), true,
                             true, in[0].data(), dx.mutable_data(), dgamma.mutable_data(), dbeta.mutable_data(), g);
      return Tensors{mean, var, dx, dgamma, dbeta};
    });
}

TEST_CASE("cuda: products, with nothing in them too") {
  if (no_device()) return;
  struct Case {
    std::int64_t batch, m, n, k;
  };
  for (const Case& c : {Case{2, 3, 5, 4}, Case{1, 3, 5, 0}, Case{1, 0, 5, 2}, Case{2, 3, 0, 2}, Case{0, 3, 5, 2}})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        const MatmulGeometry g{c.batch, c.m, c.n, c.k, transpose_a, transpose_b, c.m * c.k, c.k * c.n, c.m * c.n};
        const Tensors in{values({c.batch * g.stride_a}), values({c.batch * g.stride_b}, 2),
                         values({c.batch * g.stride_c}, 3)};
        agree("matmul", in, [&](Device d, const Tensors& x) {
          Tensor y = x[2].clone();
          kernels::matmul(d, real(0.5), x[0].data(), x[1].data(), 3, y.mutable_data(), g);
          return Tensors{y};
        });
        const std::int64_t before = cuda::counters().products;
        kernels::matmul(Device::CUDA, 1, in[0].to(Device::CUDA).data(), in[1].to(Device::CUDA).data(), 0,
                        in[2].to(Device::CUDA).mutable_data(), g);
        CHECK(cuda::counters().products - before == (c.batch * c.m * c.n == 0 ? 0 : 1));
      }
}

TEST_CASE("cuda: convolutions with two taps a phase, and with no input channel") {
  if (no_device()) return;
  ConvOptions options;
  options.stride.fill(2);
  options.pad.fill(1);
  agree("conv", {values({1, 4, 6, 4, 2}), values({4, 4, 4, 2, 3}, 2)}, [&](Device, const Tensors& in) {
    Var x(in[0], true), w(in[1], true);
    const Var y = conv(x, w, {}, options);
    sum(y * y).backward();
    return Tensors{y.value(), x.grad(), w.grad()};
  });
  for (const bool with_bias : {false, true})
    agree("conv of no channel", {values({3})}, [&](Device d, const Tensors& in) {
      ConvGeometry g;
      g.n = 2, g.cin = 0, g.cout = 3;
      g.in[2] = g.out[2] = 5;
      Tensor y = Tensor::full({2, 5, 3}, 7, d), none = Tensor::empty({0}, d);
      kernels::conv(d, none.data(), none.data(), with_bias ? in[0].data() : nullptr, y.mutable_data(), g);
      return Tensors{y};
    });
}

TEST_CASE("cuda: TF32 rounds the factors of products, and only where it is allowed") {
  if (no_device() || sizeof(real) == 8) return;
  const Tensor a = values({40, 30}), b = values({30, 20}, 2), want = matmul(Var(a), Var(b)).value();
  const auto error = [&] { return difference(matmul(Var(a.to(Device::CUDA)), Var(b.to(Device::CUDA))).value(), want); };
  CHECK(error() <= kAgreement);
  cuda::allow_tf32(true);
  const double rounded = error();
  CHECK(rounded <= 2e-3);
#if defined(MEDUSA_SIM)
  CHECK(rounded > kAgreement);
#endif
  cuda::allow_tf32(false);
  CHECK(error() <= kAgreement);
}

TEST_CASE("cuda: what is too large for a GPU or for cuBLAS is refused") {
  if (no_device()) return;
  const std::int64_t many = std::int64_t{1} << 31;
  CHECK_THROWS_WITH_AS(kernels::sum(Device::CUDA, nullptr, 1, nullptr, Rows{many, 1, 1}),
                       "sum: 2147483648 blocks are more than a GPU can run", Error);
  for (int side = 0; side < 3; ++side) {
    MatmulGeometry g;
    (side == 0 ? g.m : side == 1 ? g.n : g.k) = many;
    CHECK_THROWS_WITH_AS(kernels::matmul(Device::CUDA, 1, nullptr, nullptr, 0, nullptr, g),
                         "matmul: a matrix side of 2147483648 is more than cuBLAS can take", Error);
  }
}

}  // namespace medusa::test

#endif
