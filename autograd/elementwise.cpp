// Elementwise functions of one and two values, and dropout.
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "autograd/reduce.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

// What the derivative of each function is computed from: its input, its output, both or neither.  Only that is saved.
struct UnaryInfo {
  const char* name;
  bool needs_x, needs_y;
};

UnaryInfo info(UnaryOp op) {
  switch (op) {
    case UnaryOp::Relu: return {"relu", false, true};  // y > 0 where x > 0: the output, which the next op keeps anyway
    case UnaryOp::LeakyRelu: return {"leaky_relu", true, false};
    case UnaryOp::Sigmoid: return {"sigmoid", false, true};
    case UnaryOp::Tanh: return {"tanh", false, true};
    case UnaryOp::Silu: return {"silu", true, false};
    case UnaryOp::Gelu: return {"gelu", true, false};
    case UnaryOp::GeluTanh: return {"gelu_tanh", true, false};
    case UnaryOp::Exp: return {"exp", false, true};
    case UnaryOp::Log: return {"log", true, false};
    case UnaryOp::Sqrt: return {"sqrt", false, true};
    case UnaryOp::Square: return {"square", true, false};
    case UnaryOp::Abs: return {"abs", true, false};
    case UnaryOp::AddScalar: return {"add_scalar", false, false};
    case UnaryOp::MulScalar: return {"mul_scalar", false, false};
  }
  fail("unary: unknown function {}", static_cast<int>(op));
}

const char* name_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Add: return "add";
    case BinaryOp::Sub: return "sub";
    case BinaryOp::Mul: return "mul";
    case BinaryOp::Div: return "div";
  }
  fail("binary: unknown function {}", static_cast<int>(op));
}

// The shape that both operands are broadcast to.
Shape common_shape(const char* op, const Shape& a, const Shape& b) {
  MEDUSA_CHECK(a.rank() == b.rank(), "{}: operands must have equal rank, shapes are {} and {}", op, a, b);
  Shape y = a;
  for (int i = 0; i < a.rank(); ++i) {
    MEDUSA_CHECK(a[i] == b[i] || a[i] == 1 || b[i] == 1,
                 "{}: sizes must be equal or 1 on every axis, shapes are {} and {}", op, a, b);
    if (a[i] == 1) y[i] = b[i];
  }
  return y;
}

// Row-major strides of a tensor, 0 along axes where it is repeated.
void strides_within(const Shape& shape, const Shape& y, std::int64_t (&stride)[6]) {
  const int shift = 6 - y.rank();
  std::int64_t step = 1;
  for (int i = y.rank() - 1; i >= 0; --i) {
    stride[shift + i] = shape[i] == y[i] ? step : 0;
    step *= shape[i];
  }
}

Tensor combine(BinaryOp op, const Tensor& a, const Tensor& b) {
  check_one_device(name_of(op), {a, b});
  Tensor y = Tensor::empty(common_shape(name_of(op), a.shape(), b.shape()), a.device());
  BinaryGeometry g;
  for (int i = 0; i < y.rank(); ++i) g.size[6 - y.rank() + i] = y.size(i);
  strides_within(a.shape(), y.shape(), g.stride_a);
  strides_within(b.shape(), y.shape(), g.stride_b);
  kernels::binary(y.device(), op, a.data(), b.data(), y.mutable_data(), g);
  return y;
}

Tensor mapped(UnaryOp op, real a, const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  kernels::unary(x.device(), op, a, x.data(), y.mutable_data(), y.numel());
  return y;
}

bool is_recipe(const Var& x) { return x.saved().ops() > 0; }

// A recipe pays off if the operands are kept anyway, or one of them is a recipe itself: otherwise they would take
// memory in place of the result.
std::shared_ptr<const Recipe> recipe_of(BinaryOp op, const Var& a, const Var& b) {
  const bool both_kept = op == BinaryOp::Mul && a.requires_grad() && b.requires_grad();
  if (!both_kept && !is_recipe(a) && !is_recipe(b)) return nullptr;
  return recipe(name_of(op), {a, b}, [op, a = a.saved(), b = b.saved()] { return combine(op, a.get(), b.get()); });
}

Tensor add_then_relu(const Tensor& a, const Tensor& b) {
  Tensor y = combine(BinaryOp::Add, a, b);
  real* data = y.mutable_data();
  kernels::unary(y.device(), UnaryOp::Relu, 0, data, data, y.numel());
  return y;
}

}  // namespace

// dx = dy f'(x)
Var unary(UnaryOp op, const Var& x, real a) {
  const UnaryInfo about = info(op);
  const Tensor y = mapped(op, a, x.value());
  std::shared_ptr<const Recipe> recompute;
  if (about.needs_x || is_recipe(x))
    recompute = recipe(about.name, {x}, [op, a, x = x.saved()] { return mapped(op, a, x.get()); });
  const SavedTensor kept = about.needs_x ? x.saved() : about.needs_y ? saved_output(y, recompute) : SavedTensor();
  const auto backward = [op, a, kept](const Tensor& dy) -> Grads {
    if (op == UnaryOp::AddScalar) return {dy};
    Tensor dx = Tensor::empty_like(dy);
    const Tensor known = kept ? kept.get() : dy;  // what the derivative does not use may be anything
    kernels::unary_backward(dy.device(), op, a, known.data(), known.data(), dy.data(), dx.mutable_data(), dx.numel());
    return {dx};
  };
  return Var::result(about.name, y, {x}, backward, recompute);
}

Var relu(const Var& x) { return unary(UnaryOp::Relu, x); }
Var leaky_relu(const Var& x, real slope) { return unary(UnaryOp::LeakyRelu, x, slope); }
Var sigmoid(const Var& x) { return unary(UnaryOp::Sigmoid, x); }
Var tanh(const Var& x) { return unary(UnaryOp::Tanh, x); }
Var silu(const Var& x) { return unary(UnaryOp::Silu, x); }
Var gelu(const Var& x, bool tanh_approximation) {
  return unary(tanh_approximation ? UnaryOp::GeluTanh : UnaryOp::Gelu, x);
}
Var exp(const Var& x) { return unary(UnaryOp::Exp, x); }
Var log(const Var& x) { return unary(UnaryOp::Log, x); }
Var sqrt(const Var& x) { return unary(UnaryOp::Sqrt, x); }
Var square(const Var& x) { return unary(UnaryOp::Square, x); }
Var abs(const Var& x) { return unary(UnaryOp::Abs, x); }
Var add(const Var& x, real a) { return unary(UnaryOp::AddScalar, x, a); }
Var mul(const Var& x, real a) { return unary(UnaryOp::MulScalar, x, a); }

// y = a + b:  da = dy, db = dy, each summed over the axes along which the operand was repeated.
Var add(const Var& a, const Var& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const auto backward = [=](const Tensor& dy) -> Grads { return {sum_to(dy, sa), sum_to(dy, sb)}; };
  return Var::result("add", combine(BinaryOp::Add, a.value(), b.value()), {a, b}, backward,
                     recipe_of(BinaryOp::Add, a, b));
}

// y = max(a + b, 0):  da = db = dy where y > 0, each summed as in add
Var add_relu(const Var& a, const Var& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const Tensor y = add_then_relu(a.value(), b.value());
  std::shared_ptr<const Recipe> recompute;
  if (is_recipe(a) || is_recipe(b))
    recompute = recipe("add_relu", {a, b}, [a = a.saved(), b = b.saved()] { return add_then_relu(a.get(), b.get()); });
  const auto backward = [sa, sb, kept = saved_output(y, recompute)](const Tensor& dy) -> Grads {
    Tensor passed = Tensor::empty_like(dy);
    const Tensor known = kept.get();
    kernels::unary_backward(dy.device(), UnaryOp::Relu, 0, known.data(), known.data(), dy.data(), passed.mutable_data(),
                            passed.numel());
    return {sum_to(passed, sa), sum_to(passed, sb)};
  };
  return Var::result("add_relu", y, {a, b}, backward, recompute);
}

// y = a - b:  da = dy, db = -dy
Var sub(const Var& a, const Var& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const auto backward = [=](const Tensor& dy) -> Grads { return {sum_to(dy, sa), sum_to(dy, sb, -1)}; };
  return Var::result("sub", combine(BinaryOp::Sub, a.value(), b.value()), {a, b}, backward,
                     recipe_of(BinaryOp::Sub, a, b));
}

// y = a b:  da = dy b, db = dy a
Var mul(const Var& a, const Var& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const SavedTensor kept_a = b.requires_grad() ? a.saved() : SavedTensor(),
                    kept_b = a.requires_grad() ? b.saved() : SavedTensor();
  const auto backward = [=](const Tensor& dy) -> Grads {
    Grads grads(2);
    if (kept_b) grads[0] = sum_to(combine(BinaryOp::Mul, dy, kept_b.get()), sa);
    if (kept_a) grads[1] = sum_to(combine(BinaryOp::Mul, dy, kept_a.get()), sb);
    return grads;
  };
  return Var::result("mul", combine(BinaryOp::Mul, a.value(), b.value()), {a, b}, backward,
                     recipe_of(BinaryOp::Mul, a, b));
}

// y = a / b:  da = dy / b, db = -(dy / b) y
Var div(const Var& a, const Var& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const Tensor y = combine(BinaryOp::Div, a.value(), b.value()), kept_b = b.value();
  const Tensor kept_y = b.requires_grad() ? y : Tensor();
  return Var::result("div", y, {a, b}, [=](const Tensor& dy) -> Grads {
    const Tensor quotient = combine(BinaryOp::Div, dy, kept_b);
    Grads grads{sum_to(quotient, sa), {}};
    if (kept_y) grads[1] = sum_to(combine(BinaryOp::Mul, quotient, kept_y), sb, -1);
    return grads;
  });
}

// dx = the same mask and scale applied to dy: the mask is drawn again, not stored.
Var dropout(const Var& x, real p) {
  MEDUSA_CHECK(p >= 0 && p < 1, "dropout: p is {}, must be at least 0 and less than 1", p);
  const OpSeed draw = next_op_seed();
  auto masked = [p, draw](const Tensor& from) {
    Tensor to = Tensor::empty_like(from);
    kernels::dropout(from.device(), from.data(), to.mutable_data(), p, draw.seed, draw.stream, to.numel());
    return to;
  };
  return Var::result("dropout", masked(x.value()), {x}, [masked](const Tensor& dy) -> Grads { return {masked(dy)}; });
}

}  // namespace medusa
