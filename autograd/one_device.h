// An op computes where its inputs are, so they must be on one device.
#pragma once

#include <initializer_list>
#include <vector>

#include "tensor/check.h"
#include "tensor/tensor.h"

namespace medusa {

// Throws Error "matmul: operand 1 is on cpu, operand 0 on cuda" unless all non-empty tensors lie on one device.
// Operands are counted as the op's arguments are.
template <class Tensors>
void check_one_device(const char* op, const Tensors& operands) {
  const Tensor* first = nullptr;
  int place = 0, first_place = 0;
  for (const Tensor& t : operands) {
    if (t && first == nullptr) first = &t, first_place = place;
    MEDUSA_CHECK(!t || t.device() == first->device(), "{}: operand {} is on {}, operand {} on {}", op, place,
                 name(t.device()), first_place, name(first->device()));
    ++place;
  }
}
inline void check_one_device(const char* op, std::initializer_list<Tensor> operands) {
  check_one_device<std::initializer_list<Tensor>>(op, operands);
}

}  // namespace medusa
