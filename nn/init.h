// Initial values of parameters.  They depend on the seed and the parameter's full name, not on the order of creation.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/tensor.h"

namespace medusa::nn {

// How a parameter is filled.  fan_in and fan_out: inputs and outputs of one unit, counting every weight of a window.
struct Init {
  enum class Kind { Constant, Diagonal, Uniform, Normal };
  Kind kind = Kind::Constant;
  // Constant: the value; Diagonal: the value where the first two indices are equal; Uniform: in [-a, a); Normal:
  // standard deviation
  double a = 0;
  double b = 0;  // Diagonal: the value everywhere else

  static Init constant(double value) { return {Kind::Constant, value}; }
  // Of a tensor [n, n, ..]; fill() throws Error for another.
  static Init diagonal(double on, double off) { return {Kind::Diagonal, on, off}; }
  static Init uniform(double bound) { return {Kind::Uniform, bound}; }
  static Init normal(double std) { return {Kind::Normal, std}; }
  // He, Zhang, Ren, Sun 2015, eq. 10: normal with variance 2 / fan_in, for layers before a ReLU.
  static Init kaiming_normal(std::int64_t fan_in);
  // The same with a uniform distribution: bound sqrt(6 / fan_in).
  static Init kaiming_uniform(std::int64_t fan_in);
  // Glorot, Bengio 2010, eq. 16: bound sqrt(6 / (fan_in + fan_out)).
  static Init xavier_uniform(std::int64_t fan_in, std::int64_t fan_out);
  // PyTorch's default for convolutions and linear layers: bound 1 / sqrt(fan_in), weights and biases alike.
  static Init torch_default(std::int64_t fan_in);

  // Overwrites `tensor`; the numbers are those of Philox stream hash(name) under `seed`.
  void fill(Tensor& tensor, std::uint64_t seed, const std::string& name) const;
};

}  // namespace medusa::nn
