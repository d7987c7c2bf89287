// What the tests of error messages share.
#pragma once

#include <functional>
#include <string>

#include "autograd/var.h"
#include "tensor/check.h"

namespace medusa::test {

// The message of the Error that `f` throws.
inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline Var zeros(Shape shape) { return Var(Tensor::zeros(shape)); }

}  // namespace medusa::test
