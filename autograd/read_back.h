// The few numbers of a step that the host must know, in one copy: a GPU is waited for once, not once a number.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace medusa {

// The values of all tensors, which lie on one device; nothing of an empty one.
std::vector<std::vector<double>> read_back(const std::vector<Tensor>& tensors);

}  // namespace medusa
