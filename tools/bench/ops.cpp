// The cases are the shapes of a small residual U-Net on 8 images of 96 x 128, and of its 3D sister.
#include "tools/bench/ops.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/tensor.h"
#include "tools/bench/roofline.h"

namespace medusa::tools {

namespace {

constexpr Device kCpu = Device::CPU;

Tensor random_tensor(std::int64_t n) {
  Tensor t = Tensor::empty(Shape{n});
  Random random(1, static_cast<std::uint64_t>(n));
  real* out = t.mutable_data();
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<real>(random.uniform(-1, 1));
  return t;
}

struct Row {
  std::string name, shape, unit;  // unit: GFLOP/s or GB/s
  double work;                    // operations or bytes of one call
  double peak;                    // of the unit, per second
};

void report(const BenchOpsOptions& options, const Row& row, const std::function<void()>& body) {
  if ((row.name + " " + row.shape).find(options.only) == std::string::npos) return;
  const Timing time = measure(options.seconds, body);
  const double rate = row.work / time.median, best = row.work / time.least, worst = row.work / time.most;
  if (options.json) {
    const nlohmann::ordered_json line{
        {"name", row.name},           {"shape", row.shape},      {"unit", row.unit},
        {"rate", rate / 1e9},         {"lowest", worst / 1e9},   {"highest", best / 1e9},
        {"of_peak", rate / row.peak}, {"ms", 1e3 * time.median}, {"repeats", time.repeats}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:24} {:28} {:9.3f} ms {:7.1f} {:7} ({:.1f} to {:.1f}) {:4.0f} %\n", row.name, row.shape,
               1e3 * time.median, rate / 1e9, row.unit, worst / 1e9, best / 1e9, 100 * rate / row.peak);
  }
  std::fflush(stdout);
}

// ---- convolutions ---------------------------------------------------------------------------------------------------

struct ConvCase {
  int rank;
  std::int64_t n, depth, height, width, cin, cout, kernel, stride;
};

ConvGeometry geometry(const ConvCase& c) {
  ConvGeometry g;
  g.n = c.n;
  g.cin = c.cin;
  g.cout = c.cout;
  const std::int64_t in[3] = {c.depth, c.height, c.width};
  for (int axis = c.rank == 3 ? 0 : 1; axis < 3; ++axis) {
    g.kernel[axis] = c.kernel;
    g.stride[axis] = c.stride;
    g.pad[axis] = c.stride == 1 ? c.kernel / 2 : 0;
  }
  for (int axis = 0; axis < 3; ++axis) {
    g.in[axis] = in[axis];
    g.out[axis] = (g.in[axis] + 2 * g.pad[axis] - g.kernel[axis]) / g.stride[axis] + 1;
  }
  return g;
}

void bench_conv(const BenchOpsOptions& options, const ConvCase& c, double peak) {
  const ConvGeometry g = geometry(c);
  const std::string volume = c.rank == 3 ? fmt::format("{}x", c.depth) : "";
  const std::string shape = fmt::format("{}x{}{}x{} {}->{} k{}{}", c.n, volume, c.height, c.width, c.cin, c.cout,
                                        c.kernel, c.stride > 1 ? fmt::format(" s{}", c.stride) : "");
  const double work = 2.0 * static_cast<double>(g.out_numel() * g.taps() * g.cin);
  const Tensor x = random_tensor(g.in_numel()), w = random_tensor(g.weight_numel()), dy = random_tensor(g.out_numel());
  Tensor y = Tensor::empty_like(dy), dx = Tensor::empty_like(x), dw = Tensor::empty_like(w);
  report(options, {"conv", shape, "GFLOP/s", work, peak},
         [&] { kernels::conv(kCpu, x.data(), w.data(), nullptr, y.mutable_data(), g); });
  report(options, {"conv_backward_data", shape, "GFLOP/s", work, peak},
         [&] { kernels::conv_backward_data(kCpu, dy.data(), w.data(), nullptr, dx.mutable_data(), g); });
  report(options, {"conv_backward_weights", shape, "GFLOP/s", work, peak},
         [&] { kernels::conv_backward_weights(kCpu, x.data(), dy.data(), dw.mutable_data(), g); });
}

// ---- kernels bound by memory ----------------------------------------------------------------------------------------

// `tensors`: how many tensors of x's size a call must at least read or write.
void bench_memory(const BenchOpsOptions& options, double peak) {
  const std::int64_t batch = 8, height = 96, width = 128, c = 16, places = batch * height * width, n = places * c;
  const std::string shape = fmt::format("{}x{}x{} {}", batch, height, width, c);
  const auto row = [&](const std::string& name, double tensors) {
    return Row{name, shape, "GB/s", tensors * static_cast<double>(n) * sizeof(real), peak};
  };
  const Tensor x = random_tensor(n), dy = random_tensor(n);
  Tensor y = Tensor::empty_like(x), dx = Tensor::empty_like(x);
  real *const py = y.mutable_data(), *const pdx = dx.mutable_data();
  report(options, row("relu", 2), [&] { kernels::unary(kCpu, UnaryOp::Relu, 0, x.data(), py, n); });
  report(options, row("relu_backward", 3),
         [&] { kernels::unary_backward(kCpu, UnaryOp::Relu, 0, x.data(), py, dy.data(), pdx, n); });
  BinaryGeometry flat;
  flat.size[5] = n;
  flat.stride_a[5] = flat.stride_b[5] = 1;
  report(options, row("add", 3), [&] { kernels::binary(kCpu, BinaryOp::Add, x.data(), dy.data(), py, flat); });
  report(options, row("add_scaled", 3), [&] { kernels::add_scaled(kCpu, real(0.5), x.data(), py, n); });

  const NormGeometry norm{1, places, c, 1};
  const Tensor gamma = Tensor::ones(Shape{c}), beta = Tensor::zeros(Shape{c});
  Tensor mean = Tensor::zeros(Shape{c}), var = Tensor::ones(Shape{c}), dgamma = mean.clone(), dbeta = mean.clone();
  real *const pm = mean.mutable_data(), *const pv = var.mutable_data();
  const real eps = real(1e-5);
  report(options, row("norm_stats", 1), [&] { kernels::norm_stats(kCpu, x.data(), pm, pv, norm); });
  report(options, row("norm_apply relu", 2),
         [&] { kernels::norm_apply(kCpu, x.data(), pm, pv, eps, gamma.data(), beta.data(), true, py, norm); });
  report(options, row("norm_backward relu", 5), [&] {
    kernels::norm_backward(kCpu, x.data(), pm, pv, eps, gamma.data(), beta.data(), true, true, dy.data(), pdx,
                           dgamma.mutable_data(), dbeta.mutable_data(), norm);
  });

  PoolGeometry pool{batch, c, {1, height, width}, {1, height / 2, width / 2}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}};
  std::vector<std::int32_t> index(static_cast<std::size_t>(n / 4));
  report(options, row("max_pool", 1.5), [&] { kernels::max_pool(kCpu, x.data(), py, index.data(), pool); });
  report(options, row("max_pool_backward", 1.5),
         [&] { kernels::max_pool_backward(kCpu, dy.data(), index.data(), pdx, pool); });
  const SliceGeometry half{places, 1, c / 2, c / 2, 0, c, 0};  // one of two parts of a concatenation
  report(options, row("slice_copy (concat)", 1), [&] { kernels::slice_copy(kCpu, x.data(), py, half); });

  Tensor p = x.clone(), m = Tensor::zeros(x.shape()), v = Tensor::zeros(x.shape());
  real *const pp = p.mutable_data(), *const p1 = m.mutable_data(), *const p2 = v.mutable_data();
  report(options, row("adam_steps", 7), [&] {
    const ParameterSpan span{pp, dy.data(), p1, p2, n};
    kernels::adam_steps(kCpu, &span, 1, 1e-3, 0.9, 0.999, 1e-8, 0, false, 0.1, 0.001, 1);
  });
}

}  // namespace

void bench_ops(const BenchOpsOptions& options) {
  const double flops = fma_peak(options.seconds);
  // The copy has the size of the tensors below, so that caches help both alike.
  const double small =
      copy_bandwidth(std::int64_t{8} * 96 * 128 * 16 * static_cast<std::int64_t>(sizeof(real)), options.seconds);
  const double large = copy_bandwidth(std::int64_t{1} << 28, options.seconds);
  if (options.json) {
    const nlohmann::ordered_json line{{"isa", name(isa())},
                                      {"threads", threads()},
                                      {"fma_gflops", flops / 1e9},
                                      {"copy_gbs", small / 1e9},
                                      {"copy_large_gbs", large / 1e9}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{}, {} thread(s): multiply-add peak {:.1f} GFLOP/s, copy {:.1f} GB/s ({:.1f} GB/s for 256 MiB)\n",
               name(isa()), threads(), flops / 1e9, small / 1e9, large / 1e9);
    fmt::print(
        "median rate, (lowest to highest), share of the peak: multiply-adds for convolutions, else the copy.\n"
        "Operations are those of the plain loop: an algorithm that needs fewer can exceed 100 %.\n");
  }
  const ConvCase cases[] = {
      {2, 8, 1, 96, 128, 3, 16, 3, 1},  {2, 8, 1, 96, 128, 16, 16, 3, 1}, {2, 8, 1, 96, 128, 32, 16, 3, 1},
      {2, 8, 1, 48, 64, 32, 32, 3, 1},  {2, 8, 1, 24, 32, 64, 64, 3, 1},  {2, 8, 1, 12, 16, 128, 128, 3, 1},
      {2, 8, 1, 96, 128, 32, 16, 1, 1}, {2, 8, 1, 96, 128, 16, 32, 2, 2}, {3, 1, 64, 64, 64, 1, 16, 3, 1},
      {3, 1, 64, 64, 64, 16, 16, 3, 1}, {3, 1, 16, 16, 16, 64, 64, 3, 1},
  };
  for (const ConvCase& c : cases) bench_conv(options, c, flops);
  bench_memory(options, small);
}

}  // namespace medusa::tools
